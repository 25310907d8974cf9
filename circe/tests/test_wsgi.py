"""Requests that Django reads before any view, sent to the WSGI application that gunicorn serves."""

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
    """Returns a function: `send(method, path, query, body, **environ)` returns (status, headers, body)."""
    # These receivers would close the connection, and so end the test's transaction.
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


def test_a_request_is_answered(send):
    status, headers, body = send(query="page=2")
    assert (status, headers["Content-Type"], body["page"]) == (200, "application/json", 2)


# Some of these codecs of Python are not charsets of texts.
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
def test_too_many_parameters_are_a_problem_before_the_view(content_type, send):
    status, headers, body = send(query="&".join("x=1" for _ in range(1001)), CONTENT_TYPE=content_type)
    assert (status, headers["Content-Type"], body["code"]) == (400, "application/problem+json", "malformed")


@pytest.mark.parametrize("query", ["%", "%zz", "=&=&", "\xff", "page=%FF", "a;b", "search=%ED%A0%80", "search=\xc3"])
def test_an_unusual_query_string_causes_no_crash(query, send):
    assert send(query=query)[0] in {200, 400}


@pytest.mark.parametrize(
    "path", ["/api/v1/customers/\xff", "/api/v1/\xc3", "/api/v1/customers\0", "/api/v1\n", "/api/"]
)
def test_an_unusual_path_is_not_found(path, send):
    status, headers, body = send(path=path)
    assert (status, headers["Content-Type"], body["code"]) == (404, "application/problem+json", "not_found")


@pytest.mark.parametrize("length", ["-1", "x", "", "9" * 30])
def test_an_invalid_content_length_is_an_error(length, send):
    # A body that is too long is refused because of its announced length.
    expected = 413 if length.startswith("9") else 400
    assert send("POST", CONTENT_LENGTH=length, CONTENT_TYPE="application/json")[0] == expected
