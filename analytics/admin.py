"""The filter, the column and the order that statistics add to the back office list of customers."""

from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.db.models import Case, IntegerField, OuterRef, Subquery, Value, When
from django.http import HttpRequest

from analytics.dashboard.charts import SEGMENT_TEXTS
from analytics.segments import segment_condition, segment_conditions
from appointments.models import CustomerTotals, undeleted_totals
from customers.admin.sorting import TotalsOrder
from customers.extensions import ExportColumn, ListColumn
from customers.models import CustomerQuerySet
from tenants.accounts.permissions import ADMINS


class SegmentFilter(admin.SimpleListFilter):
    """Filters customers by their segment. Only for the roles that may read the statistics."""

    roles = ADMINS
    title = "segment"
    parameter_name = "segment"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(segment, name) for segment, (name, _) in SEGMENT_TEXTS.items()]

    def queryset(self, request: HttpRequest, customers: CustomerQuerySet) -> CustomerQuerySet:
        if not self.value():
            return customers
        members = undeleted_totals().filter(segment_condition(self.value()))
        return customers.filter(pk__in=members.values("customer_id"))


def segment_position() -> Case:
    """Returns an expression for a row of totals: the position of the customer's segment in SEGMENT_TEXTS."""
    conditions = segment_conditions()
    cases = [When(conditions[segment], then=Value(position)) for position, segment in enumerate(SEGMENT_TEXTS)]
    return Case(*cases, output_field=IntegerField())


def build_segment_annotation() -> Mapping[str, Any]:
    """Returns the annotation `segment_position` of customers. The value is None for a deleted customer."""
    own = CustomerTotals.objects.filter(tenant=OuterRef("tenant"), customer_id=OuterRef("pk"), is_deleted=False)
    return {"segment_position": Subquery(own.annotate(position=segment_position()).values("position"))}


@admin.display(description="segment", ordering="segment")
def segment(customer: Any) -> str:
    """Returns the name of the segment of a customer, for the list and the export."""
    names = [name for name, _ in SEGMENT_TEXTS.values()]
    return "" if customer.segment_position is None else names[customer.segment_position]


SEGMENT_COLUMN = ListColumn(segment, build_segment_annotation, roles=ADMINS)
SEGMENT_EXPORT = ExportColumn("segment", segment, build_segment_annotation)
# The list also sorts deleted customers, so this query does not leave them out.
SEGMENT_ORDER = TotalsOrder(CustomerTotals.objects.all(), lambda: [segment_position(), "customer_id"])
