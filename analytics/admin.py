"""The filter that statistics add to the back office list of customers."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from analytics.dashboard.charts import SEGMENT_TEXTS
from analytics.segments import segment_condition
from appointments.models import CustomerTotals
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
        members = CustomerTotals.objects.filter(segment_condition(self.value()), is_deleted=False)
        return customers.filter(pk__in=members.values("customer_id"))
