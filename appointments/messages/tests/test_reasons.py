"""Messages are queued whoever writes the appointment; and each reason for which a message is skipped or waits."""

import datetime as dt

import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from appointments.messages.tests.conftest import MONDAY, SWITCHES, change, states
from appointments.models import Appointment, Message, Status
from appointments.tests.factories import AppointmentFactory, WalkInFactory
from circe.db.ids import is_id
from customers.tests.factories import CustomerFactory
from tenants.scope import ALL_TENANTS, CustomerScope, tenant_scope

pytestmark = pytest.mark.django_db
NINE = dt.time(9)


def make(salon, **changes):
    """Stores an appointment without a request."""
    values = {
        "tenant": salon.tenant,
        "outlet": salon.outlet,
        "service": salon.cut,
        "staff_id": salon.ana.pk,
        "customer": salon.jane,
        "appointment_date": dt.date(2030, 6, 3),
        "start_time": NINE,
        "end_time": dt.time(10),
        "status": Status.CONFIRMED,
    }
    factory = WalkInFactory if changes.get("customer", salon.jane) is None else AppointmentFactory
    return factory(**values | changes)


@pytest.mark.parametrize("switch", SWITCHES[:3])
def test_without_the_switch_nothing_is_queued(switch, salon, book, act):
    change(salon.tenant, **{switch: False})
    pk = book()
    act(pk, appointment_date=MONDAY, start_time="10:00")
    act(pk, status="cancelled")
    kinds = dict(zip(SWITCHES, ["confirmation", "change", "cancellation"], strict=False))
    assert [kind for kind, *_ in states()] == [kind for name, kind in kinds.items() if name != switch]


@pytest.mark.parametrize(
    ("values", "queued"),
    [
        ({}, ["confirmation"]),
        ({"status": Status.PENDING}, []),
        ({"customer": None}, []),
        ({"appointment_date": dt.date(2025, 6, 3)}, []),
        ({"appointment_date": dt.date(2025, 6, 3), "status": Status.COMPLETED}, []),
        ({"status": Status.CANCELLED}, []),
    ],
)
def test_a_confirmation_is_queued_of_what_is_confirmed_and_to_come(salon, values, queued):
    make(salon, **values)
    assert [kind for kind, *_ in states()] == queued


def test_a_pending_booking_is_confirmed_when_it_is(salon, book, act, sent):
    pk = book(status="pending")
    assert sent() == []
    act(pk, status="confirmed")
    assert len(sent()) == 1
    assert states() == [("confirmation", 0, "sent")]


def test_a_walk_in_is_told_when_it_has_a_customer(salon, staff, sent):
    appointment = make(salon, customer=None)
    assert states() == []
    answer = staff.patch(f"/api/v1/appointments/{appointment.pk}", {"customer_id": salon.jane.pk})
    assert answer.status_code == 200
    assert [mail.to for mail in sent()] == ["jane@example.com"]


def test_raw_sql_queues_too(salon, sent):
    appointment = make(salon)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE appointments_appointment SET start_time = '10:00', end_time = '11:00', sequence = sequence + 1 "
            "WHERE id = %s",
            [appointment.pk],
        )
    with tenant_scope(ALL_TENANTS):
        assert all(is_id(pk) for pk in Message.objects.values_list("pk", flat=True))
    (mail,) = sent()
    assert mail.event.decoded("dtstart") == dt.datetime(2030, 6, 3, 3, tzinfo=dt.UTC)
    assert states() == [("confirmation", 0, "skipped", "superseded"), ("change", 1, "sent")]


def test_a_customer_who_books_for_themselves_is_told(salon, sent):
    with tenant_scope(CustomerScope(salon.tenant, salon.jane.pk)):
        Appointment(
            tenant=salon.tenant,
            outlet=salon.outlet,
            service=salon.cut,
            staff_id=salon.ana.pk,
            customer=salon.jane,
            appointment_date=dt.date(2030, 6, 3),
            start_time=NINE,
            end_time=dt.time(10),
            status=Status.CONFIRMED,
            total_price=1,
        ).save()
    assert [mail.to for mail in sent()] == ["jane@example.com"]


@pytest.mark.parametrize(
    ("whose", "values", "reason"),
    [
        ("appointment", {"sequence": 5}, "superseded"),
        ("appointment", {"status": Status.CANCELLED}, "cancelled"),
        ("appointment", {"status": Status.PENDING}, "not_confirmed"),
        ("appointment", {"status": Status.NO_SHOW}, "not_confirmed"),
        ("appointment", {"appointment_date": dt.date(2026, 1, 1)}, "superseded"),
        ("tenant", {"sends_confirmations": False}, "switched_off"),
        ("tenant", {"is_active": False}, "business_suspended"),
        ("jane", {"email": None, "email_key": None}, "no_email"),
        ("jane", {"is_active": False}, "inactive"),
        ("jane", {"accepts_email": False}, "channel_off"),
    ],
)
def test_a_message_is_decided_when_it_is_sent(salon, sent, whose, values, reason):
    appointment = make(salon)
    change(salon.tenant, sends_cancellations=False, sends_changes=False)
    change({"appointment": appointment, "tenant": salon.tenant, "jane": salon.jane}[whose], **values)
    assert sent() == []
    assert states()[0] == ("confirmation", 0, "skipped", reason)


def test_a_message_that_waited_until_the_appointment_was_past_is_not_sent(salon, sent):
    make(salon)
    with time_machine.travel(dt.datetime(2030, 6, 4, tzinfo=dt.UTC)):
        assert sent() == []
    assert states() == [("confirmation", 0, "skipped", "past")]


def test_a_confirmation_for_who_had_the_appointment_is_not_sent_but_one_for_who_has_it(salon, sent):
    change(make(salon), customer=CustomerFactory(tenant=salon.tenant, email="bo@example.com"))
    assert [mail.to for mail in sent()] == ["bo@example.com"]
    assert ("confirmation", 0, "skipped", "superseded") in states()


@pytest.mark.parametrize("zone", ["Asia/Jakarta", "Europe/Oslo"])
def test_messages_wait_for_the_end_of_quiet_hours(salon, book, sent, zone):
    book()
    now = timezone.now().astimezone(salon.tenant.zone.__class__(zone))
    change(
        salon.tenant,
        time_zone=zone,
        quiet_from=(now - dt.timedelta(hours=1)).time().replace(microsecond=0),
        quiet_until=(now + dt.timedelta(hours=1)).time().replace(microsecond=0),
    )
    assert sent() == []
    assert states() == [("confirmation", 0, "queued")]
    with time_machine.travel(timezone.now() + dt.timedelta(minutes=58)):
        assert sent() == []
    with time_machine.travel(timezone.now() + dt.timedelta(minutes=61)):
        assert len(sent()) == 1


def test_a_business_writes_in_its_own_words(salon, book, sent):
    from appointments.models import MessageText

    with tenant_scope(salon.tenant):
        MessageText.objects.create(
            kind="confirmation",
            language=salon.jane.language,
            subject="See you on {date}, {customer}",
            body="Dear {customer},\n<b>{service}</b> at {time}. {unknown} {customer.password}",
        )
    book()
    (mail,) = sent()
    assert mail.subject == "See you on Monday 3 June 2030, Jane"
    assert "<b>Cut</b> at 09:00. {unknown} {customer.password}" in mail.text
    assert "&lt;b&gt;Cut&lt;/b&gt; at 09:00." in mail.html
    assert "/appointment?token=" in mail.text


# --- reminders --------------------------------------------------------------------------------------------------------


@pytest.fixture
def at(salon):
    """Returns a function that opens a time: so many hours before the appointment on a local morning in Oslo."""
    change(salon.tenant, time_zone="Europe/Oslo", sends_confirmations=False, sends_changes=False)
    salon.tenant.refresh_from_db()
    # Clocks have gone forward in the night before.
    begins = dt.datetime(2027, 3, 28, 7, tzinfo=dt.UTC)

    return lambda **before: time_machine.travel(begins - dt.timedelta(**before), tick=False)


def make_morning(salon):
    return make(salon, appointment_date=dt.date(2027, 3, 28))


def test_a_reminder_is_sent_once_so_many_hours_before(salon, sent, at):
    with at(days=10):
        make_morning(salon)
    with at(hours=24, minutes=1):
        assert sent() == []
    with at(hours=24):
        (mail,) = sent()
        assert mail.told == ("REQUEST", 0, dt.datetime(2027, 3, 28, 7, tzinfo=dt.UTC))
        assert "28 March 2027" in mail.subject
    with at(hours=23):
        assert sent() == []
    assert states() == [("reminder", 0, "sent")]


def test_there_is_no_reminder_of_what_was_booked_later_is_past_or_is_not_confirmed(salon, sent, at):
    with at(hours=23, minutes=59):
        make_morning(salon)
        assert sent() == []
    with at(days=10):
        change(first(), created_at=timezone.now())
    with at(hours=-1):
        assert sent() == []
    change(first(), status=Status.PENDING)
    with at(hours=20):
        assert sent() == []
    change(first(), status=Status.CONFIRMED)
    change(salon.tenant, sends_reminders=False)
    with at(hours=20):
        assert sent() == []
    change(salon.tenant, sends_reminders=True)
    with at(hours=20):
        assert len(sent()) == 1


@tenant_scope(ALL_TENANTS)
def first():
    return Appointment.objects.get()


def test_a_late_move_takes_the_place_of_the_reminder(salon, sent, at):
    change(salon.tenant, sends_changes=True)
    with at(days=10):
        make_morning(salon)
    with at(hours=30), tenant_scope(salon.tenant):
        appointment = first()
        change(appointment, sequence=1)
        assert len(sent()) == 1
    # The change was queued by the clock of the database.
    with tenant_scope(ALL_TENANTS):
        message = Message.objects.get()
    with at(hours=20):
        change(message, created_at=timezone.now() - dt.timedelta(hours=1))
        assert sent() == []
    with at(hours=20):
        change(message, created_at=timezone.now() - dt.timedelta(hours=10))
        assert len(sent()) == 1


def test_two_senders_queue_one_reminder(salon, at):
    from appointments.messages.reminders import queue_reminders

    with at(days=10):
        make_morning(salon)
    with at(hours=10), tenant_scope(ALL_TENANTS):
        queue_reminders(timezone.now())
        queue_reminders(timezone.now())
        assert Message.objects.count() == 1


def test_a_message_waits_for_another_one_of_its_appointment(salon, book, act, sent):
    pk = book()
    with tenant_scope(ALL_TENANTS):
        # Another sender is sending the confirmation at this moment.
        Message.objects.update(state="sending", claimed_at=timezone.now())
    act(pk, status="cancelled")
    with tenant_scope(ALL_TENANTS):
        assert sent() == []
        assert Message.objects.get(kind="cancellation").state == "queued"
        Message.objects.filter(kind="confirmation").update(state="sent")
    with time_machine.travel(timezone.now() + dt.timedelta(seconds=6)):
        assert [mail.told[0] for mail in sent()] == ["CANCEL"]
