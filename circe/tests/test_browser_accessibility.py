"""Every page of the back office and of the portal, by axe-core: as each role, on a desktop and on a phone."""


import pytest

from circe.tests.browser import BROWSER_MARKS, DESKTOP, PHONE, list_violations
from circe.tests.page_walk import list_pages
from tenants.models import Role

pytestmark = BROWSER_MARKS


def examine(page, urls):
    """Returns what axe-core finds on the pages, at both widths: by page and width, the serious faults."""
    found = {}
    for url in urls:
        page.goto(url)
        for viewport in (DESKTOP, PHONE):
            page.set_viewport_size(viewport)
            if violations := list_violations(page):
                found[url, viewport["width"]] = violations
    return found


@pytest.mark.parametrize("role", Role.values)
def test_no_page_of_the_back_office_has_a_serious_fault(sign_in, busy_business, role):
    from django.test import Client

    page, browser = sign_in(role), Client()
    browser.force_login(page.user)
    urls = list_pages(browser, busy_business)
    assert len(urls) > 15
    assert examine(page, urls) == {}
