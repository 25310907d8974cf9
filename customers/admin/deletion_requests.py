"""The back office pages of what customers ask for in the portal, and its panel on a customer's page."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.safestring import SafeString

from customers.admin.actions import link
from customers.models import Customer, DeletionRequest
from tenants.accounts.permissions import ADMINS, STAFF
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
        handled = {"yes": False, None: True}.get(self.value())
        return requests if handled is None else requests.filter(handled_at__isnull=handled)


@admin.register(DeletionRequest)
class DeletionRequestAdmin(TenantAdmin):
    """The customers who have asked in the portal to be deleted, those first whose request is due first."""

    roles = {"view": STAFF, "handle": ADMINS}
    list_display = ["who", "requested_at", "due_at", "handled_at"]
    list_display_links = None
    list_filter = [HandledFilter]
    list_select_related = ["customer"]
    ordering = ["due_at", "id"]
    fields = ["who", "requested_at", "due_at", "handled_at"]
    readonly_fields = ["who"]
    actions = ["mark_as_handled"]

    def has_handle_permission(self, request: HttpRequest) -> bool:
        return self.allows(request, "handle")

    @admin.display(description="customer")
    def who(self, row: DeletionRequest) -> SafeString:
        return link(row.customer)

    @admin.action(description="Mark as handled", permissions=["handle"])
    def mark_as_handled(self, request: HttpRequest, queryset: QuerySet[DeletionRequest]) -> None:
        """Closes the requests that are open: the customer has been deleted, or the matter is settled otherwise."""
        number = queryset.filter(handled_at=None).update(handled_at=timezone.now(), updated_at=timezone.now())
        messages.success(request, f"Marked as handled: {number}.")


def portal_panel(request: HttpRequest, customer: Customer) -> SafeString:
    """Returns the panel of what the customer has asked for in the portal. It is empty if there is nothing."""
    asked = customer.deletion_requests.filter(handled_at=None).first()
    if not (asked or customer.pending_phone):
        return SafeString()
    shown = {"customer": customer, "request": asked, "others": _who_has(customer)}
    return render_to_string("admin/customers/customer/portal_panel.html", shown)  # type: ignore[return-value]


def _who_has(customer: Customer) -> list[SafeString]:
    """Returns links to the customers who have the phone that waits."""
    pending = Customer.objects.undeleted().defer("search_text").filter(tenant=customer.tenant_id)
    return [link(one) for one in pending.filter(phone=customer.pending_phone)] if customer.pending_phone else []
