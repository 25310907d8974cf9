"""Every error of the API has the shape application/problem+json (RFC 9457)."""

import gzip
import logging
from contextlib import contextmanager

import orjson
import pytest
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.core.exceptions import ValidationError as ModelError
from django.db import (
    DataError,
    IntegrityError,
    InterfaceError,
    InternalError,
    OperationalError,
    connection,
    transaction,
)
from django.test import Client, RequestFactory
from psycopg.errors import InternalError_
from psycopg.pq import DiagnosticField
from psycopg_pool import PoolTimeout
from rest_framework import exceptions
from rest_framework.test import APIClient

from circe.api import errors
from circe.db.roles import as_owner
from circe.tests.cases import in_one_test
from circe.urls import urlpatterns
from customers.models import Customer
from customers.tests.factories import CustomerFactory
from tenants.models import LoginSession
from tenants.scope import ALL_TENANTS, tenant_scope
from tenants.tests.locks import find_lock_waiters, start_thread

LIST = "/api/v1/customers"
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")


def problem(status, code, title, detail, **more):
    return {
        "type": f"urn:circe:problem:{code}", "title": title, "status": status, "detail": detail, "code": code, **more
    }  # fmt: skip


def assert_problem(answer, expected):
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert (answer.status_code, answer.json()) == (expected["status"], expected)


NOT_FOUND = problem(404, "not_found", "Not Found", "There is nothing at this address.")
UNAVAILABLE = problem(
    503, "unavailable", "Service Unavailable", "The database is away or too slow. Try again in a moment."
)
INTERNAL_ERROR = problem(
    500, "internal_error", "Internal Server Error", "Something went wrong on our side. It has been logged."
)


# --- errors of the client -------------------------------------------------------------------------------------------


@in_one_test("method", METHODS)
@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/", "/api/v1/customers/", "/nothing"])
def test_404_for_an_unknown_url(path, method, staff):
    strict = APIClient(enforce_csrf_checks=True)
    for client in (staff, strict):
        # Outside the API, a browser gets a page: test_error_pages.py.
        accepted = "text/html" if path.startswith("/api/") else "application/json"
        assert_problem(client.generic(method, path, b"{", "application/json", HTTP_ACCEPT=accepted), NOT_FOUND)


def test_404_without_a_body_for_head(staff):
    answer = staff.head("/api/v1/nothing")
    assert (answer.status_code, answer.content) == (404, b"")


def test_404_without_a_database(staff):
    with database_away():
        assert_problem(staff.post("/api/v1/nothing", {}), NOT_FOUND)


@pytest.mark.parametrize(
    ("path", "status", "sentence"),
    [
        ("nothing/", 404, "There is nothing at this address."),
        ("tenants/tenant/", 403, "Your role does not allow this."),
        ("customers/customer/?password=x", 400, "The request is malformed."),
    ],
)
def test_errors_of_the_admin_are_pages_with_a_link_back(back_office, path, status, sentence):
    answer = back_office("staff").get(f"/admin/{path}")
    assert answer.headers["Content-Type"].startswith("text/html")
    content = answer.content.decode()
    assert (answer.status_code, sentence in content, '<a href="/admin/">Back office</a>' in content) == (
        status,
        True,
        True,
    )


def test_the_error_for_a_form_without_csrf_token_says_what_to_do(db):
    answer = Client(enforce_csrf_checks=True).post("/admin/login/", {"username": "x"})
    assert (answer.status_code, "Go back, reload it and try again." in answer.content.decode()) == (403, True)


def test_401_names_the_scheme(anonymous, db):
    answer = anonymous.get(LIST)
    assert_problem(
        answer,
        problem(401, "not_authenticated", "Unauthorized", "Authentication credentials were not provided."),
    )
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_403_for_a_role_without_permission(staff):
    assert_problem(
        staff.get(f"{LIST}/statistics/summary"),
        problem(
            403, "permission_denied", "Forbidden", "You do not have permission to perform this action."
        ),
    )  # fmt: skip


def test_405_for_an_unknown_method_of_a_path(staff):
    answer = staff.put(LIST, {})
    assert_problem(answer, problem(405, "method_not_allowed", "Method Not Allowed", 'Method "PUT" not allowed.'))
    assert "GET" in answer.headers["Allow"]


def test_413_for_a_body_that_is_too_large(staff, settings):
    settings.MAX_JSON_BYTES = 10
    assert_problem(
        staff.post(LIST, {"first_name": "Jane"}),
        problem(413, "payload_too_large", "Request Entity Too Large", "The body is too large."),
    )


def test_415_for_a_body_that_is_not_json(staff):
    assert_problem(
        staff.generic("POST", LIST, b"x", "text/plain"),
        problem(
            415,
            "unsupported_media_type",
            "Unsupported Media Type",
            'Unsupported media type "text/plain" in request.',
        ),
    )


def test_415_for_a_compressed_body(staff):
    body = gzip.compress(orjson.dumps({"first_name": "Jane", "email": "jane@example.com"}))
    answer = staff.generic("POST", LIST, body, "application/json", HTTP_CONTENT_ENCODING="gzip")
    sentence = "A body is not to be compressed, as the Content-Encoding “gzip” says."
    assert_problem(answer, problem(415, "unsupported_media_type", "Unsupported Media Type", sentence))
    plain = staff.post(LIST, {"first_name": "Jane", "email": "j@example.com"}, HTTP_CONTENT_ENCODING="Identity")
    assert plain.status_code == 201


def test_400_names_each_field(staff):
    answer = staff.post(LIST, {"first_name": 1, "phone": "1", "preferences": {"language": 1, "colour": "red"}})
    assert answer.status_code == 400
    body = answer.json()
    assert set(body) == {"type", "title", "status", "detail", "code", "errors"}
    assert (body["code"], body["title"]) == ("invalid", "Bad Request")
    assert all(set(fault) == {"field", "code", "detail"} for fault in body["errors"])
    assert [fault["field"] for fault in body["errors"]] == ["first_name", "phone", "preferences.colour"]
    assert all(fault["field"] in body["detail"] for fault in body["errors"])


def test_an_answer_is_json_whatever_the_client_accepts(staff):
    for accept in ("text/html", "application/xml", "image/*;q=1", "", "*/*", "nonsense", ";;", "\xe9", "x" * 9000):
        answer = staff.get(LIST, HTTP_ACCEPT=accept)
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
        refused = staff.put(LIST, {}, HTTP_ACCEPT=accept)
        assert (refused.status_code, refused.headers["Content-Type"]) == (405, "application/problem+json")
    assert staff.get(f"{LIST}?format=html").status_code == 200
    assert staff.get(f"{LIST}?format=api&format=xml").headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("host", ["evil.example", "testserver.evil.example", "a b", "testserver:x", "[::1", "", "\xe9"])
def test_a_forged_host_is_a_400(host, staff):
    for path in (LIST, "/api/v1/nothing", "/api/v1/auth/me"):
        answer = staff.get(path, HTTP_HOST=host)
        assert_problem(answer, problem(400, "malformed", "Bad Request", "The request is malformed."))


def test_too_many_parameters_are_a_400(staff):
    answer = staff.get(f"{LIST}?{'&'.join('x=1' for _ in range(1501))}")
    assert_problem(answer, problem(400, "malformed", "Bad Request", "The request is malformed."))


def test_the_api_needs_no_csrf_token(staff):
    strict = APIClient(enforce_csrf_checks=True)
    strict.credentials(**staff._credentials)
    assert strict.post(LIST, {"first_name": "Jane", "phone": "+1234567890"}).status_code == 201
    assert strict.post("/api/v1/auth/refresh", {}).status_code == 400


# --- errors of Circe ------------------------------------------------------------------------------------------------


def test_500_for_a_crash_has_no_details_and_is_logged(manager, tenant, caplog):
    url = f"{LIST}/{CustomerFactory(tenant=tenant).pk}"
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE customers_customer RENAME COLUMN first_name TO forename")
    with caplog.at_level(logging.ERROR, logger="circe.api.errors"):
        for send, path in ((manager.get, LIST), (manager.get, url), (manager.put, url)):
            assert_problem(send(path, {}), INTERNAL_ERROR)
    logged = [record for record in caplog.records if record.name == "circe.api.errors"]
    one = "api/v1/customers/<str:customer_id>"
    assert [record.message for record in logged] == [
        "GET api/v1/customers crashed",
        f"GET {one} crashed",
        f"PUT {one} crashed",
    ]
    assert all(record.exc_info for record in logged)


def test_a_crash_after_a_write_stores_nothing(staff):
    """The customer is stored first. Storing the preferences then fails."""
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("DROP TABLE customers_preferredservice")
    body = {"first_name": "Jane", "phone": "+1234567890", "preferences": {"preferred_services": []}}
    assert_problem(staff.post(LIST, body), INTERNAL_ERROR)
    with tenant_scope(ALL_TENANTS):
        assert Customer.objects.count() == 0


def test_a_crash_outside_a_view_has_the_same_shape():
    request = RequestFactory().get("/api/v1/customers")
    assert errors.internal_error(request).content == errors.INTERNAL_ERROR.as_response().content
    assert errors.internal_error(RequestFactory().get("/admin/")).headers["Content-Type"].startswith("text/html")


# --- the database is away -------------------------------------------------------------------------------------------


@contextmanager
def database_away():
    """Makes every new connection to the database fail."""
    host = connection.settings_dict["HOST"]
    connection.settings_dict["HOST"] = "/nowhere"
    try:
        yield
    finally:
        connection.settings_dict["HOST"] = host


@pytest.mark.django_db(transaction=True)
def test_503_when_the_database_is_away(staff, caplog):
    refresh = LoginSession.start(staff.user).token_pair()["refresh"]
    credentials = {"email": "jane@example.com", "password": "x"}
    connection.close()
    with database_away():
        for answer in (
            staff.get(LIST),
            staff.post(LIST, {}),
            staff.get(f"{LIST}/statistics/summary"),
            staff.get("/api/v1/auth/me"),
            staff.post("/api/v1/auth/login", credentials),
            staff.post("/api/v1/auth/refresh", {"refresh": refresh}),
            staff.post("/api/v1/auth/logout", {"refresh": refresh}),
            staff.get("/readyz"),
        ):
            assert_problem(answer, UNAVAILABLE)
            assert answer.headers["Retry-After"] == "2"
        # The answer does not say why; the log does.
        assert "No such file or directory" in caplog.text
        assert staff.get("/healthz").json() == {"status": "ok"}
    assert staff.get(LIST).status_code == 200
    assert staff.get("/readyz").json() == {"status": "ok"}


@pytest.mark.django_db(transaction=True)
def test_503_when_the_connection_breaks_during_a_request(manager, tenant):
    """A write waits for a lock, and its connection is ended. It stores nothing, and the next request works."""
    url = f"{LIST}/{CustomerFactory(tenant=tenant, last_name='Doe').pk}"
    with as_owner(), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("LOCK TABLE customers_customer IN EXCLUSIVE MODE")
        thread, answers = start_thread(lambda: manager.put(url, {"last_name": "Roe"}))
        waiting = []
        while thread.is_alive() and not waiting:
            waiting = find_lock_waiters()
        cursor.execute("SELECT pg_terminate_backend(%s)", waiting)
    thread.join()
    assert_problem(answers[0], UNAVAILABLE)
    assert manager.get(url).json()["last_name"] == "Doe"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("setting", ["lock_timeout", "statement_timeout"])
def test_503_when_the_database_is_too_slow(setting, manager, tenant):
    url = f"{LIST}/{CustomerFactory(tenant=tenant, last_name='Doe').pk}"

    def write():
        with connection.cursor() as cursor:
            cursor.execute(f"SET {setting} = 100")
        return manager.put(url, {"last_name": "Roe"})

    with as_owner(), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("LOCK TABLE customers_customer IN EXCLUSIVE MODE")
        thread, answers = start_thread(write)
        thread.join(timeout=20)
    assert_problem(answers[0], UNAVAILABLE)
    assert answers[0].headers["Retry-After"] == "2"
    assert manager.get(url).json()["last_name"] == "Doe"


# --- the mapping of exceptions --------------------------------------------------------------------------------------


def internal_error(file):
    """An internal error of the server, with the name of the file of its source code."""
    error = InternalError()
    error.__cause__ = InternalError_(info={DiagnosticField.SOURCE_FILE: file.encode()})
    return error


PROBLEMS = [
    (PermissionDenied(), 403, "permission_denied"),
    (exceptions.NotFound(), 404, "not_found"),
    (ModelError("No."), 400, "invalid"),
    (ModelError({"phone": ["No."]}), 400, "invalid"),
    (exceptions.ParseError(), 400, "malformed"),
    (exceptions.Throttled(wait=0.2), 429, "throttled"),
    (IntegrityError(), 409, "conflict"),
    (DataError(), 400, "invalid"),
    (SuspiciousOperation(), 400, "malformed"),
    (OperationalError(), 503, "unavailable"),
    (InterfaceError(), 503, "unavailable"),
    (PoolTimeout(), 503, "unavailable"),
    (internal_error("remote_commands.c"), 503, "unavailable"),
    (internal_error("placement_connection.c"), 503, "unavailable"),
]


@pytest.mark.parametrize(("exception", "status", "code"), PROBLEMS, ids=lambda value: type(value).__name__)
def test_an_exception_has_its_status_and_code(exception, status, code):
    found = errors.problem_for(exception)
    assert (found.status, found.code) == (status, code)
    assert isinstance(found.detail, str)
    if status in {429, 503}:
        assert int(found.headers["Retry-After"]) >= 1


def test_an_unexpected_exception_has_no_problem():
    for exception in (RuntimeError(), KeyError("x"), ZeroDivisionError(), InternalError(), internal_error("heapam.c")):
        assert errors.problem_for(exception) is None


def test_every_url_of_the_api_answers_errors_in_this_shape(anonymous, tenant):
    """Pages are those of the admin, of the API document and of mailed links."""
    for pattern in urlpatterns:
        path = str(pattern.pattern).replace("<str:customer_id>", "507f1f77bcf86cd799439011")
        path = path.replace("<str:tenant_slug>", tenant.slug)
        if path.startswith("api/"):
            answer = anonymous.get(f"/{path}")
            assert answer.status_code in {401, 405}, path
            assert answer.headers["Content-Type"] == "application/problem+json"
