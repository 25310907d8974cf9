"""The log of a production server has no personal data and no secrets, whatever a client sends."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections import Counter
from urllib.parse import quote

import pytest
from django.conf import settings
from django.test import Client

from circe.tests.test_raw_requests import SETTINGS, address, ask, request
from customers.tests.factories import CustomerFactory
from tenants.models import LoginSession
from tenants.tests.factories import UserFactory

pytestmark = pytest.mark.slow("starts gunicorn and reads its log")

CRASHING = """
from django.urls import path
from circe.urls import *

def crash(request, **kwargs):
    try:
        int(request.GET["search"])
    except ValueError as error:
        raise RuntimeError(request.body) from error

urlpatterns = [path("api/crash", crash), path("admin/crash/<str:word>", crash), *urlpatterns]
"""
# Each value is one rare word, so that it is found even if the rest was cut off or escaped.
NAME, EMAIL, PHONE, PASSWORD, KEY = "Quetzalcoatl", "xochiquetzal", "62877665544", "Huitzilopochtli", "Tezcatlipoca"
SECRETS = [NAME, EMAIL, PHONE, PASSWORD, KEY]


@pytest.fixture
def served(tmp_path, transactional_db):
    """Runs gunicorn as in production. Yields its port, and a function that stops it and returns its log."""
    production = f"SECURE_SSL_REDIRECT = False\nROOT_URLCONF = 'crashing'\nSTATIC_ROOT = {str(tmp_path)!r}\n"
    (tmp_path / "logged_settings.py").write_text(
        SETTINGS.format(address=address()) + production + "STORAGES['staticfiles'] = {"
        "'BACKEND': 'django.contrib.staticfiles.storage.StaticFilesStorage'}\n"
    )
    (tmp_path / "crashing.py").write_text(CRASHING)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    environment = {name: value for name, value in os.environ.items() if name not in {"DEMO", "DEBUG", "LOG_LEVEL"}} | {
        "PORT": str(port),
        "WEB_WORKERS": "1",
        "ALLOWED_HOSTS": "localhost",
        "SECRET_KEY": settings.SECRET_KEY,
        "JWT_SIGNING_KEY": settings.JWT_SIGNING_KEY,
        # Production requires it. The settings above replace it by the test database.
        "DATABASE_URL": "postgres://circe@localhost/circe",
        "DJANGO_SETTINGS_MODULE": "logged_settings",
        "PYTHONPATH": f"{tmp_path}:{settings.BASE_DIR}",
    }
    command = [sys.executable, "-m", "gunicorn", "--config", "circe/gunicorn.py"]
    log = tmp_path / "log"
    with (
        log.open("w") as stream,
        subprocess.Popen(command, env=environment, cwd=settings.BASE_DIR, stdout=stream, stderr=stream) as server,
    ):
        while "Booting worker" not in log.read_text():
            assert server.poll() is None, log.read_text()

        def end():
            server.send_signal(signal.SIGTERM)
            server.wait()
            return log.read_text()

        yield port, end
        server.kill()


def requests(user, customer):
    """Yields requests with personal data and secrets in every part, some of them valid and some refused."""
    pair = LoginSession.start(user).token_pair()
    token = f"Authorization: Bearer {pair['access']}\r\n".encode()
    browser = Client()
    browser.force_login(user)
    session = f"Cookie: sessionid={browser.session.session_key}\r\n".encode()
    person = {"first_name": NAME, "email": f"{EMAIL}@example.com", "phone": f"+{PHONE}", "password": PASSWORD}
    query = f"search={NAME}&email={EMAIL}%40example.com&phone={PHONE}&password={PASSWORD}&key={KEY}".encode()
    headers = (
        f"User-Agent: {NAME}\r\nReferer: http://localhost/?{NAME}\r\nX-Api-Key: {KEY}\r\nOrigin: http://{NAME}.example\r\n"
        f"Idempotency-Key: {KEY}\r\nX-Request-ID: {NAME} {EMAIL}\r\nIf-Match: {KEY}\r\nContent-Type: application/json\r\n"
    ).encode()
    paths = [
        "/api/v1/customers",
        f"/api/v1/customers/{customer.pk}",
        f"/api/v1/customers/{customer.pk}/preferences",
        f"/api/v1/customers/{quote(NAME)}",
        f"/api/v1/{NAME}",
        f"/{NAME}/{EMAIL}",
        "/api/v1/auth/login",
        "/api/v1/auth/refresh",
        "/api/crash",
        f"/admin/crash/{NAME}",
        "/admin/",
        f"/admin/customers/customer/{customer.pk}/change/",
        f"/admin/customers/customer/{NAME}/change/",
        f"/admin/{NAME}",
        f"/static/{NAME}",
    ]
    bodies = [
        person,
        person,
        {"email": person["email"], "password": PASSWORD},
        {"refresh": pair["refresh"]},
        {"notes": NAME},
    ]
    raw = [json.dumps(body).encode() for body in bodies] + [
        f'{{"{NAME}": {PASSWORD}'.encode(),
        b'"' + NAME.encode() * 9,
    ]
    for path in paths:
        for credentials in (token, session, f"Authorization: Bearer {KEY}\r\n".encode()):
            address = path.encode() + b"?" + query
            yield request(path=address, headers=headers + credentials)
            for method, body in zip((b"POST", b"PUT", b"PATCH", b"DELETE", b"OPTIONS") * 2, raw, strict=False):
                yield request(method, address, headers + credentials, body)
    form = f"username={EMAIL}%40example.com&password={PASSWORD}".encode()
    kind = b"Content-Type: application/x-www-form-urlencoded\r\n"
    yield request(b"POST", b"/admin/login/?next=/" + NAME.encode(), kind, form)
    yield request(host=f"Host: {NAME}.example\r\n".encode(), path=b"/api/v1/customers?" + query, headers=token)
    yield request(path=b"/" + NAME.encode() + b"\x00")
    yield request(headers=b"X: " + NAME.encode() + b"\r\n folded: " + KEY.encode() + b"\r\n")
    yield request(path=b"/" + NAME.encode() * 1000)
    yield request(headers=b"".join(f"X-{number}: {NAME}\r\n".encode() for number in range(200)))
    yield request(b"POST", headers=headers + token, body=json.dumps(person).encode() * 20_000)
    yield f"{NAME} {KEY}\r\n\r\n".encode()


def test_the_log_has_no_personal_data_and_no_secret(served, tenant):
    port, end = served
    user = UserFactory(
        tenant=tenant, role="tenant_admin", email=f"{EMAIL}@lotus.test", first_name=NAME, password=PASSWORD
    )
    customer = CustomerFactory(tenant=tenant, first_name=NAME, email=f"{EMAIL}@example.com", phone=f"+{PHONE}")
    statuses = [int(answer.split()[1]) for sent in requests(user, customer) if (answer := ask(port, sent))]
    log = end()
    assert {200, 400, 401, 403, 404, 405, 413, 414, 431, 500} <= {*statuses}
    assert [
        word for word in [*SECRETS, "eyJ", "sessionid", user.password, "argon2"] if word.lower() in log.lower()
    ] == []
    # Each line is JSON, gunicorn's too, and has a time in UTC.
    lines = [json.loads(line) for line in log.splitlines()]
    assert [
        line for line in lines if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["asctime"])
    ] == []
    assert {"gunicorn.error", "circe.access"} <= {line["name"] for line in lines}
    access = [line for line in lines if line["name"] == "circe.access"]
    assert {line["client_address"] for line in access} == {"127.0.0.1"}
    # Each request has a line, also one that a middleware or gunicorn refused.
    assert Counter(line["status"] for line in access) == Counter(statuses)
    crashes = {line["message"]: line for line in lines if "exc_info" in line}
    # Other methods are refused before the view, since they have no CSRF token.
    messages = ("{} api/crash crashed", "{} admin/crash/<str:word> 500")
    assert set(crashes) == {line.format(method) for method in ("GET", "OPTIONS") for line in messages}
    for line in crashes.values():
        # The record has the traceback and the id of the request.
        assert "in crash" in line["exc_info"]
        assert "builtins.RuntimeError\n\nafter\n\n" in line["exc_info"]
        assert line["exc_info"].endswith("builtins.ValueError")
        assert line["request_id"]
