"""The back office pages of appointments: list, forms and bulk actions."""

import datetime as dt
from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.widgets import AdminTextareaWidget
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.defaultfilters import pluralize
from django.urls import URLPattern, path
from django.utils.formats import date_format
from django.utils.safestring import SafeString
from django.views import View

from appointments.admin.bulk_status import StatusForm
from appointments.admin.customer_pages import AppointmentCustomerFilter, AppointmentDateRangeFilter, render_messages
from appointments.admin.day_sheet import DaySheetView, day_sheet_url, local_minute
from appointments.admin.forms import HELP_TEXTS, AppointmentForm
from appointments.admin.hand_on import HandOnForm, HandOnView
from appointments.admin.offers import (
    RECOMMENDED_FIELDS,
    FreeTimesView,
    Recommended,
    put_favourites_first,
    read_recommendations,
)
from appointments.admin.refusals import SLOT_BUTTON, fill_in_slot
from appointments.admin.undo_status import UndoStatusView
from appointments.booking import BookingRefused, book
from appointments.models import (
    BLOCKING_STATUSES,
    Appointment,
    AppointmentQuerySet,
    Message,
    Status,
    local_today_and_time,
    lock_bookings_of,
    upcoming_condition,
)
from circe.api.time_zone import local_today
from circe.backoffice.regional import format_amount, format_clock, format_time_range
from circe.backoffice.site import opens_own_transactions
from circe.db.ids import is_id
from customers.admin.reception_notes import render_reception_notes
from customers.models import Customer, DeliveryState
from customers.models.searchable import SearchableCustomer
from customers.search import MAX_SEARCH_LENGTH
from tenants.accounts.permissions import MANAGERS, STAFF, SUPER
from tenants.admin.bulk_actions import BulkActionsAdmin
from tenants.models import Outlet
from tenants.scope import current_tenant, enter_scope


class AppointmentDayFilter(admin.SimpleListFilter):
    """Filters appointments by days around today in the tenant's time zone. Without a day, a search finds appointments
    of any day.
    """

    title = "day"
    parameter_name = "day"
    # First and last day, as days from today.
    day_offsets = {"tomorrow": (1, 1), "week": (0, 6), "past": (-7, -1)}

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("tomorrow", "Tomorrow"),
            ("week", "Today and the next 6 days"),
            ("past", "The past 7 days"),
            ("coming", "From now on, and to take place"),
            ("all", "Any day"),
        ]

    def choices(self, changelist: Any) -> list[dict[str, Any]]:
        default, *others = super().choices(changelist)
        return [default | {"display": "Today (searching: any day)"}, *others]

    def queryset(self, request: HttpRequest, appointments: AppointmentQuerySet) -> AppointmentQuerySet:
        has_days = any(request.GET.get(name) for name in AppointmentDateRangeFilter.parameter_names)
        if self.value() == "all" or (self.value() is None and (request.GET.get("q") or has_days)):
            return appointments
        if self.value() == "coming":
            return appointments.filter(upcoming_condition(*local_today_and_time()))
        today = local_today()
        first, last = self.day_offsets.get(self.value() or "", (0, 0))
        return appointments.filter(
            appointment_date__range=(today + dt.timedelta(days=first), today + dt.timedelta(days=last))
        )


@admin.register(Appointment)
class AppointmentAdmin(BulkActionsAdmin):
    """The admin of appointments. All staff book and change them, and cancel them instead of deleting. Only managers
    set the status of several at once.
    """

    form = AppointmentForm
    roles = {"view": STAFF, "add": STAFF, "change": STAFF, "bulk_change": MANAGERS, "delete": SUPER}
    list_display = [
        "appointment_date",
        "time",
        "customer_name",
        "service",
        "staff",
        "outlet",
        "status",
        "price",
    ]
    list_filter = [
        AppointmentCustomerFilter,
        AppointmentDayFilter,
        AppointmentDateRangeFilter,
        "status",
        "outlet",
        "staff",
        "service",
        "payment_status",
    ]
    list_select_related = ["customer", "service", "staff", "outlet", "tenant"]
    ordering = ["appointment_date", "start_time", "id"]
    search_fields = ["customer__search_text"]
    search_help_text = "Parts of the customer's names, e-mail or phone number, in any order."
    instead_of_deleting = "Cancel it instead: the customer is told, and it stays in the history."
    autocomplete_fields = ["outlet", "customer", "staff", "service"]
    # A visit of last week may be of a service that has ended since.
    choice_conditions = {"service": Q()}
    readonly_fields = ["messages_to_customer", "created_at", "updated_at"]
    actions = ["confirm", "complete", "cancel", "no_show", "hand_on"]
    fieldsets = [
        ("Booking", {"fields": ["customer", "service", "staff", "outlet"]}),
        ("Time", {"fields": ["appointment_date", "start_time", "end_time", "status"]}),
        ("Payment", {"fields": ["total_price", "payment_status", "payment_method", "paid_amount"]}),
        (None, {"fields": ["notes"]}),
    ]

    class Media:
        # jQuery comes first: Django's autocomplete field reports a change only as a jQuery event.
        js = ["admin/js/jquery.init.js", "circe/booking.js"]
        css = {"all": ["circe/booking.css"]}

    def has_bulk_change_permission(self, request: HttpRequest) -> bool:
        return self.allows(request, "bulk_change")

    def get_urls(self) -> list[URLPattern]:
        pages: list[tuple[str, type[View], str]] = [
            ("day/", DaySheetView, "daysheet"),
            ("free-times/", FreeTimesView, "freetimes"),
            ("hand-on/", HandOnView, "handon"),
            ("undo/", UndoStatusView, "undo"),
        ]
        return [
            *(
                path(
                    route,
                    self.admin_site.admin_view(view.as_view(model_admin=self)),
                    name=f"appointments_appointment_{name}",
                )
                for route, view, name in pages
            ),
            *super().get_urls(),
        ]

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """Returns the appointment. Locks its member of staff, and the one that the form names, before its row: whoever books
        does so in this order, so that two transactions can't wait for each other.
        """
        if request.method == "POST" and is_id(object_id):
            seen, named = self.get_queryset(request).filter(pk=object_id).first(), request.POST.get("staff")
            if seen:
                lock_bookings_of(seen.tenant_id, [seen.staff_id, named if is_id(named) else None])
        return super().get_object(request, object_id, from_field)

    def order_choices(self, request: HttpRequest, field: str, rows: QuerySet) -> QuerySet:
        ordered = put_favourites_first(rows, field, request.GET.get("customer"))
        if field != "service":
            return ordered
        return ordered.order_by("-is_active", *(ordered.query.order_by or ordered.model._meta.ordering))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Appointment]:
        return super().get_queryset(request).defer("customer__search_text")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Appointment], search_term: str
    ) -> tuple[QuerySet[Appointment], bool]:
        """Finds appointments by their customer, with the search of customers."""
        if len(search_term) > MAX_SEARCH_LENGTH:
            messages.error(request, f"Search for at most {MAX_SEARCH_LENGTH} characters.")
            return queryset.none(), False
        if search_term:
            customers = SearchableCustomer.objects.undeleted().matching(search_term)
            queryset = queryset.filter(customer__in=customers.values("pk"))
        return queryset, False

    def get_fieldsets(self, request: HttpRequest, obj: Appointment | None = None) -> Any:
        fieldsets = [*super().get_fieldsets(request, obj)]
        if obj:
            return [*fieldsets, ("Record", {"fields": ["messages_to_customer", "created_at", "updated_at"]})]
        return [
            (name, {"fields": ["customer", "walk_in", "service", "staff", "outlet"]})
            if name == "Booking"
            else (name, rest)
            for name, rest in fieldsets
        ]

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        kwargs |= {"help_texts": HELP_TEXTS, "widgets": {"notes": AdminTextareaWidget(attrs={"rows": 3})}}
        form = super().get_form(request, obj, change, **kwargs)
        form.refusal = getattr(request, "refusal", None)
        return form

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Returns the values in the URL; that the booking is confirmed; those of the first recommendation, where it names
        only the customer; and the outlet where the business has only one.
        """
        outlets = Outlet.objects.filter(is_active=True)[:2]
        # At the desk, the member of staff has agreed on the time with the customer.
        initial: dict[str, Any] = {"status": Status.CONFIRMED}
        initial |= {"outlet": outlets[0].pk} if len(outlets) == 1 else {}
        recommendations = self._recommendations(request)
        if recommendations and not RECOMMENDED_FIELDS & {*request.GET}:
            initial |= recommendations[0].values
            if self._shows_tenant(request):
                initial["tenant"] = current_tenant().pk
        return initial | super().get_changeform_initial_data(request)

    def _recommendations(self, request: HttpRequest) -> list[Recommended]:
        """Returns the recommendations for the customer in the URL. Narrows a super_admin's scope to the customer's
        business.
        """
        if not hasattr(request, "recommendations"):
            pk = request.GET.get("customer")
            customers = Customer.objects.undeleted().defer("search_text").select_related("tenant")
            customer = customers.filter(pk=pk).first() if is_id(pk) else None
            request.recommendations = []
            if customer:
                enter_scope(customer.tenant)
                request.recommendations = read_recommendations(customer, request.path, request.GET)
        return request.recommendations

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Shows the form beside what reception has to know of its customer."""
        pk = context["adminform"].form["customer"].value() if "customer" in context["adminform"].form.fields else None
        customers = Customer.objects.undeleted().defer("search_text")
        customer = customers.filter(pk=pk).first() if is_id(pk) else None
        context["reception_notes"] = render_reception_notes(customer) if customer else ""
        obj = context["original"]
        if obj and obj.is_walk_in:
            context["subtitle"] = obj.name_and_time
        if request.method == "GET" and "customer" in request.GET:
            context["recommendations"] = self._recommendations(request)
        return super().render_change_form(request, context, *args, **kwargs)

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Shows the form again, with the reason, if it can't be booked."""
        if SLOT_BUTTON in request.POST:
            request.POST = fill_in_slot(request.POST)  # type: ignore[assignment]
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except (BookingRefused, ValidationError) as refusal:
            request.refusal = refusal
            return super().changeform_view(request, object_id, form_url, extra_context)

    def save_model(self, request: HttpRequest, obj: Appointment, form: AppointmentForm, change: bool) -> None:
        if form.is_to_be_booked:
            book(obj, overrides=form.overrides, seen=form.initial.get("status"))
        else:
            super().save_model(request, obj, form, change)
        for remark in form.remarks:
            messages.info(request, remark)
        if change and {"appointment_date", "start_time", "end_time"} & {*form.changed_data}:
            self._warn_if_past(request, obj)

    def response_add(
        self, request: HttpRequest, obj: Appointment, post_url_continue: str | None = None
    ) -> HttpResponse:
        self._warn_if_past(request, obj)
        return super().response_add(request, obj, post_url_continue)

    def _warn_if_past(self, request: HttpRequest, obj: Appointment) -> None:
        """Warns where the time is past: that is allowed, for a walk-in who is entered later."""
        if obj.status in BLOCKING_STATUSES and obj.local_bounds[1] <= local_minute():
            ended = f"{date_format(obj.local_bounds[1])} at {format_clock(obj.end_time)}"
            sentence = f"This appointment ended on {ended}, which is past. Change the day if that is not meant."
            messages.warning(request, sentence)

    def response_post_save_add(self, request: HttpRequest, obj: Appointment) -> HttpResponse:
        return self._redirect_to_day_sheet(request, obj)

    def response_post_save_change(self, request: HttpRequest, obj: Appointment) -> HttpResponse:
        """Redirects to the day sheet if the form was opened there, else to the list."""
        if "sheet" in request.GET:
            return self._redirect_to_day_sheet(request, obj)
        return super().response_post_save_change(request, obj)

    def _redirect_to_day_sheet(self, request: HttpRequest, obj: Appointment) -> HttpResponse:
        is_one_outlet = is_id(request.GET.get("sheet"))
        query = {
            "tenant_id": obj.tenant_id if self._shows_tenant(request) else None,
            "day": obj.appointment_date,
            "outlet": obj.outlet_id if is_one_outlet else None,
        }
        return HttpResponseRedirect(f"{day_sheet_url(**query)}#appointment-{obj.pk}")

    @admin.display(description="customer", ordering="customer")
    def customer_name(self, appointment: Appointment) -> str:
        return appointment.customer_name

    @admin.display(description="messages to the customer")
    def messages_to_customer(self, appointment: Appointment) -> SafeString:
        return render_messages(Message.objects.filter(appointment=appointment))

    @admin.display(ordering="start_time")
    def time(self, appointment: Appointment) -> str:
        return format_time_range(appointment.start_time, appointment.end_time)

    @admin.display(ordering="total_price")
    def price(self, appointment: Appointment) -> str:
        return format_amount(appointment.total_price, appointment.tenant.currency)

    def lock_rows(self, ids: list[str], **filters: Any) -> QuerySet[Appointment]:
        """Returns the appointments ordered by staff. Does not lock them: each batch locks its own staff."""
        rows = Appointment.objects.with_related().select_related("tenant")
        return rows.filter(pk__in=ids, **filters).order_by("staff", "id")

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple[list[Any], Any, set[str], list[str]]:
        """Returns what Django does, or why they can't be deleted: somebody expects one, or would not be told of its end."""
        expected = [f"{one}, {one.get_status_display().lower()}" for one in objs if one.is_expected]
        waiting = Message.objects.filter(appointment__in=[one.pk for one in objs], state=DeliveryState.QUEUED).count()
        mails = [f"{waiting} mail{pluralize(waiting)} that wait{pluralize(waiting, 's,')} to be sent"]
        protected = [*expected, *(mails if waiting else [])]
        return ([], {}, set(), protected) if protected else super().get_deleted_objects(objs, request)

    # An action commits each batch in a transaction of its own.
    @opens_own_transactions
    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        return super().changelist_view(request, extra_context)

    @admin.action(description="Confirm…", permissions=["bulk_change"])
    def confirm(self, request: HttpRequest, queryset: QuerySet[Appointment]) -> HttpResponse | None:
        return self.ask_then_act(request, queryset, partial(StatusForm, status=Status.CONFIRMED))

    @admin.action(description="Complete…", permissions=["bulk_change"])
    def complete(self, request: HttpRequest, queryset: QuerySet[Appointment]) -> HttpResponse | None:
        return self.ask_then_act(request, queryset, partial(StatusForm, status=Status.COMPLETED))

    @admin.action(description="Cancel…", permissions=["bulk_change"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[Appointment]) -> HttpResponse | None:
        return self.ask_then_act(request, queryset, partial(StatusForm, status=Status.CANCELLED))

    @admin.action(description="Mark as no-show…", permissions=["bulk_change"])
    def no_show(self, request: HttpRequest, queryset: QuerySet[Appointment]) -> HttpResponse | None:
        return self.ask_then_act(request, queryset, partial(StatusForm, status=Status.NO_SHOW))

    @admin.action(description="Hand on…", permissions=["bulk_change"])
    def hand_on(self, request: HttpRequest, queryset: QuerySet[Appointment]) -> HttpResponse | None:
        return self.ask_then_act(request, queryset, HandOnForm)
