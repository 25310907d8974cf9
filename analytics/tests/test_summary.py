"""The endpoint GET /api/v1/customers/statistics/summary."""

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from analytics.statistics import DEFINITIONS
from circe.tests.cases import in_one_test
from conftest import client_of
from customers.tests.factories import DeletedCustomerFactory
from tenants.accounts import tokens

from .conftest import EMPTY, NOW, TODAY, URL, days_ago, top


def test_the_summary_has_every_figure(admin, tenant, customer, book):
    jane = customer(
        first_name="Jane", last_name="Smith", email="jane@example.com", email_verified=True, password="hash",
        loyalty_points=120, tags=["vip", "walk-in"],
    )  # fmt: skip
    john = customer(first_name="Sukarno", last_name=None, email=None, loyalty_points=30, is_active=False)
    customer(created_at=dt.datetime(2025, 3, 1, tzinfo=dt.UTC))
    gone = DeletedCustomerFactory(tenant=tenant, loyalty_points=5, email_verified=True, password="hash")
    book(jane, dt.date(2024, 12, 1), dt.date(2025, 5, 1), total_price=200_000)
    book(jane, dt.date(2025, 7, 1), status="confirmed")
    book(john, dt.date(2024, 11, 1), total_price=100_000)
    book(john, dt.date(2025, 2, 1), dt.date(2025, 2, 2), status="no_show")
    book(gone, dt.date(2025, 4, 1), total_price=50_001)
    assert admin.get(URL, {"from_date": "2025-01-01", "to_date": "2025-12-31"}).json() == {
        "statistics": {
            "total_customers": 3,
            "active_customers": 2,
            "inactive_customers": 1,
            "deleted_customers": 1,
            "verified_emails": 1,
            "customers_with_password": 1,
            "walk_in_customers": 2,
            "new_customers_in_period": 1,
            "total_appointments": 5,
            "total_revenue": 250_001,
            "total_loyalty_points": 150,
            "avg_appointments_per_customer": 1.7,
            "avg_spent_per_customer": 83_333,
            "retention_rate": 50.0,
            "churn_rate": 50.0,
            "retention_base": 2,
            "top_customers_by_appointments": [
                {
                    "customer_id": jane.pk,
                    "full_name": "Jane Smith",
                    "email": "jane@example.com",
                    "total_appointments": 2,
                    "total_spent": 200_000,
                },
                {
                    "customer_id": john.pk,
                    "full_name": "Sukarno",
                    "email": None,
                    "total_appointments": 2,
                    "total_spent": 0,
                },
            ],
            "top_customers_by_revenue": [
                {
                    "customer_id": jane.pk,
                    "full_name": "Jane Smith",
                    "email": "jane@example.com",
                    "total_appointments": 2,
                    "total_spent": 200_000,
                }
            ],
            "customer_segments": {"vip": 1, "regular": 0, "new": 1, "at_risk": 1},
        },
        "period": {"from": "2025-01-01", "to": "2025-12-31"},
        "currencies": ["IDR"],
        "definitions": DEFINITIONS
        | {
            "thresholds": [
                {
                    "tenant_id": tenant.pk,
                    "at_risk_after_days": 90,
                    "new_within_days": 30,
                    "vip_min_visits": 5,
                    "vip_top_percent": 10,
                }
            ]
        },
        "generated_at": "2025-06-15T05:00:00Z",
    }


# --- access ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "status"), [("super_admin", 200), ("tenant_admin", 200), ("outlet_manager", 403), ("staff", 403)]
)
def test_only_a_tenant_admin_or_a_super_admin_may_read_the_summary(as_role, role, status):
    assert as_role(role).get(URL).status_code == status


def test_customers_and_visitors_may_not_read_the_summary(db, anonymous):
    assert anonymous.get(URL).status_code == 401
    lifetime = tokens.LIFETIME["access"]
    token = tokens.create("access", issued_at=NOW, lifetime=lifetime, jti="a" * 32, role="customer")
    assert anonymous.get(URL, headers={"authorization": f"Bearer {token}"}).status_code == 403


def test_the_role_is_checked_before_the_parameters(staff):
    assert staff.get(URL, {"from_date": "yesterday"}).status_code == 403


# --- parameters -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["from_date", "to_date"])
@in_one_test(
    "value",
    [
        "",
        "yesterday",
        "2025-02-30",
        "2025-1-1",
        "20250101",
        "2025-01-01T25:00",
        "1",
        "\0",
        "２０２５-01-01",
    ],
)
def test_a_bad_day_is_a_400_that_names_the_parameter(admin, name, value):
    response = admin.get(URL, {name: value})
    assert response.status_code == 400
    assert [error["field"] for error in response.json()["errors"]] == [name]


@pytest.mark.parametrize("query", ["from_date=2025-01-01&from_date=2025-01-01", "to_date=2025-01-01&to_date="])
def test_a_parameter_given_twice_is_a_400(admin, query):
    assert admin.get(f"{URL}?{query}").status_code == 400


@pytest.mark.parametrize(
    ("first", "last"),
    [("2025-01-02", "2025-01-01"), ("2025-01-01T18:00:00Z", "2025-01-01"), ("9999-12-31", "0001-01-01")],
)
def test_from_after_to_is_a_400(admin, first, last):
    response = admin.get(URL, {"from_date": first, "to_date": last})
    assert response.status_code == 400
    assert response.json()["errors"] == [
        {"field": "from_date", "code": "invalid", "detail": "from_date is after to_date."}
    ]


def test_unknown_parameters_are_ignored(admin, statistics):
    assert statistics(admin, since="yesterday", page="0") == EMPTY


@pytest.mark.slow("is a table of sixteen days")
@pytest.mark.parametrize("zone", ["Asia/Jakarta", "Pacific/Honolulu"])
@pytest.mark.parametrize("name", ["from_date", "to_date"])
@pytest.mark.parametrize("value", ["0001-01-01", "0001-01-01T00:00:00Z", "9999-12-31", "9999-12-31T23:59:59Z"])
def test_the_ends_of_the_calendar_are_accepted_as_days(admin, tenant, statistics, zone, name, value):
    tenant.time_zone = zone
    tenant.save()
    assert statistics(admin, **{name: value}) == EMPTY


# --- the period -----------------------------------------------------------------------------------------------------


@in_one_test(
    ("query", "period"),
    [
        ({}, {"from": None, "to": None}),
        ({"from_date": "2025-01-01"}, {"from": "2025-01-01", "to": None}),
        ({"to_date": "2025-01-01"}, {"from": None, "to": "2025-01-01"}),
        ({"from_date": "2025-01-01", "to_date": "2025-01-01"}, {"from": "2025-01-01", "to": "2025-01-01"}),
        # An instant is read as its day in Jakarta.
        ({"from_date": "2025-01-01T16:59:59Z"}, {"from": "2025-01-01", "to": None}),
        ({"from_date": "2025-01-01T17:00:00Z"}, {"from": "2025-01-02", "to": None}),
        ({"from_date": "2025-01-02T00:00:00+09:00"}, {"from": "2025-01-01", "to": None}),
        ({"from_date": "2025-01-02T00:00:00"}, {"from": "2025-01-02", "to": None}),
    ],
)
def test_the_period_is_answered_in_days(admin, query, period):
    assert admin.get(URL, query).json()["period"] == period


def test_both_days_of_the_period_are_included(admin, customer, book, statistics):
    book(customer(), *[dt.date(2025, 3, day) for day in (1, 2, 3, 4)])
    assert statistics(admin, from_date="2025-03-02", to_date="2025-03-03")["total_appointments"] == 2
    assert statistics(admin, from_date="2025-03-02")["total_appointments"] == 3
    assert statistics(admin, to_date="2025-03-01")["total_appointments"] == 1
    assert statistics(admin)["total_appointments"] == 4


@pytest.mark.parametrize(
    ("created_at", "is_counted"),
    [
        ("2025-03-01T16:59:59.999999Z", False),
        ("2025-03-01T17:00:00Z", True),
        ("2025-03-02T16:30:00Z", True),
        ("2025-03-02T16:59:59.999999Z", True),
        ("2025-03-02T17:00:00Z", False),
    ],
)
def test_new_customers_are_counted_by_the_tenants_days(admin, customer, statistics, created_at, is_counted):
    customer(created_at=dt.datetime.fromisoformat(created_at))
    assert statistics(admin, from_date="2025-03-02", to_date="2025-03-02")["new_customers_in_period"] == is_counted


@pytest.mark.parametrize(
    ("day", "first", "last"),
    [
        ("2025-03-30", "2025-03-29T23:00:00Z", "2025-03-30T21:59:59.999999Z"),  # 23 hours
        ("2025-10-26", "2025-10-25T22:00:00Z", "2025-10-26T22:59:59.999999Z"),  # 25 hours
    ],
)
def test_a_day_on_which_clocks_change_is_counted_completely(admin, tenant, customer, statistics, day, first, last):
    tenant.time_zone = "Europe/Oslo"
    tenant.save()
    for instant, off in ((first, 0), (last, 0), (first, -1), (last, 1)):
        customer(created_at=dt.datetime.fromisoformat(instant) + dt.timedelta(microseconds=off))
    assert statistics(admin, from_date=day, to_date=day)["new_customers_in_period"] == 2


def test_figures_as_of_now_do_not_depend_on_the_period(admin, customer, tenant, statistics):
    customer(email_verified=True, password="hash", loyalty_points=3)
    customer(is_active=False)
    DeletedCustomerFactory(tenant=tenant)
    now = statistics(admin)
    then = statistics(admin, from_date="2001-01-01", to_date="2001-01-01")
    assert now == then | {"new_customers_in_period": 2}


def test_the_kinds_of_customers_sum_to_the_total(admin, customer, book, tenant, statistics):
    customer(is_active=False, tags=["vip"])
    book(customer(password="hash"), days_ago(100))
    book(customer(is_active=False), days_ago(40))
    DeletedCustomerFactory(tenant=tenant)
    figures = statistics(admin)
    assert (
        figures["total_customers"]
        == figures["active_customers"] + figures["inactive_customers"]
        == figures["customers_with_password"] + figures["walk_in_customers"]
        == sum(figures["customer_segments"].values())
        == 3
    )


def test_an_empty_tenant_has_zeros(admin):
    response = admin.get(URL)
    assert response.json()["statistics"] == EMPTY
    for rate in ("avg_appointments_per_customer", "retention_rate", "churn_rate"):
        assert f'"{rate}":0.0,'.encode() in response.content


# --- tenants --------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("each_tenant_guard")
def test_definitions_have_the_tenants_thresholds(admin, tenant, other_tenant):
    thresholds = {"at_risk_after_days": 1, "new_within_days": 2, "vip_min_visits": 3, "vip_top_percent": 4}
    for name, value in thresholds.items():
        setattr(tenant, name, value)
    tenant.save()
    assert admin.get(URL).json()["definitions"]["thresholds"] == [{"tenant_id": tenant.pk, **thresholds}]


@pytest.fixture
def two_businesses(customer, book, other_tenant):
    """Creates a customer of the tenant with one visit, and one of another tenant with two."""
    own, foreign = customer(), customer(tenant=other_tenant)
    book(own, days_ago(40))
    book(foreign, days_ago(40), days_ago(40), total_price=500)
    return own, foreign


@pytest.mark.usefixtures("each_tenant_guard")
def test_another_business_is_not_counted(admin, two_businesses, statistics):
    figures = statistics(admin)
    assert (figures["total_customers"], figures["total_appointments"], figures["total_revenue"]) == (1, 1, 350_000)
    assert figures["top_customers_by_appointments"] == [top(two_businesses[0], 1, 350_000)]


def test_a_super_admin_gets_the_sums_over_all_tenants(super_admin, tenant, other_tenant, two_businesses):
    own, foreign = two_businesses
    body = super_admin.get(URL).json()
    assert body["statistics"] == EMPTY | {
        "total_customers": 2,
        "active_customers": 2,
        "walk_in_customers": 2,
        "new_customers_in_period": 2,
        "total_appointments": 3,
        "total_revenue": 351_000,
        "avg_appointments_per_customer": 1.5,
        "avg_spent_per_customer": 175_500,
        "retention_rate": 50.0,
        "churn_rate": 50.0,
        "retention_base": 2,
        "top_customers_by_appointments": [top(foreign, 2, 1000), top(own, 1, 350_000)],
        "top_customers_by_revenue": [top(own, 1, 350_000), top(foreign, 2, 1000)],
        "customer_segments": {"vip": 0, "regular": 2, "new": 0, "at_risk": 0},
    }
    assert body["currencies"] == ["IDR", "NOK"]
    assert {one["tenant_id"] for one in body["definitions"]["thresholds"]} == {tenant.pk, other_tenant.pk}


def test_a_super_admin_can_select_one_tenant(super_admin, as_role, other_tenant, two_businesses):
    filtered = super_admin.get(URL, {"tenant_id": other_tenant.pk}).json()
    assert filtered == as_role("tenant_admin", tenant=other_tenant).get(URL).json()
    assert filtered["currencies"] == ["NOK"]


def test_over_all_tenants_days_are_in_utc(super_admin, customer, statistics):
    customer(created_at=dt.datetime(2025, 3, 1, 16, 59, tzinfo=dt.UTC))
    customer(created_at=dt.datetime(2025, 3, 1, 17, 0, tzinfo=dt.UTC))
    bounds = {"from_date": "2025-03-01", "to_date": "2025-03-01"}
    assert statistics(super_admin, **bounds)["new_customers_in_period"] == 2
    assert (
        statistics(client_of(super_admin.user), **bounds, tenant_id=customer().tenant_id)["new_customers_in_period"]
        == 1
    )


def test_a_currency_of_several_tenants_is_listed_once(super_admin, tenant, other_tenant):
    other_tenant.currency = tenant.currency
    other_tenant.save()
    assert super_admin.get(URL).json()["currencies"] == ["IDR"]


@pytest.mark.parametrize("status", [403, 400])
def test_a_foreign_or_unknown_tenant_id_is_an_error(admin, super_admin, other_tenant, status):
    client, tenant_id = (admin, other_tenant.pk) if status == 403 else (super_admin, "0" * 24)
    assert client.get(URL, {"tenant_id": tenant_id}).status_code == status


@pytest.mark.slow("makes hundreds of rows")
@pytest.mark.parametrize("query", [{}, {"from_date": "2025-01-01", "to_date": "2025-12-31"}])
def test_the_number_of_queries_does_not_depend_on_the_number_of_rows(admin, customer, book, query):
    def queries():
        with CaptureQueriesContext(connection) as captured:
            assert admin.get(URL, query).status_code == 200
        return len(captured)

    book(customer(), TODAY)
    one = queries()
    for _ in range(99):
        book(customer(), TODAY)
    assert queries() == one
