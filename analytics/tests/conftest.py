"""Fixtures of the statistics. The time is noon of Sunday, 15 June 2025 in Jakarta."""

import datetime as dt

import pytest

from appointments.tests.factories import AppointmentFactory
from customers.tests.factories import CustomerFactory
from tenants.tests.factories import OutletFactory, ServiceFactory, UserFactory

URL = "/api/v1/customers/statistics/summary"
NOW = dt.datetime(2025, 6, 15, 5, tzinfo=dt.UTC)
TODAY = dt.date(2025, 6, 15)
EMPTY = {
    "total_customers": 0,
    "active_customers": 0,
    "inactive_customers": 0,
    "deleted_customers": 0,
    "verified_emails": 0,
    "customers_with_password": 0,
    "walk_in_customers": 0,
    "new_customers_in_period": 0,
    "total_appointments": 0,
    "total_revenue": 0,
    "total_loyalty_points": 0,
    "avg_appointments_per_customer": 0.0,
    "avg_spent_per_customer": 0,
    "retention_rate": 0.0,
    "churn_rate": 0.0,
    "retention_base": 0,
    "top_customers_by_appointments": [],
    "top_customers_by_revenue": [],
    "customer_segments": {"vip": 0, "regular": 0, "new": 0, "at_risk": 0},
}


def top(customer, appointments, spent):
    return {
        "customer_id": customer.pk,
        "full_name": customer.full_name,
        "email": customer.email,
        "total_appointments": appointments,
        "total_spent": spent,
    }


def days_ago(days):
    return TODAY - dt.timedelta(days=days)


@pytest.fixture(autouse=True)
def clock(time_machine):
    """Sets the time to NOW. `clock.move_to(instant)` changes it; an access token is valid for an hour."""
    time_machine.move_to(NOW, tick=False)
    return time_machine


@pytest.fixture
def customer(tenant):
    """Returns a function: `customer(...)` creates a customer of the tenant in 2020."""

    def make(**fields):
        return CustomerFactory(**{"tenant": tenant, "created_at": dt.datetime(2020, 1, 1, tzinfo=dt.UTC)} | fields)

    return make


@pytest.fixture
def book(db):
    """Returns a function: `book(customer, *days)` creates an appointment on each day, completed unless given otherwise."""
    shared_by_tenant = {}

    def make(customer, *days, **fields):
        tenant = customer.tenant
        if tenant not in shared_by_tenant:
            shared_by_tenant[tenant] = {
                "outlet": OutletFactory(tenant=tenant),
                "service": ServiceFactory(tenant=tenant),
                "staff_id": UserFactory(tenant=tenant).pk,
            }
        for day in days:
            AppointmentFactory(
                **{"tenant": tenant, "customer": customer, "appointment_date": day} | shared_by_tenant[tenant] | fields
            )

    return make


@pytest.fixture
def statistics():
    """Returns a function: `statistics(client, **parameters)` returns the figures that the client gets."""

    def get(client, **parameters):
        response = client.get(URL, parameters)
        assert response.status_code == 200, response.content
        return response.json()["statistics"]

    return get
