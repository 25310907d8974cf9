"""A member of staff can't have two appointments at the same time."""

import datetime as dt
import os
import random
from itertools import pairwise
from threading import Barrier, Thread

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, connections, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appointments.models import BLOCKING_STATUSES, FIRST_DAY, LAST_DAY, Appointment, DoubleBooking, Status
from appointments.tests.factories import AppointmentFactory
from circe.db.constraints import violated_constraint
from customers.tests.factories import CustomerFactory
from tenants.scope import ALL_TENANTS, CrossTenantWrite, tenant_scope
from tenants.tests.factories import OutletFactory, ServiceFactory, UserFactory
from tenants.tests.locks import find_lock_waiters

SATURDAY = dt.date(2025, 1, 25)


@pytest.fixture
def shared(tenant):
    """The fields that all appointments of a test share."""
    return {
        "tenant": tenant,
        "customer": CustomerFactory(tenant=tenant),
        "service": ServiceFactory(tenant=tenant),
        "outlet": OutletFactory(tenant=tenant),
        "staff_id": UserFactory(tenant=tenant).pk,
        "status": Status.CONFIRMED,
    }


@pytest.fixture
def book(shared):
    """Returns a function: `book("10:00-11:00")` creates an appointment on SATURDAY, with `day=1` on the day after."""

    def make(hours, day=0, **fields):
        start, end = (dt.time.fromisoformat(clock) for clock in hours.split("-"))
        day = SATURDAY + dt.timedelta(days=day)
        with transaction.atomic():
            return AppointmentFactory(
                **shared | {"appointment_date": day, "start_time": start, "end_time": end} | fields
            )

    return make


@pytest.mark.parametrize("first", BLOCKING_STATUSES)
@pytest.mark.parametrize("second", BLOCKING_STATUSES)
def test_a_member_of_staff_cannot_be_booked_twice_for_overlapping_times(book, first, second):
    book("10:00-11:00", status=first)
    for hours in ("10:00-11:00", "10:30-11:30", "09:30-10:30", "10:15-10:45", "09:00-12:00", "10:59:59-12:00"):
        with pytest.raises(IntegrityError) as error:
            book(hours, status=second)
        assert violated_constraint(error.value) == "appointment_no_double_booking"


def test_consecutive_times_do_not_overlap(book):
    for hours in ("10:00-11:00", "11:00-12:00", "09:00-10:00", "12:00-00:00"):
        book(hours)
    book("00:00-01:00", day=1)


def test_an_end_before_the_start_is_after_midnight(book):
    book("23:00-01:30")
    for hours, day in (
        ("00:30-01:00", 1),
        ("01:00-02:00", 1),
        ("00:00-00:01", 1),
        ("22:00-23:30", 0),
        ("22:00-02:00", 0),
    ):
        with pytest.raises(IntegrityError) as error:
            book(hours, day=day)
        assert violated_constraint(error.value) == "appointment_no_double_booking"
    for hours, day in (("01:30-02:00", 1), ("22:00-23:00", 0), ("00:30-01:00", 0), ("23:00-01:30", 1)):
        book(hours, day=day)


def test_an_overlap_in_the_last_night_of_the_calendar_is_refused(shared, book):
    far = {"appointment_date": LAST_DAY}
    book("23:00-01:00", **far)
    with pytest.raises(IntegrityError):
        book("23:30-23:45", **far)


@pytest.mark.parametrize("day", [FIRST_DAY - dt.timedelta(days=1), LAST_DAY + dt.timedelta(days=1), dt.date.max])
def test_a_day_beyond_the_calendar_is_refused_by_the_database_too(shared, book, day):
    with pytest.raises(IntegrityError) as error:
        book("23:00-01:00", appointment_date=day)
    assert violated_constraint(error.value) == "appointment_day_possible"


def test_an_appointment_of_zero_length_is_refused(book):
    for hours in ("10:00-10:00", "00:00-00:00"):
        for status in Status:
            with pytest.raises(IntegrityError) as error:
                book(hours, status=status)
            assert violated_constraint(error.value) == "appointment_has_length"


@pytest.mark.parametrize("status", [Status.CANCELLED, Status.NO_SHOW, Status.COMPLETED])
def test_an_appointment_without_a_blocking_status_blocks_no_time(book, status):
    book("10:00-11:00", status=status)
    book("10:00-11:00", status=status)
    book("10:00-11:00")
    book("10:30-11:00", status=status)


def test_other_members_of_staff_can_be_booked_at_that_time(book, tenant, other_tenant):
    book("10:00-11:00")
    book("10:00-11:00", staff_id=UserFactory(tenant=tenant).pk)
    AppointmentFactory(tenant=other_tenant, start_time=dt.time(10), end_time=dt.time(11), status="confirmed")


@pytest.mark.parametrize("status", BLOCKING_STATUSES)
def test_a_change_to_a_blocking_status_is_refused_if_the_time_is_blocked(book, tenant, status):
    cancelled = book("10:00-11:00", status=Status.CANCELLED)
    book("10:30-11:30")
    cancelled.status = status
    with tenant_scope(tenant), pytest.raises(IntegrityError) as error, transaction.atomic():
        cancelled.save()
    assert violated_constraint(error.value) == "appointment_no_double_booking"
    with tenant_scope(tenant), pytest.raises(IntegrityError), transaction.atomic():
        Appointment.objects.filter(pk=cancelled.pk).update(status=status)
    with tenant_scope(tenant):
        assert Appointment.objects.get(pk=cancelled.pk).status == Status.CANCELLED


def test_an_appointment_may_overlap_its_own_old_time_and_not_another_appointment(book, tenant):
    moved, _ = book("10:00-11:00"), book("12:00-13:00")
    with tenant_scope(tenant):
        moved.end_time = dt.time(12)
        moved.save()
        moved.end_time = dt.time(12, 1)
        with pytest.raises(IntegrityError), transaction.atomic():
            moved.save()


def test_validation_refuses_an_overlap_with_a_message(book, tenant):
    appointment = book("10:00-11:00", status=Status.CANCELLED)
    book("10:30-11:30")
    appointment.status = Status.CONFIRMED
    with tenant_scope(tenant), pytest.raises(ValidationError) as error:
        appointment.full_clean()
    assert error.value.messages == ["This member of staff has another appointment at that time."]
    appointment.end_time = appointment.start_time
    with tenant_scope(tenant), pytest.raises(ValidationError) as error:
        appointment.full_clean()
    assert "An appointment can't end when it starts." in error.value.messages


@pytest.mark.parametrize("field", ["staff", "customer", "service", "outlet"])
def test_references_to_another_tenants_rows_are_impossible(book, tenant, other_tenant, field):
    make = {"staff": UserFactory, "customer": CustomerFactory, "service": ServiceFactory, "outlet": OutletFactory}
    foreign = make[field](tenant=other_tenant)
    with pytest.raises(IntegrityError) as error:
        book("10:00-11:00", **{"staff_id": foreign.pk} if field == "staff" else {field: foreign})
    assert violated_constraint(error.value) == f"appointment_{field}"
    own = book("10:00-11:00")
    with tenant_scope(ALL_TENANTS), pytest.raises(IntegrityError) as error, transaction.atomic():
        Appointment.objects.filter(pk=own.pk).update(**{f"{field}_id": foreign.pk})
    assert violated_constraint(error.value) == f"appointment_{field}"
    setattr(own, f"{field}_id", foreign.pk)
    with tenant_scope(ALL_TENANTS), pytest.raises(ValidationError) as error:
        own.full_clean()
    assert error.value.message_dict == {field: ["Choose one of the same business."]}


def test_an_appointment_can_not_be_moved_to_another_tenant(book, tenant, other_tenant):
    own = book("10:00-11:00")
    own.tenant = other_tenant
    with tenant_scope(tenant), pytest.raises(CrossTenantWrite):
        own.save()
    with tenant_scope(ALL_TENANTS), pytest.raises(IntegrityError), transaction.atomic():
        own.save()


@pytest.mark.parametrize("missing", ["staff_id", "service", "outlet", "appointment_date", "start_time", "end_time"])
def test_time_staff_service_and_outlet_are_required(book, missing):
    with pytest.raises(IntegrityError):
        book("10:00-11:00", **{missing: None})


def minutes(day, start, length):
    first = day * 1440 + start
    return range(first, first + length)


bookings = st.lists(
    st.tuples(st.integers(0, 1), st.integers(0, 1439), st.integers(1, 1439), st.sampled_from(Status)), max_size=8
)


@pytest.mark.slow("compares generated bookings with a calendar of minutes")
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(bookings=bookings)
def test_a_booking_is_refused_exactly_if_a_minute_of_it_is_blocked(book, tenant, bookings):
    with tenant_scope(tenant):
        Appointment.objects.all().delete()
    taken = set()
    for day, start, length, status in bookings:
        end = (start + length) % 1440
        hours = f"{start // 60:02}:{start % 60:02}-{end // 60:02}:{end % 60:02}"
        blocked = set(minutes(day, start, length)) if status in BLOCKING_STATUSES else set()
        if blocked & taken:
            with pytest.raises(IntegrityError):
                book(hours, day=day, status=status)
        else:
            book(hours, day=day, status=status)
            taken |= blocked


@pytest.mark.django_db(transaction=True)
def test_bookings_of_the_same_times_in_another_order_cause_no_deadlock(shared, book):
    outcomes = []

    def book_both():
        try:
            with tenant_scope(shared["tenant"]), transaction.atomic():
                book("15:00-16:00")
                book("10:00-11:00")
        except DoubleBooking as error:
            outcomes.append(error.other.local_bounds[0].hour)
        finally:
            connections.close_all()

    thread = Thread(target=book_both)
    with tenant_scope(shared["tenant"]), transaction.atomic():
        book("10:00-11:00")
        thread.start()
        while thread.is_alive() and not find_lock_waiters():
            pass
        book("15:00-16:00")
    thread.join()
    assert outcomes == [15]


@pytest.mark.slow("books a hundred times at once")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("seed", range(max(int(os.environ.get("CHAOS", "1")) // 2, 1)))
def test_100_concurrent_random_bookings_cause_no_overlap_and_no_deadlock(seed, shared):
    pick = random.Random(seed)
    people = [UserFactory(tenant=shared["tenant"]).pk for _ in range(2)]
    requests = [(pick.choice(people), pick.randrange(0, 22 * 60), pick.randrange(30, 120)) for _ in range(100)]
    barrier, outcomes = Barrier(len(requests)), []

    def clock(minute):
        return dt.time(minute // 60, minute % 60)

    def book_one(person, start, length):
        appointment = AppointmentFactory.build(
            **shared | {"staff_id": person},
            appointment_date=SATURDAY,
            start_time=clock(start),
            end_time=clock(start + length),
        )
        try:
            connection.ensure_connection()
            with tenant_scope(shared["tenant"]):
                barrier.wait(30)
                appointment.save()
            outcomes.append("booked")
        except Exception as error:
            outcomes.append(violated_constraint(error) or error.__cause__.sqlstate)
        finally:
            connections.close_all()

    threads = [Thread(target=book_one, args=one) for one in requests]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(outcomes) == {"booked", "appointment_no_double_booking"}
    assert len(outcomes) == 100
    with tenant_scope(shared["tenant"]):
        booked = list(Appointment.objects.order_by("staff_id", "start_time"))
    assert len(booked) == outcomes.count("booked")
    for one, two in pairwise(booked):
        assert one.staff_id != two.staff_id or one.end_time <= two.start_time
