"""Requests that Django reads before any view, sent to the WSGI application that gunicorn serves."""

import io
from urllib.parse import quote
from wsgiref.util import setup_testing_defaults

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart
from rest_framework.utils import json

from circe.tests.cases import in_one_test
from circe.wsgi import application
from customers.models.imports import CustomerImport
from tenants.scope import ALL_TENANTS, tenant_scope

LIST = "/api/v1/customers"
IMPORT = "/admin/customers/customer/import/"


@pytest.fixture
def send(staff):
    """Returns a function: `send(method, path, query, body, **environ)` returns (status, headers, body)."""
    signals = (request_started, request_finished)

    def call(method="GET", path=LIST, query="", body=b"", **environ):
        # These receivers would close the connection, and so end the test's transaction. Django's test client connects them.
        for signal in signals:
            signal.disconnect(close_old_connections)
        environ |= {"REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": query, "HTTP_HOST": "localhost"}
        environ = {"CONTENT_LENGTH": str(len(body)), "wsgi.input": io.BytesIO(body)} | environ
        environ.setdefault("HTTP_AUTHORIZATION", staff._credentials["HTTP_AUTHORIZATION"])
        setup_testing_defaults(environ)
        started = []
        response = application(environ, lambda status, headers: started.append((status, dict(headers))))
        content = b"".join(response)
        response.close()
        status, headers = started[0]
        is_json = headers.get("Content-Type", "").endswith("json")
        return int(status[:3]), headers, json.loads(content) if is_json else content

    yield call
    for signal in signals:
        signal.connect(close_old_connections)


def test_a_request_is_answered(send):
    status, headers, body = send(query="page=2")
    assert (status, headers["Content-Type"], body["page"]) == (200, "application/json", 2)


# Some of these codecs of Python are not charsets of texts.
CHARSETS = "base64 rot13 hex zip idna punycode undefined utf-7 utf-16 mbcs nonsense é".split()  # noqa: SIM905


@in_one_test(
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
    status, headers, body = send(query="&".join("x=1" for _ in range(1501)), CONTENT_TYPE=content_type)
    assert (status, headers["Content-Type"], body["code"]) == (400, "application/problem+json", "malformed")


@pytest.mark.parametrize("query", ["%", "%zz", "=&=&", "a;b", "search=%C3%A9", "search=\xc3\xa9", "%F0%9F%8C%B8=1"])
def test_an_unusual_query_string_of_utf_8_is_read(query, send):
    assert send(query=query)[0] == 200


# A byte alone, Latin-1, half a character, an overlong one, a surrogate, and one beyond Unicode.
NOT_UTF8 = [b"\xff", "Jané".encode("latin-1"), b"\xe2\x82", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80"]
PATHS = [LIST, f"{LIST}/507f1f77bcf86cd799439011", "/api/v1/auth/me", "/api/v1/nothing", "/docs", "/nothing"]


@pytest.mark.parametrize("hostile", NOT_UTF8)
def test_an_address_that_is_not_utf_8_is_a_400(hostile, send):
    plain, encoded = hostile.decode("latin-1"), quote(hostile)
    queries = [f"search={plain}", f"search={encoded}", f"{encoded}=1", f"page=1&unknown={encoded}", plain]
    answers = [send(path=path, query=query) for path in PATHS for query in queries]
    answers += [send(method, path + plain) for path in (*PATHS, f"{LIST}/") for method in ("GET", "PUT", "DELETE")]
    for status, headers, body in answers:
        assert (status, headers["Content-Type"], body["code"]) == (400, "application/problem+json", "malformed")
        assert "UTF-8" in body["detail"]


@pytest.mark.parametrize("address", [{"path": "/admin/\xff"}, {"path": "/admin/login/", "query": "next=%FF"}])
def test_an_address_of_the_admin_that_is_not_utf_8_is_a_page(address, send):
    status, headers, content = send(**address)
    assert (status, headers["Content-Type"].split(";")[0]) == (400, "text/html")
    assert b"UTF-8" in content


@pytest.mark.parametrize("path", ["/api/v1/customers/\xc3\xa9", "/api/v1/customers\0", "/api/v1\n", "/api/", "/%FF"])
def test_an_unusual_path_is_not_found(path, send):
    status, headers, body = send(path=path)
    assert (status, headers["Content-Type"], body["code"]) == (404, "application/problem+json", "not_found")


@pytest.mark.parametrize("length", ["-1", "x", "", "9" * 30])
def test_an_invalid_content_length_is_an_error(length, send):
    # A body that is too long is refused because of its announced length.
    expected = 413 if length.startswith("9") else 400
    assert send("POST", CONTENT_LENGTH=length, CONTENT_TYPE="application/json")[0] == expected


# --- bodies in chunks, of which gunicorn removes the framing ----------------------------------------------------------


@pytest.fixture
def send_chunks(send):
    """Returns a function: `send_chunks(method, path, source)` is `send` for a body in chunks that is read from `source`."""

    def call(method, path, source, **environ):
        chunked = {"CONTENT_LENGTH": "", "HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True}
        return send(method, path, **chunked | {"CONTENT_TYPE": "application/json", "wsgi.input": source} | environ)

    return call


def test_a_body_in_chunks_is_read(send_chunks):
    body = json.dumps({"first_name": "Jané", "phone": "+1234567890"}).encode()
    status, _, created = send_chunks("POST", LIST, io.BytesIO(body))
    assert (status, created["first_name"]) == (201, "Jané")
    url = f"{LIST}/{created['id']}/preferences"
    status, _, changed = send_chunks("PUT", url, io.BytesIO(b'{"notes": "Window seat"}'))
    assert (status, changed["preferences"]["notes"]) == (200, "Window seat")
    # Empty bodies, and one that nobody asks for.
    assert send_chunks("PUT", url, io.BytesIO())[0] == 200
    assert send_chunks("GET", LIST, io.BytesIO(b"{}"))[0] == 200


@pytest.mark.parametrize("excess", [0, 1, 10_000_000])
def test_a_body_in_chunks_may_be_as_long_as_any_other(excess, send_chunks):
    body = json.dumps({"first_name": "Jane", "phone": "+1234567890"}).encode()
    source = io.BytesIO(body + b" " * (settings.MAX_JSON_BYTES - len(body) + excess))
    status, headers, answer = send_chunks("POST", LIST, source)
    if excess:
        assert (status, headers["Content-Type"], answer["code"]) == (
            413,
            "application/problem+json",
            "payload_too_large",
        )
        # It is not read to its end.
        assert source.tell() == settings.MAX_JSON_BYTES + 1
    else:
        assert status == 201


class BrokenChunks(io.BytesIO):
    """A body whose second chunk is malformed, which the server notices when it reads on."""

    def read(self, size=-1):
        if data := super().read(size):
            return data
        raise ValueError("Invalid chunk size")


def test_a_malformed_chunk_is_a_400(send_chunks):
    status, _, answer = send_chunks("POST", LIST, BrokenChunks(b'{"first_name"'))
    assert (status, answer["code"]) == (400, "malformed")


def test_without_the_promise_that_the_body_ends_a_length_is_needed(send_chunks):
    status, _, answer = send_chunks("POST", LIST, io.BytesIO(b"{}"), **{"wsgi.input_terminated": False})
    assert (status, answer["code"]) == (411, "length_required")


# The larger body, of three megabytes, has not arrived as a whole when the view begins.
@pytest.mark.parametrize("rows", [1, 60])
def test_a_file_is_uploaded_to_the_admin_in_chunks(rows, send_chunks, back_office):
    row = b"Jane,+6281234567801," + b"." * 50_000 + b"\n"
    status, headers, _ = upload(send_chunks, back_office, b"first_name,phone,shoe\n" + row * rows)
    with tenant_scope(ALL_TENANTS):
        stored = CustomerImport.objects.get()
    assert (status, stored.file_name) == (302, "customers.csv")
    # The page asks which column holds what.
    assert headers["Location"].startswith(f"{IMPORT}{stored.pk}/")


def test_a_file_in_chunks_that_is_too_large_for_the_admin_is_refused_with_a_page(send_chunks, back_office, monkeypatch):
    monkeypatch.setattr(settings, "MAX_BODY_BYTES", 2_000_000)
    status, headers, content = upload(send_chunks, back_office, b"first_name,phone\n" * 200_000)
    assert (status, headers["Content-Type"].split(";")[0]) == (413, "text/html")
    assert b"import_customers" in content


def upload(send_chunks, back_office, file):
    """Sends the form of the import page in chunks."""
    browser = back_office("tenant_admin")
    browser.get(IMPORT)
    cookies = {name: morsel.value for name, morsel in browser.cookies.items()}
    form = {"csrfmiddlewaretoken": cookies["csrftoken"], "file": SimpleUploadedFile("customers.csv", file)}
    return send_chunks(
        "POST",
        IMPORT,
        io.BytesIO(encode_multipart(BOUNDARY, form)),
        CONTENT_TYPE=MULTIPART_CONTENT,
        HTTP_COOKIE="; ".join(f"{name}={value}" for name, value in cookies.items()),
    )
