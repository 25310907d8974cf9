"""The rules by which appointments are booked."""

import datetime as dt

import pytest
import time_machine

from appointments.availability import find_slots
from appointments.booking import BookingRefused, book
from appointments.lengths import set_length
from appointments.models import Appointment, Status, TimeOff, WorkingHours
from customers.tests.factories import CustomerFactory
from tenants.models import Staff
from tenants.scope import tenant_scope
from tenants.tests.factories import OutletFactory, ServiceFactory, UserFactory

MONDAY = dt.date(2026, 11, 30)


@pytest.fixture
def salon(tenant):
    """A tenant in scope, in which one member of staff works on Mondays from 9 to 12."""
    with time_machine.travel(dt.datetime(2026, 11, 28, tzinfo=dt.UTC)), tenant_scope(tenant):
        outlet = OutletFactory(tenant=tenant)
        staff = Staff.objects.get(pk=UserFactory(tenant=tenant).pk)
        WorkingHours.objects.create(staff=staff, outlet=outlet, weekday=0, start_time=dt.time(9), end_time=dt.time(12))
        service = ServiceFactory(tenant=tenant, duration_minutes=60, buffer_minutes=15)
        yield tenant, outlet, staff, service


def make(salon, start, **values):
    tenant, outlet, staff, service = salon
    values = {"staff": staff, "customer": CustomerFactory(tenant=tenant)} | values
    appointment = Appointment(
        outlet=outlet,
        service=service,
        appointment_date=MONDAY,
        start_time=start,
        status=Status.CONFIRMED,
        total_price=1,
        **values,
    )
    set_length(appointment, service.duration)
    return appointment


def starts(salon):
    *_, service = salon
    slots = find_slots(service, first=dt.datetime(2026, 11, 29), last=dt.datetime(2026, 12, 6))
    return [f"{slot.start:%H:%M}" for slot in slots]


def test_slots_have_room_for_duration_and_buffer(salon):
    assert starts(salon) == ["09:00", "09:15", "09:30", "09:45", "10:00", "10:15", "10:30", "10:45"]
    book(make(salon, dt.time(9)))
    assert starts(salon) == ["10:15", "10:30", "10:45"]
    TimeOff.objects.create(
        staff=salon[2], local_start=dt.datetime(2026, 11, 30, 11, 45), local_end=dt.datetime(2026, 12, 1)
    )
    assert starts(salon) == ["10:15", "10:30"]


def test_each_refusal_has_its_code(salon):
    book(make(salon, dt.time(9)))
    for start, code in ((dt.time(10), "overlap"), (dt.time(8), "overlap"), (dt.time(13), "outside_hours")):
        with pytest.raises(BookingRefused) as refusal:
            book(make(salon, start))
        assert refusal.value.code == code
        assert [slot.start.time() for slot in refusal.value.alternatives]
    book(make(salon, dt.time(13)), overrides=["hours"])
    appointment = make(salon, dt.time(10, 15), staff=None)
    book(appointment)
    assert appointment.staff == salon[2]
    assert Appointment.objects.count() == 3
