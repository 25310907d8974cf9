"""The OpenAPI document, and the pages that show it."""

import re

import jsonschema
import pytest
from django.core.management import call_command
from django.urls import get_resolver
from rest_framework.test import APIClient

from appointments.booking import REFUSAL_TEXTS
from circe.api import document_pages
from circe.api.openapi import REQUEST_CLOCK_TIME_PATTERN
from circe.api.serializers import CLOCK_TIME_PATTERN

ERRORS = {
    "400": "BadRequest",
    "401": "Unauthorized",
    "403": "Forbidden",
    "404": "NotFound",
    "409": "Conflict",
    "412": "PreconditionFailed",
    "413": "PayloadTooLarge",
    "415": "UnsupportedMediaType",
    "422": "UnprocessableContent",
    "429": "TooManyRequests",
    "503": "Unavailable",
}
ALL = ["super_admin", "tenant_admin", "outlet_manager", "staff"]
CUSTOMER, PORTAL = ["customer"], "/api/v1/portal/{tenant_slug}"
CHANGED = "200 400 401 403 404 409 412 413 415 422 503"
# By operation: its id, the roles that may call it, and the statuses that it answers.
OPERATIONS = {
    "GET /api/v1/customers": ("listCustomers", ALL, "200 400 401 403 503"),
    "POST /api/v1/customers": ("createCustomer", ALL, "201 400 401 403 409 413 415 422 503"),
    "GET /api/v1/customers/tags": ("listCustomerTags", ALL, "200 400 401 403 503"),
    "GET /api/v1/customers/{customer_id}": ("getCustomer", ALL, "200 400 401 403 404 503"),
    "PUT /api/v1/customers/{customer_id}": ("updateCustomer", ALL[:3], "200 400 401 403 404 409 412 413 415 422 503"),
    "PATCH /api/v1/customers/{customer_id}": ("patchCustomer", ALL[:3], "200 400 401 403 404 409 412 413 415 422 503"),
    "DELETE /api/v1/customers/{customer_id}": ("deleteCustomer", ALL[:2], "200 400 401 403 404 409 412 422 503"),
    "GET /api/v1/customers/{customer_id}/appointments": (
        "listCustomerAppointments",
        ALL,
        "200 400 401 403 404 503",
    ),
    "GET /api/v1/customers/{customer_id}/consents": ("listCustomerConsents", ALL, "200 400 401 403 404 503"),
    "POST /api/v1/customers/{customer_id}/consents": (
        "recordCustomerConsent",
        ALL,
        "201 400 401 403 404 409 412 413 415 422 503",
    ),
    "GET /api/v1/customers/{customer_id}/history": ("listCustomerHistory", ALL[:2], "200 400 401 403 404 503"),
    "POST /api/v1/customers/{customer_id}/messages/decision": (
        "decideMessage",
        ALL,
        "200 400 401 403 404 413 415 503",
    ),
    "PUT /api/v1/customers/{customer_id}/preferences": (
        "updateCustomerPreferences",
        ALL,
        "200 400 401 403 404 409 412 413 415 422 503",
    ),
    "GET /api/v1/customers/{customer_id}/recommendations": (
        "getCustomerRecommendations",
        [*ALL, "customer"],
        "200 400 401 403 404 503",
    ),
    "POST /api/v1/customers/{customer_id}/restore": ("restoreCustomer", ALL[:2], "200 400 401 403 404 409 412 422 503"),
    "GET /api/v1/customers/statistics/summary": ("getCustomerStatistics", ALL[:2], "200 400 401 403 503"),
    "GET /api/v1/outlets": ("listOutlets", ALL, "200 400 401 403 503"),
    "POST /api/v1/outlets": ("createOutlet", ALL[:2], "201 400 401 403 409 413 415 422 503"),
    "GET /api/v1/outlets/{outlet_id}": ("getOutlet", ALL, "200 400 401 403 404 503"),
    "PUT /api/v1/outlets/{outlet_id}": ("updateOutlet", ALL[:2], "200 400 401 403 404 409 412 413 415 422 503"),
    "PATCH /api/v1/outlets/{outlet_id}": ("patchOutlet", ALL[:2], "200 400 401 403 404 409 412 413 415 422 503"),
    "GET /api/v1/services": ("listServices", ALL, "200 400 401 403 503"),
    "POST /api/v1/services": ("createService", ALL[:2], "201 400 401 403 409 413 415 422 503"),
    "GET /api/v1/services/{service_id}": ("getService", ALL, "200 400 401 403 404 503"),
    "PUT /api/v1/services/{service_id}": ("updateService", ALL[:2], "200 400 401 403 404 409 412 413 415 422 503"),
    "PATCH /api/v1/services/{service_id}": ("patchService", ALL[:2], "200 400 401 403 404 409 412 413 415 422 503"),
    "GET /api/v1/staff": ("listStaff", ALL, "200 400 401 403 503"),
    "GET /api/v1/staff/{staff_id}": ("getMemberOfStaff", ALL, "200 400 401 403 404 503"),
    "GET /api/v1/appointments": ("listAppointments", ALL, "200 400 401 403 503"),
    "POST /api/v1/appointments": ("createAppointment", ALL, "201 400 401 403 409 413 415 422 503"),
    "GET /api/v1/appointments/{appointment_id}": ("getAppointment", ALL, "200 400 401 403 404 503"),
    "PUT /api/v1/appointments/{appointment_id}": (
        "updateAppointment",
        ALL,
        "200 400 401 403 404 409 412 413 415 422 503",
    ),
    "PATCH /api/v1/appointments/{appointment_id}": (
        "patchAppointment",
        ALL,
        "200 400 401 403 404 409 412 413 415 422 503",
    ),
    "POST /api/v1/appointments/{appointment_id}/reschedule": (
        "rescheduleAppointment",
        ALL,
        "200 400 401 403 404 409 412 413 415 422 503",
    ),
    "POST /api/v1/appointments/{appointment_id}/status": (
        "setAppointmentStatus",
        ALL,
        "200 400 401 403 404 409 412 413 415 422 503",
    ),
    "GET /api/v1/staff/{staff_id}/working-hours": ("getWorkingHours", ALL, "200 400 401 403 404 503"),
    "PUT /api/v1/staff/{staff_id}/working-hours": (
        "replaceWorkingHours",
        ALL[:3],
        "200 400 401 403 404 409 412 413 415 422 503",
    ),
    "GET /api/v1/time-off": ("listTimeOff", ALL, "200 400 401 403 503"),
    "POST /api/v1/time-off": ("createTimeOff", ALL, "201 400 401 403 409 413 415 422 503"),
    "GET /api/v1/time-off/{time_off_id}": ("getTimeOff", ALL, "200 400 401 403 404 503"),
    "DELETE /api/v1/time-off/{time_off_id}": ("deleteTimeOff", ALL, "200 400 401 403 404 409 412 422 503"),
    "GET /api/v1/messages": ("listMessages", ALL, "200 400 401 403 503"),
    "GET /api/v1/messages/settings": ("getMessageSettings", ALL[:3], "200 400 401 403 503"),
    "PUT /api/v1/messages/settings": (
        "updateMessageSettings",
        ALL[:3],
        "200 400 401 403 409 412 413 415 422 503",
    ),
    "GET /api/v1/availability": ("getAvailability", [*ALL, "customer"], "200 400 401 403 503"),
    "POST /api/v1/auth/login": ("login", [], "200 400 401 413 415 429 503"),
    "POST /api/v1/auth/refresh": ("refreshTokens", [], "200 400 401 413 415 503"),
    "POST /api/v1/auth/logout": ("logout", [], "200 400 401 413 415 503"),
    "GET /api/v1/auth/me": ("getMe", ALL, "200 400 401 403 503"),
    f"POST {PORTAL}/register": ("registerCustomer", [], "202 400 404 413 415 429 503"),
    f"POST {PORTAL}/verify": ("verifyCustomer", [], "200 400 404 413 415 429 503"),
    f"POST {PORTAL}/password/forgot": ("forgetCustomerPassword", [], "202 400 404 413 415 429 503"),
    f"POST {PORTAL}/password/reset": ("resetCustomerPassword", [], "200 400 404 413 415 429 503"),
    f"POST {PORTAL}/password/change": ("changeCustomerPassword", CUSTOMER, "200 400 401 403 404 413 415 429 503"),
    f"POST {PORTAL}/email/change": ("changeCustomerEmail", CUSTOMER, "202 400 401 403 404 409 413 415 422 429 503"),
    f"POST {PORTAL}/login": ("loginCustomer", [], "200 400 401 404 413 415 429 503"),
    f"POST {PORTAL}/refresh": ("refreshCustomerTokens", [], "200 400 401 404 413 415 503"),
    f"POST {PORTAL}/logout": ("logoutCustomer", [], "200 400 401 404 413 415 503"),
    f"GET {PORTAL}/me": ("getOwnProfile", CUSTOMER, "200 400 401 403 404 503"),
    f"PATCH {PORTAL}/me": ("updateOwnProfile", CUSTOMER, CHANGED),
    f"GET {PORTAL}/me/preferences": ("getOwnPreferences", CUSTOMER, "200 400 401 403 404 503"),
    f"PUT {PORTAL}/me/preferences": ("updateOwnPreferences", CUSTOMER, CHANGED),
    f"GET {PORTAL}/me/consents": ("listOwnConsents", CUSTOMER, "200 400 401 403 404 503"),
    f"POST {PORTAL}/me/consents": ("recordOwnConsent", CUSTOMER, "201 400 401 403 404 409 413 415 422 503"),
    f"GET {PORTAL}/me/export": ("exportOwnData", CUSTOMER, "200 400 401 403 404 503"),
    f"GET {PORTAL}/me/deletion-request": ("getDeletionRequest", CUSTOMER, "200 400 401 403 404 503"),
    f"POST {PORTAL}/me/deletion-request": ("requestDeletion", CUSTOMER, "200 201 400 401 403 404 409 422 503"),
    f"GET {PORTAL}/me/appointments": ("listOwnAppointments", CUSTOMER, "200 400 401 403 404 503"),
    f"POST {PORTAL}/me/appointments": (
        "bookOwnAppointment",
        CUSTOMER,
        "201 400 401 403 404 409 413 415 422 503",
    ),
    f"GET {PORTAL}/me/appointments/{{appointment_id}}": ("getOwnAppointment", CUSTOMER, "200 400 401 403 404 503"),
    f"POST {PORTAL}/me/appointments/{{appointment_id}}/reschedule": ("rescheduleOwnAppointment", CUSTOMER, CHANGED),
    f"POST {PORTAL}/me/appointments/{{appointment_id}}/cancel": ("cancelOwnAppointment", CUSTOMER, CHANGED),
    f"GET {PORTAL}/me/recommendations": ("getOwnRecommendations", CUSTOMER, "200 400 401 403 404 503"),
}


@pytest.fixture
def page():
    """A client without a token and without a database. The pages need neither."""
    return APIClient()


@pytest.fixture
def document(page):
    return page.get("/openapi.json").json()


@pytest.fixture
def operations(document):
    return {
        f"{method.upper()} {path}": operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


def test_the_document_lists_operations_with_their_roles_and_statuses(operations):
    documented = {
        name: (operation["operationId"], operation["x-roles"], " ".join(operation["responses"]))
        for name, operation in operations.items()
    }
    assert documented == OPERATIONS
    assert list(documented) == list(OPERATIONS)


def test_the_document_lists_every_route_of_the_api(operations):
    routes = {
        re.sub(r"<str:(\w+)>", r"{\1}", f"{method.upper()} /{pattern.pattern}")
        for pattern in get_resolver().url_patterns
        if str(pattern.pattern).startswith("api/")
        for method in pattern.callback.actions
        if method != "head"
    }
    assert routes == operations.keys()


def test_every_error_has_the_problem_shape(document, operations):
    for name, operation in operations.items():
        conflict = re.search("( /api/v1|/me)/appointments", name)
        names = {" /api/v1": "BookingConflict", "/me": "OwnBookingConflict"}
        errors = ERRORS | ({"409": names[conflict[1]]} if conflict else {})
        for status, response in operation["responses"].items():
            if status >= "400":
                assert response == {"$ref": f"#/components/responses/{errors[status]}"}, (name, status)
    responses = document["components"]["responses"]
    assert list(responses) == [*ERRORS.values(), "BookingConflict", "OwnBookingConflict"]
    for response in responses.values():
        assert response["content"]["application/problem+json"]["schema"] == {"$ref": "#/components/schemas/Problem"}
    headers = {name: list(response.get("headers", {})) for name, response in responses.items()}
    assert {name: names for name, names in headers.items() if names} == {
        "Unauthorized": ["WWW-Authenticate"],
        "TooManyRequests": ["Retry-After"],
        "Unavailable": ["Retry-After"],
    }


def test_every_conflict_of_a_booking_has_an_example(document):
    [content] = document["components"]["responses"]["BookingConflict"]["content"].values()
    examples = {code: example["value"] for code, example in content["examples"].items()}
    assert examples.keys() == {*REFUSAL_TEXTS, "invalid_transition", "customer_already_set"}
    assert {code for code, problem in examples.items() if "alternatives" in problem} == {*REFUSAL_TEXTS}


def test_every_operation_has_a_summary_and_descriptions(document, operations):
    tags = {tag["name"] for tag in document["tags"]}
    for name, operation in operations.items():
        assert operation["summary"], name
        access = ", ".join(f"`{role}`" for role in operation["x-roles"]) or "anyone"
        assert operation["description"].endswith(f"**Access:** {access}"), name
        assert set(operation["tags"]) <= tags, name
        for parameter in operation.get("parameters", []):
            assert parameter["description"], (name, parameter["name"])


def test_every_operation_with_roles_needs_a_token(document, operations):
    assert document["components"]["securitySchemes"] == {
        "bearerAuth": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    }
    for name, operation in operations.items():
        assert operation.get("security") == ([{"bearerAuth": []}] if operation["x-roles"] else None), name


def test_parameters_have_their_limits(operations):
    parameters = {parameter["name"]: parameter for parameter in operations["GET /api/v1/customers"]["parameters"]}
    assert list(parameters) == [
        "updated_since",
        "next",
        "search",
        "tags",
        "has_password",
        "email_verified",
        "created_from",
        "created_to",
        "source",
        "is_active",
        "ordering",
        "last_visit_from",
        "last_visit_to",
        "total_spent_min",
        "total_spent_max",
        "segment",
        "page",
        "size",
        "tenant_id",
    ]
    limits = {name: {**parameter["schema"], "examples": ...} for name, parameter in parameters.items()}
    assert parameters["segment"]["schema"] == {"$ref": "#/components/schemas/Segment"}
    assert limits["total_spent_min"] == {"type": "number", "minimum": 0, "maximum": 2**63 - 1, "examples": ...}
    assert limits["page"] == {"type": "integer", "minimum": 1, "maximum": 2**31 - 1, "default": 1, "examples": ...}
    assert limits["size"] == {"type": "integer", "minimum": 1, "maximum": 100, "default": 20, "examples": ...}
    for name, operation in operations.items():
        in_path = [parameter for parameter in operation.get("parameters", []) if parameter["in"] == "path"]
        assert sorted(one["name"] for one in in_path) == sorted(re.findall(r"{(\w+)}", name)), name
        patterns = {one["name"]: one["schema"]["pattern"] for one in in_path}
        slug = {"tenant_slug": "^[-a-zA-Z0-9_]{1,50}$"} if "{tenant_slug}" in name else {}
        assert patterns == dict.fromkeys(patterns, "^[0-9a-f]{24}$") | slug, name


def test_preferences_allow_no_other_keys(document):
    schemas = document["components"]["schemas"]
    closed = {name for name, schema in schemas.items() if schema.get("additionalProperties") is False}
    assert closed == {
        "PreferencesRequest",
        "OwnPreferencesRequest",
        "CommunicationRequest",
        "DecisionQuestionRequest",
        "WorkingHoursEntryRequest",
        "Tombstone",
    }


def test_an_answer_requires_all_its_keys(document):
    for name, schema in document["components"]["schemas"].items():
        if not name.endswith("Request") and name != "Problem" and "properties" in schema:
            # The document has one schema of a customer, also for the answer to a create.
            required = [key for key in schema["properties"] if key != "possible_duplicates"]
            assert schema["required"] == required, name


def test_a_schema_has_only_the_rules_of_its_direction(document):
    schemas = document["components"]["schemas"]
    request, response = (schemas[name]["properties"]["first_name"] for name in ("NewCustomerRequest", "Customer"))
    assert ("pattern" in request, "pattern" in response) == (True, False)
    for name, schema in schemas.items():
        for key, value in schema.get("properties", {}).items():
            assert not {"readOnly", "writeOnly"} & value.keys(), (name, key)


def test_ids_and_clock_times_have_a_pattern(document):
    patterns = {
        (name, key): value.get("pattern")
        for name, schema in document["components"]["schemas"].items()
        for key, value in schema.get("properties", {}).items()
        if (key == "id" or key.endswith(("_id", "_time"))) and key != "request_id" and "string" in value.get("type", ())
    }
    assert len(patterns) > 10
    for (name, key), pattern in patterns.items():
        clock = REQUEST_CLOCK_TIME_PATTERN if name.endswith("Request") else "^[0-9]{2}:[0-9]{2}:[0-9]{2}$"
        assert pattern == (clock if key.endswith("_time") else "^[0-9a-f]{24}$"), (name, key)


@pytest.mark.parametrize(
    ("text", "is_clock_time"),
    [("09:00", True), ("23:59:59", True), ("24:00", False), ("9:00", False), ("09:00:00.5", False), ("09:60", False)],
)
def test_a_clock_time_is_what_the_document_says(text, is_clock_time):
    assert bool(re.search(REQUEST_CLOCK_TIME_PATTERN, text)) is is_clock_time
    assert bool(CLOCK_TIME_PATTERN.match(text)) is is_clock_time


def test_components_have_their_names(document):
    assert sorted(document["components"]["schemas"]) == [
        "Actor",
        "Appointment",
        "AppointmentChangesRequest",
        "AppointmentPage",
        "AppointmentStatus",
        "AuditAction",
        "AuditEvent",
        "AuditEventPage",
        "Availability",
        "BookableService",
        "BookedOutlet",
        "BookedService",
        "BookedStaff",
        "BookingRule",
        "Business",
        "Change",
        "Channel",
        "Communication",
        "CommunicationRequest",
        "Conflict",
        "Consent",
        "ConsentPage",
        "ConsentSource",
        "ConsentState",
        "ContactField",
        "Customer",
        "CustomerChangesRequest",
        "CustomerMessage",
        "CustomerMessagePage",
        "CustomerOrdering",
        "CustomerPage",
        "Decision",
        "DecisionQuestionRequest",
        "DecisionReason",
        "DeletionRequest",
        "EmailRequest",
        "Export",
        "ExportedDeletionRequest",
        "ExportedMessage",
        "FieldError",
        "FieldErrorCode",
        "Gender",
        "History",
        "HistoryStatistics",
        "IgnoredPreference",
        "LoginRequest",
        "Me",
        "Message",
        "MessageKind",
        "MessageSettings",
        "MessageSettingsRequest",
        "MessageState",
        "NewAppointmentRequest",
        "NewAppointmentStatus",
        "NewConsentRequest",
        "NewCustomerRequest",
        "NewOutletRequest",
        "NewOwnConsentRequest",
        "NewServiceRequest",
        "Outlet",
        "OutletPage",
        "OutletRequest",
        "OwnAppointment",
        "OwnBookingRequest",
        "OwnCancellationRequest",
        "OwnConsent",
        "OwnConsentPage",
        "OwnHistory",
        "OwnMoveRequest",
        "OwnPreferences",
        "OwnPreferencesRequest",
        "OwnProfile",
        "OwnProfileRequest",
        "PageFigures",
        "PasswordChangeRequest",
        "PasswordResetRequest",
        "Payment",
        "PaymentChangesRequest",
        "PaymentMethod",
        "PaymentStatus",
        "Period",
        "PortalTokenPair",
        "PreferenceKey",
        "PreferenceObstacle",
        "Preferences",
        "PreferencesRequest",
        "PreferredChannel",
        "Problem",
        "ProblemCode",
        "Purpose",
        "Recommendation",
        "RecommendationReason",
        "Recommendations",
        "RefreshRequest",
        "RegistrationRequest",
        "RescheduleRequest",
        "Role",
        "Segment",
        "Segments",
        "Service",
        "ServicePage",
        "ServiceRequest",
        "Slot",
        "Staff",
        "StaffConsentSource",
        "StaffPage",
        "Statistics",
        "StatusRequest",
        "StoredOwnAppointment",
        "Summary",
        "TagCount",
        "TagCounts",
        "Tenant",
        "TimeOff",
        "TimeOffPage",
        "TimeOffRequest",
        "TokenPair",
        "Tombstone",
        "TopCustomer",
        "VerificationRequest",
        "WorkingHours",
        "WorkingHoursEntry",
        "WorkingHoursEntryRequest",
        "WorkingHoursRequest",
    ]


def contents(value):
    """Yields every `{"schema", "examples"}` inside a value of the document."""
    if isinstance(value, dict):
        if "schema" in value and "examples" in value:
            yield value
        for inner in value.values():
            yield from contents(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from contents(inner)


def test_every_example_is_valid(document, operations):
    for name, operation in operations.items():
        bodies = list(contents({key: operation.get(key) for key in ("requestBody", "responses")}))
        answers = [status for status in operation["responses"] if status < "400"]
        assert len(bodies) == len(answers) + ("requestBody" in operation), name
    for content in contents(document):
        schema = content["schema"] | {"components": document["components"]}
        for example in content["examples"].values():
            jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker()).validate(
                example["value"]
            )


def test_the_document_has_no_token(page):
    assert b"eyJ" not in page.get("/openapi.json").content


@pytest.mark.django_db
def test_the_document_is_the_same_for_everyone(page, admin, super_admin):
    assert page.get("/openapi.json").content == admin.get("/openapi.json").content
    assert page.get("/openapi.json").content == super_admin.get("/openapi.json").content


def test_the_document_is_the_same_each_time(page):
    first = page.get("/openapi.json").content
    document_pages.document.cache_clear()
    assert page.get("/openapi.json").content == first


@pytest.mark.slow("generates the whole document")
def test_the_document_is_valid_without_warnings(tmp_path):
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(tmp_path / "openapi.yaml"))


@pytest.mark.parametrize("url", ["/docs", "/redoc"])
def test_the_pages_link_only_what_the_app_serves(page, url):
    response = page.get(url)
    assert response.status_code == 200
    html = response.content.decode()
    assert not re.findall(r"(?:https?:)?//[\w.-]+", html.replace("http://www.w3.org", ""))
    links = re.findall(r'(?:href|src)="([^"]+)"', html)
    assert any(link.endswith(".js") for link in links)
    for link in [*links, "/openapi.json"]:
        assert page.get(link).status_code == 200, link


@pytest.mark.parametrize("url", ["/docs", "/redoc"])
def test_the_pages_load_nothing_from_elsewhere(page, url):
    """The policy forbids it even to their scripts: ReDoc would load a logo from its maker's site."""
    policy = page.get(url)["Content-Security-Policy"]
    assert policy.startswith("default-src 'self';")
    assert "http" not in policy
    assert "*" not in policy
    assert "script-src 'self';" in policy
    assert "<script>" not in page.get(url).content.decode()


@pytest.mark.parametrize("url", ["/openapi.json", "/docs", "/redoc"])
def test_the_pages_can_only_be_read(page, url):
    assert page.post(url).status_code == 405
