"""Every number of the dashboard leads to the list of what it counts."""

import datetime as dt
import re
from functools import cache
from html.parser import HTMLParser

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from analytics.breakdowns import find_earlier_periods
from analytics.statistics import Period
from appointments.tests.factories import AppointmentFactory
from customers.tests.factories import CustomerFactory, DeletedCustomerFactory
from tenants.scope import tenant_scope
from tenants.tests.factories import OutletFactory, ServiceFactory, UserFactory

from .conftest import TODAY, days_ago

FIGURES = "/admin/figures/"


class Links(HTMLParser):
    """The links of a page with their texts: `(text, url)`."""

    def __init__(self, response):
        super().__init__()
        self.found, self._url, self._text = [], None, ""
        self.feed(response.content.decode())

    def handle_starttag(self, tag, attributes):
        if tag == "a":
            self._url, self._text = dict(attributes).get("href"), ""

    def handle_data(self, data):
        self._text += data

    def handle_endtag(self, tag):
        if tag == "a" and self._url:
            self.found.append((" ".join(self._text.split()), self._url))
            self._url = None


@pytest.fixture
def business(tenant):
    """A business with two years of appointments of every status, by two people who are active and one who left."""
    outlets = [OutletFactory(tenant=tenant, name=name) for name in ("North", "South")]
    services = [ServiceFactory(tenant=tenant, name=name) for name in ("Cut", "Wash")]
    people = [UserFactory(tenant=tenant, first_name=name, is_active=name != "Left") for name in ("Ana", "Ben", "Left")]
    customers = [
        CustomerFactory(
            tenant=tenant,
            first_name=f"C{n}",
            source=("website", "walk-in", None)[n % 3],
            created_at=dt.datetime.combine(days_ago(n * 90), dt.time(6), dt.UTC),
        )
        for n in range(8)
    ]
    customers.append(DeletedCustomerFactory(tenant=tenant))
    statuses = ("completed", "completed", "cancelled", "no_show", "confirmed")
    for n in range(40):
        AppointmentFactory(
            tenant=tenant,
            customer=customers[n % 9],
            staff_id=people[n % 3].pk,
            service=services[n % 2],
            outlet=outlets[n // 20],
            status=statuses[n % 5],
            appointment_date=days_ago(n * 17),
            total_price=1000 + n,
        )
    return tenant


def to_number(text):
    return int(re.sub(r"\D", "", text)) if re.fullmatch(r"[\d.,]+( [A-Z]{3})?", text) else None


@pytest.mark.slow("follows every link of the figures")
@pytest.mark.parametrize(
    "query", ["period=last_12_months", "period=this_year", "period=all_time", "from_date=2024-02-10&to_date=2024-09-20"]
)
def test_every_number_leads_to_the_list_that_it_counts(back_office, business, query):
    browser = back_office("tenant_admin")

    @cache  # since several numbers lead to one list
    def count(url):
        response = browser.get(url)
        assert response.status_code == 200, url
        rows = response.context["cl"].queryset
        is_amount = "appointment/" in url and "status__exact=completed" in url
        with tenant_scope(business):
            return sum(row.total_price for row in rows) if is_amount else rows.count()

    followed = 0
    for text, url in Links(browser.get(f"{FIGURES}?{query}")).found:
        number = to_number(text.split(" ")[-1]) if "segment=" in url else to_number(text)
        if number is None or "?" not in url:
            continue
        assert count(url) == number, (text, url)
        followed += 1
    assert followed > 25


def test_the_figures_are_compared_with_the_period_before_and_the_year_before(back_office, business):
    response = back_office("tenant_admin").get(f"{FIGURES}?period=this_month")
    tiles = {tile.name: tile for tile in response.context["in_period"]}
    assert [comparison.when for comparison in tiles["Appointments"].comparisons] == [
        "the period before",
        "a year before",
    ]
    assert "from_date=2025-05-01&to_date=2025-05-15" in tiles["Appointments"].comparisons[0].url
    assert "from_date=2024-06-01&to_date=2024-06-15" in tiles["Revenue"].comparisons[1].url
    assert "a year before" in response.content.decode()


@pytest.mark.parametrize(
    ("first", "last", "before", "year_before"),
    [
        ("2025-06-01", "2025-06-15", ("2025-05-01", "2025-05-15"), ("2024-06-01", "2024-06-15")),
        ("2025-03-01", "2025-03-31", ("2025-02-01", "2025-02-28"), ("2024-03-01", "2024-03-31")),
        ("2025-02-01", "2025-02-28", ("2025-01-01", "2025-01-31"), ("2024-02-01", "2024-02-29")),
        ("2024-02-29", "2024-02-29", ("2024-02-28", "2024-02-28"), ("2023-02-28", "2023-02-28")),
        ("2025-06-02", "2025-06-08", ("2025-05-26", "2025-06-01"), ("2024-06-02", "2024-06-08")),
        ("2024-07-01", "2025-06-15", None, ("2023-07-01", "2024-06-15")),
        ("0005-01-01", "0005-01-31", ("0004-12-01", "0004-12-31"), ("0004-01-01", "0004-01-31")),
    ],
)
def test_an_earlier_period_has_the_same_days(in_scope, first, last, before, year_before):
    as_period = lambda days: Period(*map(dt.date.fromisoformat, days))  # noqa: E731
    expected = {"the period before": as_period(before)} if before else {}
    assert find_earlier_periods(as_period((first, last))) == expected | {"a year before": as_period(year_before)}


@pytest.mark.parametrize("period", [Period(), Period(None, TODAY), Period(dt.date.min, dt.date.max)])
def test_a_period_without_a_start_is_compared_with_none(in_scope, period):
    assert find_earlier_periods(period) == {}


def test_figures_are_those_of_the_people_of_the_period(back_office, business):
    response = back_office("tenant_admin").get(f"{FIGURES}?period=all_time")
    by_person, by_service, by_outlet, by_source = response.context["breakdowns"]
    # People who have left are included: they worked in the period.
    assert {row.name.split()[0] for row in by_person.rows} == {"Ana", "Ben", "Left"}
    assert by_person.about.startswith("3 people had appointments in this period: ")
    assert {row.name for row in by_service.rows} == {"Cut", "Wash"}
    assert {row.name for row in by_outlet.rows} == {"North", "South"}
    assert {row.name: row.number for row in by_source.rows} == {"website": "3", "walk-in": "3", "Unknown": "2"}


def test_the_number_of_queries_does_not_depend_on_the_period_or_the_rows(back_office, business):
    browser = back_office("tenant_admin")
    counts = []
    for period in ("all_time", "this_year", "this_month"):
        with CaptureQueriesContext(connection) as queries:
            browser.get(f"{FIGURES}?period={period}")
        counts.append(len(queries))
    assert max(counts) <= 50, counts
