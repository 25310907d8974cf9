"""What a client can send that Django reads before any view: through the WSGI application that gunicorn serves."""

import io
from wsgiref.util import setup_testing_defaults

import pytest
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from rest_framework.utils import json

from circe.wsgi import application

LIST = "/api/v1/customers"


@pytest.fixture
def send(staff):
    """`send(method, path, query, body, **environ)`: (status, headers, body)."""
    # They would close the test's transaction.
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)

    def call(method="GET", path=LIST, query="", body=b"", **environ):
        environ |= {"REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": query, "HTTP_HOST": "localhost"}
        environ = {"CONTENT_LENGTH": str(len(body)), "wsgi.input": io.BytesIO(body)} | environ
        environ.setdefault("HTTP_AUTHORIZATION", staff._credentials["HTTP_AUTHORIZATION"])
        setup_testing_defaults(environ)
        started = []
        response = application(environ, lambda status, headers: started.append((status, dict(headers))))
        content = b"".join(response)
        response.close()
        status, headers = started[0]
        return int(status[:3]), headers, json.loads(content) if content else None

    yield call
    for signal in signals:
        signal.connect(close_old_connections)


def test_a_request(send):
    status, headers, body = send(query="page=2")
    assert (status, headers["Content-Type"], body["page"]) == (200, "application/json", 2)


# Codecs of Python's that are no charset of a text among them.
CHARSETS = "base64 rot13 hex zip idna punycode undefined utf-7 utf-16 mbcs nonsense é".split()  # noqa: SIM905


@pytest.mark.parametrize(
    "parameter",
    [
        *(f"charset={name}" for name in CHARSETS),
        "charset*=utf-8''%00",
        "charset*=base64''x",
        "charset*=undefined''x",
        "charset*=nonsense''x",
        "charset*=",
        'charset="',
        "=" * 5000,
    ],
)
def test_the_charset_of_a_body_does_not_change_how_the_query_is_read(parameter, send):
    status, _, body = send(query="search=Jan%C3%A9&page=2", CONTENT_TYPE=f"application/json; {parameter}")
    assert (status, body["page"]) == (200, 2)


@pytest.mark.parametrize("content_type", ["", "application/json; charset=utf-8"])
def test_too_many_parameters(content_type, send):
    status, headers, body = send(query="&".join("x=1" for _ in range(1001)), CONTENT_TYPE=content_type)
    assert (status, headers["Content-Type"], body["code"]) == (400, "application/problem+json", "malformed")


@pytest.mark.parametrize("query", ["%", "%zz", "=&=&", "\xff", "page=%FF", "a;b", "search=%ED%A0%80", "search=\xc3"])
def test_a_query_that_is_odd_is_no_crash(query, send):
    assert send(query=query)[0] in {200, 400}


@pytest.mark.parametrize(
    "path", ["/api/v1/customers/\xff", "/api/v1/\xc3", "/api/v1/customers\0", "/api/v1\n", "/api/"]
)
def test_a_path_that_is_odd_is_not_found(path, send):
    status, headers, body = send(path=path)
    assert (status, headers["Content-Type"], body["code"]) == (404, "application/problem+json", "not_found")


@pytest.mark.parametrize("length", ["-1", "x", "", "9" * 30])
def test_a_length_that_is_odd(length, send):
    # Too long a body is refused by what it says of itself.
    expected = 413 if length.startswith("9") else 400
    assert send("POST", CONTENT_LENGTH=length, CONTENT_TYPE="application/json")[0] == expected
