"""A salon that can be booked."""

import datetime as dt
from types import SimpleNamespace

import pytest

from appointments.tests.factories import WorkingHoursFactory
from customers.tests.factories import CustomerFactory
from tenants.tests.factories import OutletFactory, ServiceFactory, UserFactory

APPOINTMENTS = "/api/v1/appointments"
MONDAY = "2030-06-03"


@pytest.fixture
def salon(tenant):
    """A salon in which Ana works on Mondays from 9 to 12, a cut takes an hour, and a quarter of an hour is kept free."""
    outlet = OutletFactory(tenant=tenant, name="Kemang")
    ana = UserFactory(tenant=tenant, first_name="Ana", last_name="Lee")
    WorkingHoursFactory(tenant=tenant, outlet=outlet, staff_id=ana.pk, end_time=dt.time(12))
    return SimpleNamespace(
        tenant=tenant,
        outlet=outlet,
        ana=ana,
        jane=CustomerFactory(tenant=tenant, first_name="Jane", last_name="Doe"),
        cut=ServiceFactory(tenant=tenant, name="Cut", duration_minutes=60, buffer_minutes=15, price=350000),
    )


@pytest.fixture
def employ(salon):
    """Returns a function: `employ("Bo")` is another member of staff, who works as Ana does."""

    def employ(name, **hours):
        person = UserFactory(tenant=salon.tenant, first_name=name, last_name="Lee")
        values = {"outlet": salon.outlet, "end_time": dt.time(12)} | hours
        WorkingHoursFactory(tenant=salon.tenant, staff_id=person.pk, **values)
        return person

    return employ


@pytest.fixture
def body(salon):
    """Returns a function: `body(start_time="10:00")` books Jane with Ana on a Monday at 9, unless told otherwise."""

    def body(**changes):
        return {
            "customer_id": salon.jane.pk,
            "service_id": salon.cut.pk,
            "outlet_id": salon.outlet.pk,
            "staff_id": salon.ana.pk,
            "appointment_date": MONDAY,
            "start_time": "09:00:00",
        } | changes

    return body


@pytest.fixture
def book(staff, body):
    """Returns a function that books, and returns the appointment of the answer."""

    def book(**changes):
        answer = staff.post(APPOINTMENTS, body(**changes))
        assert answer.status_code == 201, answer.content
        return answer.json()

    return book
