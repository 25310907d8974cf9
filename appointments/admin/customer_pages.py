"""Adds to the back office pages of customers: filters, columns and orders of the list, columns of the
export, and two panels on a customer's page.
"""

import datetime as dt
from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from appointments.models import (
    Appointment,
    AppointmentQuerySet,
    CustomerTotals,
    Message,
    Status,
    local_today_and_time,
    upcoming_condition,
)
from appointments.recommendations.history import MIN_VISITS_FOR_HABIT
from circe.api.time_zone import local_today
from circe.backoffice.fields import DayField, WholeNumberField
from circe.backoffice.regional import format_amount
from customers.admin.customers import MAX_LATEST_ROWS
from customers.admin.filters import RangeFilter
from customers.admin.sorting import TotalsOrder
from customers.extensions import ExportColumn, ListColumn
from customers.models import Customer, CustomerQuerySet


class LastVisitFilter(admin.SimpleListFilter):
    """Filters customers by the date of their last visit, in the tenant's time zone."""

    title = "last visit"
    parameter_name = "last_visit"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("30", "In the last 30 days"),
            ("90", "31 to 90 days ago"),
            ("365", "91 to 365 days ago"),
            ("older", "More than a year ago"),
            ("never", "No visit yet"),
        ]

    def queryset(self, request: HttpRequest, customers: CustomerQuerySet) -> CustomerQuerySet:
        today = local_today()
        match self.value():
            case "30":
                return customers.filter(_last_visit_condition(today, None, 30))
            case "90":
                return customers.filter(_last_visit_condition(today, 31, 90))
            case "365":
                return customers.filter(_last_visit_condition(today, 91, 365))
            case "older":
                return customers.filter(_last_visit_condition(today, 366, None))
            case "never":
                return customers.filter(_totals_condition(Q(last_visit=None)))
        return customers


def _last_visit_condition(today: dt.date, least_days: int | None, most_days: int | None) -> Q:
    """Returns the condition that the last visit was from `least_days` to `most_days` ago. None is no limit."""
    first = Q(last_visit__gte=today - dt.timedelta(days=most_days)) if most_days else Q()
    last = Q(last_visit__lte=today - dt.timedelta(days=least_days)) if least_days else Q()
    return _totals_condition(first & last)


def _totals_condition(condition: Q) -> Q:
    return Q(pk__in=CustomerTotals.objects.filter(condition).values("customer_id"))


class LastVisitRangeFilter(RangeFilter):
    """Filters customers by the days of their last visit, as the API does."""

    title = "day of the last visit"
    fields = {
        "last_visit_from": DayField(required=False, label="from"),
        "last_visit_to": DayField(required=False, label="to"),
    }


class SpendingFilter(RangeFilter):
    """Filters customers by what they spent in all visits, as the API does."""

    title = "spending"
    fields = {
        "total_spent_min": WholeNumberField(required=False, min_value=0, label="at least"),
        "total_spent_max": WholeNumberField(required=False, min_value=0, label="at most"),
    }


class VisitedFilter(RangeFilter):
    """Filters customers by the days of any of their visits."""

    title = "day of any visit"
    fields = {
        "visited_from": DayField(required=False, label="from"),
        "visited_to": DayField(required=False, label="to"),
    }

    def make_condition(self, request: HttpRequest, chosen: dict[str, Any]) -> Q:
        names = {"visited_from": "appointment_date__gte", "visited_to": "appointment_date__lte"}
        days = {names[name]: day for name, day in chosen.items()}
        visits = Appointment.objects.visits().filter(customer__isnull=False, **days)
        return Q(pk__in=visits.order_by().values("customer_id"))


class AppointmentDateRangeFilter(RangeFilter):
    """Filters appointments by the first and the last day. If no `day` is chosen, AppointmentDayFilter then shows any
    day instead of today.
    """

    title = "days"
    fields = {"from_date": DayField(required=False, label="from"), "to_date": DayField(required=False, label="to")}

    def make_condition(self, request: HttpRequest, chosen: dict[str, Any]) -> Q:
        names = {"from_date": "appointment_date__gte", "to_date": "appointment_date__lte"}
        return Q(**{names[name]: day for name, day in chosen.items()})


@admin.display(description="last visit", ordering="last_appointment_date")
def last_visit(customer: Any) -> dt.date | None:
    """Returns the cell of the list with the day of a customer's last visit."""
    return customer.last_appointment_date


@admin.display(description="visits", ordering="visits")
def visits(customer: Any) -> str:
    """Returns the cell of the list with the number of a customer's visits."""
    return format_amount(customer.visits)


@admin.display(description="spent", ordering="total_spent")
def spent(customer: Any) -> str:
    """Returns the cell of the list with what a customer spent."""
    return format_amount(customer.total_spent)


def build_visits_annotation() -> Mapping[str, Any]:
    """Returns the annotation of a customer with the number of visits."""
    return {"visits": Coalesce(_totals_annotation("visits")["visits"], 0)}


def _totals_annotation(name: str) -> Mapping[str, Any]:
    own = CustomerTotals.objects.filter(tenant=OuterRef("tenant"), customer_id=OuterRef("pk"))
    return {name: Subquery(own.values(name))}


COLUMNS = [ListColumn(last_visit), ListColumn(visits, build_visits_annotation), ListColumn(spent)]
EXPORT_COLUMNS = [
    ExportColumn("last_visit", lambda customer: customer.last_visit, lambda: _totals_annotation("last_visit")),
    ExportColumn("visits", lambda customer: customer.visits or 0, lambda: _totals_annotation("visits")),
    ExportColumn("total_spent", lambda customer: customer.total_spent or 0, lambda: _totals_annotation("total_spent")),
]
_TOTALS = CustomerTotals.objects.all()
# The orders of the list by totals. All but `visits` are those of an index.
ORDERS = {
    "last_appointment_date": TotalsOrder(
        _TOTALS, lambda: ["last_visit", "customer_id"], is_known=Q(last_visit__isnull=False)
    ),
    "visits": TotalsOrder(_TOTALS, lambda: ["visits", "customer_id"]),
    "total_spent": TotalsOrder(
        _TOTALS,
        lambda: ["total_spent", "total_appointments", "-customer_id"],
        is_known=Q(total_spent__gt=0),
        unknown_is_lowest=True,
    ),
}


class AppointmentCustomerFilter(admin.SimpleListFilter):
    """Filters appointments by the customer from whose page the list was opened."""

    title = "customer"
    parameter_name = "customer"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        pk = request.GET.get(self.parameter_name)
        if not pk:
            return []
        customer = Customer.objects.filter(pk=pk).first()
        if customer is None:
            raise IncorrectLookupParameters
        return [(pk, str(customer))]

    def queryset(self, request: HttpRequest, appointments: AppointmentQuerySet) -> AppointmentQuerySet:
        return appointments.filter(customer=self.value()) if self.value() else appointments


def appointments_panel(request: HttpRequest, customer: Customer) -> SafeString:
    """Returns the panel of a customer's page: what reception needs on the phone, figures, bookings and past appointments."""
    customer = Customer.objects.with_profile().select_related("tenant").get(pk=customer.pk)
    history, currency = customer.appointments.select_related("service", "staff", "outlet"), customer.tenant.currency
    coming = upcoming_condition(*local_today_and_time())
    upcoming = list(history.filter(coming).order_by("appointment_date", "start_time", "pk")[:MAX_LATEST_ROWS])
    past = list(history.exclude(coming)[:MAX_LATEST_ROWS])
    urls = {page: reverse(f"admin:appointments_appointment_{page}") for page in ("add", "changelist")}
    context = {
        "customer": customer,
        "next": upcoming[0] if upcoming else None,
        "usual": describe_habits(past),
        "figures": history.statistics(),
        "spent": format_amount(customer.total_spent, currency),
        "lists": [
            (title, [(one, format_amount(one.total_price, currency)) for one in appointments])
            for title, appointments in (("Upcoming", upcoming), ("Past", past))
        ],
        "shown": len(upcoming) + len(past),
        "book_url": f"{urls['add']}?{urlencode({'customer': customer.pk})}",
        "all_url": f"{urls['changelist']}?{urlencode({'customer': customer.pk, 'day': 'all', 'o': '-1'})}",
    }
    return render_to_string("admin/appointments/appointment/customer_panel.html", context)  # type: ignore[return-value]


def describe_habits(appointments: Collection[Appointment]) -> str:
    """Returns what a customer usually has, and with whom: `Haircut, with Ana Lee`. It is "" if nothing came twice.

    If services or people came equally often, the first one in `appointments` counts.
    """
    visits = [one for one in appointments if one.status == Status.COMPLETED]
    service, person = (
        next((name for name, number in Counter(names).most_common(1) if number >= MIN_VISITS_FOR_HABIT), "")
        for names in ([str(one.service) for one in visits], [str(one.staff) for one in visits])
    )
    return ", ".join(part for part in (service, person and f"with {person}") if part)


def messages_panel(request: HttpRequest, customer: Customer) -> SafeString:
    """Returns the panel of a customer's page with the latest messages to them."""
    messages = render_messages(Message.objects.filter(customer=customer)[:MAX_LATEST_ROWS])
    return format_html(
        '<section class="panel" aria-labelledby="messages"><h2 id="messages">Messages</h2>{}</section>', messages
    )


def render_messages(messages: QuerySet[Message]) -> SafeString:
    """Returns the list of the messages: when each was queued, what it is about, and what became of it."""
    return render_to_string("admin/appointments/message/list.html", {"messages": messages})  # type: ignore[return-value]
