"""The answers to one business do not change by a byte with the data of another business.

The test sends every GET of the API and of the admin, before and after another business gets 10,000 customers and 50,000
appointments: with the same names, tags and numbers, on the same days, with the same services.
"""

import datetime as dt
import re

import pytest
import time_machine
from django.contrib import admin as django_admin
from django.db import connection
from django.db.models import GeneratedField
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.generators import SchemaGenerator

from appointments.models import Appointment, Status, TimeOff
from appointments.tests.factories import AppointmentFactory, TimeOffFactory, WorkingHoursFactory
from circe.db.roles import as_owner
from customers.tests.factories import CustomerFactory, DeletedCustomerFactory
from tenants.models import Role, Service
from tenants.scope import tenant_scope
from tenants.tests.factories import OutletFactory, ServiceFactory, UserFactory

pytestmark = pytest.mark.slow("makes 10,000 customers and 50,000 appointments of another business")

CUSTOMERS, APPOINTMENTS = 10_000, 50_000

QUERIES = {
    "/api/v1/customers": [
        "size=100",
        "page=2&size=2",
        "page=99",
        "search=jane",
        "search=ja",
        "search=0812",
        "search=jane0@example.com",
        "search=nobody",
        "search=jnae",
        "source=import",
        "is_active=true&ordering=name",
        "ordering=-total_spent&size=2",
        "last_visit_from=2025-01-01&total_spent_min=1",
        "tags=vip,regular",
        "has_password=false",
        "has_password=true",
        "email_verified=true",
        "created_from=2020-01-01&created_to=2100-01-01",
        "search=jane&tags=vip&has_password=false&size=1",
    ],
    "/api/v1/customers/{customer_id}": [""],
    "/api/v1/customers/{customer_id}/appointments": [
        "",
        "status=completed,no_show",
        "from_date=2025-01-20",
        "page=2&size=1",
    ],
    "/api/v1/customers/{customer_id}/recommendations": ["", "limit=20"],
    "/api/v1/customers/{customer_id}/consents": ["", "page=2&size=1"],
    "/api/v1/customers/{customer_id}/history": ["", "page=2&size=1"],
    "/api/v1/appointments": [
        "",
        "size=100",
        "page=2&size=3",
        "customer_id={customer_id}",
        "staff_id={staff_id}&page=2&size=2",
        "outlet_id={outlet_id}",
        "service_id={service_id}&status=completed",
        "from_date=2025-01-20&to_date=2025-01-25",
        "status=pending",
    ],
    "/api/v1/appointments/{appointment_id}": [""],
    "/api/v1/customers/statistics/summary": ["", "from_date=2025-01-01&to_date=2025-12-31", "from_date=2024-01-01"],
    "/api/v1/customers/tags": [""],
    "/api/v1/outlets": ["", "search=spa", "is_active=true&size=1"],
    "/api/v1/outlets/{outlet_id}": [""],
    "/api/v1/services": ["", "search=cut", "category=hair", "staff_id={staff_id}", "outlet_id={outlet_id}"],
    "/api/v1/services/{service_id}": [""],
    "/api/v1/staff": ["", "search=rina", "service_id={service_id}", "outlet_id={outlet_id}"],
    "/api/v1/staff/{staff_id}": [""],
    "/api/v1/staff/{staff_id}/working-hours": [""],
    "/api/v1/time-off": ["", "from_date=2025-12-20&to_date=2025-12-31&size=1", "staff_id={staff_id}"],
    "/api/v1/time-off/{time_off_id}": [""],
    "/api/v1/messages": ["", "customer_id={customer_id}", "state=sent,skipped&kind=reminder&size=1"],
    "/api/v1/messages/settings": [""],
    "/api/v1/availability": [
        "service_id={service_id}&from_date=2090-01-20&to_date=2090-01-31",
        "service_id={service_id}&from_date=2090-01-20&to_date=2090-01-31&staff_id={staff_id}&outlet_id={outlet_id}&limit=5",
    ],
    "/api/v1/auth/me": [""],
    "/api/v1/portal/{tenant_slug}/me": [""],
    "/api/v1/portal/{tenant_slug}/me/preferences": [""],
    "/api/v1/portal/{tenant_slug}/me/consents": [""],
    "/api/v1/portal/{tenant_slug}/me/export": [""],
    "/api/v1/portal/{tenant_slug}/me/deletion-request": [""],
    "/api/v1/portal/{tenant_slug}/me/appointments": ["", "status=completed&size=1"],
    "/api/v1/portal/{tenant_slug}/me/appointments/{appointment_id}": [""],
    "/api/v1/portal/{tenant_slug}/me/recommendations": ["limit=20"],
}
ADMIN_QUERIES = ["", "q=jane", "q=0812", "p=2", "o=1", "all="]


def test_every_get_of_the_document_is_tested():
    paths = SchemaGenerator().get_schema(public=True)["paths"]
    assert {path for path, operations in paths.items() if "get" in operations} == set(QUERIES)


def multiply(row, count, **columns):
    """Inserts `count` copies of a row, with the number `n` from 1. `columns` has the SQL of columns that differ."""
    names = [field.column for field in row._meta.concrete_fields if not isinstance(field, GeneratedField)]
    values = ", ".join(columns.get(name, f"one.{name}") for name in names)
    table = row._meta.db_table
    # A few rows are inserted and analyzed first. Otherwise PostgreSQL would plan the foreign keys and totals of all rows
    # for the small table of before.
    for first, last in ((1, count // 50), (count // 50 + 1, count)):
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO {table} ({', '.join(names)}) SELECT {values} "
                f"FROM {table} AS one, generate_series({first}, {last}) AS n WHERE one.id = '{row.pk}'"
            )
        with as_owner(), connection.cursor() as cursor:
            cursor.execute("ANALYZE")


def create_customers(owner, *, outlets, services, staff):
    """Creates customers of the business with everything that an answer counts, names or sums."""
    people = [
        CustomerFactory(
            tenant=owner, first_name="Jane", last_name=f"Doe{n}", email=f"jane{n}@example.com", tags=["vip"]
        )
        for n in range(3)
    ]
    people.append(DeletedCustomerFactory(tenant=owner, first_name="Jane"))
    TimeOffFactory(tenant=owner, staff_id=staff[0].pk)
    TimeOffFactory(tenant=owner, staff_id=None, outlet_id=outlets[0].pk)
    for weekday in range(7):
        WorkingHoursFactory(tenant=owner, staff_id=staff[0].pk, outlet=outlets[0], weekday=weekday)
    day = dt.date(2025, 1, 20)
    for n, person in enumerate(people * 2):
        AppointmentFactory(
            tenant=owner,
            customer=person,
            outlet=outlets[0],
            service=services[0],
            staff_id=staff[0].pk,
            appointment_date=day + dt.timedelta(n),
            status=list(Status)[n % 6],
        )
    return people


def fill_with_rows(owner):
    """Creates the same customers as in the own business, and then 10,000 customers and 50,000 appointments."""
    offered = {
        "outlets": [OutletFactory(tenant=owner, name="Spa")],
        "services": [ServiceFactory(tenant=owner, name="Cut")],
    }
    jane, *_ = create_customers(owner, **offered, staff=[UserFactory(tenant=owner)])
    digits = "lpad(to_hex({}), 8, '0') || '{}'"
    multiply(
        jane,
        CUSTOMERS,
        id=digits.format("n", "c" * 16),
        email="'jane' || n + 2 || '@example.com'",
        email_key="'jane' || n + 2 || '@example.com'",
        phone="'+62899' || lpad(n::text, 7, '0')",
        created_at="one.created_at + n * interval '1 second'",
    )
    with tenant_scope(owner):
        appointment = Appointment.objects.filter(customer=jane).first()
    multiply(
        appointment,
        APPOINTMENTS,
        id=digits.format("n", "a" * 16),
        customer_id=digits.format(f"1 + n % {CUSTOMERS}", "c" * 16),
        status="(ARRAY['completed', 'cancelled', 'no_show'])[1 + n % 3]",
        appointment_date="one.appointment_date + n % 300",
    )


@pytest.fixture
def own_customers(tenant):
    offered = {
        "outlets": [OutletFactory(tenant=tenant, name="Spa")],
        "services": [ServiceFactory(tenant=tenant, name="Cut")],
    }
    people = create_customers(tenant, **offered, staff=[UserFactory(tenant=tenant)])
    people[0].first_name = "Janet"
    with tenant_scope(tenant):
        people[0].save()
    return people


def find_references(tenant, customer_id):
    """Returns the ids that QUERIES name beside the customer's."""
    with tenant_scope(tenant):
        appointment, time_off = Appointment.objects.filter(customer=customer_id).first(), TimeOff.objects.first()
    return {"appointment_id": appointment.pk, "time_off_id": time_off.pk, "tenant_slug": tenant.slug} | {
        name: getattr(appointment, name) for name in ("outlet_id", "service_id", "staff_id")
    }


def answers_of_the_api(client, people, filter_query=""):
    references = find_references(people[0].tenant, people[0].pk)
    for path, queries in QUERIES.items():
        for query in queries:
            for person in people if "{customer_id}" in path else people[:1]:
                url = f"{path}?{query}{filter_query}".format(customer_id=person.pk, **references)
                answer = client.get(url, headers={"X-Request-ID": "one"})
                yield url, (answer.status_code, sorted(answer.headers.items()), answer.content)


def pages_of_the_admin(browser, tenant, people):
    for model in django_admin.site._registry:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        for query in ADMIN_QUERIES:
            yield f"{reverse(f'{name}_changelist')}?{query}" + ("&day=all" if model is Appointment else "")
        yield reverse(f"{name}_add")
    for person in people:
        yield reverse("admin:customers_customer_change", args=[person.pk])
        yield reverse("admin:customers_customer_history", args=[person.pk])
    for field in ("customer", "outlet", "staff", "service"):
        names = f"app_label=appointments&model_name=appointment&field_name={field}"
        yield f"{reverse('admin:autocomplete')}?{names}&term="
    yield f"{reverse('admin:autocomplete')}?{names.replace('service', 'customer')}&term=jane"
    for field in ("service", "staff"):
        names = f"app_label=appointments&model_name=appointment&field_name={field}&customer={people[0].pk}"
        yield f"{reverse('admin:autocomplete')}?{names}&term="
    with tenant_scope(tenant):
        service = Service.objects.get()
    yield f"{reverse('admin:appointments_appointment_freetimes')}?service={service.pk}&day=2025-01-20"
    yield f"{reverse('admin:appointments_appointment_add')}?customer={people[0].pk}"
    yield reverse("admin:index")
    yield reverse("admin:figures")
    yield reverse("admin:appointments_appointment_daysheet") + "?date=2025-01-20"
    yield reverse("admin:customers_customer_export_file", args=["csv"])


def answers_of_the_admin(browser, tenant, people):
    for url in pages_of_the_admin(browser, tenant, people):
        answer = browser.get(url, headers={"X-Request-ID": "one"})
        # The tokens differ from page to page.
        tokens = rb'"(csrfmiddlewaretoken|form_token)" value="\w+"'
        yield url, (answer.status_code, re.sub(tokens, b"", answer.getvalue()))


def test_no_answer_depends_on_the_data_of_another_business(
    tenant, other_tenant, own_customers, as_role, portal_client, back_office
):
    with time_machine.travel(timezone.now() + dt.timedelta(seconds=2), tick=False):
        clients = {role: as_role(role) for role in (Role.STAFF, Role.TENANT_ADMIN, Role.SUPER_ADMIN)}
        clients["customer"] = portal_client(own_customers[0])
        browsers = {role: back_office(role) for role in (Role.STAFF, Role.TENANT_ADMIN)}

        def read_all():
            for role, client in clients.items():
                filter_query = f"&tenant_id={tenant.pk}" if role == Role.SUPER_ADMIN else ""
                for url, answer in answers_of_the_api(client, own_customers, filter_query):
                    yield (role, url), answer
            for role, browser in browsers.items():
                for url, answer in answers_of_the_admin(browser, tenant, own_customers):
                    yield (role, url), answer

        before = dict(read_all())
        fill_with_rows(other_tenant)
        after = dict(read_all())
        assert clients[Role.SUPER_ADMIN].get("/api/v1/customers").json()["total"] == 6 + CUSTOMERS
    assert {status for status, *_ in before.values()} >= {200, 403, 404}
    assert {request for request in before if before[request] != after[request]} == set()
