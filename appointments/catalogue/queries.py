"""Queries of staff who offer services, and of the outlets where they work. The lists of services and of staff share them."""

from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import DateField, DateTimeField, Exists, F, Func, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Cast
from django.utils import timezone

from appointments.models import WorkingHours
from tenants.models import Service, ServiceStaff, Staff

# A super_admin belongs to no business.
TEAM = Staff.objects.filter(tenant__isnull=False)


def offered_by(services: QuerySet[Service], staff: Any) -> QuerySet[Service]:
    """Keeps the active services that a member of staff offers: those that name the person, and those that name nobody.

    `staff` is an id, or `OuterRef(OuterRef(…))` for a column of the query that encloses `services`.
    """
    named = ServiceStaff.objects.filter(tenant=OuterRef("tenant"), service=OuterRef("pk"))
    return services.filter(~Exists(named) | Exists(named.filter(staff=staff)), is_active=True)


def current_hours() -> QuerySet[WorkingHours]:
    """Returns the working hours at active outlets whose `valid_to` is not in the past, by the clock of each business."""
    local_time = Func(F("tenant__time_zone"), Value(timezone.now()), function="timezone", output_field=DateTimeField())
    not_over = Q(valid_to=None) | Q(valid_to__gte=Cast(local_time, DateField()))
    return WorkingHours.objects.filter(not_over, outlet__is_active=True).order_by()


def offered_at(services: QuerySet[Service], outlet: str) -> QuerySet[Service]:
    """Keeps the active services that are offered by an active member of staff who works at the outlet."""
    team = TEAM.filter(
        is_active=True, tenant=OuterRef("tenant"), pk__in=current_hours().filter(outlet=outlet).values("staff_id")
    )
    named = ServiceStaff.objects.filter(tenant=OuterRef("tenant"), service=OuterRef("pk"))
    named_there = named.filter(staff__in=team.values("pk"))
    return services.filter(Exists(team) & ~Exists(named) | Exists(named_there), is_active=True)


def offering(staff: QuerySet[Staff], service: str) -> QuerySet[Staff]:
    """Keeps the members of staff who offer the service. Nobody offers an inactive one."""
    named = Service.objects.filter(tenant=OuterRef("tenant"), pk=service)
    return staff.filter(Exists(offered_by(named, OuterRef(OuterRef("pk")))))


def working_at(staff: QuerySet[Staff], outlet: str) -> QuerySet[Staff]:
    """Keeps the members of staff who work at the outlet."""
    return staff.filter(pk__in=current_hours().filter(outlet=outlet).values("staff_id"))


def with_staff_ids(services: QuerySet[Service]) -> QuerySet[Service]:
    """Adds `staff_ids`: who offers the service. An empty list means that everybody offers it."""
    named = ServiceStaff.objects.filter(tenant=OuterRef("tenant"), service=OuterRef("pk")).order_by("staff_id")
    return services.annotate(staff_ids=ArraySubquery(named.values("staff_id")))


def with_outlets_and_services(staff: QuerySet[Staff]) -> QuerySet[Staff]:
    """Adds `outlet_ids` and `service_ids`: where each person works, and what they offer."""
    hours = current_hours().filter(tenant=OuterRef("tenant"), staff=OuterRef("pk")).order_by("outlet_id")
    services = offered_by(Service.objects.filter(tenant=OuterRef("tenant")), OuterRef(OuterRef("pk"))).order_by("id")
    return staff.annotate(
        outlet_ids=ArraySubquery(hours.values("outlet_id").distinct()), service_ids=ArraySubquery(services.values("pk"))
    )
