"""What every answer tells a browser, and what is logged of it."""

import json
import logging
from io import StringIO

import pytest
from django.utils.log import configure_logging

from circe.headers import DATA_POLICY, PAGE_POLICY
from customers.tests.bodies import CUSTOMERS
from customers.tests.factories import CustomerFactory


def test_the_api_is_not_kept_by_anybody(staff, anonymous, tenant):
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


ELSEWHERE = {
    "Origin": "https://elsewhere.example",
    "Access-Control-Request-Method": "DELETE",
    "Access-Control-Request-Headers": "authorization",
}


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "DELETE"])
@pytest.mark.parametrize(
    "path", [CUSTOMERS, "/api/v1/auth/login", "/api/v1/auth/me", "/openapi.json", "/docs", "/admin/login/", "/healthz"]
)
def test_no_other_site_may_read_anything(staff, anonymous, method, path):
    for client in (staff, anonymous):
        answer = client.generic(method, path, headers=ELSEWHERE)
        assert not [name for name in answer.headers if name.startswith("Access-Control-")]


@pytest.mark.parametrize(
    "host", ["elsewhere.example", "testserver.elsewhere.example", "", "testserver@x", "a\\b", "testserver:x"]
)
@pytest.mark.parametrize("path", [CUSTOMERS, "/api/v1/auth/login", "/admin/login/", "/docs"])
def test_another_host_than_ours_is_refused(staff, host, path):
    answer = staff.get(path, HTTP_HOST=host, HTTP_X_FORWARDED_HOST="testserver")
    assert answer.status_code == 400
    assert host not in answer.content.decode() or not host


@pytest.mark.parametrize("path", ["", "customers/customer/", "customers/customer/add/", "nothing/"])
def test_pages_take_scripts_from_us_only(back_office, path):
    answer = back_office("staff").get(f"/admin/{path}")
    assert answer.headers["Content-Security-Policy"] == PAGE_POLICY
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    # What the policy would keep a browser from running is not there to begin with.
    text = answer.content.decode()
    assert "<script>" not in text
    assert "onclick=" not in text


@pytest.fixture
def log(settings, staff):
    """The lines of the production log."""
    stream = StringIO()
    handlers = {"stderr": settings.LOGGING["handlers"]["stderr"] | {"formatter": "json", "stream": stream}}
    production = {"handlers": handlers, "root": {"handlers": ["stderr"], "level": "INFO"}}
    configure_logging("logging.config.dictConfig", settings.LOGGING | production)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    configure_logging("logging.config.dictConfig", settings.LOGGING)


def test_a_line_for_each_request_without_anything_personal(log, staff, tenant):
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
    }
    assert [line["status"] for line in lines] == [200, 200, 401]
    assert "uetzalcoatl" not in json.dumps(log())


def test_what_is_logged_meanwhile_has_the_requests_id(log, staff, settings):
    settings.ROOT_URLCONF = __name__
    staff.get("/warn", headers={"X-Request-ID": "desk-2"})
    assert [line["request_id"] for line in log() if line["name"] == "spa"] == ["desk-2"]


def _warn(request):
    from django.http import HttpResponse

    logging.getLogger("spa").warning("The steam bath is hot.")
    return HttpResponse()


from django.urls import path

urlpatterns = [path("warn", _warn)]
