"""Finds the best slot of each day.

Not every slot is made and compared: a month of a large team has many thousands. In the part of a free time that lies on a
day only a few starts can be the best: the first one, the first one in the usual hour, and the one that ends directly before
the next booking. And a part is left out if none of its slots can have as many points as the best one found already.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from appointments.availability import Slot, slots_within
from appointments.models.schedule import FreeTime
from appointments.recommendations.favourites import Favourites
from appointments.recommendations.history import History
from appointments.recommendations.points import POINTS, Points, Reason, points_of_preferred
from appointments.recommendations.wanted import WantedService, Window
from circe.api.local_time import add_minutes
from tenants.models import Service

_DAY = dt.timedelta(days=1)


class Recommendation(NamedTuple):
    """A slot that can be booked, with its points by reason."""

    wanted: WantedService
    slot: Slot
    points: Points

    @property
    def service(self) -> Service:
        return self.wanted.service

    @property
    def due_day(self) -> dt.date | None:
        """The day on which the service is due again, None if the customer never had it."""
        return self.wanted.due_day

    @property
    def score(self) -> int:
        return sum(self.points.values())

    @property
    def reasons(self) -> list[Reason]:
        return list(self.points)

    @property
    def order(self) -> tuple:
        """Sorts recommendations, the best first: no two of an answer are equal."""
        slot = self.slot
        days_off = abs(slot.start.date() - self.wanted.target)
        return -self.score, days_off, slot.start, self.wanted.place, slot.staff_name, slot.staff_id, slot.outlet_id


class Opening(NamedTuple):
    """A part of a free time that lies on one day, from `first` to `last`. No slot in it has more than `most` points."""

    most: int
    first: dt.datetime
    last: dt.datetime
    free: FreeTime

    @property
    def bound(self) -> tuple:
        """Compares with `rank_on_day`: no slot in the opening has a smaller rank."""
        return -self.most, self.first, self.free.staff_name, self.free.staff_id, self.free.outlet_id


def rank_on_day(one: Recommendation) -> tuple:
    """Sorts slots of one service on one day as `Recommendation.order` does."""
    return -one.score, one.slot.start, one.slot.staff_name, one.slot.staff_id, one.slot.outlet_id


class SlotSearch(NamedTuple):
    """Searches the best slots for a customer with these favourites and this history."""

    favourites: Favourites
    history: History

    def find_best_of_each_day(
        self, wanted: WantedService, free_times: list[FreeTime], window: Window
    ) -> Iterator[Recommendation]:
        """Yields for each day of the window the best slot, if the service fits anywhere in the free times of that day."""
        openings = defaultdict(list)
        for free in free_times:
            for opening in self._openings(wanted, free, window):
                openings[opening.first.date()].append(opening)
        for of_day in openings.values():
            best: Recommendation | None = None
            for opening in sorted(of_day, key=lambda one: one.bound):
                if best and opening.bound > rank_on_day(best):
                    break
                found = [*self._candidates(wanted, opening), *([best] if best else [])]
                best = min(found, key=rank_on_day, default=None)
            if best:
                yield best

    def _openings(self, wanted: WantedService, free: FreeTime, window: Window) -> Iterator[Opening]:
        """Yields the parts of the free time within the window, by day."""
        first, end = max(free.begin, window[0]), min(free.end, window[1])
        while first < end:
            last = min(end, dt.datetime.combine(first.date(), dt.time()) + _DAY)
            yield Opening(sum(self._most_points(wanted, free, first, last).values()), first, last, free)
            first = last

    def _candidates(self, wanted: WantedService, opening: Opening) -> Iterator[Recommendation]:
        """Yields some slots of the opening. One of them is the best."""
        service, free = wanted.service, opening.free
        minutes = service.duration_minutes
        starts = [opening.first]
        if self.history.usual_hour is not None:
            starts.append(opening.first.replace(hour=self.history.usual_hour, minute=0, second=0))
        if free.precedes_booking:
            starts.append(add_minutes(free.end, -(minutes + service.buffer_minutes), service.tenant.zone))
        for start in starts:
            if opening.first <= start < opening.last:
                slots = slots_within(free, service, minutes, start, opening.last)
                slot = next((one for one in slots if not self.history.is_busy(one.start, one.end)), None)
                if slot:
                    yield Recommendation(wanted, slot, self._points(wanted, free, slot))

    def _points(self, wanted: WantedService, free: FreeTime, slot: Slot) -> Points:
        """Returns the points of a slot in the free time."""
        service = wanted.service
        end = add_minutes(slot.end, service.buffer_minutes, service.tenant.zone)
        no_gap = (free.follows_booking and slot.start == free.begin) or (free.precedes_booking and end == free.end)
        is_usual_hour = slot.start.hour == self.history.usual_hour
        return self._sum(wanted, free, slot.start.date(), is_usual_hour=is_usual_hour, no_gap=no_gap)

    def _most_points(self, wanted: WantedService, free: FreeTime, first: dt.datetime, last: dt.datetime) -> Points:
        """Returns points that no slot exceeds that starts in the free time from `first` on and before `last`, on one day."""
        hour = self.history.usual_hour
        is_usual_hour = hour is not None and first.hour <= hour and first.replace(hour=hour, minute=0) < last
        no_gap = free.follows_booking or free.precedes_booking
        return self._sum(wanted, free, first.date(), is_usual_hour=is_usual_hour, no_gap=no_gap)

    def _sum(self, wanted: WantedService, free: FreeTime, day: dt.date, *, is_usual_hour: bool, no_gap: bool) -> Points:
        points = dict(wanted.points)
        if free.staff_id in self.favourites.staff:
            points[Reason.PREFERRED_STAFF] = points_of_preferred(self.favourites.staff[free.staff_id])
        conditions = {
            Reason.PREFERRED_OUTLET: free.outlet_id == self.favourites.outlet,
            Reason.USUAL_WEEKDAY: day.weekday() == self.history.usual_weekday,
            Reason.USUAL_HOUR: is_usual_hour,
            Reason.NO_GAP: no_gap,
        }
        return points | {reason: POINTS[reason] for reason, holds in conditions.items() if holds}
