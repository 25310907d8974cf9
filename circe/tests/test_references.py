"""The reference table: the status for an id in a body or query that is of an own row, of a foreign row, or of no row.

A foreign id and an unknown id get the same answer, byte for byte, except for the id itself if the answer repeats it.
"""

import datetime as dt
import json
import re

import pytest
from django.contrib import admin as django_admin
from django.db import transaction
from django.forms import ModelChoiceField
from django.urls import reverse
from drf_spectacular.generators import SchemaGenerator

from appointments.tests.factories import AppointmentFactory, TimeOffFactory, WalkInFactory, works_always
from circe.db.ids import ID_PATTERN, new_id
from customers.tests.factories import CustomerFactory
from tenants.models import Outlet, Role, Service, ServiceStaff, Staff
from tenants.scope import tenant_scope
from tenants.tests.factories import OutletFactory, ServiceFactory, UserFactory

# The statuses of `own`, `foreign` and `absent`, for users of one tenant and for a super_admin. For a super_admin no tenant
# is foreign, but a row of another tenant than that of the request is. In the portal the customer stands for `own_people`.
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
GET   /customers/{customer_id}/consents       ?tenant_id                               200 403 403  200 404 400
POST  /customers/{customer_id}/consents       ?tenant_id                               201 403 403  201 404 400
GET   /customers/{customer_id}/history        ?tenant_id                               200 403 403  200 404 400
POST  /customers/{customer_id}/messages/decision ?tenant_id                            200 403 403  200 404 400
PUT   /customers/{customer_id}/preferences    ?tenant_id                               200 403 403  200 404 400
GET   /customers/{customer_id}/recommendations ?tenant_id                              200 403 403  200 404 400
POST  /customers/{customer_id}/restore        ?tenant_id                               200 403 403  200 404 400
GET   /customers/statistics/summary           ?tenant_id                               200 403 403  200 200 400
GET   /customers/tags                         ?tenant_id                               200 403 403  200 200 400
GET   /outlets                                ?tenant_id                               200 403 403  200 200 400
POST  /outlets                                tenant_id                                201 403 403  201 201 400
POST  /outlets                                ?tenant_id                               201 403 403  201 403 400
GET   /outlets/{outlet_id}                    ?tenant_id                               200 403 403  200 404 400
PUT   /outlets/{outlet_id}                    tenant_id                                200 400 400  200 400 400
PUT   /outlets/{outlet_id}                    ?tenant_id                               200 403 403  200 404 400
PATCH /outlets/{outlet_id}                    tenant_id                                200 400 400  200 400 400
PATCH /outlets/{outlet_id}                    ?tenant_id                               200 403 403  200 404 400
GET   /services                               ?tenant_id                               200 403 403  200 200 400
GET   /services                               ?staff_id                                200 400 400  200 200 400
GET   /services                               ?outlet_id                               200 400 400  200 200 400
POST  /services                               tenant_id                                201 403 403  201 201 400
POST  /services                               ?tenant_id                               201 403 403  201 403 400
POST  /services                               staff_ids                                201 400 400  201 400 400
GET   /services/{service_id}                  ?tenant_id                               200 403 403  200 404 400
PUT   /services/{service_id}                  tenant_id                                200 400 400  200 400 400
PUT   /services/{service_id}                  ?tenant_id                               200 403 403  200 404 400
PUT   /services/{service_id}                  staff_ids                                200 400 400  200 400 400
PATCH /services/{service_id}                  tenant_id                                200 400 400  200 400 400
PATCH /services/{service_id}                  ?tenant_id                               200 403 403  200 404 400
PATCH /services/{service_id}                  staff_ids                                200 400 400  200 400 400
GET   /staff                                  ?tenant_id                               200 403 403  200 200 400
GET   /staff                                  ?outlet_id                               200 400 400  200 200 400
GET   /staff                                  ?service_id                              200 400 400  200 200 400
GET   /staff/{staff_id}                       ?tenant_id                               200 403 403  200 404 400
GET   /staff/{staff_id}/working-hours         ?tenant_id                               200 403 403  200 404 400
PUT   /staff/{staff_id}/working-hours         ?tenant_id                               200 403 403  200 404 400
PUT   /staff/{staff_id}/working-hours         working_hours.outlet_id                  200 400 400  200 400 400
GET   /time-off                               ?tenant_id                               200 403 403  200 200 400
GET   /time-off                               ?staff_id                                200 400 400  200 200 400
GET   /time-off                               ?outlet_id                               200 400 400  200 200 400
POST  /time-off                               ?tenant_id                               201 403 403  201 403 400
POST  /time-off                               tenant_id                                201 403 403  201 201 400
POST  /time-off                               staff_id                                 201 400 400  201 400 400
POST  /time-off                               outlet_id                                201 400 400  201 400 400
GET   /time-off/{time_off_id}                 ?tenant_id                               200 403 403  200 404 400
DELETE /time-off/{time_off_id}                ?tenant_id                               200 403 403  200 404 400
GET   /messages                               ?tenant_id                               200 403 403  200 200 400
GET   /messages                               ?customer_id                             200 400 400  200 200 400
GET   /messages/settings                      ?tenant_id                               200 403 403  200 200 400
PUT   /messages/settings                      ?tenant_id                               200 403 403  200 200 400
PUT   /messages/settings                      tenant_id                                200 400 400  400 400 400
GET   /availability                           ?tenant_id                               200 403 403  200 200 400
GET   /availability                           ?service_id                              200 400 400  200 200 400
GET   /availability                           ?outlet_id                               200 400 400  200 400 400
GET   /availability                           ?staff_id                                200 400 400  200 400 400
GET   /availability                           ?appointment_id                          200 400 400  200 400 400
GET   /appointments                           ?tenant_id                               200 403 403  200 200 400
GET   /appointments                           ?customer_id                             200 400 400  200 200 400
GET   /appointments                           ?staff_id                                200 400 400  200 200 400
GET   /appointments                           ?outlet_id                               200 400 400  200 200 400
GET   /appointments                           ?service_id                              200 400 400  200 200 400
POST  /appointments                           ?tenant_id                               201 403 403  201 403 400
POST  /appointments                           tenant_id                                201 403 403  201 201 400
POST  /appointments                           customer_id                              201 400 400  201 400 400
POST  /appointments                           staff_id                                 201 400 400  201 400 400
POST  /appointments                           outlet_id                                201 400 400  201 400 400
POST  /appointments                           service_id                               201 400 400  201 400 400
GET   /appointments/{appointment_id}          ?tenant_id                               200 403 403  200 404 400
PUT   /appointments/{appointment_id}          ?tenant_id                               200 403 403  200 404 400
PUT   /appointments/{appointment_id}          tenant_id                                200 400 400  200 400 400
PUT   /appointments/{appointment_id}          customer_id                              200 400 400  200 400 400
PATCH /appointments/{appointment_id}          ?tenant_id                               200 403 403  200 404 400
PATCH /appointments/{appointment_id}          tenant_id                                200 400 400  200 400 400
PATCH /appointments/{appointment_id}          customer_id                              200 400 400  200 400 400
POST  /appointments/{appointment_id}/reschedule ?tenant_id                               200 403 403  200 404 400
POST  /appointments/{appointment_id}/reschedule tenant_id                                200 400 400  200 400 400
POST  /appointments/{appointment_id}/reschedule staff_id                                 200 400 400  200 400 400
POST  /appointments/{appointment_id}/reschedule outlet_id                                200 400 400  200 400 400
POST  /appointments/{appointment_id}/status   ?tenant_id                               200 403 403  200 404 400
POST  /appointments/{appointment_id}/status   tenant_id                                200 400 400  200 400 400
PUT   /portal/{tenant_slug}/me/preferences    preferred_outlet_id                      200 400 400  403 403 403
PUT   /portal/{tenant_slug}/me/preferences    preferred_services                       200 400 400  403 403 403
PUT   /portal/{tenant_slug}/me/preferences    preferred_staff_ids                      200 400 400  403 403 403
POST  /portal/{tenant_slug}/me/appointments   service_id                               201 400 400  403 403 403
POST  /portal/{tenant_slug}/me/appointments   outlet_id                                201 400 400  403 403 403
POST  /portal/{tenant_slug}/me/appointments   staff_id                                 201 400 400  403 403 403
POST  /portal/{tenant_slug}/me/appointments/{appointment_id}/reschedule staff_id       200 400 400  403 403 403
POST  /portal/{tenant_slug}/me/appointments/{appointment_id}/reschedule outlet_id      200 400 400  403 403 403
"""
TABLE = {
    (method, f"/api/v1{path}", name): {"own_people": answers[:3], "super_admin": answers[3:]}
    for method, path, name, *answers in map(str.split, REFERENCES.strip().splitlines()[1:])
}
ROWS = ("own", "foreign", "absent")
# The factory of the row of an id in a path.
IN_PATHS = {
    "customer_id": CustomerFactory,
    "outlet_id": OutletFactory,
    "service_id": ServiceFactory,
    "staff_id": UserFactory,
    "time_off_id": TimeOffFactory,
    "appointment_id": WalkInFactory,
}
# The other keys that a body needs, by the end of a path, the longest first. Staff can book a past time outside hours.
NEW_TIME = {"appointment_date": "2025-01-26", "start_time": "09:00"}
LATER = {"appointment_date": "2030-06-04", "start_time": "09:00"}
NEEDED = {
    "/me/appointments": LATER,
    "/me/appointments/{appointment_id}/reschedule": LATER,
    "/customers": {"first_name": "Jane", "phone": "+1234567890"},
    "/outlets": {"name": "Kemang"},
    "/services": {"name": "Colour", "duration_minutes": 60, "price": 350000},
    "/time-off": {"starts_at": "2026-07-06T00:00:00Z", "ends_at": "2026-07-07T00:00:00Z"},
    "/appointments": NEW_TIME,
    "/reschedule": NEW_TIME,
    "/status": {"status": "cancelled"},
    "/consents": {"channel": "sms", "purpose": "service", "state": "withdrawn"},
    "/decision": {"purpose": "service"},
    "/working-hours": {"working_hours": []},
}
# The tokens differ from page to page.
TOKEN = re.compile(r'"(csrfmiddlewaretoken|form_token)" value="\w+"')


@pytest.fixture
def document():
    return SchemaGenerator().get_schema(public=True)


def find_ids(schema, document, name=""):
    """Yields the dotted names of the ids in a body of this schema."""
    if "$ref" in schema:
        yield from find_ids(document["components"]["schemas"][schema["$ref"].rpartition("/")[2]], document, name)
    for keyword in ("oneOf", "anyOf", "allOf"):
        for option in schema.get(keyword, ()):
            yield from find_ids(option, document, name)
    for key, value in schema.get("properties", {}).items():
        yield from find_ids(value, document, f"{name}.{key}" if name else key)
    if "items" in schema:
        yield from find_ids(schema["items"], document, name)
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
                names |= set(find_ids(content["schema"], document))
            found |= {(method.upper(), path, name) for name in names}
    assert found == set(TABLE)


@pytest.fixture
def ids(tenant, other_tenant):
    """Ids by the last name of a field, and by row."""
    owners = {"own": tenant, "foreign": other_tenant}
    of = {
        "tenant_id": {row: owner.pk for row, owner in owners.items()},
        "preferred_outlet_id": {row: OutletFactory(tenant=owner, name="Spa").pk for row, owner in owners.items()},
        "preferred_services": {row: ServiceFactory(tenant=owner, name="Cut").pk for row, owner in owners.items()},
        "preferred_staff_ids": {row: UserFactory(tenant=owner).pk for row, owner in owners.items()},
    }
    of |= {
        "customer_id": {row: CustomerFactory(tenant=owner).pk for row, owner in owners.items()},
        "outlet_id": of["preferred_outlet_id"],
        "service_id": of["preferred_services"],
        "staff_id": of["preferred_staff_ids"],
        "staff_ids": of["preferred_staff_ids"],
        "appointment_id": {row: AppointmentFactory(tenant=owner).pk for row, owner in owners.items()},
    }
    return {name: rows | {"absent": new_id()} for name, rows in of.items()}


# The keys that an entry of a list needs beside the id, by the name of the list.
ENTRIES = {"working_hours": {"weekday": 0, "start_time": "09:00", "end_time": "17:00"}}


def build_body(name, value):
    """Returns a body with the value: `{"preferences": {"language": value}}` for the name `preferences.language`."""
    *outer, inner = name.split(".")
    body = {inner: [value] if inner.endswith(("_services", "_ids")) else value}
    for key in reversed(outer):
        body = {key: [ENTRIES[key] | body] if key in ENTRIES else body}
    return body


def build_needed(method, path, name, row, tenant, ids):
    """Returns what a body needs beside the reference of that name, which is `own`, `foreign` or `absent`."""
    needed = next((body for end, body in NEEDED.items() if path.endswith(end)), {})
    if method != "POST" or "_id}" in path:
        return needed
    keys = {"appointments": ("service_id", "outlet_id", "staff_id"), "time-off": ("outlet_id",)}
    others = {key: ids[key][row if name == "tenant_id" else "own"] for key in keys.get(path.rpartition("/")[2], ())}
    if path.endswith("/me/appointments"):
        return needed | others
    if path.endswith("/appointments"):
        others["walk_in"] = name != "customer_id"
    elif name == "staff_id":
        others = {}
    return needed | others | {"tenant_id": tenant.pk}


def needed_query(url, name, row, ids):
    """Returns the parameters that the operation needs beside the reference of that name."""
    if not url.endswith("/availability"):
        return ""
    service = ids["service_id"][row if (name, row) == ("?tenant_id", "foreign") else "own"]
    return "&from_date=2026-12-01&to_date=2026-12-31" + ("" if name == "?service_id" else f"&service_id={service}")


def make_future_appointment(tenant, ids):
    """Makes an appointment of the rows `own`, which its customer can move."""
    own = {name: ids[name]["own"] for name in ("staff_id", "outlet_id", "service_id")}
    works_always(tenant, own["staff_id"], own["outlet_id"])
    return AppointmentFactory(
        tenant=tenant,
        outlet=Outlet(pk=own["outlet_id"], tenant=tenant),
        service=Service(pk=own["service_id"], tenant=tenant),
        staff_id=own["staff_id"],
        status="confirmed",
        appointment_date=dt.date(2030, 6, 3),
    )


@pytest.mark.slow("tries every reference of every operation")
@pytest.mark.parametrize("who", ["own_people", "super_admin"])
@pytest.mark.parametrize("reference", TABLE, ids=" ".join)
def test_a_reference_is_answered_by_the_table(reference, who, as_role, portal_client, tenant, ids):
    method, path, name = reference
    client = as_role("tenant_admin" if who == "own_people" else "super_admin")
    if "{tenant_slug}" in path:
        booked = make_future_appointment(tenant, ids)
        client = portal_client(booked.customer) if who == "own_people" else client
        path = path.replace("{tenant_slug}", tenant.slug).replace("{appointment_id}", booked.pk)
    url = re.sub(r"{(\w+)}", lambda match: IN_PATHS[match[1]](tenant=tenant).pk, path)
    answers = {}
    for row, value in ids[name.lstrip("?").rpartition(".")[2]].items():
        named, query = ({}, f"{name}={value}") if name.startswith("?") else (build_body(name, value), "")
        needed = build_needed(method, reference[1], name, row, tenant, ids)
        query += needed_query(url, name, row, ids)
        body = b"" if method in {"GET", "DELETE"} else json.dumps(needed | named)
        with transaction.atomic():
            answer = client.generic(method, url + query, body, "application/json", headers={"X-Request-ID": "one"})
            transaction.set_rollback(True)
        texts = [answer.content, *map("{0[0]}: {0[1]}".format, sorted(answer.headers.items()))]
        answers[row] = answer.status_code, [str(text).replace(value, "<the id>") for text in texts]
    assert {row: status for row, (status, _) in answers.items()} == dict(
        zip(ROWS, map(int, TABLE[reference][who]), strict=True)
    )
    if who == "own_people" or answers["foreign"][0] == answers["absent"][0]:
        assert answers["foreign"] == answers["absent"]


# --- the admin ------------------------------------------------------------------------------------------------------


@pytest.fixture
def choices(tenant, other_tenant):
    """Ids by the model of a choice, and by row."""
    found = {}
    for row, owner in (("own", tenant), ("foreign", other_tenant)):
        appointment = AppointmentFactory(tenant=owner)
        with tenant_scope(owner):
            # A new person is added to the services that only some people offer.
            ServiceStaff.objects.create(tenant=owner, service=appointment.service, staff_id=appointment.staff_id)
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
# Fields that only administrators can choose: whose time off it is, who offers a service, and where a new person works.
CHOICES_OF_ADMINISTRATORS = {
    *(("TimeOff", "staff"), ("TimeOff", "outlet"), ("Service", "staff_ids")),
    *(("Staff", "outlet"), ("Staff", "services")),
}


def fields_to_choose(response):
    """Returns the fields of an admin form in which a row is chosen, by name."""
    fields = response.context["adminform"].form.fields
    return {name: field for name, field in fields.items() if isinstance(field, ModelChoiceField)}


@pytest.mark.slow("sends every reference of every form")
@pytest.mark.parametrize("role", [Role.STAFF, Role.TENANT_ADMIN])
def test_a_form_of_the_admin_answers_a_foreign_row_like_an_absent_one(role, back_office, choices):
    browser, seen = back_office(role), set()
    for model in django_admin.site._registry:
        page = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_add")
        opened = browser.get(page)
        for name, field in fields_to_choose(opened).items() if opened.status_code == 200 else ():
            seen.add((model.__name__, name))
            pages, errors = {}, {}
            for row, pk in choices[field.queryset.model].items():
                answer = browser.post(page, {name: pk})
                errors[row] = name in answer.context["adminform"].form.errors
                pages[row] = TOKEN.sub("", answer.content.decode()).replace(pk, "<the id>")
            assert errors == {"own": False, "foreign": True, "absent": True}, name
            assert pages["foreign"] == pages["absent"], name
    assert seen == CHOICES | (CHOICES_OF_ADMINISTRATORS if role == Role.TENANT_ADMIN else set())
