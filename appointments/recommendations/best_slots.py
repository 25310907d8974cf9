"""Finds the best slot of a service on each day."""

import datetime as dt
from collections.abc import Collection, Iterable, Iterator
from itertools import groupby
from typing import NamedTuple

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Func, Q

from appointments.availability import Opening, Place, Slot
from appointments.models import BLOCKING_STATUSES, Appointment
from appointments.models.appointment import LONGEST, TIME_RANGE
from appointments.recommendations.favourites import Favourites
from appointments.recommendations.history import History
from appointments.recommendations.points import POINTS, STAFF_BY_RANK, Points, Reason, points_of_rank
from appointments.recommendations.wanted import WantedService, Window
from circe.api.local_time import add_minutes
from circe.db.fields import LocalDateTimeField
from tenants.models import Service
from tenants.scope import whole_business


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
        """The sort key: the best recommendation comes first. No two recommendations of one answer have equal keys."""
        days_off = abs(self.slot.start.date() - self.wanted.target_day)
        return -self.score, days_off, self.slot.start, self.wanted.catalogue_position, self.slot


class Bookings(NamedTuple):
    """When bookings begin, and when they and their buffers end: pairs of a local time and the id of the member of staff."""

    begins: set[tuple[dt.datetime, str]]
    ends: set[tuple[dt.datetime, str]]


def read_bookings(tenant: str, windows: Collection[Window]) -> Bookings:
    """Returns the bookings in the windows and next to them. Sends one statement."""
    days = Q(pk=None)
    for first, last in windows:
        days |= Q(appointment_date__range=((first - LONGEST).date(), (last + LONGEST).date()))
    appointments = Appointment.objects.filter(days, tenant=tenant, status__in=BLOCKING_STATUSES).order_by()
    bounds = {
        name: ArrayAgg(Func(TIME_RANGE, function=function, output_field=LocalDateTimeField()))
        for name, function in (("begins", "lower"), ("ends", "upper"))
    }
    found = Bookings(set(), set())
    with whole_business():
        for staff, begins, ends in appointments.values("staff_id").annotate(**bounds).values_list("staff_id", *bounds):
            found.begins.update((time, staff) for time in begins)
            found.ends.update((time, staff) for time in ends)
    return found


class SlotSearch:
    """Searches the best slots for a customer with these favourites and this history, beside these bookings."""

    def __init__(self, favourites: Favourites, history: History, bookings: Bookings) -> None:
        self.favourites, self.history, self.bookings = favourites, history, bookings
        self.points_by_place: dict[Place, Points] = {}

    def find_best_of_each_day(self, wanted: WantedService, openings: Iterable[Opening]) -> Iterator[Recommendation]:
        """Yields for each day the slot with most points. If several slots have most points, it is the first by start
        and name.
        """
        possible = (one for one in openings if not self.history.is_busy(one.start, one.end))
        for _, of_day in groupby(possible, key=lambda one: one.start.date()):
            yield max(self._iterate_improvements(wanted, of_day), key=lambda one: one.score)

    def _iterate_improvements(self, wanted: WantedService, openings: Iterable[Opening]) -> Iterator[Recommendation]:
        """Yields the slots that have more points than all before them, in their order."""
        most = -1
        for opening in openings:
            of_start = self._points_of_start(opening.start)
            without_place = sum(wanted.points.values()) + sum(of_start.values())
            for place in opening.places:
                of_place = self._points_of_place(place)
                # Few slots of a large team pass this condition, and the other slots cost little.
                if without_place + sum(of_place.values()) + POINTS[Reason.NO_GAP] > most:
                    slot = Slot(opening.start, *place, opening.end)
                    of_gap = self._points_of_gap(wanted.service, slot)
                    found = Recommendation(wanted, slot, wanted.points | of_place | of_start | of_gap)
                    if found.score > most:
                        most = found.score
                        yield found

    def _points_of_start(self, start: dt.datetime) -> Points:
        conditions = {
            Reason.USUAL_WEEKDAY: start.weekday() == self.history.usual_weekday,
            Reason.USUAL_HOUR: start.hour == self.history.usual_hour,
        }
        return {reason: POINTS[reason] for reason, holds in conditions.items() if holds}

    def _points_of_place(self, place: Place) -> Points:
        if place not in self.points_by_place:
            points: Points = {}
            if place.staff_id in self.favourites.staff:
                points[Reason.PREFERRED_STAFF] = points_of_rank(STAFF_BY_RANK, self.favourites.staff[place.staff_id])
            if place.outlet_id == self.favourites.outlet:
                points[Reason.PREFERRED_OUTLET] = POINTS[Reason.PREFERRED_OUTLET]
            self.points_by_place[place] = points
        return self.points_by_place[place]

    def _points_of_gap(self, service: Service, slot: Slot) -> Points:
        # Without a buffer, most of the time of a search would go into converting the end to an instant and back.
        buffer = service.buffer_minutes
        free_again = add_minutes(slot.end, buffer, service.tenant.zone) if buffer else slot.end
        staff = slot.staff_id
        has_no_gap = (slot.start, staff) in self.bookings.ends or (free_again, staff) in self.bookings.begins
        return {Reason.NO_GAP: POINTS[Reason.NO_GAP]} if has_no_gap else {}
