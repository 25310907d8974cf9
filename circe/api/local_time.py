"""Converts between instants and local times, where clocks go forward and back.

A local time is a naive datetime, as a clock on the wall shows it. A local time that comes twice, since clocks go back, means
the first one. So the order of local times is the order of their instants, and ranges of local times overlap if and only if
the ranges of their instants do.
"""

import datetime as dt
from bisect import bisect_left

_SECOND = dt.timedelta(seconds=1)


def to_instant(local: dt.datetime, zone: dt.tzinfo) -> dt.datetime:
    """Returns the instant of a local time, in UTC."""
    return local.replace(tzinfo=zone, fold=0).astimezone(dt.UTC)


def is_skipped(local: dt.datetime, zone: dt.tzinfo) -> bool:
    """Returns whether no clock shows this local time, since clocks go forward."""
    return to_instant(local, zone).astimezone(zone).replace(tzinfo=None) != local


def to_local(instant: dt.datetime, zone: dt.tzinfo) -> dt.datetime:
    """Returns the earliest local time that is not before the instant, without fractions of a second.

    An instant of the hour that comes twice, if it lies in the second one, has no local time of its own: the result is the
    end of that hour.
    """
    whole = instant.replace(microsecond=0)
    local = (whole if whole == instant else whole + _SECOND).astimezone(zone)
    if not local.fold:
        return local.replace(tzinfo=None)
    return _end_of_repetition(local).replace(tzinfo=None, fold=0)


def add_minutes(local: dt.datetime, minutes: int, zone: dt.tzinfo) -> dt.datetime:
    """Returns the local time that many minutes later, where every minute lasts 60 seconds."""
    return to_local(to_instant(local, zone) + dt.timedelta(minutes=minutes), zone)


def _end_of_repetition(local: dt.datetime) -> dt.datetime:
    """Returns the end of the repeated time in which `local` lies, which has `fold=1`."""
    repeated = (local.replace(fold=0).utcoffset() or dt.timedelta()) - (local.utcoffset() or dt.timedelta())
    instant = local.astimezone(dt.UTC)

    def lies_before(seconds: int) -> bool:
        return not (instant - seconds * _SECOND).astimezone(local.tzinfo).fold

    seconds_since_it_began = bisect_left(range(int(repeated.total_seconds())), True, key=lies_before) - 1
    return local - seconds_since_it_began * _SECOND + repeated
