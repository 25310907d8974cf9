"""The top lists of a period are right, although only customers with high figures of all time are read."""

import datetime as dt
import random
from itertools import count

import pytest

from analytics.statistics import MEASURES, Period, candidate_condition, find_top_customers
from appointments.models import Appointment, Status
from customers.tests.factories import DeletedCustomerFactory
from tenants.tests.factories import OutletFactory, ServiceFactory, UserFactory

PERIOD = Period(dt.date(2024, 1, 1), dt.date(2024, 12, 31))


@pytest.mark.slow("compares generated businesses with a sort in Python")
@pytest.mark.parametrize("seed", range(3))
def test_no_customer_is_missing_in_the_top_lists(tenant, customer, in_scope, seed):
    """Customers with many or with expensive appointments, appointments outside the period, and a deleted customer."""
    choose, slots = random.Random(seed), {inside: count() for inside in (True, False)}
    shared = {
        "outlet": OutletFactory(tenant=tenant),
        "service": ServiceFactory(tenant=tenant),
        "staff_id": UserFactory(tenant=tenant).pk,
    }
    appointments, figures = [], {}

    def book(person, number, price, inside=True):
        for _ in range(number):
            day, hour = divmod(next(slots[inside]), 20)
            status = choose.choice([Status.COMPLETED, Status.COMPLETED, Status.NO_SHOW])
            first = PERIOD.first if inside else dt.date(2020, 1, 1)
            appointments.append(
                Appointment(
                    tenant=tenant,
                    customer=person,
                    appointment_date=first + dt.timedelta(days=day),
                    start_time=dt.time(hour),
                    end_time=dt.time(hour + 1),
                    status=status,
                    total_price=price,
                    **shared,
                )
            )
            if inside:
                booked, spent = figures.get(person.pk, (0, 0))
                figures[person.pk] = booked + 1, spent + (price if status == Status.COMPLETED else 0)

    for _ in range(24):
        person = customer()
        book(person, choose.randrange(8, 13), choose.randrange(1, 9))
        book(person, choose.choice([0, 0, 11]), 5, inside=False)
    for _ in range(3):
        # Few expensive appointments, many long ago, and a soft-deleted customer.
        book(customer(), 2, 90 + choose.randrange(9))
        book(customer(), 40, 50, inside=False)
    book(gone := DeletedCustomerFactory(tenant=tenant), 60, 60)
    Appointment.objects.bulk_create(appointments)
    del figures[gone.pk]

    assert candidate_condition(PERIOD)
    tops = find_top_customers(PERIOD)
    for index, measure in enumerate(MEASURES):
        order = sorted(figures.items(), key=lambda one: (-one[1][index], -one[1][1 - index], one[0]))
        found = [(one.pk, (one.total_appointments, one.total_spent)) for one in tops[measure]]
        assert found == [one for one in order if one[1][index]][:10]
