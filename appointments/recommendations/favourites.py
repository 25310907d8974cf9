"""Reads what a customer prefers, and finds what of this is on offer and what is not."""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterator
from enum import StrEnum
from typing import NamedTuple

from django.db.models import OuterRef, Q, QuerySet, Subquery

from appointments.catalogue.queries import with_staff_ids
from appointments.models import WorkingHours
from customers.models import Customer, PreferredService, PreferredStaff
from tenants.models import Outlet, Service, StaffName
from tenants.scope import whole_business


class Obstacle(StrEnum):
    """Why something that a customer prefers can't be recommended."""

    INACTIVE = "inactive"
    NO_WORKING_HOURS = "no_working_hours"
    OFFERS_NO_SERVICE = "offers_no_service"
    NO_STAFF = "no_staff"
    NO_SERVICE = "no_service"


MEANINGS = {
    Obstacle.INACTIVE: "The service, person or outlet is inactive.",
    Obstacle.NO_WORKING_HOURS: "The person has no working hours, or they are over.",
    Obstacle.OFFERS_NO_SERVICE: "The person works, but offers none of the active services.",
    Obstacle.NO_STAFF: "Nobody who works offers the service, or nobody works at the outlet.",
    Obstacle.NO_SERVICE: "No service of the category is on offer.",
}


class Ignored(NamedTuple):
    """A preference that can't be recommended: its key in the API, its id (or the name of the category), and the reason."""

    key: str
    id: str
    reason: Obstacle


class ServicesOnOffer(NamedTuple):
    """The offers of the business now: its services in the order of the catalogue, and the outlets where each person works.

    Each service has `staff_ids`: who offers it. If the list is empty, everybody offers it.
    """

    services: list[Service]
    outlets_by_staff: dict[str, set[str]]

    def attends(self, staff: str, service: Service) -> bool:
        """Returns whether the person works and offers the service."""
        return staff in self.outlets_by_staff and (not service.staff_ids or staff in service.staff_ids)


class Favourites(NamedTuple):
    """The preferences of a customer that are on offer. `services` and `staff` give for each id its position in the
    customer's list, from 0. `ignored` are the preferences that are not on offer.
    """

    services: dict[str, int]
    staff: dict[str, int]
    outlet: str | None
    categories: set[str]
    ignored: list[Ignored]

    def prefers_category(self, service: Service) -> bool:
        return service.category.casefold() in self.categories


def read_offer_and_favourites(customer: Customer, *, today: dt.date) -> tuple[ServicesOnOffer, Favourites]:
    """Returns what is on offer, and what of it the customer prefers. Sends at most four statements."""
    services = list(_services(customer))
    for service in services:
        service.tenant = customer.tenant
    outlets: dict[str, set[str]] = defaultdict(set)
    with whole_business():
        for staff, outlet in _places_of_work(customer.tenant.pk, today):
            outlets[staff].add(outlet)
    offer = ServicesOnOffer([one for one in services if _service_obstacle(one, outlets) is None], dict(outlets))
    preferred = sorted((one for one in services if one.position is not None), key=lambda one: one.position)
    people = PreferredStaff.objects.filter(tenant=customer.tenant_id, customer=customer.pk).order_by("position")
    names = StaffName.objects.filter(tenant=customer.tenant_id, pk=OuterRef("staff_id"))
    places = Outlet.objects.filter(tenant=customer.tenant_id, pk=customer.preferred_outlet_id)
    obstacles: dict[str, dict[str, Obstacle | None]] = {
        "preferred_services": {one.pk: _service_obstacle(one, outlets) for one in preferred},
        "preferred_staff_ids": {
            staff: _staff_obstacle(staff, is_active, offer)
            for staff, is_active in people.values_list("staff_id", Subquery(names.values("is_active")))
        },
        "preferred_outlet_id": {one.pk: _outlet_obstacle(one, outlets.values()) for one in places},
        "preferred_categories": {name: _category_obstacle(name, offer) for name in customer.preferred_categories},
    }
    return offer, _as_favourites(obstacles)


def _services(customer: Customer) -> QuerySet[Service, Service]:
    """Returns the active services, and those that the customer prefers, with `staff_ids` and the `position` in the list."""
    preferred = PreferredService.objects.filter(tenant=OuterRef("tenant"), service=OuterRef("pk"), customer=customer.pk)
    services = with_staff_ids(Service.objects.filter(tenant=customer.tenant_id))
    services = services.annotate(position=Subquery(preferred.values("position")))
    return services.filter(Q(is_active=True) | Q(position__isnull=False))


def _places_of_work(tenant: str, today: dt.date) -> QuerySet[WorkingHours, tuple[str, str]]:
    """Returns pairs of ids: an active member of staff, and an active outlet where they have working hours that are not
    over.
    """
    hours = WorkingHours.objects.filter(tenant=tenant, staff__is_active=True, outlet__is_active=True).order_by()
    return hours.filter(Q(valid_to=None) | Q(valid_to__gte=today)).values_list("staff_id", "outlet_id").distinct()


def _service_obstacle(service: Service, working: Collection[str]) -> Obstacle | None:
    if not service.is_active:
        return Obstacle.INACTIVE
    is_attended = any(staff in working for staff in service.staff_ids) if service.staff_ids else bool(working)
    return None if is_attended else Obstacle.NO_STAFF


def _staff_obstacle(staff: str, is_active: bool, offer: ServicesOnOffer) -> Obstacle | None:
    if not is_active:
        return Obstacle.INACTIVE
    if staff not in offer.outlets_by_staff:
        return Obstacle.NO_WORKING_HOURS
    return None if any(offer.attends(staff, one) for one in offer.services) else Obstacle.OFFERS_NO_SERVICE


def _outlet_obstacle(outlet: Outlet, places: Collection[set[str]]) -> Obstacle | None:
    if not outlet.is_active:
        return Obstacle.INACTIVE
    return None if any(outlet.pk in place for place in places) else Obstacle.NO_STAFF


def _category_obstacle(name: str, offer: ServicesOnOffer) -> Obstacle | None:
    folded = name.casefold()
    return None if any(one.category.casefold() == folded for one in offer.services) else Obstacle.NO_SERVICE


def _as_favourites(obstacles: dict[str, dict[str, Obstacle | None]]) -> Favourites:
    def on_offer(key: str) -> Iterator[tuple[str, int]]:
        return ((pk, place) for place, (pk, reason) in enumerate(obstacles[key].items()) if reason is None)

    return Favourites(
        services=dict(on_offer("preferred_services")),
        staff=dict(on_offer("preferred_staff_ids")),
        outlet=next((pk for pk, _ in on_offer("preferred_outlet_id")), None),
        categories={name.casefold() for name, _ in on_offer("preferred_categories")},
        ignored=[
            Ignored(key, pk, reason) for key, found in obstacles.items() for pk, reason in found.items() if reason
        ],
    )
