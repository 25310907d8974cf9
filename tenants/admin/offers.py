"""The back office pages of outlets and services."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db import IntegrityError
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest

from circe.backoffice.regional import format_amount
from tenants.accounts.permissions import ADMINS, STAFF
from tenants.admin.forms import TenantForm
from tenants.admin.remaining_bookings import DeactivatableAdmin
from tenants.models import DuplicateName, Outlet, Service, ServiceStaff, Staff
from tenants.scope import current_tenant


class OfferAdmin(DeactivatableAdmin):
    """The base of the pages of outlets and services. Everybody sees them, administrators change them."""

    roles = {"view": STAFF, "add": ADMINS, "change": ADMINS, "delete": ADMINS, "choose": STAFF}
    instead_of_deleting = (
        "Deactivate it instead, by unticking “Active”: then nobody can choose it, and its history stays."
    )
    lost_race_errors = (DuplicateName, IntegrityError)
    list_filter = ["is_active"]
    search_fields = ["name"]
    readonly_fields = ["remaining_bookings"]


@admin.register(Outlet)
class OutletAdmin(OfferAdmin):
    """The pages of outlets."""

    list_display = ["name", "address", "is_active"]
    fieldsets = [(None, {"fields": ["name", "address", "is_active"]})]


class ServiceForm(TenantForm):
    """The form of a service, with those who offer it."""

    staff_ids = forms.ModelMultipleChoiceField(
        Staff.objects.none(),
        required=False,
        label="Staff",
        widget=forms.CheckboxSelectMultiple,
        help_text="Tick nobody if everybody offers it.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        service, field = self.instance, self.fields.get("staff_ids")
        if field is None:
            return
        if current_tenant() is None:
            field.help_text = "Save the service first. Then choose here who offers it."
            return
        chosen = []
        if not service._state.adding:
            chosen = list(ServiceStaff.objects.filter(service=service).values_list("staff_id", flat=True))
            self.initial["staff_ids"] = chosen
        people = Staff.objects.filter(Q(is_active=True) | Q(pk__in=chosen))
        field.queryset = people.order_by("first_name", "last_name", "email")


@admin.register(Service)
class ServiceAdmin(OfferAdmin):
    """The pages of services."""

    form = ServiceForm
    list_display = ["name", "category", "listed_minutes", "listed_price", "offered_by", "is_active"]
    list_select_related = ["tenant"]
    list_filter = ["is_active", "category"]
    fieldsets = [
        (
            None,
            {"fields": ["name", "category", "duration_minutes", "buffer_minutes", "price", "is_active"]},
        ),
        ("Who offers it", {"fields": ["staff_ids"]}),
        ("Recommendations", {"fields": ["rebooking_days"]}),
    ]

    def get_rows(self, request: HttpRequest) -> QuerySet:
        named = ServiceStaff.objects.filter(tenant=OuterRef("tenant"), service=OuterRef("pk")).order_by()
        count = named.values("service").annotate(count=Count("pk")).values("count")
        return super().get_rows(request).annotate(staff_count=Coalesce(Subquery(count), 0))

    def save_model(self, request: HttpRequest, obj: Service, form: forms.ModelForm, change: bool) -> None:
        """Saves the changed values, and who offers the service."""
        values = {name: getattr(obj, name) for name in form.changed_data if name not in {"staff_ids", "tenant"}}
        if "staff_ids" in form.changed_data:
            values["staff_ids"] = [person.pk for person in form.cleaned_data["staff_ids"]]
        obj.change(values)
        self.warn_of_remaining_bookings(request, obj, form)

    def choice_label(self, row: Service) -> str:
        return str(row) if row.is_active else f"{row} (not on offer)"

    @admin.display(description="who offers it")
    def staff_ids(self, service: Service) -> str:
        """Returns the names of those who offer the service, for people who may not change it."""
        named = ServiceStaff.objects.filter(service=service).select_related("staff")
        return ", ".join(sorted(str(one.staff) for one in named)) or "Everybody"

    @admin.display(description="minutes", ordering="duration_minutes")
    def listed_minutes(self, service: Service) -> str:
        buffer = f" + {service.buffer_minutes}" if service.buffer_minutes else ""
        return f"{service.duration_minutes}{buffer} min"

    @admin.display(description="price", ordering="price")
    def listed_price(self, service: Service) -> str:
        return format_amount(service.price, service.tenant.currency)

    @admin.display(description="offered by")
    def offered_by(self, service: Any) -> str:
        count = service.staff_count
        return f"{count} {'person' if count == 1 else 'people'}" if count else "everybody"
