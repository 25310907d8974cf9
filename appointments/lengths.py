"""How long an appointment lasts, and when it ends."""

import datetime as dt

from django.core.exceptions import ValidationError

from appointments.models import Appointment
from circe.api.local_time import add_length, to_local

_ONE_DAY = dt.timedelta(days=1)


def set_length(appointment: Appointment, length: dt.timedelta) -> None:
    """Sets the end of the appointment so that it lasts so long. Raises what `find_end` raises."""
    appointment.end_time = find_end(appointment.local_start, length, appointment.tenant.zone)


def find_end(start: dt.datetime, length: dt.timedelta, zone: dt.tzinfo) -> dt.time:
    """Returns the end of an appointment that begins at the local time `start` and lasts so long. Raises ValidationError if
    that is 24 hours or more by the local clock: such an end would be taken for one on the day of the start.
    """
    end = add_length(start, length, zone)
    if not start < end < start + _ONE_DAY:
        raise ValidationError(
            {"end_time": "An appointment must end less than 24 hours after its start, by the local clock."},
            code="invalid",
        )
    return end.time()


def length_of(appointment: Appointment) -> dt.timedelta:
    """Returns the real duration, also where clocks change in between.

    Where clocks go back, an end in the hour that comes twice is stored as the end of that hour. Then several durations
    have the same end, and it is that of the service if that is one of them.
    """
    begin, end = appointment.instants
    usual = appointment.service.duration
    is_usual = to_local(begin + usual, appointment.tenant.zone) == appointment.local_bounds[1]
    return usual if is_usual else end - begin
