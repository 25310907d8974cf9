"""The reference table: every id in a body or a query, of one's own, of another tenant's row, and of nothing.

A foreign id is answered as one of nothing, byte for byte but for the id itself where the answer repeats it.
"""

import json
import re

import pytest
from django.contrib import admin as django_admin
from django.db import transaction
from django.forms import ModelChoiceField
from django.urls import reverse
from drf_spectacular.generators import SchemaGenerator

from appointments.tests.factories import AppointmentFactory
from circe.db.ids import ID_PATTERN, new_id
from customers.tests.factories import CustomerFactory
from tenants.models import Role, Staff
from tenants.tests.factories import OutletFactory, ServiceFactory, UserFactory

# What `own`, `foreign` and `absent` get, for people of one tenant and for a super_admin, to whom no tenant is foreign but
# every row is one of the tenant that the request is about.
REFERENCES = """
                                                                                       own_people   super_admin
POST  /customers                              tenant_id                                201 403 403  201 201 400
POST  /customers                              preferences.preferred_outlet_id          201 400 400  201 400 400
POST  /customers                              preferences.preferred_services           201 400 400  201 400 400
POST  /customers                              preferences.preferred_staff_ids          201 400 400  201 400 400
PUT   /customers/{customer_id}                tenant_id                                200 400 400  200 400 400
PUT   /customers/{customer_id}                preferences.preferred_outlet_id          200 400 400  200 400 400
PUT   /customers/{customer_id}                preferences.preferred_services           200 400 400  200 400 400
PUT   /customers/{customer_id}                preferences.preferred_staff_ids          200 400 400  200 400 400
PATCH /customers/{customer_id}                tenant_id                                200 400 400  200 400 400
PATCH /customers/{customer_id}                preferences.preferred_outlet_id          200 400 400  200 400 400
PATCH /customers/{customer_id}                preferences.preferred_services           200 400 400  200 400 400
PATCH /customers/{customer_id}                preferences.preferred_staff_ids          200 400 400  200 400 400
PUT   /customers/{customer_id}/preferences    preferred_outlet_id                      200 400 400  200 400 400
PUT   /customers/{customer_id}/preferences    preferred_services                       200 400 400  200 400 400
PUT   /customers/{customer_id}/preferences    preferred_staff_ids                      200 400 400  200 400 400
GET   /customers                              ?tenant_id                               200 403 403  200 200 400
POST  /customers                              ?tenant_id                               201 403 403  201 403 400
GET   /customers/{customer_id}                ?tenant_id                               200 403 403  200 404 400
PUT   /customers/{customer_id}                ?tenant_id                               200 403 403  200 404 400
PATCH /customers/{customer_id}                ?tenant_id                               200 403 403  200 404 400
DELETE /customers/{customer_id}               ?tenant_id                               200 403 403  200 404 400
GET   /customers/{customer_id}/appointments   ?tenant_id                               200 403 403  200 404 400
GET   /customers/{customer_id}/history        ?tenant_id                               200 403 403  200 404 400
PUT   /customers/{customer_id}/preferences    ?tenant_id                               200 403 403  200 404 400
POST  /customers/{customer_id}/restore        ?tenant_id                               200 403 403  200 404 400
GET   /customers/statistics/summary           ?tenant_id                               200 403 403  200 200 400
"""
TABLE = {
    (method, f"/api/v1{path}", name): {"own_people": answers[:3], "super_admin": answers[3:]}
    for method, path, name, *answers in map(str.split, REFERENCES.strip().splitlines()[1:])
}
ROWS = ("own", "foreign", "absent")
# Each page has a form's key of its own.
TOKEN = re.compile(r'"csrfmiddlewaretoken" value="\w+"')


@pytest.fixture
def document():
    return SchemaGenerator().get_schema(public=True)


def ids_in(schema, document, name=""):
    """The dotted names of the ids that a body of this schema may hold."""
    if "$ref" in schema:
        yield from ids_in(document["components"]["schemas"][schema["$ref"].rpartition("/")[2]], document, name)
    for part in ("oneOf", "anyOf", "allOf"):
        for option in schema.get(part, ()):
            yield from ids_in(option, document, name)
    for key, part in schema.get("properties", {}).items():
        yield from ids_in(part, document, f"{name}.{key}" if name else key)
    if "items" in schema:
        yield from ids_in(schema["items"], document, name)
    if schema.get("pattern") == ID_PATTERN or name.rpartition(".")[2].endswith(("_id", "_ids")):
        yield name


def test_every_id_of_the_document_is_in_the_table(document):
    found = set()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            names = {
                f"?{one['name']}"
                for one in operation.get("parameters", ())
                if one["in"] == "query" and "_id" in one["name"]
            }
            for content in operation.get("requestBody", {}).get("content", {}).values():
                names |= set(ids_in(content["schema"], document))
            found |= {(method.upper(), path, name) for name in names}
    assert found == set(TABLE)


@pytest.fixture
def ids(tenant, stranger):
    """`{the last part of a field's name: {row: id}}`"""
    owners = {"own": tenant, "foreign": stranger}
    of = {
        "tenant_id": {row: owner.pk for row, owner in owners.items()},
        "preferred_outlet_id": {row: OutletFactory(tenant=owner, name="Spa").pk for row, owner in owners.items()},
        "preferred_services": {row: ServiceFactory(tenant=owner, name="Cut").pk for row, owner in owners.items()},
        "preferred_staff_ids": {row: UserFactory(tenant=owner).pk for row, owner in owners.items()},
    }
    return {name: rows | {"absent": new_id()} for name, rows in of.items()}


def body_of(name, value):
    """`{"preferences": {"preferred_services": [value]}}` for `preferences.preferred_services`."""
    *outer, inner = name.split(".")
    body = {inner: [value] if inner.endswith(("_services", "_ids")) else value}
    for key in reversed(outer):
        body = {key: body}
    return body


@pytest.mark.slow("tries every reference of every operation")
@pytest.mark.parametrize("who", ["own_people", "super_admin"])
@pytest.mark.parametrize("reference", TABLE, ids=" ".join)
def test_references(reference, who, as_role, tenant, ids):
    method, path, name = reference
    client = as_role("tenant_admin" if who == "own_people" else "super_admin")
    url = path.replace("{customer_id}", CustomerFactory(tenant=tenant).pk)
    needed = (
        {"first_name": "Jane", "phone": "+1234567890", "tenant_id": tenant.pk} if url.endswith("/customers") else {}
    )
    answers = {}
    for row, value in ids[name.lstrip("?").rpartition(".")[2]].items():
        named, query = ({}, f"{name}={value}") if name.startswith("?") else (body_of(name, value), "")
        body = b"" if method in {"GET", "DELETE"} else json.dumps(needed | named)
        with transaction.atomic():
            answer = client.generic(method, url + query, body, "application/json", headers={"X-Request-ID": "one"})
            transaction.set_rollback(True)
        told = [answer.content, *map("{0[0]}: {0[1]}".format, sorted(answer.headers.items()))]
        answers[row] = answer.status_code, [str(part).replace(value, "<the id>") for part in told]
    assert {row: status for row, (status, _) in answers.items()} == dict(
        zip(ROWS, map(int, TABLE[reference][who]), strict=True)
    )
    if who == "own_people" or answers["foreign"][0] == answers["absent"][0]:
        assert answers["foreign"] == answers["absent"]


# --- the admin ------------------------------------------------------------------------------------------------------


@pytest.fixture
def choices(tenant, stranger):
    """`{the table of a choice: {row: id}}`"""
    found = {}
    for row, owner in (("own", tenant), ("foreign", stranger)):
        appointment = AppointmentFactory(tenant=owner)
        for one in (
            appointment.customer,
            appointment.outlet,
            appointment.service,
            Staff(pk=appointment.staff_id),
            owner,
        ):
            found.setdefault(type(one), {"absent": new_id()})[row] = one.pk
    return found


# The choices of the forms for a new row.
CHOICES = {
    ("Customer", "preferred_outlet"),
    ("Customer", "preferred_services"),
    ("Customer", "preferred_staff_ids"),
    ("Appointment", "customer"),
    ("Appointment", "outlet"),
    ("Appointment", "staff"),
    ("Appointment", "service"),
}


def fields_to_choose(response):
    """`{name: field}` of the form of an admin's page."""
    fields = response.context["adminform"].form.fields
    return {name: field for name, field in fields.items() if isinstance(field, ModelChoiceField)}


@pytest.mark.slow("sends every reference of every form")
@pytest.mark.parametrize("role", [Role.STAFF, Role.TENANT_ADMIN])
def test_a_form_of_the_admin_takes_a_foreign_row_for_none(role, back_office, choices):
    browser, seen = back_office(role), set()
    for model in django_admin.site._registry:
        page = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_add")
        opened = browser.get(page)
        for name, field in fields_to_choose(opened).items() if opened.status_code == 200 else ():
            seen.add((model.__name__, name))
            told, errors = {}, {}
            for row, pk in choices[field.queryset.model].items():
                answer = browser.post(page, {name: pk})
                errors[row] = name in answer.context["adminform"].form.errors
                told[row] = TOKEN.sub("", answer.content.decode()).replace(pk, "<the id>")
            assert errors == {"own": False, "foreign": True, "absent": True}, name
            assert told["foreign"] == told["absent"], name
    assert seen == CHOICES
