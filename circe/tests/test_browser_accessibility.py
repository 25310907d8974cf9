"""Every page of the back office and of the portal, by axe-core: as each role, on a desktop and on a phone."""

import re

from django.test import Client

from circe.tests.browser import BROWSER_MARKS, DESKTOP, PHONE, list_violations
from circe.tests.page_walk import list_pages
from tenants.models import Role

pytestmark = BROWSER_MARKS
TAGS = re.compile(r"<[a-z]\w*\b[^>]*>")
VALUES = re.compile(
    r'(?<!class)(?<!role)(?<!type)="[^"]*"|\b(app|model|field|column)-\w+|(?<= )(action-\w+|data-[\w-]+|id|for)'
)


def shape_of(content):
    """Returns the kinds of elements in a page. Of pages with the same kinds, one is looked at."""
    return frozenset(VALUES.sub("", tag) for tag in TAGS.findall(content[content.find("<body") :]))


def examine(page):
    """Returns the serious faults that axe-core finds on the open page at either width."""
    found = {}
    for viewport in (DESKTOP, PHONE):
        page.set_viewport_size(viewport)
        if violations := list_violations(page):
            found[viewport["width"]] = violations
    return found


def test_no_page_of_the_back_office_has_a_serious_fault(sign_in, busy_business):
    faults, shapes = {}, set()
    for role in Role.values:
        page, browser = sign_in(role), Client()
        browser.force_login(page.user)
        urls = list_pages(browser, busy_business)
        assert len(urls) > 15
        for url in urls:
            if (shape := shape_of(browser.get(url).content.decode())) not in shapes:
                shapes.add(shape)
                page.goto(url)
                if found := examine(page):
                    faults[role, url] = found
    assert faults == {}
