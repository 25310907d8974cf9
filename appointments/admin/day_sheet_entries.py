"""The parts of a day sheet: outlets, members of staff, and what their days consist of."""

import datetime as dt
from typing import NamedTuple

from appointments.models import BLOCKING_STATUSES, OPEN_STATUSES, Appointment, Status
from appointments.models.transitions import describe_length
from circe.backoffice.regional import format_amount, format_clock
from customers.admin.reception_notes import ReceptionNotes
from tenants.models import Outlet, Staff
from tenants.scope import current_tenant


class Entry(NamedTuple):
    """An appointment in a column. If it is at another outlet, it is shown without details: the member of staff is busy
    there.
    """

    appointment: Appointment
    transitions: dict[Status, str]
    is_at_other_outlet: bool
    notes: ReceptionNotes | None
    now: dt.datetime

    @property
    def state(self) -> str:
        """The text for people: the arrival, the lateness or the status, such as `Arrived 13:55`, `Late, 10 minutes`,
        `Confirmed`.
        """
        if arrived := self.appointment.waits_since:
            return f"Arrived {format_clock(arrived)}"
        if late := self.appointment.lateness(self.now):
            return f"Late, {describe_length(late)}"
        return self.appointment.get_status_display().lower().capitalize()

    @property
    def state_class(self) -> str:
        """The name by which the style sheet knows the state."""
        if self.appointment.waits_since:
            return "arrived"
        return "late" if self.appointment.lateness(self.now) else self.appointment.status

    @property
    def price(self) -> str:
        return format_amount(self.appointment.total_price, current_tenant().currency)

    @property
    def paid(self) -> str:
        return format_amount(self.appointment.paid_amount, current_tenant().currency)

    @property
    def arrival_step(self) -> tuple[str, str] | None:
        """The value and the text of the button about the arrival. There is none on another day, after the start, and
        for a walk-in, who is there."""
        one = self.appointment
        if one.is_walk_in or one.status not in OPEN_STATUSES or one.appointment_date != self.now.date():
            return None
        return ("no", "Not here yet") if one.waits_since else ("yes", "Arrived")

    @property
    def free_again(self) -> dt.datetime | None:
        """When the time that is kept free after the appointment ends, or None if there is none."""
        is_kept = self.appointment.buffer_minutes and self.appointment.status in BLOCKING_STATUSES
        return self.appointment.occupied[1] if is_kept else None


class FreeTime(NamedTuple):
    """Free time of a member of staff, and the URL that books it. `end` is None if it lasts beyond the day."""

    start: dt.time
    end: dt.time | None
    booking_url: str


class TimeAway(NamedTuple):
    """A time in which a member of staff is away: `description` says when and why."""

    description: str


class Column(NamedTuple):
    """The day of a member of staff at an outlet, ordered by time. `hours` is empty if they don't work there on the day."""

    staff: Staff
    entries: list[Entry | FreeTime | TimeAway]
    hours: str


class Section(NamedTuple):
    """An outlet, with a column for each member of staff who works or has an appointment there on the day."""

    outlet: Outlet
    columns: list[Column]
    closures: list[str]
