"""The parts of a day sheet: outlets, members of staff, and what their days consist of."""

import datetime as dt
from typing import NamedTuple

from appointments.models import BLOCKING_STATUSES, Appointment, Status
from customers.admin.reception_notes import ReceptionNotes
from tenants.models import Outlet, Staff


class Entry(NamedTuple):
    """An appointment in a column. One at another outlet is shown without details: the member of staff is busy there."""

    appointment: Appointment
    transitions: dict[Status, str]
    is_at_other_outlet: bool
    notes: ReceptionNotes | None

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
