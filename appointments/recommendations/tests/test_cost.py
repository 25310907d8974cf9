"""The cost of a recommendation: a few statements, whatever the history and the size of the team."""

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from appointments.models import Appointment, Status, WorkingHours
from appointments.recommendations import recommend
from appointments.recommendations.tests.salon import TODAY
from tenants.models import Role, Staff

# Services with staff; working hours; preferred staff; the preferred outlet; the history; the visits of the business; free
# times of what has no due day; bookings.
WITHOUT_DUE_DAYS = 8


def count_statements(customer):
    with CaptureQueriesContext(connection) as queries:
        recommend(customer, limit=20)
    return len(queries)


def visit_often(salon, customer, names, number):
    """Inserts visits of these services, one every second day."""
    Appointment.objects.bulk_create(
        Appointment(
            tenant=salon.tenant,
            customer=customer,
            service=salon.services[names[ago % len(names)]],
            staff=salon.staff["Ana"],
            outlet=salon.outlets["Kemang"],
            appointment_date=TODAY - dt.timedelta(2 * ago + 1),
            start_time=dt.time(10),
            end_time=dt.time(11),
            status=Status.COMPLETED,
            total_price=1,
        )
        for ago in range(number)
    )


def hire(salon, number):
    """Inserts members of staff who work each day."""
    people = Staff.objects.bulk_create(
        Staff(tenant=salon.tenant, role=Role.STAFF, email=f"staff{n}@example.com", first_name=f"Person {n:03}")
        for n in range(number)
    )
    WorkingHours.objects.bulk_create(
        WorkingHours(
            tenant=salon.tenant,
            staff=person,
            outlet=salon.outlets["Kemang"],
            weekday=weekday,
            start_time=dt.time(9),
            end_time=dt.time(18),
        )
        for person in people
        for weekday in range(7)
    )


def test_the_number_of_statements_does_not_depend_on_the_history(salon):
    nobody = salon.add_customer()
    regular, veteran = (salon.add_customer(staff="Ana", services="Massage", outlet="Kemang") for _ in range(2))
    visit_often(salon, regular, ["Cut"], 3)
    visit_often(salon, veteran, ["Cut"], 300)
    assert count_statements(nobody) == WITHOUT_DUE_DAYS
    # The free times about the due day of Cut are read too.
    assert count_statements(regular) == count_statements(veteran) == WITHOUT_DUE_DAYS + 1


@pytest.mark.slow("inserts 1,500 visits and a team of a hundred")
def test_the_number_of_statements_depends_on_nothing(salon):
    few, many = (salon.add_customer(staff="Ana Bea Cici", services="Massage", outlet="Kemang") for _ in range(2))
    names = [*salon.services]
    visit_often(salon, few, names, 12)
    before = count_statements(few)
    visit_often(salon, many, names, 1500)
    hire(salon, 100)
    assert count_statements(few) == before
    # At most five services are searched, each about its own day, and one more of each of three preferred people.
    assert count_statements(many) <= WITHOUT_DUE_DAYS + 7
    assert recommend(many).items[0].slot.staff_name == "Bea"


def test_an_inactive_customer_costs_only_what_is_ignored(salon):
    customer = salon.add_customer(outlet="Kemang")
    customer.change({"is_active": False})
    assert count_statements(customer) == 4
