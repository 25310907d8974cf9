"""The back office pages of outlets and services."""

from django.contrib import admin

from circe.backoffice.regional import format_amount
from tenants.accounts.permissions import ADMINS, STAFF
from tenants.admin.base import TenantAdmin
from tenants.models import Outlet, Service


class OfferAdmin(TenantAdmin):
    """The base of the pages of outlets and services. Everybody sees them, administrators change them."""

    roles = {"view": STAFF, "add": ADMINS, "change": ADMINS, "delete": ADMINS, "choose": STAFF}
    instead_of_deleting = (
        "Deactivate it instead, by taking the tick from “Is active”: then nobody can choose it, and its history stays."
    )
    list_filter = ["is_active"]
    search_fields = ["name"]


@admin.register(Outlet)
class OutletAdmin(OfferAdmin):
    """The pages of outlets."""

    list_display = ["name", "address", "is_active"]
    fieldsets = [(None, {"fields": ["name", "address", "is_active"]})]


@admin.register(Service)
class ServiceAdmin(OfferAdmin):
    """The pages of services."""

    list_display = ["name", "category", "duration_minutes", "listed_price", "is_active"]
    list_select_related = ["tenant"]
    list_filter = ["is_active", "category"]
    fieldsets = [(None, {"fields": ["name", "category", "duration_minutes", "price", "is_active"]})]

    @admin.display(description="price", ordering="price")
    def listed_price(self, service: Service) -> str:
        return format_amount(service.price, service.tenant.currency)
