"""The figures of a period: appointments, revenue, top lists and retention."""

import datetime as dt

import pytest

from customers.tests.factories import DeletedCustomerFactory

from .conftest import EMPTY, TODAY, days_ago, top

# --- appointments and revenue ---------------------------------------------------------------------------------------


def test_appointments_are_of_any_status_and_revenue_is_of_visits(admin, customer, book, statistics):
    jane = customer()
    for status in ("pending", "confirmed", "in_progress", "completed", "cancelled", "no_show"):
        book(jane, TODAY, status=status, start_time=dt.time(len(status)), end_time=dt.time(len(status), 30))
    figures = statistics(admin)
    assert (figures["total_appointments"], figures["total_revenue"]) == (6, 350_000)


def test_deleted_customers_are_counted_separately_and_their_visits_as_revenue(
    admin, super_admin, tenant, book, statistics
):
    figures = EMPTY | {"total_appointments": 2, "total_revenue": 700_000}
    gone = DeletedCustomerFactory(tenant=tenant, tags=["vip"], password="hash", email_verified=True, loyalty_points=9)
    book(gone, days_ago(40), days_ago(2))
    assert statistics(admin) == figures | {"deleted_customers": 1}
    assert super_admin.delete(f"/api/v1/customers/{gone.pk}?permanent=true").status_code == 200
    assert statistics(admin) == figures


def test_averages_are_over_all_customers(admin, customer, book, statistics):
    book(customer(), TODAY, total_price=200)
    for _ in range(2):
        customer()
    figures = statistics(admin)
    assert (figures["avg_appointments_per_customer"], figures["avg_spent_per_customer"]) == (0.3, 66)


# --- top customers --------------------------------------------------------------------------------------------------


def test_top_lists_have_10_each(admin, customer, book, statistics):
    people = [customer() for _ in range(11)]
    for n, person in enumerate(people, 1):
        book(person, *[TODAY] * n, total_price=1000 - n * n)
    figures = statistics(admin)
    tops = [top(person, n, n * (1000 - n * n)) for n, person in enumerate(people, 1)]
    assert figures["top_customers_by_appointments"] == tops[:0:-1]
    assert figures["top_customers_by_revenue"] == tops[:0:-1]


def test_top_lists_order_ties_by_the_other_measure_and_then_by_id(admin, customer, book, statistics):
    ids = [f"{digit}" * 24 for digit in "cab"]
    first, second, third = (customer(id=pk) for pk in ids)
    richer, busier = customer(id="e" * 24), customer(id="f" * 24)
    for one in (first, second, third):
        book(one, TODAY, total_price=100)
    book(richer, TODAY, total_price=200)
    book(busier, TODAY, TODAY, total_price=50)
    figures = statistics(admin)
    tied = [top(second, 1, 100), top(third, 1, 100), top(first, 1, 100)]
    assert figures["top_customers_by_appointments"] == [top(busier, 2, 100), top(richer, 1, 200), *tied]
    assert figures["top_customers_by_revenue"] == [top(richer, 1, 200), top(busier, 2, 100), *tied]


def test_top_lists_name_only_customers_with_more_than_0_in_the_period(admin, customer, book, tenant, statistics):
    free, earlier = customer(), customer()
    book(free, TODAY, total_price=0)
    book(earlier, days_ago(1))
    book(DeletedCustomerFactory(tenant=tenant), TODAY)
    figures = statistics(admin, from_date=str(TODAY))
    assert figures["top_customers_by_appointments"] == [top(free, 1, 0)]
    assert figures["top_customers_by_revenue"] == []


# --- retention ------------------------------------------------------------------------------------------------------


@pytest.fixture
def retention(admin, statistics):
    """Returns a function: `retention(**parameters)` returns `(rate, churn, base)`."""

    def get(**parameters):
        figures = statistics(admin, **parameters)
        return figures["retention_rate"], figures["churn_rate"], figures["retention_base"]

    return get


def test_retention_counts_customers_with_a_visit_in_the_equally_long_window_before(customer, book, retention):
    march = dt.date(2025, 3, 1)
    for before in (1, 10, 11):
        book(customer(), march - dt.timedelta(days=before), march)
    book(customer(), march - dt.timedelta(days=10), march + dt.timedelta(days=10))
    book(customer(), march)
    assert retention(from_date="2025-03-01", to_date="2025-03-10") == (66.7, 33.3, 3)
    assert retention(from_date="2025-03-01", to_date="2025-03-11") == (100.0, 0.0, 4)
    assert retention(from_date="2025-03-01", to_date="2025-03-01") == (100.0, 0.0, 1)


def test_a_period_without_an_end_is_as_long_as_from_its_start_to_today(customer, book, retention):
    book(customer(), days_ago(3))  # in the window of two days before yesterday
    book(customer(), days_ago(4))  # too early
    book(customer(), days_ago(2), days_ago(0))
    assert retention(from_date=str(days_ago(1))) == (50.0, 50.0, 2)


@pytest.mark.parametrize("start", ["2025-06-16", "2025-06-17", "9999-12-31"])
def test_a_period_that_starts_in_the_future_without_an_end_has_no_retention(customer, book, retention, start):
    book(customer(), TODAY, days_ago(-1))
    assert retention(from_date=start) == (0.0, 0.0, 0)


def test_all_time_retention_counts_customers_with_two_or_more_visits(customer, book, retention):
    book(customer(), days_ago(1), days_ago(1))
    book(customer(), days_ago(2))
    book(customer(), days_ago(3))
    book(customer(), days_ago(4), days_ago(5), status="cancelled")
    assert retention() == (33.3, 66.7, 3)
    assert retention(to_date=str(days_ago(2))) == (0.0, 100.0, 2)


def test_the_two_rates_sum_to_100(customer, book, retention):
    for _ in range(6):
        book(customer(), days_ago(1), days_ago(2))
    book(customer(), days_ago(1))
    assert retention() == (85.7, 14.3, 7)  # 100 - 85.7 is 14.299999999999997 to a machine


def test_retention_counts_visits_of_customers_not_deleted(tenant, customer, book, retention):
    book(DeletedCustomerFactory(tenant=tenant), days_ago(1), TODAY)
    book(customer(), days_ago(1), TODAY, status="no_show")
    assert retention(from_date=str(TODAY), to_date=str(TODAY)) == (0.0, 0.0, 0)
