"""The admin of appointments: bookings and what became of them."""

import datetime as dt
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.widgets import AdminTextareaWidget
from django.db import IntegrityError
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from appointments.customer_pages import CustomerFilter
from appointments.models import Appointment, AppointmentQuerySet, Status
from customers.models import Customer
from customers.search import MAX_LENGTH
from tenants.admin import TenantAdmin, TenantForm
from tenants.parameters import zone
from tenants.permissions import STAFF, SUPER


class AppointmentForm(TenantForm):
    """A booking. The end and the price are the service's unless given."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        customer = self.fields.get("customer")
        if customer:
            known = self.instance.customer_id
            customer.queryset = Customer.objects.filter(Q(is_deleted=False) | Q(pk=known))
            customer.required = self.instance._state.adding or known is not None
            self.fields["end_time"].required = self.fields["total_price"].required = False

    def clean(self) -> dict[str, Any]:
        values = super().clean() or self.cleaned_data
        service, start = values.get("service"), values.get("start_time")
        if service and start and values.get("end_time") is None and "end_time" not in self.errors:
            length = dt.timedelta(minutes=service.duration_minutes)
            values["end_time"] = (dt.datetime.combine(dt.date.min, start) + length).time()
        if service and values.get("total_price") is None and "total_price" not in self.errors:
            values["total_price"] = service.price
        return values

    def _get_validation_exclusions(self) -> set[str]:
        # The constraint on double booking asks for the status; with a malformed one it has to be left out as a whole.
        return super()._get_validation_exclusions() | ({"staff"} if "status" in self.errors else set())


class DayFilter(admin.SimpleListFilter):
    """Appointments around today, by the tenant's calendar. Whoever searches finds those of any day."""

    title = "day"
    parameter_name = "day"
    # Days from today: the first and the last.
    spans = {"tomorrow": (1, 1), "week": (0, 6), "past": (-7, -1)}

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("tomorrow", "Tomorrow"),
            ("week", "Today and the next 6 days"),
            ("past", "The past 7 days"),
            ("all", "Any day"),
        ]

    def choices(self, changelist: Any) -> list[dict[str, Any]]:
        default, *others = super().choices(changelist)
        return [default | {"display": "Today (searching: any day)"}, *others]

    def queryset(self, request: HttpRequest, appointments: AppointmentQuerySet) -> AppointmentQuerySet:
        if self.value() == "all" or (self.value() is None and request.GET.get("q")):
            return appointments
        today = timezone.now().astimezone(zone()).date()
        first, last = self.spans.get(self.value() or "", (0, 0))
        return appointments.filter(
            appointment_date__range=(today + dt.timedelta(days=first), today + dt.timedelta(days=last))
        )


@admin.register(Appointment)
class AppointmentAdmin(TenantAdmin):
    """Appointments. Everybody books and changes them; what does not take place is cancelled, not deleted."""

    form = AppointmentForm
    roles = {"view": STAFF, "add": STAFF, "change": STAFF, "delete": SUPER}
    list_display = [
        "appointment_date",
        "time",
        "customer",
        "service",
        "staff",
        "outlet",
        "status",
        "total_price",
    ]
    list_filter = [CustomerFilter, DayFilter, "status", "outlet", "staff", "payment_status"]
    list_select_related = ["customer", "service", "staff", "outlet"]
    ordering = ["appointment_date", "start_time", "id"]
    search_fields = ["customer__search_text"]
    search_help_text = "Parts of the customer's names, e-mail or phone number, in any order."
    autocomplete_fields = ["outlet", "customer", "staff", "service"]
    readonly_fields = ["created_at", "updated_at"]
    actions = ["confirm", "complete", "cancel", "no_show"]
    fieldsets = [
        ("Booking", {"fields": ["customer", "service", "staff", "outlet"]}),
        ("Time", {"fields": ["appointment_date", "start_time", "end_time", "status"]}),
        ("Payment", {"fields": ["total_price", "payment_status", "payment_method", "paid_amount"]}),
        (None, {"fields": ["notes"]}),
        ("Record", {"fields": ["created_at", "updated_at"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Appointment]:
        return super().get_queryset(request).defer("customer__search_text")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Appointment], search_term: str
    ) -> tuple[QuerySet[Appointment], bool]:
        """By the customer, as customers themselves are found."""
        if len(search_term) > MAX_LENGTH:
            messages.error(request, f"Search for at most {MAX_LENGTH} characters.")
            return queryset.none(), False
        if search_term:
            queryset = queryset.filter(customer__in=Customer.objects.undeleted().matching(search_term))
        return queryset, False

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        blanks = {"end_time": "The service's length, if left empty.", "total_price": "The service's, if left empty."}
        kwargs |= {"help_texts": blanks, "widgets": {"notes": AdminTextareaWidget(attrs={"rows": 3})}}
        return super().get_form(request, obj, change, **kwargs)

    @admin.display(ordering="start_time")
    def time(self, appointment: Appointment) -> str:
        return f"{appointment.start_time:%H:%M}–{appointment.end_time:%H:%M}"

    def _set(self, request: HttpRequest, appointments: QuerySet[Appointment], status: Status) -> None:
        done = 0
        # In one order, so that two people doing so wait for each other and never both.
        for appointment in appointments.order_by("staff", "id"):
            appointment.status = status
            try:
                appointment.save(update_fields=["status"])
            except IntegrityError:
                sentence = f"{appointment}, {appointment.customer}: {appointment.staff} is booked again at that time."
                self.message_user(request, sentence, messages.ERROR)
            else:
                done += 1
        self.message_user(request, f"{status.label}: {done}.", messages.SUCCESS)

    @admin.action(description="Confirm", permissions=["change"])
    def confirm(self, request: HttpRequest, queryset: QuerySet[Appointment]) -> None:
        self._set(request, queryset, Status.CONFIRMED)

    @admin.action(description="Complete", permissions=["change"])
    def complete(self, request: HttpRequest, queryset: QuerySet[Appointment]) -> None:
        self._set(request, queryset, Status.COMPLETED)

    @admin.action(description="Cancel", permissions=["change"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[Appointment]) -> None:
        self._set(request, queryset, Status.CANCELLED)

    @admin.action(description="Mark as no-show", permissions=["change"])
    def no_show(self, request: HttpRequest, queryset: QuerySet[Appointment]) -> None:
        self._set(request, queryset, Status.NO_SHOW)
