"""Decides whether a message about an appointment is sent, and composes it."""

import datetime as dt
from typing import Any

from django.utils import timezone

from appointments.messages.texts import render_message
from appointments.models import Appointment, Message, MessageKind, Status
from appointments.portal.links import manage_url
from customers.messages.decision import decide
from customers.messages.mail import Composed, Mail, Postponed, Skipped, TextMessage
from customers.models import Channel, DeliveryState, Purpose

# The field of the business that switches the messages of a kind on.
SWITCHES = {
    MessageKind.CONFIRMATION: "sends_confirmations",
    MessageKind.CHANGE: "sends_changes",
    MessageKind.CANCELLATION: "sends_cancellations",
    MessageKind.REMINDER: "sends_reminders",
}
RETRY_DELAY = dt.timedelta(seconds=5)


def compose_message(message: Message) -> Composed:
    """Returns what is to be sent now, or why nothing is.

    It locks the appointment, so that a cancellation comes before the decision or after it. It postpones the message
    while another message of the appointment is being sent: otherwise a confirmation could arrive after a cancellation.
    """
    now = timezone.now()
    # A row that another transaction has locked is skipped, since waiting for it could cause a deadlock.
    locked = Appointment.objects.select_for_update(of=("self",), no_key=True, skip_locked=True)
    appointment = locked.with_related().select_related("tenant").filter(pk=message.appointment_id).first()
    others = Message.objects.filter(appointment=message.appointment_id, state=DeliveryState.SENDING)
    if appointment is None or others.exists():
        return Postponed(now + RETRY_DELAY)
    if message.former:
        if appointment.customer_id == message.customer_id or not _has_been_told(message):
            return Skipped(["superseded"])
        appointment = _rebuild_former_appointment(appointment, message)
    if reason := _find_reason_against(message, appointment, now):
        return Skipped([reason])
    customer: Any = appointment.customer
    decision = decide(customer, Purpose.SERVICE, channels=[message.channel], at=now)
    if decision.allowed_from:
        return Postponed(decision.allowed_from)
    if not decision.allowed:
        return Skipped(decision.reasons)
    message.language = decision.language
    return _compose(message, appointment, customer)


def _has_been_told(message: Message) -> bool:
    """Returns whether the customer may know of the appointment: a message to them was sent or may have been sent. It is
    also true if there is no other message to them: nobody writes about a pending appointment, but its customer may know
    of it.
    """
    earlier = Message.objects.filter(appointment=message.appointment_id, customer=message.customer_id)
    states = {*earlier.exclude(pk=message.pk).values_list("state", flat=True)}
    return not states or bool(states & {DeliveryState.SENT, DeliveryState.UNKNOWN})


def _rebuild_former_appointment(appointment: Appointment, message: Message) -> Appointment:
    """Returns the appointment as it was for the customer who lost it to another customer."""
    former: Any = message.former
    values = former | {
        "appointment_date": dt.date.fromisoformat(former["appointment_date"]),
        "start_time": dt.time.fromisoformat(former["start_time"]),
        "end_time": dt.time.fromisoformat(former["end_time"]),
    }
    return Appointment(
        pk=appointment.pk,
        tenant=appointment.tenant,
        customer=message.customer,
        status=Status.CANCELLED,
        sequence=message.sequence,
        **values,
    )


def _find_reason_against(message: Message, appointment: Appointment, now: dt.datetime) -> str | None:
    """Returns the code of the reason why the message is out of date, or None."""
    is_cancelled = appointment.status == Status.CANCELLED
    if message.sequence != appointment.sequence or message.customer_id != appointment.customer_id:
        return "superseded"
    if is_cancelled != (message.kind == MessageKind.CANCELLATION):
        return "cancelled" if is_cancelled else "superseded"
    if appointment.status not in (Status.CONFIRMED, Status.CANCELLED):
        return "not_confirmed"
    if appointment.instants[0] <= now:
        return "past"
    if not getattr(appointment.tenant, SWITCHES[MessageKind(message.kind)]):
        return "switched_off"
    return None


def _compose(message: Message, appointment: Appointment, customer: Any) -> Mail | TextMessage:
    # Imported here: its library would take a twentieth of the start of each process, and the sender alone needs it.
    from appointments.messages.calendar_file import build_calendar_file

    language = message.language or appointment.tenant.language
    text = render_message(message.kind, language, appointment, manage_url=manage_url(appointment))
    if message.channel != Channel.EMAIL:
        return TextMessage(Channel(message.channel), customer.phone, text.text, language)
    return Mail(
        to=customer.email,
        subject=text.subject,
        text=text.text,
        html=text.html,
        language=language,
        attachments=[build_calendar_file(appointment)],
    )
