"""Runs all checks of Schemathesis on the OpenAPI document, as every role: there is no 5xx and no undocumented status or
shape; valid requests are accepted, and invalid ones are refused.

Random values are drawn once for each operation, and each is sent as every role. The requests are the same ones each time;
with FUZZ_EXAMPLES=700 there are some 50 times as many random ones, others each time.
"""

import datetime as dt
import os
import re
from functools import cache

import pytest
import schemathesis
from django.core.exceptions import ValidationError
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, transaction
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, note, settings
from schemathesis import GenerationMode
from schemathesis.checks import ignored_auth
from schemathesis.generation.meta import CoveragePhaseData, CoverageScenario

from appointments.tests.factories import AppointmentFactory, TimeOffFactory, works_always
from circe.wsgi import application
from customers.portal.tests.conftest import mailed_token
from tenants.characters import validate_name
from tenants.tests.factories import PASSWORD

pytestmark = [
    pytest.mark.slow("sends hundreds of generated requests to each operation"),
    pytest.mark.django_db,
]

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "15"))
ROLES = ["super_admin", "tenant_admin", "outlet_manager", "staff", "customer", None]
# To the portal every role of staff is alike: each is refused before a row is read, as test_access.py shows.
ROLES_FOR_THE_PORTAL = ["staff", "customer", None]

fuzzed = settings(suppress_health_check=list(HealthCheck), deadline=None, database=None)


def app_with_client_address(environ, start_response):
    """Calls the application with the client's address, which every server sets."""
    return application(environ | {"REMOTE_ADDR": "127.0.0.1"}, start_response)


DOCUMENT = SchemaGenerator().get_schema(public=True)


def api(path, *, coverage):
    """Returns the schema of a path, bound to the application. `coverage`: whether to test every limit of every value."""
    schema = schemathesis.openapi.from_dict(DOCUMENT | {"paths": {path: DOCUMENT["paths"][path]}})
    schema.app = app_with_client_address
    schema.config.phases.coverage.enabled = coverage
    schema.config.phases.examples.enabled = coverage
    schema.config.generation.update(
        max_examples=1 if coverage else EXAMPLES,
        deterministic="FUZZ_EXAMPLES" not in os.environ,
        # JSON Schema allows NUL in a string; the strict parser answers 400.
        allow_x00=False,
        # The test sets the role's token. The check `ignored_auth` sends each request without a token and with a wrong one.
        with_security_parameters=False,
    )
    # A stale If-Match is refused before the body is read.
    rejection = schema.config.checks.negative_data_rejection
    rejection.expected_statuses = [*rejection.expected_statuses, "412"]
    return schema


# The requests of a path are generated when its test runs, and not in each process that collects tests.
@pytest.fixture(params=DOCUMENT["paths"])
def covered(request):
    return api(request.param, coverage=True)


@pytest.fixture(params=DOCUMENT["paths"])
def random(request):
    return api(request.param, coverage=False)


@pytest.fixture(autouse=True)
def one_connection():
    """Keeps the connection open, so that the application uses the test's transaction, as with Django's test client."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    yield
    for signal in signals:
        signal.connect(close_old_connections)


@pytest.fixture
def appointment(tenant):
    """An appointment that its customer can move, since somebody works at all hours."""
    made = AppointmentFactory(tenant=tenant, status="confirmed", appointment_date=dt.date(2030, 6, 3))
    works_always(tenant, made.staff_id, made.outlet_id)
    return made


@pytest.fixture
def headers_of(as_role, portal_client, appointment):
    """Returns a function: the headers with the token of a role; of a customer, the one whose appointment it is."""
    client_of = cache(lambda role: portal_client(appointment.customer) if role == "customer" else as_role(role))
    return lambda role: {"Authorization": client_of(role)._credentials["HTTP_AUTHORIZATION"]} if role else {}


@schemathesis.pytest.from_fixture("covered").parametrize()
@fuzzed
def test_every_limit_of_every_value(case, headers_of, appointment):
    call(case, ["customer" if is_of_portal(case) else "tenant_admin"], headers_of, appointment)


@schemathesis.pytest.from_fixture("random").parametrize()
@fuzzed
def test_random_values(case, headers_of, appointment):
    call(case, ROLES_FOR_THE_PORTAL if is_of_portal(case) else ROLES, headers_of, appointment)


def is_of_portal(case):
    return "/portal/" in case.operation.path


def call(case, roles, headers_of, appointment):
    """Sends the case as each role. The changes of a role are undone before the next one."""
    headers = {role: headers_of(role) for role in roles}
    with transaction.atomic():
        if is_valid(case):
            apply_rules(case, appointment)
        for role in roles:
            note(f"As {role or 'nobody'}:")
            with transaction.atomic():
                # Whether the token is checked does not depend on whose it was.
                excluded = [] if role == roles[0] else [ignored_auth]
                case.call_and_validate(headers=headers[role], excluded_checks=excluded)
                transaction.set_rollback(True)
        transaction.set_rollback(True)


def is_valid(case):
    """Returns whether the case is valid, or only its method is not."""
    data = case.meta.phase.data
    is_method_probe = isinstance(data, CoveragePhaseData) and data.scenario == CoverageScenario.UNSPECIFIED_HTTP_METHOD
    return is_method_probe or case.meta.generation.mode is GenerationMode.POSITIVE


def apply_rules(case, appointment):
    """Changes a valid case so that it follows the rules that no schema can express, such as that a row exists."""
    own = {name: getattr(appointment, name) for name in ("customer_id", "outlet_id", "service_id", "staff_id")}
    own |= {"appointment_id": appointment.pk}
    own |= {"tenant_slug": appointment.tenant.slug}
    if "time_off_id" in case.path_parameters:
        own |= {"time_off_id": TimeOffFactory(tenant=appointment.tenant, staff_id=own["staff_id"]).pk}
    case.path_parameters |= {name: value for name, value in own.items() if name in case.path_parameters}
    if "If-Match" in case.headers:
        case.headers["If-Match"] = "*"
    for name in {"tenant_id", "customer_id", "outlet_id", "service_id", "staff_id"} & case.query.keys():
        case.query[name] = getattr(appointment, name)
    if "appointment_id" in case.query:
        case.query["appointment_id"] = appointment.pk
    if case.operation.path.endswith("/availability"):
        case.query |= {"from_date": "2026-12-01", "to_date": "2026-12-31"}
    for first, last in (
        ("from_date", "to_date"),
        ("created_from", "created_to"),
        ("last_visit_from", "last_visit_to"),
    ):
        if {first, last} <= case.query.keys():
            case.query[first], case.query[last] = sorted((case.query[first], case.query[last]))
    for name in {"total_spent_min", "total_spent_max"} & case.query.keys():
        # A JSON number may have more decimals than an amount.
        case.query[name] = {"total_spent_min": 1, "total_spent_max": 350000}[name]
    if {"updated_since", "next"} & case.query.keys():
        # A list of changes takes no filter, and its cursor comes from a page.
        for name in case.query.keys() - {"updated_since", "size", "tenant_id"}:
            del case.query[name]
    if case.operation.path.endswith("/messages/settings"):
        case.query["tenant_id"] = appointment.tenant_id
        _apply_rules_to_settings(case.body, appointment)
    if "search" in case.query and not case.operation.path.endswith("/customers"):
        case.query["search"] = "cut"
    if isinstance(case.body, dict) and isinstance(case.body.get("at"), str):
        # A consent of the future is refused.
        case.body["at"] = "2025-01-15T10:30:00Z"
    if isinstance(case.body, dict) and "working_hours" in case.body:
        case.body["working_hours"] = _without_overlaps(case.body["working_hours"], own["outlet_id"])
    elif isinstance(case.body, dict) and case.operation.label == "POST /api/v1/time-off":
        case.body |= TIME_OFF | {"tenant_id": appointment.tenant_id, "staff_id": own["staff_id"]}
    elif isinstance(case.body, dict) and re.match("/api/v1/(outlets|services)", case.operation.path):
        _apply_rules_to_offer(case.body, appointment, is_new=case.method == "POST")
    elif isinstance(case.body, dict) and case.operation.path.startswith("/api/v1/portal"):
        _apply_rules_of_portal(case.body, own, appointment)
    elif isinstance(case.body, dict) and case.operation.path.startswith("/api/v1/appointments"):
        _apply_rules_to_booking(case.body, own | {"tenant_id": appointment.tenant_id}, is_new=case.method == "POST")
    elif isinstance(case.body, dict):
        _apply_rules_to_customer(case.body, appointment, is_new=case.operation.label == "POST /api/v1/customers")
        if isinstance(case.body.get("preferences"), dict):
            _apply_rules_to_customer(case.body["preferences"], appointment)


def _apply_rules_to_settings(body, appointment):
    if isinstance(body, dict):
        values = {"tenant_id": appointment.tenant_id, "reply_to": "hello@example.org"}
        body |= {name: value for name, value in values.items() if body.get(name) is not None}
        if {"quiet_from", "quiet_until"} & body.keys():
            body |= {"quiet_from": "21:00", "quiet_until": "08:00"}


def _apply_rules_to_offer(body, appointment, *, is_new):
    values = {"tenant_id": appointment.tenant_id, "staff_ids": [appointment.staff_id]}
    body |= {name: value for name, value in values.items() if name in body or (is_new and name == "tenant_id")}
    _make_names_visible(body)


TIME_OFF = {"outlet_id": None, "starts_at": "2026-07-06T00:00:00Z", "ends_at": "2026-07-07T00:00:00Z"}


def _without_overlaps(entries, outlet_id):
    """Returns the first entry only, changed to an outlet that exists, to 9 until 17 o'clock, and to no validity."""
    validity = {"valid_from": None, "valid_to": None}
    return [
        one | validity | {"outlet_id": outlet_id, "start_time": "09:00", "end_time": "17:00"} for one in entries[:1]
    ]


def _apply_rules_to_booking(body, ids, *, is_new):
    """Books a past day, which needs no working hours. It is of a customer, so that it is no walk-in."""
    times = {"appointment_date": "2025-01-26", "start_time": "09:00", "end_time": "10:00"}
    body |= {name: value for name, value in (times | ids).items() if body.get(name) is not None}
    if is_new and "service_id" in body:
        body |= {"customer_id": ids["customer_id"], "tenant_id": ids["tenant_id"], "walk_in": False}


def _apply_rules_of_portal(body, ids, appointment):
    """Books a free time that availability offers, with ids that exist, keeps the e-mail address, and opens mailed links."""
    # `str`, since the validator of JSON schemas takes no EmailAddress.
    values = ids | {"appointment_date": "2030-06-04", "start_time": "09:00", "email": str(appointment.customer.email)}
    _apply_rules_to_customer(body, appointment)
    body |= {name: value for name, value in values.items() if body.get(name) is not None}
    # The service says how long it takes.
    body.pop("end_time", None)
    if "token" in body:
        token = mailed_token(appointment.tenant, "reset", email=appointment.customer.email)
        body |= {"token": token, "password": "SecurePass123!"}
    if "new_password" in body:
        body |= {"password": PASSWORD, "new_password": "SecurePass123!"}


def _apply_rules_to_customer(body, appointment, *, is_new=False):
    needed = {"email": "jane@example.org", "tenant_id": appointment.tenant_id}
    values = needed | {
        "phone": "+1234567890",
        "password": "SecurePass123!",
        "date_of_birth": "1990-05-17",
        "tags": ["vip"],
        "tags_add": ["vip"],
        "tags_remove": ["new"],
        "preferred_outlet_id": appointment.outlet_id,
        "preferred_services": [appointment.service_id],
        "preferred_staff_ids": [appointment.staff_id],
    }
    body |= {name: value for name, value in values.items() if name in body or (is_new and name in needed)}
    if "tags" in body:
        body.pop("tags_add", None)
        body.pop("tags_remove", None)
    _make_names_visible(body)


def _make_names_visible(body):
    body |= {name: "Jane" for name in ("first_name", "last_name", "name") if _is_invisible_name(body.get(name))}


def _is_invisible_name(name):
    # The schema says whether a name may be empty.
    if not isinstance(name, str) or not name.strip():
        return False
    try:
        validate_name(name.strip())
    except ValidationError:
        return True
    return False
