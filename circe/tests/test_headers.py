"""Security headers of answers, and the access log."""

import json
import logging
from io import StringIO

import pytest
from django.utils.log import configure_logging

from circe.headers import DATA_POLICY, PAGE_POLICY
from circe.tests.cases import in_one_test
from customers.tests.bodies import CUSTOMERS
from customers.tests.factories import CustomerFactory


def test_answers_of_the_api_are_stored_by_no_cache(staff, anonymous, tenant):
    for answer in (
        staff.get(CUSTOMERS),
        staff.get(f"{CUSTOMERS}/{CustomerFactory(tenant=tenant).pk}"),
        anonymous.get(CUSTOMERS),
        staff.get("/api/nothing"),
        anonymous.post("/api/v1/auth/login", {}),
    ):
        assert answer.headers["Cache-Control"] == "private, no-store"
        assert answer.headers["Content-Security-Policy"] == DATA_POLICY
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["Referrer-Policy"] == "same-origin"
        assert not {"Server", "X-Powered-By", "Access-Control-Allow-Origin"} & {*answer.headers}


CROSS_ORIGIN_HEADERS = {
    "Origin": "https://elsewhere.example",
    "Access-Control-Request-Method": "DELETE",
    "Access-Control-Request-Headers": "authorization",
}


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "DELETE"])
@in_one_test(
    "path", [CUSTOMERS, "/api/v1/auth/login", "/api/v1/auth/me", "/openapi.json", "/docs", "/admin/login/", "/healthz"]
)
def test_no_answer_allows_another_origin_to_read_it(staff, anonymous, method, path):
    for client in (staff, anonymous):
        answer = client.generic(method, path, headers=CROSS_ORIGIN_HEADERS)
        assert not [name for name in answer.headers if name.startswith("Access-Control-")]


@in_one_test("host", ["elsewhere.example", "testserver.elsewhere.example", "", "testserver@x", "a\\b", "testserver:x"])
@pytest.mark.parametrize("path", [CUSTOMERS, "/api/v1/auth/login", "/admin/login/", "/docs"])
def test_a_host_that_is_not_allowed_is_refused(staff, host, path):
    answer = staff.get(path, HTTP_HOST=host, HTTP_X_FORWARDED_HOST="testserver")
    assert answer.status_code == 400
    assert host not in answer.content.decode() or not host


@pytest.mark.parametrize("path", ["", "customers/customer/", "customers/customer/add/", "nothing/"])
def test_pages_allow_scripts_of_our_own_origin_only(back_office, path):
    answer = back_office("staff").get(f"/admin/{path}")
    assert answer.headers["Content-Security-Policy"] == PAGE_POLICY
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    # The page has no inline scripts, which the policy would block.
    text = answer.content.decode()
    assert "<script>" not in text
    assert "onclick=" not in text


@pytest.fixture
def log(settings, staff):
    """Configures logging as in production. Returns a function that reads the lines."""
    stream = StringIO()
    handlers = {"stderr": settings.LOGGING["handlers"]["stderr"] | {"formatter": "json", "stream": stream}}
    production = {"handlers": handlers, "root": {"handlers": ["stderr"], "level": "INFO"}}
    configure_logging("logging.config.dictConfig", settings.LOGGING | production)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    configure_logging("logging.config.dictConfig", settings.LOGGING)


def test_each_request_logs_a_line_without_personal_data(log, staff, tenant):
    jane = CustomerFactory(tenant=tenant, first_name="Quetzalcoatl")
    staff.get(f"{CUSTOMERS}/{jane.pk}", headers={"X-Request-ID": "desk-1"})
    staff.get(f"{CUSTOMERS}?search=Quetzalcoatl")
    staff.post("/api/v1/auth/login", {"email": "quetzalcoatl@example.com", "password": "Quetzalcoatl"})
    lines = [line for line in log() if line["name"] == "circe.access"]
    first = lines[0]
    assert first.pop("milliseconds") >= 0
    assert first.pop("asctime")
    assert first == {
        "levelname": "INFO",
        "name": "circe.access",
        "message": "GET api/v1/customers/<str:customer_id> 200",
        "request_id": "desk-1",
        "method": "GET",
        "route": "api/v1/customers/<str:customer_id>",
        "status": 200,
        "user_id": staff.user.pk,
        "client_address": "127.0.0.1",
    }
    assert [line["status"] for line in lines] == [200, 200, 401]
    assert "uetzalcoatl" not in json.dumps(log())


def test_every_log_record_of_a_request_has_its_id(log, staff, settings):
    settings.ROOT_URLCONF = __name__
    staff.get("/warn", headers={"X-Request-ID": "desk-2"})
    assert [line["request_id"] for line in log() if line["name"] == "spa"] == ["desk-2"]


def _warn(request):
    from django.http import HttpResponse

    logging.getLogger("spa").warning("The steam bath is hot.")
    return HttpResponse()


from django.urls import path

urlpatterns = [path("warn", _warn)]
