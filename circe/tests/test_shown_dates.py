"""People read days, clock times and money as their business writes them, on every page of the back office. A page offers the
history only to those who may read it.
"""

import re

import pytest
from django.utils.html import strip_tags

from circe.tests.page_walk import open_pages
from tenants.models import Role, Tenant
from tenants.scope import tenant_scope

# Not an instant, which a description of files for an import names.
ISO_DATE = re.compile(r"\b\d{4}-\d\d-\d\d\b")
# Not an offset or a time with seconds, as the audit trail shows.
CLOCK_OF_24_HOURS = re.compile(r"(?<![\d:+])(?:[01]\d|2[0-3]):[0-5]\d(?![\d:])(?! [AP]M)")

HISTORY_LINK = re.compile(r'href="([^"]*/history/[^"]*)"')


def shown_text(answer):
    """Returns what a page shows as text. Values of inputs are ISO 8601: the browser shows them as it is set."""
    content = re.sub(r"(?s)<(script|style|template)\b.*?</\1>", "", answer.content.decode())
    return strip_tags(content)


@pytest.mark.slow("opens every page of the back office as each role of a business")
@pytest.mark.parametrize("role", sorted({*Role.values} - {Role.SUPER_ADMIN}))
def test_no_page_shows_a_date_in_iso_8601_or_offers_a_history_to_others(back_office, busy_business, role, subtests):
    """One test checks both, since it takes long to open the pages."""
    browser = back_office(role)
    pages = open_pages(browser, busy_business)
    assert len(pages) > 15
    with subtests.test("dates"):
        found = {page: ISO_DATE.findall(shown_text(answer)) for page, answer in pages.items()}
        assert {page: dates for page, dates in found.items() if dates} == {}
    with subtests.test("history"):
        links = {link: page for page in pages for link in HISTORY_LINK.findall(pages[page].content.decode())}
        assert bool(links) == (role == Role.TENANT_ADMIN), links
        assert {link: page for link, page in links.items() if browser.get(link).status_code != 200} == {}


@pytest.mark.slow("opens every page of the back office")
def test_a_business_in_the_united_states_reads_clock_times_of_12_hours(back_office, busy_business):
    with tenant_scope(busy_business):
        Tenant.objects.update(phone_region="US", language="en", currency="USD")
    browser = back_office("tenant_admin")
    texts = {page: shown_text(answer) for page, answer in open_pages(browser, busy_business).items()}
    found = {page: CLOCK_OF_24_HOURS.findall(text) + ISO_DATE.findall(text) for page, text in texts.items()}
    assert {page: times for page, times in found.items() if times} == {}
    assert "11:00 AM–12:00 PM" in texts[f"/admin/appointments/appointment/day/?tenant_id={busy_business.pk}"]
    assert any("350,000.00 USD" in text for text in texts.values())
