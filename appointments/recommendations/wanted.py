"""Chooses the services to recommend to a customer."""

import datetime as dt
from collections import Counter, defaultdict
from typing import NamedTuple

from appointments.models import FIRST_DAY, LAST_DAY, Appointment
from appointments.recommendations.favourites import Favourites, ServicesOnOffer
from appointments.recommendations.history import History
from appointments.recommendations.points import (
    POINTS,
    POPULAR_BY_RANK,
    POPULAR_VISITS,
    SERVICE_BY_RANK,
    Points,
    Reason,
    points_of_rank,
)
from tenants.models import Service
from tenants.scope import whole_business

# Slots are searched this many days before and after the target day.
DAYS_AROUND = 7
# Slots are searched for MAX_SERVICES services. The first MAX_PEOPLE preferred people are looked at: for each who offers
# none of these services, slots of one service more are searched.
MAX_SERVICES = 5
MAX_PEOPLE = 3
Window = tuple[dt.datetime, dt.datetime]


class WantedService(NamedTuple):
    """A service whose slots are searched around the day `target_day`, with the points that all these slots have.

    `due_day` is None if the customer never had it. `catalogue_position` counts from 0. If `staff` is not None, only
    slots of these people count.
    """

    service: Service
    points: Points
    due_day: dt.date | None
    target_day: dt.date
    catalogue_position: int
    staff: frozenset[str] | None = None

    def is_attended_by(self, staff: str, offer: ServicesOnOffer) -> bool:
        """Returns whether slots of this person count."""
        return (self.staff is None or staff in self.staff) and offer.attends(staff, self.service)

    def window(self, now: dt.datetime) -> Window:
        """Returns the local times between which the slots start; the second one is excluded."""
        days = (self.target_day + dt.timedelta(number) for number in (-DAYS_AROUND, DAYS_AROUND + 1))
        first, last = (dt.datetime.combine(min(max(day, FIRST_DAY), LAST_DAY), dt.time()) for day in days)
        return max(first, now), last


def choose_services(
    offer: ServicesOnOffer, favourites: Favourites, history: History, *, tenant: str, today: dt.date
) -> list[WantedService]:
    """Returns the MAX_SERVICES services with most points. Adds, for each of the first MAX_PEOPLE preferred people who
    offers none of them, the service of theirs with most points.

    An added service counts only with those preferred people. So a preferred person who is added never makes
    a slot of somebody else come first. A service that the customer has booked for today or later is not wanted. Sends
    one statement.
    """
    rated = _rate_services(offer, favourites, history, tenant=tenant, today=today)
    chosen, others = rated[:MAX_SERVICES], rated[MAX_SERVICES:]
    staff_by_position: dict[int, set[str]] = defaultdict(set)
    for staff in list(favourites.staff)[:MAX_PEOPLE]:
        offered = [one for one in rated if offer.attends(staff, one.service)]
        if offered and offered[0] not in chosen:
            staff_by_position[offered[0].catalogue_position].add(staff)
    return chosen + [
        one._replace(staff=frozenset(staff_by_position[one.catalogue_position]))
        for one in others
        if one.catalogue_position in staff_by_position
    ]


def _rate_services(
    offer: ServicesOnOffer, favourites: Favourites, history: History, *, tenant: str, today: dt.date
) -> list[WantedService]:
    """Returns the services by points, then by the day on which they are due, then as in the catalogue."""
    popular = _points_of_popular(offer, tenant)
    rated = []
    for place, service in enumerate(offer.services):
        if service.pk not in history.booked:
            due_day = history.due_day(service)
            points = _points_of_service(service, due_day, favourites, popular, today)
            rated.append(WantedService(service, points, due_day, max(due_day or today, today), place))
    return sorted(rated, key=lambda one: (-sum(one.points.values()), one.target_day, one.catalogue_position))


def _points_of_service(
    service: Service, due_day: dt.date | None, favourites: Favourites, popular: dict[str, int], today: dt.date
) -> Points:
    points = {}
    if due_day is not None:
        points[Reason.DUE] = POINTS[Reason.DUE]
    if due_day is not None and due_day < today:
        points[Reason.OVERDUE] = POINTS[Reason.OVERDUE]
    if service.pk in favourites.services:
        points[Reason.PREFERRED_SERVICE] = points_of_rank(SERVICE_BY_RANK, favourites.services[service.pk])
    if favourites.prefers_category(service):
        points[Reason.PREFERRED_CATEGORY] = POINTS[Reason.PREFERRED_CATEGORY]
    if service.pk in popular:
        points[Reason.POPULAR] = popular[service.pk]
    return points


def _points_of_popular(offer: ServicesOnOffer, tenant: str) -> dict[str, int]:
    """Returns the points of the services that most of the last visits were for, by the ids of the services."""
    visits = Appointment.objects.visits().filter(tenant=tenant).order_by("-appointment_date", "-id")
    with whole_business():
        counts = Counter(visits.values_list("service_id", flat=True)[:POPULAR_VISITS])
    # The sort is stable: if services are equally popular, the first in the catalogue comes first.
    booked = sorted((one.pk for one in offer.services if one.pk in counts), key=lambda pk: -counts[pk])
    return dict(zip(booked, POPULAR_BY_RANK, strict=False))
