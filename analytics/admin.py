"""What the statistics add to the admin's list of customers."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from analytics.dashboard.charts import SEGMENT_WORDS
from analytics.segments import members
from customers.models import CustomerQuerySet
from tenants.accounts.permissions import ADMINS


class SegmentFilter(admin.SimpleListFilter):
    """Customers of a segment of the statistics, for those who read them."""

    roles = ADMINS
    title = "segment"
    parameter_name = "segment"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(segment, name) for segment, (name, _) in SEGMENT_WORDS.items()]

    def queryset(self, request: HttpRequest, customers: CustomerQuerySet) -> CustomerQuerySet:
        if not self.value():
            return customers
        return customers.filter(pk__in=members(self.value()))
