"""The back office pages of businesses."""

from collections.abc import Collection
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from circe.backoffice.widgets import CodeInput, EmailInput, OpenSelect, language_choices, time_zone_choices
from tenants.accounts.permissions import ADMINS, SUPER
from tenants.admin.base import TenantAdmin
from tenants.models import Role, Tenant
from tenants.scope import current_tenant


@admin.register(Tenant)
class BusinessAdmin(TenantAdmin):
    """The pages of businesses. A super_admin sees all, and an administrator changes their own."""

    roles = {"view": ADMINS, "add": SUPER, "change": ADMINS, "delete": SUPER, "choose": SUPER}
    instead_of_deleting = "Suspend it instead, by unticking “Active”: then none of its people can sign in."
    list_display = ["name", "slug", "time_zone", "currency", "phone_region", "is_active"]
    list_filter = ["is_active"]
    search_fields = ["name", "slug"]
    readonly_fields = ["created_at", "updated_at"]
    fieldsets = [
        (None, {"fields": ["name", "slug", "is_active"]}),
        ("Where it is", {"fields": ["time_zone", "currency", "phone_region", "language"]}),
        ("Booking", {"fields": ["slot_minutes", "rebooking_days", "cancellation_notice_hours"]}),
        (
            "Messages to customers",
            {
                "fields": [
                    *("sends_confirmations", "sends_changes", "sends_cancellations", "sends_reminders"),
                    *("reminder_hours", "quiet_from", "quiet_until", "reply_to", "double_opt_in"),
                ]
            },
        ),
        (
            "Customer segments",
            {"fields": ["at_risk_after_days", "new_within_days", "vip_min_visits", "vip_top_percent"]},
        ),
        ("Record", {"fields": ["created_at", "updated_at"]}),
    ]

    def find_only_row(self, request: HttpRequest) -> Tenant | None:
        """Returns the caller's own business, or None for a super_admin."""
        return request.user.tenant

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        own = self.find_only_row(request)
        if own and self.has_view_permission(request):
            return redirect("admin:tenants_tenant_change", own.pk)
        return super().changelist_view(request, extra_context)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Tenant]:
        businesses = super().get_queryset(request)
        tenant = current_tenant()
        return businesses.filter(pk=tenant.pk) if tenant else businesses

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        widgets = {
            "language": OpenSelect(language_choices),
            "time_zone": OpenSelect(time_zone_choices),
            "currency": CodeInput(),
            "phone_region": CodeInput(),
            "slug": CodeInput({"autocapitalize": "none"}),
            "reply_to": EmailInput(),
        }
        return super().get_form(request, obj, change, widgets=widgets, **kwargs)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Collection[str]:
        kept = () if request.user.role == Role.SUPER_ADMIN else ("slug", "is_active")
        return [*self.readonly_fields, *kept]
