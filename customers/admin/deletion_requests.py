"""The back office pages of the customers who have asked in the portal to be deleted."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from customers.admin.actions import link_to_customer
from customers.models import DeletionRequest
from tenants.accounts.permissions import STAFF
from tenants.admin.base import TenantAdmin


class HandledFilter(admin.SimpleListFilter):
    """Shows the open requests, unless the handled ones are asked for."""

    title = "handled"
    parameter_name = "handled"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Handled"), ("all", "All")]

    def choices(self, changelist: Any) -> Any:
        first, *others = super().choices(changelist)
        return [{**first, "display": "Open"}, *others]

    def queryset(self, request: HttpRequest, requests: QuerySet[DeletionRequest]) -> QuerySet[DeletionRequest]:
        is_open = {None: True, "yes": False}.get(self.value())
        return requests if is_open is None else requests.filter(handled_at__isnull=is_open)


@admin.register(DeletionRequest)
class DeletionRequestAdmin(TenantAdmin):
    """The customers who have asked in the portal to be deleted. The request that is due first comes first. Each row
    leads to the customer's page, which has the button that marks the request as handled.
    """

    roles = {"view": STAFF}
    list_display = ["who", "requested_at", "due_at", "handled_at"]
    list_display_links = None
    list_filter = [HandledFilter]
    list_select_related = ["customer"]
    ordering = ["due_at", "id"]
    fields = ["who", "requested_at", "due_at", "handled_at"]
    readonly_fields = ["who"]

    @admin.display(description="customer")
    def who(self, row: DeletionRequest) -> SafeString:
        return link_to_customer(row.customer)
