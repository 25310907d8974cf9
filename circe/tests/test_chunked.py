"""Bodies in chunks, sent to gunicorn as in production."""

import http.client
import socket
import time
from contextlib import suppress

import pytest
from django.conf import settings
from rest_framework.utils import json

from circe.tests.test_raw_requests import ask, port  # noqa: F401 (a fixture)

pytestmark = pytest.mark.slow("starts gunicorn")

CUSTOMERS = "/api/v1/customers"
HEAD = "POST {} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAuthorization: {}\r\n{}\r\n\r\n"
CHUNKED = "Transfer-Encoding: chunked"


@pytest.fixture
def token(as_role, tenant):
    return as_role("staff")._credentials["HTTP_AUTHORIZATION"]


def test_bodies_in_chunks_follow_each_other_on_one_connection(port, token):  # noqa: F811
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    headers = {"Authorization": token, "Content-Type": "application/json", "Transfer-Encoding": "chunked"}
    padding = [b" " * 50_000] * 20
    for number, chunks in enumerate([[], padding]):
        body = json.dumps({"first_name": "Jané", "phone": f"+123456789{number}"}).encode()
        # One byte in each chunk, and a body of nearly the largest size.
        client.request("POST", CUSTOMERS, [*(bytes([byte]) for byte in body), *chunks], headers, encode_chunked=True)
        answer = client.getresponse()
        assert (answer.status, json.loads(answer.read())["first_name"]) == (201, "Jané")
    client.request("GET", CUSTOMERS, headers={"Authorization": token})
    assert json.loads(client.getresponse().read())["total"] == 2
    client.close()


# By name: the header, the bytes that follow the head, and the status of the answer.
REFUSED = {
    "no size": (CHUNKED, b"zz\r\n{}\r\n0\r\n\r\n", 400),
    "a chunk that is longer than its size": (CHUNKED, b"1\r\n{}\r\n0\r\n\r\n", 400),
    "the end is missing": (CHUNKED, b"2\r\n{}\r\n", 400),
    "a chunk is missing": (CHUNKED, b"ff\r\n{}", 400),
    "a length, too": (f"{CHUNKED}\r\nContent-Length: 2", b"2\r\n{}\r\n0\r\n\r\n", 400),
    "a length first": (f"Content-Length: 2\r\n{CHUNKED}", b"2\r\n{}\r\n0\r\n\r\n", 400),
    "chunks in chunks": (f"{CHUNKED}, chunked", b"2\r\n{}\r\n0\r\n\r\n", 400),
    "too much": (CHUNKED, b"%x\r\n%s\r\n0\r\n\r\n" % (2 * settings.MAX_JSON_BYTES, b" " * 2 * settings.MAX_JSON_BYTES), 413),
}  # fmt: skip


def test_other_chunks_are_refused_and_nothing_after_them_is_answered(port, token):  # noqa: F811
    hidden = HEAD.format(CUSTOMERS, token, "Content-Length: 2").encode() + b"{}"
    for name, (headers, body, status) in REFUSED.items():
        received = ask(port, HEAD.format(CUSTOMERS, token, headers).encode() + body + hidden)
        assert received.startswith(b"HTTP/1.1 %d " % status), name
        assert b"application/problem+json" in received, name
        assert received.count(b"HTTP/1.1 ") == 1, name

    # A client that does not stop is disconnected.
    sent = 0
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        client.sendall(HEAD.format(CUSTOMERS, token, CHUNKED).encode())
        began = time.monotonic()
        with suppress(BrokenPipeError, ConnectionResetError):
            while time.monotonic() - began < 20:
                client.sendall(b"10000\r\n" + b" " * 65536 + b"\r\n")
                sent += 65536
    assert sent < 20 * settings.MAX_JSON_BYTES
