"""The times at which a service can be booked."""

import datetime as dt
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple

from django.utils import timezone

from appointments.models import FIRST_DAY, LAST_DAY
from appointments.models.schedule import FreeTimes, read_free_times
from circe.api.local_time import (
    Range,
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

    def as_json(self, service: Service) -> dict[str, Any]:
        """Returns the part of a slot that says when it is."""
        return {
            "appointment_date": self.start.date().isoformat(),
            "start_time": self.start.time().isoformat(),
            "end_time": self.end.time().isoformat(),
            "starts_at": f"{to_instant(self.start, service.tenant.zone).replace(tzinfo=None).isoformat()}Z",
        }


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
        return Opening(self.start, self.end, [place]).as_json(service) | place.as_json(service)


def find_slots(service: Service, *, limit: int | None = None, **question: Any) -> list[Slot]:
    """Returns the slots of the service, by start, then by the name of the staff. Takes the arguments of `find_openings`."""
    openings = find_openings(service, limit=limit, **question)
    slots = (Slot(opening.start, *place, opening.end) for opening in openings for place in opening.places)
    return list(islice(slots, limit))


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
    lasts `minutes`, or as long as the service; there is room for the buffer after it. If there are more than `limit` slots,
    the result has at least the first of them.
    """
    tenant = service.tenant
    first = max(first, to_local(timezone.now(), tenant.zone), dt.datetime.combine(FIRST_DAY, dt.time()))
    last = min(last, dt.datetime.combine(LAST_DAY, dt.time.max))
    if not service.is_active or first >= last:
        return []
    people = {"staff": staff and [staff], "outlet": outlet, "freed": freed}
    if limit and first + _FIRST_DAYS < last:
        openings = _find_openings(service, first, first + _FIRST_DAYS, minutes, people)
        if sum(len(opening.places) for opening in openings) >= limit:
            return openings
    return _find_openings(service, first, last, minutes, people)


def _find_openings(
    service: Service, first: dt.datetime, last: dt.datetime, minutes: int | None, people: dict[str, Any]
) -> list[Opening]:
    free_times = read_free_times(service.tenant.pk, first=first, last=last, service=service.pk, **people)
    return list_openings(service, free_times, first=first, last=last, minutes=minutes)


def list_openings(
    service: Service,
    free_times: Iterable[FreeTimes],
    *,
    first: dt.datetime,
    last: dt.datetime,
    minutes: int | None = None,
) -> list[Opening]:
    """Returns the openings of the service within free times that were read, as `find_openings` does."""
    days = _Days(service, service.duration_minutes if minutes is None else minutes, first, last)
    for free in free_times:
        place = Place(free.staff_name, free.staff_id, free.outlet_id, free.outlet_name)
        for time in days.join_existing(free.times):
            days.add(place, time)
    return [opening for day in sorted(days) for opening in days[day].openings if opening.places]


class _Day:
    """The openings of a day, and for each when the member of staff would be free again: both in order of time."""

    def __init__(self, openings: Iterable[tuple[Opening, dt.datetime]]) -> None:
        self.openings: list[Opening] = []
        self.free_again: list[dt.datetime] = []
        for opening, free_again in openings:
            self.openings.append(opening)
            self.free_again.append(free_again)

    def within(self, begin: dt.datetime, end: dt.datetime, last: dt.datetime) -> list[Opening]:
        """Returns the openings that start at `begin` or later and before `last`, and for which `end` is late enough."""
        until = min(bisect_right(self.free_again, end), bisect_left(self.openings, last, key=_start))
        return self.openings[bisect_left(self.openings, begin, key=_start) : until]


class _Days(dict[dt.date, _Day]):
    """The days on which an appointment of the service can start from `first` to `last`, computed as they are needed."""

    def __init__(self, service: Service, minutes: int, first: dt.datetime, last: dt.datetime) -> None:
        super().__init__()
        self.service, self.minutes, self.first, self.last = service, minutes, first, last
        self.zone = service.tenant.zone
        # The days on which an appointment that starts between `first` and `last` can end, with its buffer, and one before.
        self.changing_days = find_changing_days(first.date() - _DAY, last.date() + 3 * _DAY, self.zone)

    def __missing__(self, day: dt.date) -> _Day:
        self[day] = _Day(self._openings(day))
        return self[day]

    def join_existing(self, times: list[Range]) -> list[Range]:
        """Returns the times without skipped local times."""
        return join_existing(times, self.zone) if self.changing_days else times

    def add(self, place: Place, time: Range) -> None:
        """Adds the place to each opening within the time."""
        begin, end = max(time[0], self.first), min(time[1], self.last)
        for day in range(begin.toordinal(), end.toordinal() + 1):
            for opening in self[dt.date.fromordinal(day)].within(begin, time[1], self.last):
                opening.places.append(place)

    def _openings(self, day: dt.date) -> Iterator[tuple[Opening, dt.datetime]]:
        """Yields each opening of the day, and when the member of staff would be free again."""
        is_changing = not self.changing_days.isdisjoint(day + n * _DAY for n in range(4))
        midnight = dt.datetime.combine(day, dt.time())
        for minute in range(0, 24 * 60, self.service.tenant.slot_minutes):
            start = midnight + dt.timedelta(minutes=minute)
            if is_changing and is_skipped(start, self.zone):
                continue
            end = self._add(start, self.minutes, is_changing)
            # An end after 24 hours would be taken for one on the same day.
            if end - start < _DAY:
                yield Opening(start, end, []), self._add(end, self.service.buffer_minutes, is_changing)

    def _add(self, local: dt.datetime, minutes: int, is_changing: bool) -> dt.datetime:
        """Does what `add_minutes` does, which takes ten times as long."""
        return add_minutes(local, minutes, self.zone) if is_changing else local + dt.timedelta(minutes=minutes)


def _start(opening: Opening) -> dt.datetime:
    return opening.start
