"""The first and last days of the calendar cause no 5xx and no traceback, wherever they are sent, in any time zone.

Parameters, filters, forms and columns are read from the document, the admin and the code, so that new ones are tested too.
"""

import io
from contextlib import suppress
from itertools import product

import pytest
from django.apps import apps
from django.contrib.admin import site
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command, get_commands, load_command_class
from django.db import models
from django.urls import reverse
from rest_framework.test import APIClient

from appointments.models import Appointment, Status
from appointments.tests.factories import AppointmentFactory, works_always
from circe.tests.cases import in_one_test
from customers.models import Customer
from customers.models.imports import CustomerImport
from customers.tests.factories import CustomerFactory
from customers.transfer.columns import COLUMNS
from tenants.scope import tenant_scope
from tenants.tests.factories import ServiceFactory
from tenants.tests.forms import opened

# Apia skipped a day. The other two are the zones that are furthest ahead of UTC and behind it: an instant that the calendar
# has there, it has in every zone between them.
ZONES = ["Pacific/Apia", "Pacific/Kiritimati", "Etc/GMT+12"]
DAYS = ["0001-01-01", "0001-01-02", "1899-12-31", "9999-12-30", "9999-12-31"]
# A day that Apia skipped, and a day on which clocks were changed.
UNUSUAL_DAYS = ["2011-12-30", "2025-03-30"]
INSTANTS = [
    "0001-01-01T00:00:00Z",
    "0001-01-01T00:00:00+14:00",
    "0001-01-01T00:00:00-12:00",
    "0001-01-01T00:00:00",
    "9999-12-31T23:59:59Z",
    "9999-12-31T23:59:59.999999",
    "9999-12-31T23:59:59-12:00",
    "9999-12-31T23:59:59+14:00",
]
VALUES = DAYS + UNUSUAL_DAYS + INSTANTS
# A field that holds a day refuses each instant by its format, whichever it is.
VALUES_FOR_A_DAY = DAYS + UNUSUAL_DAYS + INSTANTS[:1]
# A super_admin has no tenant in scope and so no time zone of one.
ROLES_AND_ZONES = [*(("tenant_admin", zone) for zone in ZONES), ("super_admin", ZONES[1])]
in_each_role_and_zone = pytest.mark.parametrize(("role", "zoned_tenant"), ROLES_AND_ZONES, indirect=["zoned_tenant"])
pytestmark = pytest.mark.slow("sends every day to every page, form and parameter, in every time zone")


@pytest.fixture(params=ZONES)
def zoned_tenant(request, tenant):
    """The tenant, with each of the time zones."""
    tenant.time_zone = request.param
    tenant.save()
    return tenant


@pytest.fixture
def receptionist(back_office):
    """A test client in which a new member of staff is signed in."""
    return back_office("staff")


def day_parameters():
    """Yields each GET of the document, with the names of its parameters that are days or instants."""
    paths = APIClient().get("/openapi.json").json()["paths"]
    for path, methods in paths.items():
        parameters = methods.get("get", {}).get("parameters", [])
        names = [one["name"] for one in parameters if one["schema"].get("format") in {"date", "date-time"}]
        if names:
            yield path, names


def build_queries(names):
    """Yields queries: each value for each name, and the ends of the calendar for all names together."""
    for name in names:
        yield from ({name: value} for value in VALUES)
    for first, last in (("0001-01-01", "9999-12-31"), ("9999-12-31", "9999-12-31"), ("0001-01-01", "0001-01-01")):
        yield dict(zip(sorted(names), (first, last), strict=False))


@in_each_role_and_zone
def test_every_day_parameter_of_the_document_accepts_or_refuses_any_day(zoned_tenant, as_role, portal_client, role):
    staff, appointment = as_role(role), AppointmentFactory(tenant=zoned_tenant)
    customer = portal_client(appointment.customer)
    found = list(day_parameters())
    assert {name for _, names in found for name in names} >= {"created_from", "created_to", "from_date", "to_date"}
    for path, names in found:
        client = customer if "/portal/" in path else staff
        url = path.format(customer_id=appointment.customer_id, tenant_slug=zoned_tenant.slug)
        for query in build_queries(names):
            response = client.get(url, query)
            assert response.status_code in {200, 400}, (path, query, response.content)


def date_filters():
    """Yields the lists of the admin with a filter by day, and the name of the filter."""
    for model in (model for model in apps.get_models() if site.is_registered(model)):
        for entry in site.get_model_admin(model).list_filter:
            name = entry if isinstance(entry, str) else entry[0] if isinstance(entry, tuple) else None
            if name and "__" not in name and isinstance(model._meta.get_field(name), models.DateField):
                yield model, name


@in_each_role_and_zone
def test_every_filter_by_day_of_the_admin_answers_any_day(zoned_tenant, back_office, role):
    browser, _ = back_office(role), CustomerFactory(tenant=zoned_tenant)
    found = list(date_filters())
    assert (Customer, "created_at") in found
    for model, name in found:
        page = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        for comparison in ("", "__gte", "__lt"):
            for value in VALUES:
                response = browser.get(page, {f"{name}{comparison}": value})
                assert response.status_code < 500, (page, name, comparison, value)


@pytest.mark.parametrize("name", ["customers", "appointments_appointment_daysheet", "figures", "index", "export"])
def test_every_page_of_days_of_the_admin_answers_any_day(zoned_tenant, back_office, name):
    browser = back_office("tenant_admin")
    AppointmentFactory(tenant=zoned_tenant)
    names = {"appointments_appointment_daysheet": ["day"], "figures": ["from_date", "to_date"]}
    names |= {"index": ["from_date", "to_date"], "customers": ["created_at__gte", "created_at__lt"]}
    page = {"customers": "customers_customer_changelist", "export": "customers_customer_export"}.get(name, name)
    for query in build_queries(names.get(name, ["created_at__gte", "created_at__lt"])):
        assert browser.get(reverse(f"admin:{page}"), query).status_code < 500, query


MAKE = {
    Appointment: lambda tenant: AppointmentFactory(tenant=tenant, status=Status.CONFIRMED),
    Customer: CustomerFactory,
}


def date_forms():
    """Yields the forms of the admin with a day, and the names of these fields."""
    for model in (model for model in apps.get_models() if site.is_registered(model)):
        names = [
            field.name
            for _, options in site.get_model_admin(model).fieldsets or ()
            for field in model._meta.get_fields()
            if field.name in options["fields"] and isinstance(field, models.DateField) and field.editable
        ]
        names = [name for name in names if name not in site.get_model_admin(model).readonly_fields]
        if names:
            yield model, names


def test_every_form_of_the_admin_with_a_day_accepts_or_refuses_any_day(zoned_tenant, back_office):
    browser, found = back_office("tenant_admin"), dict(date_forms())
    assert found == {Appointment: ["appointment_date"], Customer: ["date_of_birth"]}
    for model, names in found.items():
        row = MAKE[model](tenant=zoned_tenant)
        pages = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        change, add = reverse(f"{pages}_change", args=[row.pk]), reverse(f"{pages}_add")
        sent = opened(browser, change)
        for name in names:
            for value in VALUES_FOR_A_DAY:
                for page in (change, add):
                    response = browser.post(page, sent | {name: value})
                    assert response.status_code in {200, 302}, (page, name, value)
                    if value in DAYS or "T" in value:
                        assert name in response.context["adminform"].form.errors
                assert browser.get(add, {name: value}).status_code == 200


@in_one_test(
    ("day", "times"),
    product(
        [*VALUES_FOR_A_DAY, "1900-01-01", "2999-12-31"],
        [("23:30", "00:30"), ("23:30", ""), ("00:00", "23:59"), ("23:59:59", "00:00")],
    ),
)
def test_an_appointment_after_midnight_is_saved_or_refused_at_an_end_of_the_calendar(tenant, receptionist, day, times):
    start, end = times
    # A service that takes all day, so that nobody is asked about the length.
    course, browser = ServiceFactory(tenant=tenant, duration_minutes=24 * 60 - 1), receptionist
    one = AppointmentFactory(tenant=tenant, status=Status.CONFIRMED, service=course)
    works_always(tenant, one.staff_id, one.outlet_id)
    page = reverse("admin:appointments_appointment_change", args=[one.pk])
    body = opened(browser, page) | {"appointment_date": day, "start_time": start, "end_time": end}
    response = browser.post(page, body)
    if day in {"1900-01-01", "2999-12-31", *UNUSUAL_DAYS}:
        assert response.status_code == 302
        assert browser.get(f"{reverse('admin:appointments_appointment_daysheet')}?day={day}").status_code == 200
    else:
        assert "appointment_date" in response.context["adminform"].form.errors


@in_one_test(
    ("day", "times"),
    product(["2025-01-25", "9999-12-31"], [("24:00", "01:00"), ("23:00", "24:00"), ("23:59:60", ""), ("-1:00", "")]),
)
def test_a_time_beyond_the_clock_is_an_error_of_the_form(tenant, receptionist, day, times):
    one, browser = AppointmentFactory(tenant=tenant), receptionist
    page = reverse("admin:appointments_appointment_change", args=[one.pk])
    body = opened(browser, page) | {"appointment_date": day, "start_time": times[0], "end_time": times[1]}
    errors = browser.post(page, body).context["adminform"].form.errors
    assert {"start_time", "end_time"} & set(errors)


def test_every_day_in_an_imported_file_is_accepted_or_refused(zoned_tenant, back_office):
    names = [column.name for column in COLUMNS if column.name.endswith("_at") or column.name.startswith("date")]
    assert {"date_of_birth", "created_at"} <= set(names)
    lines = ["first_name,phone," + ",".join(names)]
    number = 812_000_000
    for index, _ in enumerate(names):
        for value in VALUES:
            number += 1
            lines.append(
                f"Jane,+62{number}," + ",".join(value if position == index else "" for position in range(len(names)))
            )
    file = SimpleUploadedFile("people.csv", "\n".join(lines).encode())
    response = back_office("tenant_admin").post(reverse("admin:customers_customer_import"), {"file": file})
    assert response.status_code == 200
    response.getvalue()
    with tenant_scope(zoned_tenant):
        run = CustomerImport.objects.get()
    assert run.state == "checked"
    # Each row is created or refused, and no impossible day is accepted.
    assert run.summary["created"] + run.summary["refused"] == len(names) * len(VALUES)
    # A date of birth at the beginning of a calendar is how programs write that there is none.
    no_birthdays = sum(value.startswith(("0001", "1899")) for value in VALUES)
    assert run.summary["refused"] >= len(names) * (len(VALUES) - len(UNUSUAL_DAYS)) - no_birthdays


def date_options():
    """Yields the options of commands that take a day or a number of days."""
    own = {
        name: app for name, app in get_commands().items() if app in {"customers", "appointments", "circe", "tenants"}
    }
    for name, app in own.items():
        parser = load_command_class(app, name).create_parser("manage.py", name)
        for action in parser._actions:
            if action.metavar in {"TIME", "DAYS", "DAY", "DATE"}:
                yield name, action


def test_every_option_of_a_command_that_takes_days_accepts_or_refuses_any(zoned_tenant, admin):
    found = {name: [] for name, _ in date_options()}
    for name, action in date_options():
        found[name].append(action.option_strings[0])
    assert found == {"purge_customers": ["--older-than"], "restore_customers": ["--from", "--to"]}
    needed = {"purge_customers": ["--yes"], "restore_customers": ["--deleted-by", admin.user.pk]}
    for name, options in found.items():
        for option in options:
            for value in [*VALUES, "1d", "99999d", "999999d", "0d", "-1d"]:
                # Any other exception would be a traceback.
                with suppress(CommandError, SystemExit):
                    call_command(
                        name, "--tenant", zoned_tenant.slug, *needed[name], f"{option}={value}", stdout=io.StringIO()
                    )
