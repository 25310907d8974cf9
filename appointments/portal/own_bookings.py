"""Books, moves and cancels a customer's own appointments. The API and the pages of the portal use these functions.

They run in the customer's scope (CustomerScope), and in a transaction.
"""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager

from django.core.exceptions import ValidationError
from django.utils import timezone
from rest_framework.generics import get_object_or_404

from appointments.booking import ONE_MINUTE, BookingRefused, book, move, set_status
from appointments.lengths import find_end, length_of, set_length
from appointments.models import OPEN_STATUSES, Appointment, Status, lock_bookings_of
from circe.api.conflicts import ConflictError
from circe.api.local_time import to_instant
from customers.models import Customer
from tenants.idempotency import RepeatTransaction
from tenants.models import Service, Tenant


class TooLate(ConflictError):
    """The appointment is so near that only the business can change it. `details` has `cancellation_notice_hours`."""

    code = "too_late"

    def __init__(self, notice_hours: int) -> None:
        self.details = {"cancellation_notice_hours": notice_hours}
        hours = "1 hour" if notice_hours == 1 else f"{notice_hours} hours"
        until = f"until {hours} before it starts" if notice_hours else "until it starts"
        super().__init__(f"You can move or cancel it {until}. Please call the business to change it now.")


class NotOpen(ConflictError):
    """The status of the appointment is neither pending nor confirmed, so the customer can change nothing about it."""

    code = "invalid_transition"

    def __init__(self, appointment: Appointment) -> None:
        self.details = {"allowed": []}
        status = appointment.get_status_display().lower()
        super().__init__(f"It is {status}: you can't move or cancel it any more. Please book another one.")


def book_own(
    customer: Customer,
    *,
    service: Service,
    outlet_id: str,
    day: dt.date,
    start: dt.time,
    end: dt.time | None = None,
    staff_id: str | None = None,
    notes: str | None = None,
) -> Appointment:
    """Books the service for the customer, at its length and price, and returns the appointment.

    An `end`, if there is one, must agree with the length of the service. Without a `staff_id`, somebody who is free is
    chosen. Raises ValidationError for a start that is past or not offered and for another end, and what
    `appointments.booking.book` raises.
    """
    service.tenant = customer.tenant
    appointment = Appointment(
        tenant=customer.tenant,
        customer=customer,
        service=service,
        outlet_id=outlet_id,
        staff_id=staff_id,
        appointment_date=day,
        start_time=start,
        total_price=service.price,
        status=Status.CONFIRMED,
        notes=notes,
    )
    _check_time(day, start, end, customer.tenant, length=service.duration)
    set_length(appointment, service.duration)
    with _refusals_for_customers():
        book(appointment)
    return appointment


def lock_own(appointment_id: str, *, staff_id: str | None = None) -> Appointment:
    """Returns the customer's appointment, locked together with its member of staff, and with `staff_id`, until the
    transaction ends.

    Raises Http404 if the customer has no such appointment, and RepeatTransaction if another member of staff got it
    while this waited for the lock.
    """
    seen = get_object_or_404(Appointment, pk=appointment_id)
    lock_bookings_of(seen.tenant_id, [seen.staff_id, staff_id])
    own = Appointment.objects.select_related("tenant", "service").select_for_update(of=("self",))
    appointment = get_object_or_404(own, pk=appointment_id)
    if appointment.staff_id != seen.staff_id:
        raise RepeatTransaction
    appointment.service.tenant = appointment.tenant
    return appointment


def move_own(
    appointment: Appointment,
    *,
    day: dt.date,
    start: dt.time,
    end: dt.time | None = None,
    staff_id: str | None = None,
    outlet_id: str | None = None,
) -> None:
    """Moves an appointment that `lock_own` returned. It stays as long as it was, and an `end` must agree with that.

    Raises NotOpen, TooLate, ValidationError for a start that is past or not offered, and what `appointments.booking.move`
    raises.
    """
    _check_changeable(appointment)
    _check_time(day, start, end, appointment.tenant, length=length_of(appointment))
    with _refusals_for_customers():
        move(appointment, day=day, start=start, staff_id=staff_id, outlet_id=outlet_id)


def cancel_own(appointment: Appointment, *, reason: str | None = None) -> None:
    """Cancels an appointment that `lock_own` returned. Does nothing if it is cancelled already.

    Raises NotOpen and TooLate.
    """
    if appointment.status == Status.CANCELLED:
        return
    _check_changeable(appointment)
    set_status(appointment, Status.CANCELLED, reason=reason)


def changeable_until(appointment: Appointment) -> dt.datetime | None:
    """Returns until when the customer can move or cancel it, which may be past. It is None if the appointment is neither
    pending nor confirmed.
    """
    if appointment.status not in OPEN_STATUSES:
        return None
    return appointment.instants[0] - dt.timedelta(hours=appointment.tenant.cancellation_notice_hours)


def _check_changeable(appointment: Appointment) -> None:
    until = changeable_until(appointment)
    if until is None:
        raise NotOpen(appointment)
    if until < timezone.now():
        raise TooLate(appointment.tenant.cancellation_notice_hours)


def _check_time(day: dt.date, start: dt.time, end: dt.time | None, tenant: Tenant, *, length: dt.timedelta) -> None:
    """Raises ValidationError for a start that is past or not on the grid, and for another length."""
    begin = dt.datetime.combine(day, start)
    if to_instant(begin, tenant.zone) < timezone.now():
        raise ValidationError({"start_time": ValidationError("This time is past: choose a later one.", code="past")})
    if start.second or (60 * start.hour + start.minute) % tenant.slot_minutes:
        offered = f"Appointments start every {tenant.slot_minutes} minutes, counted from midnight"
        why = ValidationError(f"{offered}: choose one of the free times.", code="off_grid")
        raise ValidationError({"start_time": why})
    if end not in (None, find_end(begin, length, tenant.zone)):
        why = ValidationError(f"It takes {length // ONE_MINUTE} minutes: leave the end out.", code="not_yours")
        raise ValidationError({"end_time": why})


@contextmanager
def _refusals_for_customers() -> Iterator[None]:
    """Removes from a refusal what it says about the appointment of somebody else."""
    try:
        yield
    except BookingRefused as refusal:
        refusal.details.pop("conflicting_appointment_id", None)
        refusal.other = None
        raise
