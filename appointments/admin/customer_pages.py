"""Additions of appointments to the back office pages of customers: a list filter, and a panel on a customer's page."""

import datetime as dt
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from appointments.models import Appointment, AppointmentQuerySet, Message
from circe.api.time_zone import local_zone
from circe.backoffice.regional import format_amount
from customers.admin.customers import MAX_LATEST_ROWS
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
        match self.value():
            case "30":
                return customers.filter(_visited(30))
            case "90":
                return customers.filter(_visited(90), ~_visited(30))
            case "365":
                return customers.filter(_visited(365), ~_visited(90))
            case "older":
                return customers.filter(_visited(), ~_visited(365))
            case "never":
                return customers.filter(~_visited())
        return customers


def _visited(days: int | None = None) -> Exists:
    """Returns the condition that a customer had a visit: ever, or in the last `days` days."""
    visits = Appointment.objects.visits().filter(tenant=OuterRef("tenant"), customer=OuterRef("pk"))
    if days is not None:
        today = timezone.now().astimezone(local_zone()).date()
        visits = visits.filter(appointment_date__gte=today - dt.timedelta(days=days))
    return Exists(visits)


class AppointmentCustomerFilter(admin.SimpleListFilter):
    """Filters appointments by the customer from whose page the list was opened."""

    title = "customer"
    parameter_name = "customer"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        pk = request.GET.get(self.parameter_name)
        return [(pk, str(Customer.objects.filter(pk=pk).first() or "Nobody"))] if pk else []

    def queryset(self, request: HttpRequest, appointments: AppointmentQuerySet) -> AppointmentQuerySet:
        return appointments.filter(customer=self.value()) if self.value() else appointments


def appointments_panel(request: HttpRequest, customer: Customer) -> SafeString:
    """Returns the panel of a customer's page: their figures, latest appointments, and links to book and to the list."""
    customer = Customer.objects.with_profile().select_related("tenant").get(pk=customer.pk)
    history, currency = customer.appointments.select_related("service", "staff", "outlet"), customer.tenant.currency
    urls = {page: reverse(f"admin:appointments_appointment_{page}") for page in ("add", "changelist")}
    context = {
        "customer": customer,
        "figures": history.statistics(),
        "spent": format_amount(customer.total_spent, currency),
        "appointments": [
            (appointment, format_amount(appointment.total_price, currency)) for appointment in history[:MAX_LATEST_ROWS]
        ],
        "book_url": f"{urls['add']}?{urlencode({'customer': customer.pk})}",
        "all_url": f"{urls['changelist']}?{urlencode({'customer': customer.pk, 'day': 'all', 'o': '-1'})}",
    }
    return render_to_string("admin/appointments/appointment/customer_panel.html", context)  # type: ignore[return-value]


def messages_panel(request: HttpRequest, customer: Customer) -> SafeString:
    """Returns the panel of a customer's page with the latest messages to them."""
    messages = render_messages(Message.objects.filter(customer=customer)[:MAX_LATEST_ROWS])
    return format_html(
        '<section class="panel" aria-labelledby="messages"><h2 id="messages">Messages</h2>{}</section>', messages
    )


def render_messages(messages: QuerySet[Message]) -> SafeString:
    """Returns the list of the messages: when each was queued, what it is about, and what became of it."""
    return render_to_string("admin/appointments/message/list.html", {"messages": messages})  # type: ignore[return-value]
