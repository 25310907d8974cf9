"""The times at which a service can be booked."""

import datetime as dt
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Any, Generic, NamedTuple, TypeVar

from django.utils import timezone

from appointments.models import FIRST_DAY, LAST_DAY
from appointments.models.schedule import FreeTimes, read_free_times
from circe.api.local_time import (
    add_length,
    add_minutes,
    find_changing_days,
    is_skipped,
    remove_skipped_times,
    to_instant,
    to_local,
)
from tenants.models import Service

# A place where a customer can be attended: a Place, or the value into which the caller's `convert` turns it.
P = TypeVar("P")

_DAY = dt.timedelta(days=1)
_ANY_MIDNIGHT = dt.datetime.combine(FIRST_DAY, dt.time())
# If there is a limit, these days are searched first, and the others only if these have too few slots.
_FIRST_DAYS = 7 * _DAY


class Place(NamedTuple):
    """A member of staff at an outlet. The name is empty if the account has none."""

    staff_name: str
    staff_id: str
    outlet_id: str
    outlet_name: str

    def as_json(self, service: Service) -> dict[str, Any]:
        """Returns the part of a slot that says who attends the customer, where, and at which price."""
        return {
            "staff_id": self.staff_id,
            "staff": {"id": self.staff_id, "name": self.staff_name or None},
            "outlet_id": self.outlet_id,
            "outlet": {"id": self.outlet_id, "name": self.outlet_name},
            "price": service.price,
            "currency": service.tenant.currency,
        }


class Opening(NamedTuple):
    """A local time at which an appointment can start, its end, and where and by whom the customer can be attended."""

    start: dt.datetime
    end: dt.datetime
    places: list[Place]


class Slot(NamedTuple):
    """A time at which a member of staff can attend a customer at an outlet. `start` and `end` are local times."""

    start: dt.datetime
    staff_name: str
    staff_id: str
    outlet_id: str
    outlet_name: str
    end: dt.datetime

    def as_json(self, service: Service) -> dict[str, Any]:
        """Returns the slot as the API shows it."""
        instant = to_instant(self.start, service.tenant.zone)
        return {
            "appointment_date": self.start.date().isoformat(),
            "start_time": self.start.time().isoformat(),
            "end_time": self.end.time().isoformat(),
            "starts_at": f"{instant.replace(tzinfo=None).isoformat()}Z",
            **Place(self.staff_name, self.staff_id, self.outlet_id, self.outlet_name).as_json(service),
        }


class Grid(NamedTuple):
    """The times of a day at which an appointment can start, when it ends, and when the member of staff is free again.

    They are in order, and are times since midnight by the local clock. `texts` has a pair for each start: the part of a
    slot's JSON with its times, where %b stands for the local day and for the day in UTC; and the number of days from
    the local day to the day in UTC.
    """

    starts: list[dt.timedelta]
    ends: list[dt.timedelta]
    free_again: list[dt.timedelta]
    texts: list[tuple[bytes, int]]

    def between(self, begin: dt.timedelta, end: dt.timedelta) -> "Grid":
        """Returns the grid with the starts from `begin` on and before `end` only."""
        kept = slice(bisect_left(self.starts, begin), bisect_left(self.starts, end))
        return Grid(self.starts[kept], self.ends[kept], self.free_again[kept], self.texts[kept])


class OpenDay(Generic[P]):
    """A day, and for each start of its grid the list of the places where a customer can be attended. Most lists are
    empty.
    """

    def __init__(self, midnight: dt.datetime, grid: Grid) -> None:
        self.midnight, self.grid = midnight, grid
        self.places: list[list[P]] = [[] for _ in grid.starts]

    def add(self, place: P, begin: dt.datetime, end: dt.datetime) -> None:
        """Adds the place to each start from `begin` on after which the member of staff is free again by `end`."""
        first = bisect_left(self.grid.starts, begin - self.midnight)
        for places in self.places[first : bisect_right(self.grid.free_again, end - self.midnight)]:
            places.append(place)

    def openings(self) -> Iterator[tuple[dt.datetime, dt.datetime, list[P]]]:
        """Yields start, end and places of each start that has a place."""
        for start, end, places in zip(self.grid.starts, self.grid.ends, self.places, strict=True):
            if places:
                yield self.midnight + start, self.midnight + end, places

    def write_times(self) -> Iterator[tuple[bytes, list[P]]]:
        """Yields a pair for each start that has a place: the part of a slot's JSON with its times, and the places."""
        days = {n: (self.midnight + n * _DAY).date().isoformat().encode() for n in (-1, 0, 1)}
        for (text, days_after), places in zip(self.grid.texts, self.places, strict=True):
            if places:
                yield text % (days[0], days[days_after]), places


def find_slots(service: Service, **question: Any) -> list[Slot]:
    """Returns the slots of the service, by start, then by the name of the staff. Takes the arguments of `find_days`."""
    openings = find_openings(service, **question)
    return [Slot(opening.start, *place, opening.end) for opening in openings for place in opening.places]


def find_openings(service: Service, **question: Any) -> list[Opening]:
    """Returns the openings of the service, in order. Takes the arguments of `find_days`."""
    return _as_openings(find_days(service, _as_place, **question))


def find_openings_within(
    service: Service, free: list[FreeTimes], *, first: dt.datetime, last: dt.datetime
) -> list[Opening]:
    """Returns the openings of the service within the given free times, in order. Reads nothing."""
    return _as_openings(_Days[Place](service, service.duration, first, last).fill(free, _as_place))


def find_days(
    service: Service,
    convert: Callable[[Place], P],
    *,
    first: dt.datetime,
    last: dt.datetime,
    staff: str | None = None,
    outlet: str | None = None,
    freed: str | None = None,
    length: dt.timedelta | None = None,
    limit: int | None = None,
) -> list[OpenDay[P]]:
    """Returns the days with the slots of the service that start at the local time `first` or later and before `last`.

    They lie on the tenant's grid and are not past. `convert` turns each place into the value that the days then hold.
    It is called once for each place, not for each of the many slots. The appointment with the id `freed` counts as not
    booked. An appointment lasts `length`, or as long as the service; there is room for the buffer after it. With a
    `limit`, there are only the first `limit` slots.
    """
    tenant = service.tenant
    first = max(first, to_local(timezone.now(), tenant.zone), dt.datetime.combine(FIRST_DAY, dt.time()))
    last = min(last, dt.datetime.combine(LAST_DAY, dt.time.max))
    if not service.is_active or first >= last:
        return []
    question = {"service": service.pk, "staff": staff and [staff], "outlet": outlet, "freed": freed}
    length = service.duration if length is None else length
    if limit and first + _FIRST_DAYS < last:
        days = _find_days(service, convert, length, first, first + _FIRST_DAYS, limit, question)
        if _count_slots(days) == limit:
            return days
    return _find_days(service, convert, length, first, last, limit, question)


def _find_days(
    service: Service,
    convert: Callable[[Place], P],
    length: dt.timedelta,
    first: dt.datetime,
    last: dt.datetime,
    limit: int | None,
    question: dict[str, Any],
) -> list[OpenDay[P]]:
    """Returns the days from `first` to `last`. With a limit, days are added one by one until there are enough slots."""
    free = read_free_times(service.tenant.pk, first=first, last=last, **question)
    if not limit:
        return _Days[P](service, length, first, last).fill(free, convert)
    days: list[OpenDay[P]] = []
    begin = first
    while begin < last and _count_slots(days) < limit:
        end = min(last, dt.datetime.combine(begin.date() + _DAY, dt.time()))
        days += _Days[P](service, length, begin, end).fill(free, convert)
        begin = end
    _cut(days, limit)
    return days


def _as_place(place: Place) -> Place:
    return place


def _as_openings(days: Iterable[OpenDay[Place]]) -> list[Opening]:
    return [Opening(*opening) for day in days for opening in day.openings()]


def _cut(days: list[OpenDay[P]], limit: int) -> None:
    """Removes all but the first `limit` slots."""
    for day in days:
        for places in day.places:
            del places[limit:]
            limit -= len(places)


def _count_slots(days: list[OpenDay[P]]) -> int:
    return sum(len(places) for day in days for places in day.places)


class _Days(dict[int, OpenDay[P]]):
    """The days on which an appointment of the service can start from `first` to `last`, by their ordinal numbers.

    A day is computed when it is first asked for.
    """

    def __init__(self, service: Service, length: dt.timedelta, first: dt.datetime, last: dt.datetime) -> None:
        super().__init__()
        self.service, self.length, self.first, self.last = service, length, first, last
        self.zone = service.tenant.zone
        # The days on which clocks change, from the day before `first` to three days after `last`. Within them lies each
        # appointment that starts between `first` and `last`, with its buffer.
        self.changing_days = find_changing_days(first.date() - _DAY, last.date() + 3 * _DAY, self.zone)

    def fill(self, free: list[FreeTimes], convert: Callable[[Place], P]) -> list[OpenDay[P]]:
        """Adds the places to the starts within the free times. Returns the days, in order."""
        for staff_id, staff_name, outlet_id, outlet_name, times in free:
            place = convert(Place(staff_name, staff_id, outlet_id, outlet_name))
            for begin, end in remove_skipped_times(times, self.zone) if self.changing_days else times:
                for day in range(begin.toordinal(), end.toordinal() + 1):
                    self[day].add(place, begin, end)
        return [self[day] for day in sorted(self)]

    def __missing__(self, ordinal: int) -> OpenDay[P]:
        day = dt.date.fromordinal(ordinal)
        midnight = dt.datetime.combine(day, dt.time())
        question = self.service.tenant.slot_minutes, self.length, self.service.buffer_minutes
        if self.changing_days.isdisjoint(day + n * _DAY for n in range(4)):
            utc_minus_local = to_instant(midnight, self.zone).replace(tzinfo=None) - midnight
            grid = _build_ordinary_grid(*question, utc_minus_local)
        else:
            grid = _build_changing_grid(*question, midnight, self.zone)
        self[ordinal] = OpenDay(midnight, grid.between(self.first - midnight, self.last - midnight))
        return self[ordinal]


@lru_cache
def _build_ordinary_grid(
    slot_minutes: int, length: dt.timedelta, buffer_minutes: int, utc_minus_local: dt.timedelta
) -> Grid:
    """Returns the grid of a day within which every minute lasts 60 seconds. The clock of UTC minus the local clock is
    `utc_minus_local`: negative in the east.
    """
    # An end 24 hours after the start, or later, would be taken for an end on the day of the start.
    starts = [dt.timedelta(minutes=n) for n in range(0, 24 * 60, slot_minutes)] if length < _DAY else []
    ends = [start + length for start in starts]
    free_again = [end + dt.timedelta(minutes=buffer_minutes) for end in ends]
    return _build_grid(starts, ends, free_again, [start + utc_minus_local for start in starts])


@lru_cache
def _build_changing_grid(
    slot_minutes: int, length: dt.timedelta, buffer_minutes: int, midnight: dt.datetime, zone: dt.tzinfo
) -> Grid:
    """Returns the grid of a day on which clocks go forward or back, or after which they do within the appointments."""
    grid = [midnight + dt.timedelta(minutes=n) for n in range(0, 24 * 60, slot_minutes)]
    starts = [start for start in grid if not is_skipped(start, zone)]
    ends = [add_length(start, length, zone) for start in starts]
    found = [(start, end) for start, end in zip(starts, ends, strict=True) if end - start < _DAY]
    return _build_grid(
        [start - midnight for start, _ in found],
        [end - midnight for _, end in found],
        [add_minutes(end, buffer_minutes, zone) - midnight for _, end in found],
        [to_instant(start, zone).replace(tzinfo=None) - midnight for start, _ in found],
    )


def _build_grid(
    starts: list[dt.timedelta], ends: list[dt.timedelta], free_again: list[dt.timedelta], instants: list[dt.timedelta]
) -> Grid:
    """Returns a grid with its texts. `instants` are the starts by the clock of UTC, since the same midnight."""
    texts = [
        (
            f'"appointment_date":"%b","start_time":"{_clock(start)}","end_time":"{_clock(end)}",'
            f'"starts_at":"%bT{_clock(instant)}Z"'.encode(),
            instant // _DAY,
        )
        for start, end, instant in zip(starts, ends, instants, strict=True)
    ]
    return Grid(starts, ends, free_again, texts)


def _clock(since_midnight: dt.timedelta) -> str:
    """Returns what the clock shows so long after a midnight."""
    return (_ANY_MIDNIGHT + since_midnight).time().isoformat()
