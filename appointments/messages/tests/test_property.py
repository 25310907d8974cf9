"""Random steps of a salon, its customers and the clock: each mail is true when it is sent, and is sent once."""

import datetime as dt
import smtplib
from types import SimpleNamespace

import pytest
import time_machine
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appointments.booking import book, move, set_status
from appointments.messages.composing import SWITCHES
from appointments.messages.tests.conftest import Parsed, change
from appointments.models import Appointment, DoubleBooking, Message, Override, Status
from circe.api.conflicts import ConflictError
from circe.api.local_time import to_instant
from customers.tests.factories import CustomerFactory
from customers.tests.sending import send_due
from tenants.models import Tenant
from tenants.scope import tenant_scope

# In Oslo the clocks skip an hour on 31 March 2030.
FIRST = dt.datetime(2030, 3, 28, 6, tzinfo=dt.UTC)
APPOINTMENTS = 2
DAYS = st.integers(1, 6).map(lambda day: FIRST.date() + dt.timedelta(days=day))
TIMES = st.sampled_from([dt.time(0, 30), dt.time(3), dt.time(10), dt.time(23, 30)])
NUMBERS = st.integers(0, APPOINTMENTS - 1)
STEPS = st.one_of(
    st.tuples(st.just("move"), NUMBERS, DAYS, TIMES),
    st.tuples(st.just("set_status"), NUMBERS, st.sampled_from([Status.CANCELLED, Status.CONFIRMED])),
    st.tuples(st.just("set_status"), NUMBERS, st.sampled_from([Status.CANCELLED, Status.CONFIRMED, Status.PENDING])),
    st.tuples(st.just("change_customer"), NUMBERS),
    st.tuples(st.just("wait"), st.sampled_from([0, 7, 26, 99])),
    st.tuples(st.just("switch"), st.sampled_from([*SWITCHES.values()]), st.booleans()),
    st.tuples(st.just("refuse"), st.sampled_from([450, 550])),
    st.just(("send",)),
    st.just(("send",)),
)
BOOKINGS = st.tuples(DAYS, TIMES, st.sampled_from([Status.CONFIRMED, Status.PENDING]))


class RefusingBackend(EmailBackend):
    """Keeps mails in `mail.outbox`. While `codes` has any, it refuses a mail with the first of them and removes it."""

    codes: list[int] = []

    def send_messages(self, messages):
        if self.codes:
            raise smtplib.SMTPDataError(self.codes.pop(0), b"no")
        return super().send_messages(messages)


class World:
    """A salon, what was done to its appointments, and what its customers were told."""

    def __init__(self, salon, clock):
        self.salon, self.clock = salon, clock
        self.appointments = {}
        self.other = CustomerFactory(tenant=salon.tenant, email="bo@example.com")
        self.told = set()
        self.is_always_on = True
        self.last_told = {}
        RefusingBackend.codes = []

    def do(self, step, *arguments):
        with tenant_scope(Tenant.objects.get(pk=self.salon.tenant.pk)):
            try:
                with transaction.atomic():
                    getattr(self, step)(*arguments)
            except (ConflictError, DoubleBooking):
                pass

    def book(self, number, day, start, status):
        appointment = Appointment(
            tenant=self.salon.tenant,
            outlet=self.salon.outlet,
            customer=self.salon.jane,
            service=self.salon.cut,
            staff_id=self.salon.ana.pk,
            appointment_date=day,
            start_time=start,
            end_time=(dt.datetime.combine(day, start) + dt.timedelta(minutes=20)).time(),
            total_price=1,
            status=status,
        )
        book(appointment, overrides=[Override.HOURS])
        self.appointments[number] = appointment.pk

    def _get(self, number):
        pk = self.appointments.get(number)
        return pk and Appointment.objects.select_related("tenant").get(pk=pk)

    def move(self, number, day, start):
        if appointment := self._get(number):
            move(appointment, day=day, start=start, overrides=[Override.HOURS])

    def set_status(self, number, status):
        if appointment := self._get(number):
            set_status(appointment, status)

    def change_customer(self, number):
        """Gives the appointment to another customer. The trigger alone counts the change."""
        if appointment := self._get(number):
            change(appointment, customer=self.other)

    def wait(self, hours):
        self.clock.shift(dt.timedelta(hours=hours))

    def switch(self, name, is_on):
        self.is_always_on &= is_on
        change(self.salon.tenant, **{name: is_on})

    def refuse(self, code):
        self.is_always_on &= code < 500
        RefusingBackend.codes.append(code)

    def send(self):
        mail.outbox.clear()
        before = Message.objects.filter(state="sent").count()
        send_due()
        assert Message.objects.filter(state="sent").count() - before == len(mail.outbox)
        for sent in mail.outbox:
            self.check(Parsed(sent.message().as_bytes()))

    def check(self, seen):
        appointment = Appointment.objects.select_related("tenant", "customer").get(pk=seen.event["uid"].split("@")[0])
        method, sequence, begins = seen.told
        if seen.to != appointment.customer.email:
            self.check_loss(seen, appointment)
            return
        assert sequence == appointment.sequence
        assert begins == to_instant(appointment.local_bounds[0], appointment.tenant.zone) > timezone.now()
        assert method == {Status.CONFIRMED: "REQUEST", Status.CANCELLED: "CANCEL"}[appointment.status]
        assert seen.to == appointment.customer.email
        # A confirmation, or a change, or a cancellation, and beside it a reminder.
        assert ("cancelled" in seen.subject) == (method == "CANCEL")
        once = (appointment.pk, sequence, method, "Reminder" in seen.subject)
        assert once not in self.told
        self.told.add(once)
        self.last_told[appointment.pk] = (*seen.told, seen.to)

    def check_loss(self, seen, appointment):
        """Checks a mail to the customer who lost the appointment to another one."""
        method, sequence, begins = seen.told
        assert method == "CANCEL"
        assert "cancelled" in seen.subject
        assert sequence < appointment.sequence
        assert begins > timezone.now()
        assert (appointment.pk, seen.to) not in self.told
        self.told.add((appointment.pk, seen.to))

    def check_that_nobody_waits(self):
        """Asserts that each customer knows what is now, if all was switched on and nothing was refused for good."""
        self.wait(1)
        self.send()
        RefusingBackend.codes = []
        self.wait(1)
        self.send()
        assert not Message.objects.filter(state__in=["queued", "sending"]).exists()
        for appointment in Appointment.objects.select_related("tenant", "customer"):
            begins = to_instant(appointment.local_bounds[0], appointment.tenant.zone)
            if self.is_always_on and appointment.status == Status.CONFIRMED and begins > timezone.now():
                now = ("REQUEST", appointment.sequence, begins, appointment.customer.email)
                assert self.last_told.get(appointment.pk) == now


@pytest.mark.slow("lets time go by for random salons")
@pytest.mark.django_db
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    bookings=st.tuples(*[BOOKINGS] * APPOINTMENTS),
    steps=st.lists(STEPS, min_size=8, max_size=20),
    zone=st.sampled_from(["Asia/Jakarta", "Europe/Oslo"]),
)
def test_what_is_sent_is_true_and_is_sent_once(salon, settings, bookings, steps, zone):
    settings.EMAIL_BACKEND = f"{__name__}.RefusingBackend"
    with transaction.atomic(), time_machine.travel(FIRST, tick=False) as clock:
        change(salon.tenant, time_zone=zone)
        world = World(SimpleNamespace(**vars(salon)), clock)
        world.salon.tenant.refresh_from_db()
        for number, booking in enumerate(bookings):
            world.do("book", number, *booking)
        for step in steps:
            world.do(*step)
        world.do("check_that_nobody_waits")
        transaction.set_rollback(True)
