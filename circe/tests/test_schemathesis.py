"""Schemathesis over the OpenAPI document, as anyone, with all its checks: no 5xx, no status and no shape that the
document does not tell, nothing refused that it allows, nothing taken that it forbids.

About 2,200 requests, always the same ones. FUZZ_EXAMPLES=700 makes it 50,000, and other ones each time.
"""

import os

import pytest
import schemathesis
from django.core.exceptions import ValidationError
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, transaction
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, settings
from schemathesis import GenerationMode
from schemathesis.generation.meta import CoveragePhaseData, CoverageScenario

from appointments.tests.factories import AppointmentFactory
from circe.wsgi import application
from customers.validators import validate_name

pytestmark = pytest.mark.slow("sends hundreds of generated requests to each operation")

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "10"))
ROLES = ["super_admin", "tenant_admin", "outlet_manager", "staff", None]

fuzzed = settings(suppress_health_check=list(HealthCheck), deadline=None, database=None)


def served(environ, start_response):
    """The application, told the client's address as every server tells it."""
    return application(environ | {"REMOTE_ADDR": "127.0.0.1"}, start_response)


def api(*, coverage):
    """The document with its application. `coverage` is the phase that tries every bound of every value in turn."""
    schema = schemathesis.openapi.from_dict(SchemaGenerator().get_schema(public=True))
    schema.app = served
    schema.config.phases.coverage.enabled = coverage
    schema.config.phases.examples.enabled = coverage
    schema.config.generation.update(
        max_examples=1 if coverage else EXAMPLES,
        deterministic="FUZZ_EXAMPLES" not in os.environ,
        # A NUL in a string is fine by JSON Schema and a 400 by the strict parser.
        allow_x00=False,
        # The token is the role's; the check `ignored_auth` tries each request without it and with a wrong one.
        with_security_parameters=False,
    )
    return schema


covered, random = api(coverage=True), api(coverage=False)


@pytest.fixture(autouse=True)
def one_connection():
    """The test's transaction is the application's too, as with Django's own test client."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    yield
    for signal in signals:
        signal.connect(close_old_connections)


@pytest.fixture
def headers(request, as_role):
    return {"Authorization": as_role(request.param)._credentials["HTTP_AUTHORIZATION"]} if request.param else {}


@pytest.fixture
def appointment(tenant):
    return AppointmentFactory(tenant=tenant)


@pytest.mark.parametrize("headers", ["tenant_admin"], indirect=True)
@covered.parametrize()
@fuzzed
def test_every_bound_of_every_value(case, headers, appointment):
    call(case, headers, appointment)


@pytest.mark.parametrize("headers", ROLES, indirect=True)
@random.parametrize()
@fuzzed
def test_anything(case, headers, appointment):
    call(case, headers, appointment)


def call(case, headers, appointment):
    if is_valid(case):
        obey(case, appointment)
    with transaction.atomic():
        case.call_and_validate(headers=headers)
        transaction.set_rollback(True)


def is_valid(case):
    """Whether nothing is wrong with the case, or nothing but the method."""
    data = case.meta.phase.data
    is_method_probe = isinstance(data, CoveragePhaseData) and data.scenario == CoverageScenario.UNSPECIFIED_HTTP_METHOD
    return is_method_probe or case.meta.generation.mode is GenerationMode.POSITIVE


def obey(case, appointment):
    """Bring a valid case in line with the rules that no schema can tell: what exists, whose it is, what comes first."""
    own = {"customer_id": appointment.customer_id}
    case.path_parameters |= {name: value for name, value in own.items() if name in case.path_parameters}
    if "If-Match" in case.headers:
        case.headers["If-Match"] = "*"
    if "tenant_id" in case.query:
        case.query["tenant_id"] = appointment.tenant_id
    for first, last in (("from_date", "to_date"), ("created_from", "created_to")):
        if {first, last} <= case.query.keys():
            case.query[first], case.query[last] = sorted((case.query[first], case.query[last]))
    if isinstance(case.body, dict):
        _obey_in(case.body, appointment, always=case.operation.label == "POST /api/v1/customers")
        if isinstance(case.body.get("preferences"), dict):
            _obey_in(case.body["preferences"], appointment)


def _obey_in(body, appointment, *, always=False):
    needed = {"email": "jane@example.org", "tenant_id": appointment.tenant_id}
    values = needed | {
        "phone": "+1234567890",
        "password": "SecurePass123!",
        "date_of_birth": "1990-05-17",
        "tags": ["vip"],
        "preferred_outlet_id": appointment.outlet_id,
        "preferred_services": [appointment.service_id],
        "preferred_staff_ids": [appointment.staff_id],
    }
    body |= {name: value for name, value in values.items() if name in body or (always and name in needed)}
    body |= {name: "Jane" for name in ("first_name", "last_name") if _shows_nothing(body.get(name))}


def _shows_nothing(name):
    if not isinstance(name, str) or not name.strip():
        return False  # as the schema has it
    try:
        return validate_name(name.strip())
    except ValidationError:
        return True
