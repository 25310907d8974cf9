"""The times at which a service can be booked."""

import datetime as dt
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

import orjson
from django.utils import timezone

from appointments.models import FIRST_DAY, LAST_DAY
from appointments.models.schedule import FreeTimes, read_free_times
from circe.api.local_time import (
    add_minutes,
    find_changing_days,
    is_skipped,
    join_existing,
    to_instant,
    to_local,
)
from tenants.models import Service

_DAY = dt.timedelta(days=1)
# Where few slots are wanted, those of so many days are searched first.
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

    def write_json(self, instant: dt.datetime) -> bytes:
        """Returns the part of a slot that says when it is, as JSON. `instant` is the start in UTC."""
        # orjson writes dates and times much faster than Python.
        return orjson.dumps(
            {
                "appointment_date": self.start.date(),
                "start_time": self.start.time(),
                "end_time": self.end.time(),
                "starts_at": instant,
            },
            option=orjson.OPT_OMIT_MICROSECONDS | orjson.OPT_UTC_Z,
        )


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
        place = Place(self.staff_name, self.staff_id, self.outlet_id, self.outlet_name)
        instant = to_instant(self.start, service.tenant.zone)
        return orjson.loads(Opening(self.start, self.end, [place]).write_json(instant)) | place.as_json(service)


def find_slots(service: Service, **question: Any) -> list[Slot]:
    """Returns the slots of the service, by start, then by the name of the staff. Takes the arguments of `find_openings`."""
    openings = find_openings(service, **question)
    return [Slot(opening.start, *place, opening.end) for opening in openings for place in opening.places]


def find_openings(
    service: Service,
    *,
    first: dt.datetime,
    last: dt.datetime,
    staff: str | None = None,
    outlet: str | None = None,
    freed: str | None = None,
    minutes: int | None = None,
    limit: int | None = None,
) -> list[Opening]:
    """Returns the openings of the service that start at the local time `first` or later and before `last`, in order.

    They lie on the tenant's grid and are not past. The appointment with the id `freed` counts as not booked. An appointment
    lasts `minutes`, or as long as the service; there is room for the buffer after it. With a `limit` they are the first so
    many slots.
    """
    tenant = service.tenant
    first = max(first, to_local(timezone.now(), tenant.zone), dt.datetime.combine(FIRST_DAY, dt.time()))
    last = min(last, dt.datetime.combine(LAST_DAY, dt.time.max))
    if not service.is_active or first >= last:
        return []
    question = {"service": service.pk, "staff": staff and [staff], "outlet": outlet, "freed": freed}
    length = service.duration_minutes if minutes is None else minutes
    if limit and first + _FIRST_DAYS < last:
        openings = _find_openings(service, length, first, first + _FIRST_DAYS, limit, question)
        if _count_slots(openings) == limit:
            return openings
    return _find_openings(service, length, first, last, limit, question)


def list_openings(service: Service, free: list[FreeTimes], *, first: dt.datetime, last: dt.datetime) -> list[Opening]:
    """Returns the openings of the service within free times that were read, as `find_openings` does."""
    return _Days(service, service.duration_minutes, first, last).find_openings(free)


def _find_openings(
    service: Service, length: int, first: dt.datetime, last: dt.datetime, limit: int | None, question: dict[str, Any]
) -> list[Opening]:
    """Returns the openings from `first` to `last`. With a limit it looks at a day after the other until there are enough."""
    free = read_free_times(service.tenant.pk, first=first, last=last, **question)
    if not limit:
        return _Days(service, length, first, last).find_openings(free)
    openings: list[Opening] = []
    begin = first
    while begin < last and _count_slots(openings) < limit:
        end = min(last, dt.datetime.combine(begin.date() + _DAY, dt.time()))
        openings += _Days(service, length, begin, end).find_openings(free)
        begin = end
    return list(_cut(openings, limit))


def _cut(openings: list[Opening], limit: int) -> Iterator[Opening]:
    """Yields the openings with the first `limit` slots."""
    for opening in openings:
        if limit > 0:
            yield opening._replace(places=opening.places[:limit])
        limit -= len(opening.places)


def _count_slots(openings: list[Opening]) -> int:
    return sum(len(opening.places) for opening in openings)


class _Day:
    """The times of a day at which an appointment can start, its ends, and when the member of staff would be free again.

    They are in order of time. Each has a list of the places where a customer can be attended.
    """

    def __init__(self, starts: list[dt.datetime], ends: list[dt.datetime], free_again: list[dt.datetime]) -> None:
        self.starts, self.ends, self.free_again = starts, ends, free_again
        self.places: list[list[Place]] = [[] for _ in starts]

    def add(self, place: Place, begin: dt.datetime, end: dt.datetime) -> None:
        """Adds the place to each start from `begin` on after which the member of staff is free again by `end`."""
        for places in self.places[bisect_left(self.starts, begin) : bisect_right(self.free_again, end)]:
            places.append(place)

    def openings(self) -> Iterator[Opening]:
        """Yields an opening for each start that has a place."""
        return (Opening(*one) for one in zip(self.starts, self.ends, self.places, strict=True) if one[2])


class _Days(dict[int, _Day]):
    """The days on which an appointment of the service can start from `first` to `last`, by their ordinal numbers.

    They are computed as they are needed.
    """

    def __init__(self, service: Service, minutes: int, first: dt.datetime, last: dt.datetime) -> None:
        super().__init__()
        self.service, self.minutes, self.first, self.last = service, minutes, first, last
        self.zone = service.tenant.zone
        # The days on which an appointment that starts between `first` and `last` can end, with its buffer, and one before.
        self.changing_days = find_changing_days(first.date() - _DAY, last.date() + 3 * _DAY, self.zone)

    def find_openings(self, free: list[FreeTimes]) -> list[Opening]:
        """Returns the openings within the free times, in order."""
        for staff_id, staff_name, outlet_id, outlet_name, times in free:
            place = Place(staff_name, staff_id, outlet_id, outlet_name)
            for begin, end in join_existing(times, self.zone) if self.changing_days else times:
                until = min(end, self.last)
                for day in range(max(begin, self.first).toordinal(), until.toordinal() + 1):
                    self[day].add(place, begin, end)
        return [opening for day in sorted(self) for opening in self[day].openings()]

    def __missing__(self, ordinal: int) -> _Day:
        day = dt.date.fromordinal(ordinal)
        is_changing = not self.changing_days.isdisjoint(day + n * _DAY for n in range(4))
        starts, ends, free_again = self._changing_day(day) if is_changing else self._ordinary_day(day)
        wanted = slice(bisect_left(starts, self.first), bisect_left(starts, self.last))
        self[ordinal] = _Day(starts[wanted], ends[wanted], free_again[wanted])
        return self[ordinal]

    def _ordinary_day(self, day: dt.date) -> tuple[list[dt.datetime], ...]:
        """Returns the starts of a day within which every minute lasts 60 seconds, the ends, and the ends of the buffers."""
        midnight = dt.datetime.combine(day, dt.time())
        grid = _grid(self.service.tenant.slot_minutes, self.minutes, self.service.buffer_minutes)
        return tuple([midnight + after for after in times] for times in grid)

    def _changing_day(self, day: dt.date) -> tuple[list[dt.datetime], ...]:
        """Does what `_ordinary_day` does where clocks go forward or back, which takes ten times as long."""
        midnight = dt.datetime.combine(day, dt.time())
        grid = [midnight + dt.timedelta(minutes=n) for n in range(0, 24 * 60, self.service.tenant.slot_minutes)]
        starts = [start for start in grid if not is_skipped(start, self.zone)]
        ends = [add_minutes(start, self.minutes, self.zone) for start in starts]
        found = [(start, end) for start, end in zip(starts, ends, strict=True) if end - start < _DAY]
        free_again = [add_minutes(end, self.service.buffer_minutes, self.zone) for _, end in found]
        return [start for start, _ in found], [end for _, end in found], free_again


@lru_cache
def _grid(slot_minutes: int, minutes: int, buffer_minutes: int) -> tuple[list[dt.timedelta], ...]:
    """Returns the starts of a day as times since midnight, the ends after `minutes`, and the ends of the buffers."""
    # An end after 24 hours would be taken for one on the same day.
    starts = range(0, 24 * 60, slot_minutes) if minutes < 24 * 60 else range(0)
    return tuple(
        [dt.timedelta(minutes=start + after) for start in starts] for after in (0, minutes, minutes + buffer_minutes)
    )
