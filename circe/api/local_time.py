"""Converts between instants and local times, where clocks go forward and back.

A local time is a naive datetime, as a clock on the wall shows it. A local time that comes twice, since clocks go back, means
the first one. A local time that is skipped, since clocks go forward, means the moment of that change. So local times have
the order of their instants, and ranges of local times that exist overlap if and only if the ranges of their instants do.
"""

import datetime as dt
from bisect import bisect_left
from collections.abc import Iterable

# A local time at which the range begins, and one at which it ends. The end does not belong to the range.
Range = tuple[dt.datetime, dt.datetime]
_SECOND = dt.timedelta(seconds=1)


def to_instant(local: dt.datetime, zone: dt.tzinfo) -> dt.datetime:
    """Returns the instant of a local time, in UTC. For a skipped one it is the instant at which clocks go forward."""
    before, after = _offsets(local, zone)
    if before >= after:
        return local.replace(tzinfo=dt.UTC, fold=0) - before
    # The instants by the new and the old offset lie before and after the change.
    earliest = local.replace(tzinfo=dt.UTC, fold=0) - after

    def is_changed(seconds: int) -> bool:
        return (earliest + seconds * _SECOND).astimezone(zone).utcoffset() != before

    return earliest + bisect_left(range(int((after - before).total_seconds())), True, key=is_changed) * _SECOND


def is_skipped(local: dt.datetime, zone: dt.tzinfo) -> bool:
    """Returns whether no clock shows this local time, since clocks go forward."""
    before, after = _offsets(local, zone)
    return before < after


def next_existing(local: dt.datetime, zone: dt.tzinfo) -> dt.datetime:
    """Returns the local time itself, or the first one after it that exists if this one is skipped."""
    return to_local(to_instant(local, zone), zone) if is_skipped(local, zone) else local


def remove_skipped_times(ranges: Iterable[Range], zone: dt.tzinfo) -> list[Range]:
    """Returns the ranges without skipped local times. They must be in order. Ranges that then meet become one."""
    found: list[Range] = []
    for begin, end in ((next_existing(begin, zone), next_existing(end, zone)) for begin, end in ranges):
        if found and found[-1][1] == begin:
            found[-1] = (found[-1][0], end)
        elif begin < end:
            found.append((begin, end))
    return found


def to_local(instant: dt.datetime, zone: dt.tzinfo) -> dt.datetime:
    """Returns the earliest local time that is not before the instant, without fractions of a second.

    When clocks go back, an hour comes twice. An instant in the second one has no local time of its own: the result is the
    end of that hour.
    """
    whole = instant.replace(microsecond=0)
    local = (whole if whole == instant else whole + _SECOND).astimezone(zone)
    if not local.fold:
        return local.replace(tzinfo=None)
    return _end_of_repetition(local).replace(tzinfo=None, fold=0)


def add_length(local: dt.datetime, length: dt.timedelta, zone: dt.tzinfo) -> dt.datetime:
    """Returns the local time at which `length` has passed since `local`, as a watch measures it."""
    return to_local(to_instant(local, zone) + length, zone)


def add_minutes(local: dt.datetime, minutes: int, zone: dt.tzinfo) -> dt.datetime:
    """Returns the local time that many minutes later, where every minute lasts 60 seconds."""
    return add_length(local, dt.timedelta(minutes=minutes), zone)


def find_changing_days(first: dt.date, last: dt.date, zone: dt.tzinfo) -> set[dt.date]:
    """Returns the days from `first` to `last` on which clocks go forward or back, or at whose midnights they do.

    Within all other days a minute of the local clock lasts 60 seconds.
    """
    midnights = [dt.datetime.combine(first, dt.time()) + dt.timedelta(days=n) for n in range((last - first).days + 2)]
    offsets = [_offsets(midnight, zone) for midnight in midnights]
    return {
        midnight.date()
        for midnight, (begin, _), (_, end) in zip(midnights, offsets, offsets[1:], strict=False)
        if begin != end
    }


def _offsets(local: dt.datetime, zone: dt.tzinfo) -> tuple[dt.timedelta, dt.timedelta]:
    """Returns the offsets from UTC before and after a change of the clocks at that local time: equal if there is none.

    The first is smaller where clocks go forward, so that the local time is skipped, and larger where it comes twice.
    """
    first, second = (local.replace(tzinfo=zone, fold=fold).utcoffset() or dt.timedelta() for fold in (0, 1))
    return first, second


def _end_of_repetition(local: dt.datetime) -> dt.datetime:
    """Returns the end of the repeated time in which `local` lies, which has `fold=1`."""
    repeated = (local.replace(fold=0).utcoffset() or dt.timedelta()) - (local.utcoffset() or dt.timedelta())
    instant = local.astimezone(dt.UTC)

    def lies_before(seconds: int) -> bool:
        return not (instant - seconds * _SECOND).astimezone(local.tzinfo).fold

    seconds_since_it_began = bisect_left(range(int(repeated.total_seconds())), True, key=lies_before) - 1
    return local - seconds_since_it_began * _SECOND + repeated
