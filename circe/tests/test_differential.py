"""What one business sees is the same to the last byte, whatever another one has.

Every GET of the API and of the admin, before and after 10,000 customers and 50,000 appointments come to the other
business: people of the same names, tags and numbers, on the same days, with the same services.
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

from appointments.models import Appointment, Status
from appointments.tests.factories import AppointmentFactory
from circe.db.roles import as_owner
from customers.tests.factories import CustomerFactory, DeletedCustomerFactory
from tenants.models import Role
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
    "/api/v1/customers/{customer_id}/history": ["", "page=2&size=1"],
    "/api/v1/customers/statistics/summary": ["", "from_date=2025-01-01&to_date=2025-12-31", "from_date=2024-01-01"],
    "/api/v1/auth/me": [""],
}
ADMIN_QUERIES = ["", "q=jane", "q=0812", "p=2", "o=1", "all="]


def test_every_get_of_the_document_is_asked():
    paths = SchemaGenerator().get_schema(public=True)["paths"]
    assert {path for path, operations in paths.items() if "get" in operations} == set(QUERIES)


def multiply(row, count, **columns):
    """Add `count` copies of a row, numbered by `n` from 1. `columns` are SQL for what is not as in the row itself."""
    names = [field.column for field in row._meta.concrete_fields if not isinstance(field, GeneratedField)]
    values = ", ".join(columns.get(name, f"one.{name}") for name in names)
    table = row._meta.db_table
    # A few first, for their statistics: or else the references and totals of all are looked for as in the small table of
    # before.
    for first, last in ((1, count // 50), (count // 50 + 1, count)):
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO {table} ({', '.join(names)}) SELECT {values} "
                f"FROM {table} AS one, generate_series({first}, {last}) AS n WHERE one.id = '{row.pk}'"
            )
        with as_owner(), connection.cursor() as cursor:
            cursor.execute("ANALYZE")


def furnish(owner, *, outlets, services, staff):
    """Three customers of the business, with what every answer counts, names or sums up."""
    people = [
        CustomerFactory(
            tenant=owner, first_name="Jane", last_name=f"Doe{n}", email=f"jane{n}@example.com", tags=["vip"]
        )
        for n in range(3)
    ]
    people.append(DeletedCustomerFactory(tenant=owner, first_name="Jane"))
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


def crowd(owner):
    """The 10,000 and the 50,000, beside the same three as ours."""
    offered = {
        "outlets": [OutletFactory(tenant=owner, name="Spa")],
        "services": [ServiceFactory(tenant=owner, name="Cut")],
    }
    jane, *_ = furnish(owner, **offered, staff=[UserFactory(tenant=owner)])
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
        visit = Appointment.objects.filter(customer=jane).first()
    multiply(
        visit,
        APPOINTMENTS,
        id=digits.format("n", "a" * 16),
        customer_id=digits.format(f"1 + n % {CUSTOMERS}", "c" * 16),
        status="(ARRAY['completed', 'cancelled', 'no_show'])[1 + n % 3]",
        appointment_date="one.appointment_date + n % 300",
    )


@pytest.fixture
def ours(tenant):
    offered = {
        "outlets": [OutletFactory(tenant=tenant, name="Spa")],
        "services": [ServiceFactory(tenant=tenant, name="Cut")],
    }
    people = furnish(tenant, **offered, staff=[UserFactory(tenant=tenant)])
    people[0].first_name = "Janet"
    with tenant_scope(tenant):
        people[0].save()
    return people


def answers_of_the_api(client, people, narrowed=""):
    for path, queries in QUERIES.items():
        for query in queries:
            for person in people if "{" in path else people[:1]:
                url = f"{path.replace('{customer_id}', person.pk)}?{query}{narrowed}"
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
    yield reverse("admin:index")
    yield reverse("admin:figures")
    yield reverse("admin:appointments_appointment_daysheet") + "?date=2025-01-20"
    yield reverse("admin:customers_customer_export_file", args=["csv"])


def answers_of_the_admin(browser, tenant, people):
    for url in pages_of_the_admin(browser, tenant, people):
        answer = browser.get(url, headers={"X-Request-ID": "one"})
        # Each page has a form's key of its own.
        yield url, (answer.status_code, re.sub(rb'"csrfmiddlewaretoken" value="\w+"', b"", answer.getvalue()))


def test_nothing_that_is_seen_depends_on_another_business(tenant, stranger, ours, as_role, back_office):
    with time_machine.travel(timezone.now() + dt.timedelta(seconds=2), tick=False):
        clients = {role: as_role(role) for role in (Role.STAFF, Role.TENANT_ADMIN, Role.SUPER_ADMIN)}
        browsers = {role: back_office(role) for role in (Role.STAFF, Role.TENANT_ADMIN)}

        def look():
            for role, client in clients.items():
                narrowed = f"&tenant_id={tenant.pk}" if role == Role.SUPER_ADMIN else ""
                for url, answer in answers_of_the_api(client, ours, narrowed):
                    yield (role, url), answer
            for role, browser in browsers.items():
                for url, answer in answers_of_the_admin(browser, tenant, ours):
                    yield (role, url), answer

        before = dict(look())
        crowd(stranger)
        after = dict(look())
        assert clients[Role.SUPER_ADMIN].get("/api/v1/customers").json()["total"] == 6 + CUSTOMERS
    assert {status for status, *_ in before.values()} >= {200, 403, 404}
    assert {request for request in before if before[request] != after[request]} == set()
