"""Books appointments, moves them and sets their status. The API and the back office book by these functions."""

import datetime as dt
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

from django.core.exceptions import ValidationError

from appointments.alternatives import find_alternatives
from appointments.availability import Slot
from appointments.lengths import length_of, set_length
from appointments.models import BLOCKING_STATUSES, OPEN_STATUSES, Appointment, DoubleBooking, Override, Status
from appointments.models.schedule import Schedule, read_schedules
from appointments.models.transitions import get_transitions_now
from circe.api.conflicts import ConflictError
from circe.api.local_time import add_minutes, is_skipped
from customers.models import Customer

ONE_MINUTE = dt.timedelta(minutes=1)
# By the code of a rule: the sentence for people. If nobody is free, the first rule that forbids somebody is given.
REFUSAL_TEXTS = {
    "overlap": "The member of staff has another appointment at that time.",
    "time_off": "The member of staff is away, or the outlet is closed, at that time.",
    "outside_hours": "The member of staff does not work at that outlet at that time.",
    "service_not_offered": "The member of staff does not offer this service.",
    "customer_inactive": "The customer is inactive.",
}
# By the code of a rule: the override that lifts it. Nothing lifts the other rules.
OVERRIDE_OF = {
    "time_off": Override.HOURS,
    "outside_hours": Override.HOURS,
    "service_not_offered": Override.SERVICE,
}


class BookingRefused(ConflictError):
    """A rule forbids a booking. `code` names the rule. `codes` also has those of the other rules that forbid it.

    `alternatives` are the nearest slots. `other` is the appointment that overlaps, where there is one: the API tells its id
    only.
    """

    def __init__(self, code: str, *, other: Appointment | None = None, also: Collection[str] = ()) -> None:
        super().__init__(REFUSAL_TEXTS[code])
        self.code, self.codes, self.other = code, [code, *also], other
        self.alternatives: list[Slot] = []
        self.details = {"alternatives": []}
        if code == "overlap":
            self.details["conflicting_appointment_id"] = other and other.pk

    def offer(self, alternatives: list[Slot], appointment: Appointment) -> None:
        """Adds to the refusal the slots that can be booked instead of the appointment."""
        self.alternatives = alternatives
        self.details["alternatives"] = [slot.as_json(appointment.service) for slot in alternatives]


class InvalidTransition(ConflictError):
    """The appointment can't get the status, or can't be moved with the status that it has."""

    code = "invalid_transition"

    def __init__(self, appointment: Appointment, what: str) -> None:
        allowed = get_transitions_now(appointment)
        self.details = {"allowed": [status.value for status in allowed]}
        current = appointment.get_status_display().lower()
        possible = describe_transitions(appointment)
        super().__init__(f"It is {current}, so it can't {what}. Its status can become {possible}.")


def describe_transitions(appointment: Appointment) -> str:
    """Returns the statuses that the appointment can get now, as words of a sentence."""
    labels = [status.label.lower() for status in get_transitions_now(appointment)]
    return " or ".join(labels) or "nothing else before its day"


class CustomerAlreadySet(ConflictError):
    """The appointment is not a walk-in that could be given to a customer."""

    code = "customer_already_set"

    def __init__(self) -> None:
        super().__init__("Only an appointment that was booked without a customer can be given to one, and only once.")


def book(appointment: Appointment, *, overrides: Collection[Override] = (), seen: str | None = None) -> None:
    """Stores an appointment that is new, or whose time, staff, outlet or service has changed, or that blocks its time
    again. Sets its buffer. `seen` is the status before the change.

    If its `staff_id` is None, a member of staff who is free is chosen: the one with the shortest free time around it. In the
    past, that is somebody who was free then. Raises BookingRefused if a rule forbids it that is not in `overrides`, and
    ValidationError if start and end are equal, or if one of them is a local time that does not exist. Then nothing is
    stored. The appointment's `overrides` become those that were needed.
    """
    _check_local_times(appointment)
    appointment.buffer_minutes = _buffer_minutes(appointment)
    allowed = {Override(override) for override in overrides}
    with _offering_alternatives(appointment):
        if appointment._state.adding or (takes_time_again(appointment.status, seen) and not appointment.has_begun):
            _check_customer(appointment.customer)
        if appointment.staff_id is None:
            _book_anyone(appointment, allowed)
        else:
            _book(appointment, allowed)


def move(
    appointment: Appointment,
    *,
    day: dt.date,
    start: dt.time,
    end: dt.time | None = None,
    staff_id: str | None = None,
    outlet_id: str | None = None,
    overrides: Collection[Override] = (),
) -> None:
    """Moves an appointment to another time, and to another person or outlet where one is given. Does nothing if it is
    there already.

    Without an `end` it stays as long as it was. The caller has locked both members of staff. Raises InvalidTransition
    if its status is not in OPEN_STATUSES, and what `book` raises.
    """
    if appointment.status not in OPEN_STATUSES:
        raise InvalidTransition(appointment, "be moved")
    before, length = _where(appointment), length_of(appointment)
    appointment.appointment_date, appointment.start_time = day, start
    if end is None:
        set_length(appointment, length)
    else:
        appointment.end_time = end
    appointment.staff_id = staff_id or appointment.staff_id
    appointment.outlet_id = outlet_id or appointment.outlet_id
    if _where(appointment) != before:
        book(appointment, overrides=overrides)


def _where(appointment: Appointment) -> tuple[dt.datetime, dt.datetime, str | None, str]:
    return *appointment.local_bounds, appointment.staff_id, appointment.outlet_id


def set_status(
    appointment: Appointment, status: Status, *, reason: str | None = None, overrides: Collection[Override] = ()
) -> None:
    """Sets the status, unless the appointment has it already. The caller has locked the member of staff and the row.

    Raises InvalidTransition if the status is not in `get_transitions_now`, and BookingRefused as `store_status`.
    """
    seen = appointment.status
    if status == seen:
        return
    if status not in get_transitions_now(appointment):
        raise InvalidTransition(appointment, f"become {status.label.lower()}")
    with _offering_alternatives(appointment):
        store_status(appointment, status, seen=seen, reason=reason, overrides=overrides)


def store_status(
    appointment: Appointment,
    status: Status,
    *,
    seen: str,
    reason: str | None = None,
    overrides: Collection[Override] = (),
) -> bool:
    """Sets the status if the stored one is still `seen`. Returns whether it was set.

    If the new status blocks the time and `seen` did not, the rules of a new booking apply, except those in `overrides`
    and those against which the appointment was booked. Raises BookingRefused without alternatives. Then nothing is
    stored.
    """
    if appointment.status != seen:
        return False
    allowed = {*map(Override, appointment.overrides), *map(Override, overrides)}
    values: dict[str, Any] = {"status": status, "status_reason": reason}
    appointment.status = status
    try:
        with appointment.booking_transaction():
            if takes_time_again(status, seen) and not appointment.has_begun:
                _check_customer(appointment.customer)
                needed = _check_rules(appointment, allowed)
                if not {*needed} <= {*appointment.overrides}:
                    values["overrides"] = needed
            return appointment.store_status(values, seen=seen)
    except DoubleBooking as error:
        also = [
            code for code in _find_broken_rules(appointment) if code != "overlap" and not _is_allowed(code, allowed)
        ]
        raise BookingRefused("overlap", other=error.other, also=also) from error


def takes_time_again(status: str, seen: str | None) -> bool:
    """Returns whether the status blocks the time of the appointment and the status `seen` did not."""
    return status in BLOCKING_STATUSES and seen is not None and seen not in BLOCKING_STATUSES


def give_to_customer(appointment: Appointment, customer: Customer) -> None:
    """Gives a walk-in to its customer. Raises CustomerAlreadySet for any other appointment, BookingRefused for an inactive
    customer.
    """
    if not appointment.is_walk_in:
        raise CustomerAlreadySet
    _check_customer(customer)
    appointment.change({"customer": customer, "is_walk_in": False})


def find_free_staff(appointment: Appointment, *, except_staff_id: str) -> list[str]:
    """Returns the ids of the members of staff who could have the appointment, without `except_staff_id`. The first has
    the shortest free time around it.
    """
    begin, end = appointment.occupied
    schedules = [
        schedule
        for schedule in _read_schedules(appointment, service=appointment.service_id)
        if schedule.staff_id != except_staff_id and _find_refusal(appointment, schedule) is None
    ]
    schedules.sort(key=lambda one: (one.time_left_free(begin, end), one.staff_name, one.staff_id))
    return [schedule.staff_id for schedule in schedules]


@contextmanager
def _offering_alternatives(appointment: Appointment) -> Iterator[None]:
    """Adds alternatives to a refusal in the block. An inactive customer gets none, since they can book nothing."""
    try:
        yield
    except BookingRefused as refusal:
        if refusal.code != "customer_inactive":
            refusal.offer(find_alternatives(appointment), appointment)
        raise


def _check_customer(customer: Customer | None) -> None:
    if customer and not customer.is_active:
        raise BookingRefused("customer_inactive")


def _check_local_times(appointment: Appointment) -> None:
    """Raises ValidationError if start and end are equal, or if clocks skip one of them when they go forward."""
    if appointment.start_time == appointment.end_time:
        raise ValidationError({"end_time": "An appointment can't end when it starts."}, code="invalid")
    zone = appointment.tenant.zone
    for field, local in zip(("start_time", "end_time"), appointment.local_bounds, strict=True):
        if is_skipped(local, zone):
            raise ValidationError(
                {field: "Clocks go forward then: this time does not exist on that day."}, code="invalid"
            )


def _buffer_minutes(appointment: Appointment) -> int:
    """Returns the buffer in minutes of the local clock. It differs from the service's if clocks change during it."""
    end = appointment.local_bounds[1]
    free_again = add_minutes(end, appointment.service.buffer_minutes, appointment.tenant.zone)
    return (free_again - end) // ONE_MINUTE


def _book(appointment: Appointment, allowed: Collection[Override], *, lifted: Collection[str] = ()) -> None:
    """Stores the appointment with the member of staff that it has. Raises BookingRefused.

    `lifted` are the codes of the rules against which this person was chosen.
    """
    try:
        with appointment.booking_transaction():
            needed = {*_check_rules(appointment, allowed), *(OVERRIDE_OF[code].value for code in lifted)}
            appointment.overrides = sorted(needed)
            appointment.store()
    except DoubleBooking as error:
        raise BookingRefused("overlap", other=error.other) from error


def _check_rules(appointment: Appointment, allowed: Collection[Override]) -> list[str]:
    """Returns the overrides that the appointment needs. Raises BookingRefused if one is not allowed."""
    broken = _find_broken_rules(appointment)
    if refused := [code for code in broken if not _is_allowed(code, allowed)]:
        other = appointment.find_conflicting_appointment() if "overlap" in refused else None
        raise BookingRefused(refused[0], other=other, also=refused[1:])
    return sorted({OVERRIDE_OF[code].value for code in broken})


def _book_anyone(appointment: Appointment, allowed: Collection[Override]) -> None:
    """Gives the appointment a member of staff who is free, and stores it. Raises BookingRefused."""
    if not (appointment.service.is_active or appointment.has_begun or Override.SERVICE in allowed):
        raise BookingRefused("service_not_offered")
    codes = _book_first_free(appointment, _read_schedules(appointment, service=appointment.service_id), allowed)
    if appointment.staff_id is None and Override.SERVICE in allowed:
        others = [schedule for schedule in _read_schedules(appointment) if schedule.staff_id not in codes]
        codes |= _book_first_free(appointment, others, allowed, lifted=["service_not_offered"])
    if appointment.staff_id is None:
        raise BookingRefused(next((code for code in REFUSAL_TEXTS if code in codes.values()), "service_not_offered"))


def _book_first_free(
    appointment: Appointment, schedules: list[Schedule], allowed: Collection[Override], lifted: Collection[str] = ()
) -> dict[str, str | None]:
    """Books the first person who is free, if somebody is. Returns by id the code of the rule that forbids each person.

    A person whom nobody named must have been free, so the rules count for a start in the past too.
    """
    begin, end = appointment.occupied
    codes = {one.staff_id: next(iter(one.find_conflicts(begin, end)), None) for one in schedules}
    if appointment.has_begun:
        codes |= dict.fromkeys(codes.keys() & appointment.find_attending_staff(), "overlap")
    for schedule in sorted(
        (one for one in schedules if _is_allowed(codes[one.staff_id], allowed)),
        # With an override, people who work at that time are tried first.
        key=lambda one: (
            codes[one.staff_id] is not None,
            one.time_left_free(begin, end),
            one.staff_name,
            one.staff_id,
        ),
    ):
        appointment.staff_id, code = schedule.staff_id, codes[schedule.staff_id]
        try:
            # A refusal rolls its transaction back, and releases the lock of this person before the next one is tried.
            _book(appointment, allowed, lifted=[*lifted, code] if code else lifted)
        except BookingRefused as refusal:
            codes[schedule.staff_id] = refusal.code
        else:
            return codes
    appointment.staff = None  # type: ignore[assignment]
    return codes


def _is_allowed(code: str | None, allowed: Collection[Override]) -> bool:
    return code is None or (code in OVERRIDE_OF and OVERRIDE_OF[code] in allowed)


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


def _find_broken_rules(appointment: Appointment) -> list[str]:
    """Returns the codes of the rules that the appointment with its member of staff breaks.

    Sends one statement if the person offers the service, which is nearly always so.
    """
    staff, codes = [appointment.staff_id], list[str]()
    schedules = _read_schedules(appointment, staff=staff, service=appointment.service_id)
    if not (schedules and appointment.service.is_active):
        codes += [] if appointment.has_begun else ["service_not_offered"]
        schedules = _read_schedules(appointment, staff=staff)
    if not (schedules or appointment.has_begun):
        # The person is no longer active.
        codes.append("outside_hours")
    return codes + [code for one in schedules for code in _find_refusals(appointment, one)]


def _find_refusal(appointment: Appointment, schedule: Schedule) -> str | None:
    """Returns the first of `_find_refusals`, or None."""
    return next(iter(_find_refusals(appointment, schedule)), None)


def _find_refusals(appointment: Appointment, schedule: Schedule) -> list[str]:
    """Returns the codes of the rules by which the schedule forbids the appointment."""
    conflicts = schedule.find_conflicts(*appointment.occupied)
    # For an appointment that has begun, only `overlap` is checked.
    is_checked = {"overlap": appointment.status in BLOCKING_STATUSES}
    return [code for code in conflicts if is_checked.get(code, not appointment.has_begun)]
