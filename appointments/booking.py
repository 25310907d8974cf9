"""Books appointments and moves them. The API and the back office book by these functions."""

import datetime as dt
from collections.abc import Collection

from django.core.exceptions import ValidationError
from django.utils import timezone

from appointments.availability import Slot, find_slots
from appointments.models import BLOCKING_STATUSES, Appointment, DoubleBooking, Override
from appointments.models.schedule import Schedule, read_schedules
from circe.api.conflicts import ConflictError
from circe.api.local_time import add_minutes, is_skipped, to_instant
from tenants.models import Service, ServiceStaff

MAX_ALTERNATIVES = 3
# Alternatives are searched in this time before and after the wanted start.
ALTERNATIVES_AROUND = dt.timedelta(days=14)
REFUSALS = {
    "overlap": "The member of staff has another appointment at that time.",
    "time_off": "The member of staff is away, or the outlet is closed, at that time.",
    "outside_hours": "The member of staff does not work at that outlet at that time.",
    "service_not_offered": "The member of staff does not offer this service.",
    "customer_inactive": "The customer is inactive.",
}
OVERRIDE_OF = {
    "time_off": Override.HOURS,
    "outside_hours": Override.HOURS,
    "service_not_offered": Override.SERVICE,
}


class BookingRefused(ConflictError):
    """A rule forbids a booking. `code` names the rule.

    `alternatives` are the nearest slots. `other` is the appointment that overlaps, where there is one: the API tells its id
    only.
    """

    def __init__(self, code: str, *, alternatives: Collection[Slot] = (), other: Appointment | None = None) -> None:
        super().__init__(REFUSALS[code])
        self.code, self.alternatives, self.other = code, list(alternatives), other


def book(appointment: Appointment, *, overrides: Collection[Override] = ()) -> None:
    """Stores a new appointment, or one whose time, staff, outlet or service has changed. Sets its buffer.

    If its `staff_id` is None, chooses a person who is free, so that the smallest time stays free before and after it.
    Raises BookingRefused if a rule forbids it that is not in `overrides`, and ValidationError for a local time that does not
    exist. Then nothing is stored.
    """
    _check_local_times(appointment)
    appointment.buffer_minutes = _buffer_minutes(appointment)
    appointment.overrides = sorted({Override(override).value for override in overrides})
    customer = appointment.customer
    if appointment._state.adding and customer and not customer.is_active:
        raise BookingRefused("customer_inactive")
    try:
        if appointment.staff_id is None:
            _book_anyone(appointment)
        else:
            _book(appointment)
    except BookingRefused as refusal:
        refusal.alternatives = find_alternatives(appointment)
        raise


def set_length(appointment: Appointment, minutes: int) -> None:
    """Sets the end of the appointment so that it lasts that many minutes."""
    start = dt.datetime.combine(appointment.appointment_date, appointment.start_time)
    appointment.end_time = add_minutes(start, minutes, appointment.tenant.zone).time()


def length_in_minutes(appointment: Appointment) -> int:
    """Returns how many minutes of 60 seconds the appointment lasts."""
    begin, end = (to_instant(local, appointment.tenant.zone) for local in appointment.hours)
    return int((end - begin).total_seconds() // 60)


def find_alternatives(appointment: Appointment) -> list[Slot]:
    """Returns the slots nearest to the appointment's start: of its member of staff, or of anybody if it has none."""
    start = appointment.hours[0]
    slots = find_slots(
        appointment.service,
        first=start - ALTERNATIVES_AROUND,
        last=start + ALTERNATIVES_AROUND,
        staff=appointment.staff_id,
        outlet=appointment.outlet_id,
        freed=appointment.pk,
        minutes=length_in_minutes(appointment),
    )
    return sorted(slots, key=lambda slot: (abs(slot.start - start), slot))[:MAX_ALTERNATIVES]


def _check_local_times(appointment: Appointment) -> None:
    """Raises ValidationError if no clock shows the start or the end, since clocks go forward."""
    zone = appointment.tenant.zone
    for field, local in zip(("start_time", "end_time"), appointment.hours, strict=True):
        if is_skipped(local, zone):
            raise ValidationError({field: "Clocks go forward then: this time does not exist on that day."})


def _buffer_minutes(appointment: Appointment) -> int:
    """Returns the minutes of the local clock from the end until the buffer of the service is over."""
    end = appointment.hours[1]
    free_again = add_minutes(end, appointment.service.buffer_minutes, appointment.tenant.zone)
    return int((free_again - end).total_seconds() // 60)


def _book(appointment: Appointment) -> None:
    """Stores the appointment of its member of staff. Raises BookingRefused."""
    if _is_bound_by_rules(appointment) and not _is_offered(appointment.service, appointment.staff_id):
        _refuse_unless_overridden("service_not_offered", appointment)
    try:
        with appointment.lock_staff():
            for schedule in _read_schedules(appointment, staff=[appointment.staff_id]):
                code = _find_refusal(appointment, schedule)
                if code:
                    _refuse_unless_overridden(code, appointment)
            appointment.save()
    except DoubleBooking as error:
        raise BookingRefused("overlap", other=error.other) from error


def _book_anyone(appointment: Appointment) -> None:
    """Stores the appointment of somebody who is free, if there is somebody. Raises BookingRefused."""
    service = None if Override.SERVICE in appointment.overrides else appointment.service_id
    schedules = _read_schedules(appointment, service=service)
    codes = {schedule.staff_id: _find_refusal(appointment, schedule) for schedule in schedules}
    allowed = {None, *(code for code, override in OVERRIDE_OF.items() if override in appointment.overrides)}
    candidates = [schedule for schedule in schedules if codes[schedule.staff_id] in allowed]
    begin, end = appointment.occupied
    for schedule in sorted(
        candidates,
        key=lambda one: (codes[one.staff_id] is not None, one.time_left_free(begin, end), one.staff_name, one.staff_id),
    ):
        appointment.staff_id = schedule.staff_id
        try:
            # Its transaction ends with a refusal, so that no lock on a person stays while another one is tried.
            _book(appointment)
        except BookingRefused:
            codes[schedule.staff_id] = "overlap"
        else:
            return
    appointment.staff = None  # type: ignore[assignment]
    raise BookingRefused(next((code for code in REFUSALS if code in codes.values()), "service_not_offered"))


def _read_schedules(
    appointment: Appointment, *, staff: list[str] | None = None, service: str | None = None
) -> list[Schedule]:
    begin, end = appointment.occupied
    return read_schedules(
        appointment.tenant.pk,
        first=begin,
        last=end,
        staff=staff,
        service=service,
        outlet=appointment.outlet_id,
        freed=appointment.pk,
    )


def _find_refusal(appointment: Appointment, schedule: Schedule) -> str | None:
    """Returns the code of the rule by which the schedule forbids the appointment, or None."""
    code = schedule.find_conflict(*appointment.occupied)
    if code == "overlap":
        return code if appointment.status in BLOCKING_STATUSES else None
    return code if _is_bound_by_rules(appointment) else None


def _is_bound_by_rules(appointment: Appointment) -> bool:
    """Returns whether hours and offers count: what is past has happened, whatever the rules."""
    return to_instant(appointment.hours[0], appointment.tenant.zone) >= timezone.now()


def _is_offered(service: Service, staff: str) -> bool:
    offering = set(ServiceStaff.objects.filter(service=service).values_list("staff_id", flat=True))
    return service.is_active and (not offering or staff in offering)


def _refuse_unless_overridden(code: str, appointment: Appointment) -> None:
    if OVERRIDE_OF.get(code) not in appointment.overrides:
        raise BookingRefused(code, other=appointment.find_conflicting_appointment() if code == "overlap" else None)
