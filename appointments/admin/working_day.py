"""Describes the schedule of a member of staff on one day, for the day sheet and the booking form."""

import datetime as dt
from collections.abc import Iterator

from django.utils.formats import date_format

from appointments.models import TimeOff
from appointments.models.schedule import Schedule
from circe.api.local_time import Range
from circe.backoffice.regional import format_clock, format_time_range

ONE_DAY = dt.timedelta(days=1)


def bounds_of(day: dt.date) -> tuple[dt.datetime, dt.datetime]:
    """Returns the local times at which the day begins and ends."""
    midnight = dt.datetime.combine(day, dt.time())
    return midnight, midnight + ONE_DAY


def overlapping_day(times: list[Range], day: dt.date) -> list[Range]:
    """Returns the times that overlap the day, each as a whole."""
    begin, end = bounds_of(day)
    return [(first, last) for first, last in times if first < end and begin < last]


def find_free_times(
    schedule: Schedule, *, after: dt.datetime, before: dt.datetime
) -> Iterator[tuple[dt.datetime, dt.datetime]]:
    """Yields the times between `after` and `before` in which the person works there, is not away and has no
    appointment.
    """
    taken = sorted(schedule.away + schedule.booked)
    for begin, end in schedule.working:
        free_from, end = max(begin, after), min(end, before)
        for first, last in taken:
            if free_from < min(first, end):
                yield free_from, min(first, end)
            free_from = max(free_from, last)
        if free_from < end:
            yield free_from, end


def describe_hours(times: list[Range], day: dt.date) -> str:
    """Returns the working hours of a day, such as `09:00–12:00 and 13:00–17:00`, `until 06:00` or `round the clock`."""
    midnight, next_midnight = bounds_of(day)
    texts = []
    for begin, end in overlapping_day(times, day):
        if begin <= midnight and next_midnight <= end:
            return "round the clock"
        texts.append(f"until {format_clock(end)}" if begin < midnight else f"{format_time_range(begin, end)}")
    return " and ".join([", ".join(texts[:-1]), texts[-1]] if len(texts) > 1 else texts)


def describe_bounds(time_off: TimeOff, day: dt.date | None = None) -> str:
    """Returns when somebody is away: `from 12:00 until 14:00`, `until the end of 2 December 2026`, `all day`.

    With a `day`, the text tells the start if that lies in the day, and the day of the end if that is another day.
    """
    begin, end = time_off.local_start, time_off.local_end
    last_day = (end - dt.timedelta(microseconds=1)).date()
    is_whole = end.time() == dt.time()
    if day and last_day == day:
        if begin.date() < day or begin.time() == dt.time():
            return "all day" if is_whole else f"until {format_clock(end)}"
        return f"from {format_clock(begin)}" if is_whole else f"from {format_clock(begin)} until {format_clock(end)}"
    start = f"from {format_clock(begin)} " if day and begin.date() == day and begin.time() != dt.time() else ""
    until = (
        f"until the end of {date_format(last_day)}"
        if is_whole
        else f"until {format_clock(end)} on {date_format(last_day)}"
    )
    return f"{start}{until}"


def describe_reason(time_off: TimeOff) -> str:
    return f" ({time_off.reason})" if time_off.reason else ""


def describe_time_off(time_off: TimeOff, day: dt.date | None = None) -> str:
    """Returns who is away, when and why: `Ana Lee is away until the end of 2 December 2026 (Holiday).`"""
    verb = "is closed" if time_off.outlet_id else "is away"
    who = time_off.staff or time_off.outlet
    return f"{who} {verb} {describe_bounds(time_off, day)}{describe_reason(time_off)}."
