"""What the schedule of a member of staff says of one day, as the day sheet and the booking form tell it."""

import datetime as dt
from collections.abc import Iterator

from django.utils.formats import date_format

from appointments.models import Appointment, TimeOff
from appointments.models.schedule import Schedule, Times

ONE_DAY = dt.timedelta(days=1)


def bounds_of(day: dt.date) -> tuple[dt.datetime, dt.datetime]:
    """Returns the local times at which the day begins and ends."""
    midnight = dt.datetime.combine(day, dt.time())
    return midnight, midnight + ONE_DAY


def within_day(times: Times, day: dt.date) -> Times:
    """Returns those of the times of which a part lies in the day."""
    begin, end = bounds_of(day)
    return [(first, last) for first, last in times if first < end and begin < last]


def find_free_times(
    schedule: Schedule, *, after: dt.datetime, before: dt.datetime
) -> Iterator[tuple[dt.datetime, dt.datetime]]:
    """Yields the times between the two in which the person works there, is not away and has no appointment."""
    taken = sorted(schedule.away + schedule.booked)
    for begin, end in schedule.working:
        free_from, end = max(begin, after), min(end, before)
        for first, last in taken:
            if free_from < min(first, end):
                yield free_from, min(first, end)
            free_from = max(free_from, last)
        if free_from < end:
            yield free_from, end


def describe_hours(times: Times, day: dt.date) -> str:
    """Returns the working hours of a day, such as `09:00–12:00 and 13:00–17:00`, `until 06:00` or `round the clock`."""
    midnight, next_midnight = bounds_of(day)
    texts = []
    for begin, end in within_day(times, day):
        if begin <= midnight and next_midnight <= end:
            return "round the clock"
        texts.append(f"until {end:%H:%M}" if begin < midnight else f"{begin:%H:%M}–{end:%H:%M}")
    return " and ".join([", ".join(texts[:-1]), texts[-1]] if len(texts) > 1 else texts)


def describe_end(time_off: TimeOff) -> str:
    """Returns until when somebody is away: `until 14:00 on 3 December 2026`, or `until the end of 2 December 2026`."""
    end = time_off.local_end
    if end.time() == dt.time():
        return f"until the end of {date_format(end - ONE_DAY)}"
    return f"until {end:%H:%M} on {date_format(end)}"


def describe_time_off(time_off: TimeOff) -> str:
    """Returns who is away, until when and why: `Ana Lee is away until the end of 2 December 2026 (Holiday).`"""
    verb = "is closed" if time_off.outlet_id else "is away"
    reason = f" ({time_off.reason})" if time_off.reason else ""
    return f"{time_off.staff or time_off.outlet} {verb} {describe_end(time_off)}{reason}."


def name_customer(appointment: Appointment) -> str:
    """Returns the customer's name, or what they are called who have none."""
    nobody = "Walk-in" if appointment.is_walk_in else "Removed customer"
    return str(appointment.customer or nobody)
