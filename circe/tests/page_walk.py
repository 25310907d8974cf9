"""Every page of the back office that a role may open, beside rows that fill them."""

import datetime as dt

import pytest
from django.apps import apps
from django.contrib import admin
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from appointments.models import Appointment, Message, Status
from appointments.tests.factories import (
    AppointmentFactory,
    MessageTextFactory,
    TimeOffFactory,
    WalkInFactory,
    works_always,
)
from customers.models import Customer, DeletionRequest
from customers.tests.factories import CustomerFactory, DeletedCustomerFactory
from tenants.scope import tenant_scope
from tenants.tests.factories import OutletFactory, ServiceFactory, UserFactory


@pytest.fixture
def busy_business(tenant):
    """A business with a row of every table that has pages, and a day with appointments of every status."""
    with tenant_scope(tenant):
        today = dt.datetime.now(tenant.zone).date()
        ana = UserFactory(tenant=tenant, first_name="Ana", last_name="Lee")
        outlet, haircut = OutletFactory(tenant=tenant, name="Kemang"), ServiceFactory(tenant=tenant, name="Haircut")
        works_always(tenant, ana.pk, outlet.pk)
        jane = CustomerFactory(
            tenant=tenant,
            first_name="Jane",
            last_name="Doe",
            phone="+6281234567890",
            date_of_birth=dt.date(1990, 5, 17),
            tags=["vip"],
            preferred_channel="phone",
            accessibility_needs="Needs the ramp",
            notes="Prefers the window",
            pending_phone="+6281299999999",
        )
        DeletedCustomerFactory(tenant=tenant)
        DeletionRequest.objects.create(customer=jane, due_at=timezone.now() + dt.timedelta(days=30))
        shared = {"tenant": tenant, "customer": jane, "staff_id": ana.pk, "outlet": outlet, "service": haircut}
        for number, status in enumerate(Status):
            for day in (0, -7, 1):
                AppointmentFactory(
                    **shared,
                    appointment_date=today + dt.timedelta(days=day),
                    start_time=dt.time(9 + 2 * number),
                    end_time=dt.time(10 + 2 * number),
                    status=status,
                    arrived_at=timezone.now() if status == Status.CONFIRMED else None,
                    notes="Brings a friend",
                )
        appointment = jane.appointments.first()
        WalkInFactory(**shared | {"customer": None}, appointment_date=today, start_time=dt.time(7), end_time=dt.time(8))
        Message.objects.create(appointment=appointment, customer=jane, kind="confirmation", sequence=0)
        TimeOffFactory(tenant=tenant, staff_id=ana.pk)
        MessageTextFactory(tenant=tenant)
    return tenant


def open_pages(browser, tenant):
    """Opens all pages that the person who is signed in to `browser` (a test client) may open. Returns the answers by URL."""
    urls = ["/admin/", "/admin/figures/", "/admin/password_change/"]
    query = f"tenant_id={tenant.pk}"
    urls += [
        f"/admin/appointments/appointment/day/?{query}",
        f"/admin/appointments/appointment/day/?{query}&day=2026-01-05",
    ]
    urls += [
        "/admin/customers/customer/?q=Wirwan",
        "/admin/customers/customer/import/",
        "/admin/customers/customer/export/",
    ]
    with tenant_scope(tenant):
        jane = Customer.objects.get(phone="+6281234567890").pk
        urls += [f"/admin/appointments/appointment/add/?customer={jane}&tenant={tenant.pk}"]
        for model in apps.get_models():
            if admin.site.is_registered(model):
                rows = list(model._default_manager.order_by("pk"))
                urls += [url for view in ("changelist", "add") if (url := _find_url(model, view))]
                urls += [
                    url for row in rows[:1] for view in ("delete", "history") if (url := _find_url(model, view, row.pk))
                ]
                # The pages of a deleted customer or a finished appointment have parts that others have not.
                shown = rows if model in {Customer, Appointment} else rows[:1]
                urls += [url for row in shown if (url := _find_url(model, "change", row.pk))]
    answers = {url: browser.get(url) for url in urls}
    return {url: answer for url, answer in answers.items() if answer.status_code == 200}


def _find_url(model, view, *args):
    try:
        return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{view}", args=args)
    except NoReverseMatch:
        return None
