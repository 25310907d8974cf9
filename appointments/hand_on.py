"""Gives upcoming bookings to another person, outlet or service: when a person leaves, an outlet closes or a service ends.

Each booking is handed on as a whole, by the rules of a moved booking, or stays as it is with the reason.
"""

import datetime as dt
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import QuerySet

from appointments.booking import BookingRefused, book, find_free_staff
from appointments.lengths import set_length
from appointments.models import (
    OPEN_STATUSES,
    Appointment,
    TimeOff,
    local_today_and_time,
    lock_bookings_of,
    upcoming_condition,
)
from appointments.models.schedule import read_schedules
from circe.api.conflicts import ConflictError
from tenants.models import Outlet, Service, Staff

# The most bookings that are compared with new working hours or time off.
MAX_COMPARED = 500


class HandOnTarget(NamedTuple):
    """The new person, outlet and service of a booking. None means that the booking keeps the present one.

    With `anybody`, `staff` is not read: the booking goes to another person who is free.
    """

    staff: Staff | None = None
    outlet: Outlet | None = None
    service: Service | None = None
    anybody: bool = False


class ChangedMeanwhile(ConflictError):
    """The booking has begun, or was cancelled or given to somebody else in the meantime."""

    code = "changed_meanwhile"

    def __init__(self) -> None:
        super().__init__("Somebody changed it meanwhile, or it has begun.")


class NobodyFree(ConflictError):
    """Nobody else who offers the service is free at the time of the booking."""

    code = "nobody_free"

    def __init__(self, appointment: Appointment) -> None:
        super().__init__(f"Nobody else who offers {appointment.service} is free at {appointment.outlet} then.")


def find_upcoming_bookings(**of: Any) -> QuerySet[Appointment]:
    """Returns the upcoming bookings that match the lookups `of`, such as `find_upcoming_bookings(staff=…)`."""
    return Appointment.objects.filter(upcoming_condition(*local_today_and_time()), **of)


def find_bookings_outside_hours(staff: Any) -> list[Appointment]:
    """Returns the upcoming bookings outside the person's working hours. A booking with the override `hours` is left
    out.
    """
    rows = list(find_upcoming_bookings(staff=staff.pk).order_by("appointment_date", "start_time")[:MAX_COMPARED])
    if not rows:
        return []
    first, last = rows[0].local_bounds[0], max(row.occupied[1] for row in rows)
    schedules = {
        schedule.outlet_id: schedule
        for schedule in read_schedules(staff.tenant_id, first=first, last=last, staff=[staff.pk])
    }
    return [
        row
        for row in rows
        if "hours" not in row.overrides
        and not (row.outlet_id in schedules and schedules[row.outlet_id].is_working(*row.occupied))
    ]


def find_bookings_in_time_off(time_off: TimeOff) -> list[Appointment]:
    """Returns the upcoming bookings in a time in which their person is away, or their outlet is closed."""
    whose = {"staff": time_off.staff_id} if time_off.staff_id else {"outlet": time_off.outlet_id}
    # A booking that begins on the day before may last until after midnight.
    days = (time_off.first_day - dt.timedelta(days=1), time_off.last_day)
    rows = find_upcoming_bookings(**whose, appointment_date__range=days).order_by("appointment_date", "start_time")
    return [
        row
        for row in rows[:MAX_COMPARED]
        if row.occupied[0] < time_off.local_end and time_off.local_start < row.occupied[1]
    ]


def hand_on(appointment: Appointment, to: HandOnTarget) -> Appointment:
    """Hands on a booking, and returns it as it is now. The customer is told, as after any other change.

    With another service the booking lasts as long as that service. It keeps the price that was agreed. Raises
    BookingRefused if a rule forbids it, NobodyFree, ChangedMeanwhile, and ValidationError as `book`. Then nothing has
    changed.
    """
    if not to.anybody:
        return _hand_on(appointment, to, staff_id=to.staff.pk if to.staff else appointment.staff_id)
    wanted = Appointment.objects.with_related().select_related("tenant").get(pk=appointment.pk)
    _set_outlet_and_service(wanted, to)
    # Each person is tried in a transaction of its own. So nobody stays locked while the next person is tried.
    for staff_id in find_free_staff(wanted, except_staff_id=appointment.staff_id):
        try:
            return _hand_on(appointment, to, staff_id=staff_id)
        except BookingRefused:
            continue
    raise NobodyFree(wanted)


@transaction.atomic
def _hand_on(appointment: Appointment, to: HandOnTarget, *, staff_id: str) -> Appointment:
    lock_bookings_of(appointment.tenant_id, [appointment.staff_id, staff_id])
    rows = Appointment.objects.with_related().select_related("tenant").select_for_update(of=("self",))
    row = rows.filter(pk=appointment.pk, staff=appointment.staff_id, status__in=OPEN_STATUSES).first()
    if row is None or row.has_begun:
        raise ChangedMeanwhile
    _set_outlet_and_service(row, to)
    row.staff_id = staff_id
    book(row)
    return row


def _set_outlet_and_service(row: Appointment, to: HandOnTarget) -> None:
    row.outlet = to.outlet or row.outlet
    if to.service and to.service.pk != row.service_id:
        row.service = to.service
        set_length(row, to.service.duration)
