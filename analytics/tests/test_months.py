"""The series by months have every month of the tenant's time zone, and sum to the figures of the same period."""

import datetime as dt
import random

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from analytics.months import count_new_customers_by_month, sum_revenue_by_month
from analytics.statistics import Period, count_customers, sum_appointments
from appointments.models import Appointment
from customers.models import Customer
from customers.tests.factories import DeletedCustomerFactory
from tenants.scope import ALL_TENANTS, tenant_scope

from .conftest import TODAY, days_ago

SERIES = (count_new_customers_by_month, sum_revenue_by_month)
SPRING = Period(dt.date(2025, 3, 17), dt.date(2025, 6, 15))


def months(*names):
    return [dt.date.fromisoformat(f"{name}-01") for name in names]


def test_new_customers_are_counted_by_month(customer, other_tenant, in_scope):
    for created in ("2025-03-16T16:59:59Z", "2025-03-16T17:00:00Z", "2025-03-31T16:59:59Z", "2025-03-31T17:00:00Z"):
        customer(created_at=dt.datetime.fromisoformat(created))
    customer(created_at=dt.datetime(2025, 6, 15, tzinfo=dt.UTC))
    created = dt.datetime(2025, 5, 1, 12, tzinfo=dt.UTC)
    DeletedCustomerFactory(tenant=in_scope, created_at=created)
    customer(tenant=other_tenant, created_at=created)
    # From the 17th in Jakarta; May has none.
    counts = dict(zip(months("2025-03", "2025-04", "2025-05", "2025-06"), (2, 1, 0, 1), strict=True))
    assert count_new_customers_by_month(SPRING) == counts


def test_revenue_is_summed_by_month(customer, book, other_tenant, in_scope):
    book(customer(), dt.date(2025, 3, 16), dt.date(2025, 3, 17), dt.date(2025, 3, 31), total_price=100)
    book(DeletedCustomerFactory(tenant=in_scope), dt.date(2025, 5, 31), total_price=7)
    book(customer(), dt.date(2025, 4, 1), status="no_show")
    book(customer(tenant=other_tenant), dt.date(2025, 4, 1))
    amounts = dict(zip(months("2025-03", "2025-04", "2025-05", "2025-06"), (200, 0, 7, 0), strict=True))
    assert sum_revenue_by_month(SPRING) == amounts


@pytest.mark.parametrize("series", SERIES)
def test_an_open_start_is_the_first_month_with_rows_and_an_open_end_is_this_month(series, customer, book, in_scope):
    book(customer(created_at=dt.datetime(2025, 3, 5, tzinfo=dt.UTC)), dt.date(2025, 3, 5))
    assert list(series(Period())) == months("2025-03", "2025-04", "2025-05", "2025-06")
    assert list(series(Period(last=dt.date(2025, 4, 1)))) == months("2025-03", "2025-04")
    assert list(series(Period(first=dt.date(2025, 5, 31)))) == months("2025-05", "2025-06")


@pytest.mark.parametrize("series", SERIES)
@pytest.mark.parametrize(
    ("period", "only"),
    [
        (Period(), "2025-06"),
        (Period(last=dt.date(2020, 1, 1)), "2020-01"),
        (Period(first=dt.date(2030, 1, 1)), "2030-01"),
        (Period(dt.date.min, dt.date.min), "0001-01"),
        (Period(dt.date.max, dt.date.max), "9999-12"),
    ],
)
def test_a_period_without_rows_has_one_month_with_zero(series, period, only, in_scope):
    assert series(period) == dict.fromkeys(months(only), 0)


def test_an_open_end_includes_future_months_with_rows(customer, book, in_scope):
    book(customer(), TODAY, dt.date(2025, 8, 1), total_price=5)
    assert list(sum_revenue_by_month(Period()).values()) == [5, 0, 5]


def test_large_amounts_are_exact(customer, book, in_scope):
    book(customer(), days_ago(1), days_ago(0), total_price=10**18 - 1)
    assert sum_revenue_by_month(Period()) == dict.fromkeys(months("2025-06"), 2 * 10**18 - 2)


@pytest.mark.parametrize("series", SERIES)
def test_a_series_is_one_query(series, in_scope):
    with CaptureQueriesContext(connection) as queries:
        series(Period())
    assert len(queries) == 1


def sum_by_month(rows, within):
    """Sums `(day, figure)` by the first day of the month, without empty months."""
    sums = {}
    for day, figure in rows:
        if within(day):
            sums[day.replace(day=1)] = sums.get(day.replace(day=1), 0) + figure
    return sums


@pytest.mark.slow("counts generated businesses again in Python")
@pytest.mark.parametrize("zone", ["Asia/Jakarta", "America/Havana", "Pacific/Auckland"])
@pytest.mark.parametrize("everybody", [False, True])
def test_the_months_sum_to_the_figures_and_equal_a_sum_in_python(zone, everybody, customer, book, tenant, other_tenant):
    chance = random.Random(zone)
    tenant.time_zone = zone
    tenant.save()
    for owner in (tenant, other_tenant):
        for _ in range(40):
            # Near the first instant of a month, in any time zone.
            turn = dt.datetime(2024, chance.randint(1, 12), 1, tzinfo=dt.UTC)
            created = turn + dt.timedelta(hours=chance.randint(-14, 14))
            person = customer(tenant=owner, created_at=created, is_active=False, is_deleted=chance.random() < 0.2)
            status = chance.choice(["completed", "cancelled"])
            book(person, created.date(), total_price=chance.randint(0, 10**12), status=status)
    clock = dt.UTC if everybody else tenant.zone
    with tenant_scope(ALL_TENANTS if everybody else tenant):
        created = [(one.created_at.astimezone(clock).date(), 1) for one in Customer.objects.undeleted()]
        earned = [(one.appointment_date, one.total_price) for one in Appointment.objects.visits()]
        for first, last in ((None, None), ("2024-03-31", None), (None, "2024-09-01"), ("2024-02-29", "2024-11-01")):
            period = Period(*(day and dt.date.fromisoformat(day) for day in (first, last)))
            found = [series(period) for series in SERIES]
            assert [sum(series.values()) for series in found] == [
                count_customers(period)["new_customers_in_period"],
                sum_appointments(period)["total_revenue"],
            ]
            within = [
                sum_by_month(rows, lambda day, period=period: (period.first or day) <= day <= (period.last or day))
                for rows in (created, earned)
            ]
            assert [{month: n for month, n in series.items() if n} for series in found] == [
                {month: n for month, n in sums.items() if n} for sums in within
            ]
