"""The filters of the lists of outlets, services and staff."""

import unicodedata
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import F, Func, Q, QuerySet, TextField, Value
from django.db.models.functions import Concat

from appointments.catalogue import queries
from circe.api.parameters import BooleanFilter, ExistingIdFilter, StrictFilter, StrictFilterSet
from customers.filters import to_search
from customers.search import MAX_SEARCH_LENGTH, search_words
from tenants.cluster_queries import narrow_scope_on_cluster
from tenants.models import Outlet, Service, Staff


def matching_name(rows: QuerySet, name: Any, text: str) -> QuerySet:
    """Keeps the rows in whose name each word of `text` occurs, as in the search for customers."""
    words = search_words(text)
    if not words:
        return rows.none()
    # Both ways to read punctuation: `O'Brien` is `o brien` and `obrien`. Each word has a space before it.
    texts = [Func(name, gap, function="circe_fold", output_field=TextField()) for gap in (Value(" "), Value(""))]
    searched = Concat(Value(" "), texts[0], Value(" "), texts[1], output_field=TextField())
    return rows.alias(search_text=searched).filter(Q(*(Q(search_text__has_part=word) for word in words)))


def to_category(text: str) -> str:
    """Returns the category. Raises ValidationError for an empty one."""
    if not text:
        raise ValidationError("Write a category, or leave this parameter out.", code="blank")
    return unicodedata.normalize("NFC", text)


class CatalogueFilter(StrictFilterSet):
    """The query parameters that all three lists take."""

    # The expression of the name of a row.
    searched_name: Any = F("name")

    search = StrictFilter(
        convert=to_search,
        method="filter_search",
        schema={"type": "string", "maxLength": MAX_SEARCH_LENGTH},
        help_text="Every word must occur in the name: part of a word is enough (of a word of one or two letters its "
        "beginning). Case, accents and punctuation do not matter.",
    )
    is_active = BooleanFilter(help_text="true: only active ones, false: only those that are not active.")

    def filter_search(self, rows: QuerySet, name: str, text: str) -> QuerySet:
        return matching_name(rows, self.searched_name, text)


class OutletFilter(CatalogueFilter):
    """The query parameters of the list of outlets."""

    class Meta:
        model = Outlet
        fields: list[str] = []


class ServiceFilter(CatalogueFilter):
    """The query parameters of the list of services."""

    category = StrictFilter(
        convert=to_category,
        lookup_expr="iexact",
        schema={"type": "string", "minLength": 1, "pattern": r"[^\s\x1c-\x1f\x85]"},
        help_text="The category of the service. Case does not matter.",
    )
    staff_id = ExistingIdFilter(
        queryset=queries.TEAM,
        method="filter_staff",
        help_text="Active services that this person offers, also those that everybody offers.",
    )
    outlet_id = ExistingIdFilter(
        queryset=Outlet.objects.all(),
        method="filter_outlet",
        help_text="Active services that somebody offers who has working hours at this outlet.",
    )

    class Meta:
        model = Service
        fields: list[str] = []

    def filter_staff(self, services: QuerySet, name: str, staff: str) -> QuerySet:
        narrow_scope_on_cluster(queries.TEAM, staff)
        # A service that names nobody is offered by everybody of its own business.
        own = services.filter(tenant__in=queries.TEAM.filter(pk=staff).values("tenant"))
        return queries.offered_by(own, staff)

    def filter_outlet(self, services: QuerySet, name: str, outlet: str) -> QuerySet:
        narrow_scope_on_cluster(Outlet.objects.all(), outlet)
        return queries.offered_at(services, outlet)


class StaffFilter(CatalogueFilter):
    """The query parameters of the list of staff."""

    searched_name = Concat(F("first_name"), Value(" "), F("last_name"))

    outlet_id = ExistingIdFilter(
        queryset=Outlet.objects.all(),
        method="filter_outlet",
        help_text="People who have working hours at this outlet that are not over.",
    )
    service_id = ExistingIdFilter(
        queryset=Service.objects.all(), method="filter_service", help_text="People who offer this service."
    )

    class Meta:
        model = Staff
        fields: list[str] = []

    def filter_outlet(self, staff: QuerySet, name: str, outlet: str) -> QuerySet:
        narrow_scope_on_cluster(Outlet.objects.all(), outlet)
        return queries.working_at(staff, outlet)

    def filter_service(self, staff: QuerySet, name: str, service: str) -> QuerySet:
        narrow_scope_on_cluster(Service.objects.all(), service)
        return queries.offering(staff, service)
