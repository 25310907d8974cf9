"""Malformed requests, written byte by byte: every answer is HTTP, errors have one shape, and none is a 5xx."""

import itertools
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from timeit import timeit

import orjson
import pytest
from django.conf import settings
from django.db import connection

from customers.tests.factories import CustomerFactory

pytestmark = pytest.mark.slow("sends 800 malformed requests to gunicorn")

# Production's pool and role, on the test database.
SETTINGS = """
from circe.settings import *
DATABASES["default"] |= {address!r}
"""
logger = logging.getLogger("chaos")
HOST = b"Host: localhost\r\n"
JSON = b"Content-Type: application/json\r\n"
PATH = b"/api/v1/customers"


def request(method=b"GET", path=PATH, headers=b"", body=b"", version=b"HTTP/1.1", host=HOST, length=True):
    content_length = (
        b"Content-Length: %d\r\n" % len(body) if length and (body or method in {b"POST", b"PUT", b"PATCH"}) else b""
    )
    return method + b" " + path + b" " + version + b"\r\n" + host + headers + content_length + b"\r\n" + body


def request_lines():
    yield from (
        b"",
        b"\r\n",
        b"\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /\r\n\r\n",
        b"GET  / HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET / HTTP/1.1\n\n",
        b"GET /\x00 HTTP/1.1\r\n\r\n",
        b"\x00" * 100,
        b"GET / HTTP/1.1\r\nHost: a\r\n folded: x\r\n\r\n",
        b"get / http/1.1\r\n\r\n",
        b"SSH-2.0-OpenSSH\r\n",
        b"GET http://elsewhere.example/ HTTP/1.1\r\n\r\n",
        b"CONNECT a:1 HTTP/1.1\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\n\r\n",
    )
    for version in (
        b"HTTP/0.9",
        b"HTTP/1.0",
        b"HTTP/1.2",
        b"HTTP/2.0",
        b"HTTP/3",
        b"HTTP/1.1 ",
        b"HTTP/11",
        b"FTP/1.1",
        b"",
    ):
        yield request(version=version)


def methods():
    for method in (
        b"HEAD",
        b"OPTIONS",
        b"TRACE",
        b"CONNECT",
        b"PROPFIND",
        b"GET\x00",
        b"G" * 300,
        b"DEL ETE",
        b"\xc3\xa9",
        b"{}",
        b"PUT\t",
    ):
        yield request(method=method)
        yield request(method=method, path=PATH + b"/507f1f77bcf86cd799439011")


def paths():
    for path in (
        b"*",
        b"//",
        b"/..",
        b"/../../etc/passwd",
        b"/%2e%2e/",
        b"/%",
        b"/%zz",
        b"/%00",
        b"/%ff%fe",
        b"/%ed%a0%80",
        b"/api/v1/customers/",
        b"/api/v1/customers//",
        b"/api/v1/customers/%00",
        b"/api/v1/customers/../customers",
        b"/api/v1/customers;a=b",
        b"/api/v1/customers?",
        b"/api/v1/customers?%",
        b"/api/v1/customers?a=%zz",
        b"/api/v1/customers?page=%00",
        b"/api/v1/customers?search=%ff",
        b"/api/v1/customers?search=%ed%a0%80",
        b"/api/v1/customers?page=1&page=2",
        b"/api/v1/customers?size=1e9",
        b"/api/v1/customers?" + b"a=1&" * 2000,
        b"/api/v1/customers?" + b"&" * 3000,
        b"/" + b"a" * 3000,
        b"/" + b"a" * 5000,
        b"/" + b"%41" * 3000,
        b"/\xc3\xa9",
        b"/api/v1/customers?search=" + b"%25" * 99,
        b"/api/v1/customers/507f1f77bcf86cd799439011\x7f",
        b"relative",
        b"/api/v1/customers#fragment",
        b"/api/v1/customers?search=" + b"a%20" * 50,
        b"/api\\v1\\customers",
    ):
        yield request(path=path)
        yield request(method=b"DELETE", path=path)


def headers():
    for header in (
        b": x\r\n",
        b"a\r\n",
        b"a b: c\r\n",
        b"a:\x00\r\n",
        b"a: \r\n",
        b"a: b\rc\r\n",
        b"a: \xff\xfe\r\n",
        b"\xff: a\r\n",
        b"Host: other\r\n",
        b"Host:\r\n",
        b"Content-Length: -1\r\n",
        b"Content-Length: 1e3\r\n",
        b"Content-Length: 9" * 2 + b"\r\n",
        b"Content-Length: 0\r\nContent-Length: 5\r\n",
        b"Content-Length: " + b"9" * 400 + b"\r\n",
        b"Content-Length: \xd9\xa1\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        b"Transfer-Encoding: gzip\r\n",
        b"Transfer-Encoding: chunked, chunked\r\n",
        b"Transfer-Encoding: \x0bchunked\r\n",
        b"Transfer-Encoding: identity\r\n",
        b"Expect: 100-continue\r\n",
        b"Expect: miracles\r\n",
        b"Cookie: " + b"a=b;" * 1500 + b"\r\n",
        b"X: " + b"y" * 9000 + b"\r\n",
        b"X: y\r\n" * 150,
        b"Accept: text/html\r\n",
        b"Accept: \x00\r\n",
        b"Accept-Language: " + b"x" * 4000 + b"\r\n",
        b"Authorization: Bearer\r\n",
        b"Authorization: Bearer \xff\r\n",
        b"Authorization: Bearer a b\r\n",
        b"Authorization: Basic YTpi\r\n",
        b"Authorization: Bearer " + b"a." * 2000 + b"\r\n",
        b"Idempotency-Key: \xc3\xa9\r\n",
        b"If-Match: \xff\r\n",
        b"X-Request-ID: \x01\r\n",
        b"X-Forwarded-For: \xff, a\r\n",
        b"X-Forwarded-Proto: https\r\n",
        b"X-Forwarded-Host: evil.example\r\n",
        b"Upgrade: h2c\r\nConnection: Upgrade\r\n",
        b"Range: bytes=0-0\r\n",
        b"Content-Encoding: gzip\r\n",
        b"Script_Name: /x\r\n",
        b"Content_Length: 3\r\n",
    ):
        yield request(headers=header)
        yield request(method=b"POST", headers=JSON + header, body=b"{}", length=b"ength" not in header)
    for host in (
        b"",
        b"Host: \r\n",
        b"Host: evil.example\r\n",
        b"Host: localhost:99999\r\n",
        b"Host: a b\r\n",
        b"Host: [::1\r\n",
    ):
        yield request(host=host)


def bodies():
    texts = [
        b"",
        b"{",
        b"}",
        b"[]",
        b"null",
        b"0",
        b"1e999",
        b"-0",
        b'"a"',
        b"\xff",
        b"\xef\xbb\xbf{}",
        b"{}{}",
        b'{"a":1,"a":2}',
        b'{"first_name":"\\u0000"}',
        b'{"first_name":"\\ud800"}',
        b'{"\\ud800":1}',
        b'{"first_name":"\xed\xa0\x80"}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"[" + b"1," * 100_000 + b"1]",
        b'{"first_name":' + b"9" * 5000 + b"}",
        b"NaN",
        b'{"first_name":NaN}',
        b'{"phone":1}',
        b'{"first_name":["a"]}',
        b'{"tags":' + b"[" * 500 + b"]" * 500 + b"}",
        b'{"first_name":"' + b"a" * 200_000 + b'"}',
        b'{"date_of_birth":"0000-00-00"}',
        b'{"loyalty_points":1e400}',
        b"\x00" * 1000,
        b'{"preferences":{"preferred_services":[' + b'"x",' * 10_000 + b'"x"]}}',
    ]
    for body in texts:
        yield request(method=b"POST", headers=JSON, body=body)
        yield request(method=b"PUT", path=PATH + b"/507f1f77bcf86cd799439011", headers=JSON, body=body)
    for kind in (
        b"text/plain",
        b"application/json; charset=utf-16",
        b"\xff",
        b"",
        b"multipart/form-data",
        b"application/x-www-form-urlencoded",
    ):
        yield request(method=b"POST", headers=b"Content-Type: " + kind + b"\r\n", body=b"{}")
    for chunk in (
        b"0\r\n\r\n",
        b"5\r\nab",
        b"zz\r\n",
        b"-1\r\n",
        b"ffffffffffffffff\r\n",
        b"5;" + b"x" * 5000 + b"\r\nabcde\r\n0\r\n\r\n",
    ):
        yield request(method=b"POST", headers=JSON + b"Transfer-Encoding: chunked\r\n", length=False) + chunk
    yield request(method=b"POST", headers=JSON + b"Content-Length: 50\r\n", length=False) + b"{"
    yield request(method=b"POST", headers=JSON + b"Content-Length: 99999999\r\n", length=False) + b"{"


# Values that a library, a proxy or an encoder may misinterpret.
HOSTILE_VALUES = {
    "NUL": b"\x00", "escape": b"\x1b[2J", "delete": b"\x7f", "CR": b"\r", "LF": b"\n", "tab": b"\t",
    "not UTF-8": b"\xff\xfe", "overlong": b"\xc0\xaf", "surrogate": b"\xed\xa0\x80", "cut short": b"\xe2\x82",
    "beyond Unicode": b"\xf4\x90\x80\x80", "right to left": b"\xe2\x80\xae", "combining": b"\xcc\x81" * 200,
    "quote": b"'\"", "SQL": b"' OR 1=1 --", "LIKE": b"%_%\\", "template": b"{{7*7}}${7*7}%s", "path": b"../../..%2f",
    "long": b"a" * 4000, "digits": b"9" * 400, "nothing": b"", "markup": b"<script>",
}  # fmt: skip


def percent_encode(hostile):
    return b"".join(b"%%%02X" % byte for byte in hostile)


def hostile_values():
    """Yields requests with each hostile value in each position: plain, percent-encoded and as JSON."""
    one = PATH + b"/507f1f77bcf86cd799439011"
    for hostile in HOSTILE_VALUES.values():
        text = orjson.dumps(hostile.decode("latin-1"))
        yield request(path=PATH + b"/" + percent_encode(hostile))
        yield request(path=PATH + b"?search=" + percent_encode(hostile))
        yield request(path=PATH + b"?page=" + percent_encode(hostile) + b"&tags=" + percent_encode(hostile))
        yield request(path=PATH + b"?" + percent_encode(hostile) + b"=1")
        yield request(path=PATH + b"?search=" + hostile)
        yield request(
            path=one + b"/appointments?status=" + percent_encode(hostile) + b"&from_date=" + percent_encode(hostile)
        )
        yield request(path=PATH + b"/statistics/summary?from_date=" + percent_encode(hostile))
        for name in (b"Idempotency-Key", b"If-Match", b"X-Request-ID", b"Content-Type", b"Accept", b"Cookie"):
            yield request(b"PUT", one, name + b": " + hostile + b"\r\n" + JSON, b"{}")
        for name in (b"first_name", b"email", b"phone", b"date_of_birth", b"tags"):
            value = b"[%s]" % text if name == b"tags" else text
            yield request(b"POST", PATH, JSON, b'{"%s":%s}' % (name, value))
        yield request(b"POST", PATH, JSON, b'{%s:1,"first_name":"%s"}' % (text, hostile))
        yield request(b"POST", b"/api/v1/auth/login", JSON, b'{"email":%s,"password":%s}' % (text, text))
        yield request(b"POST", b"/api/v1/auth/refresh", JSON, b'{"refresh":%s}' % text)


def smuggled_requests():
    """Yields requests with two headers about the body's length, and a body that is itself a request."""
    inner = request(path=b"/api/v1/nothing")
    lengths = [
        b"Content-Length: 0", b"Content-Length: %d" % len(inner), b"Content-Length: +5", b"Content-Length : 5",
        b"Content-Length: 5,5", b"Content-Length: 0x5", b"Transfer-Encoding: chunked", b"Transfer-Encoding : chunked",
        b"Transfer-Encoding: xchunked", b"Transfer-Encoding:\tchunked", b"X: y\nTransfer-Encoding: chunked",
    ]  # fmt: skip
    for one, two in itertools.product(lengths, repeat=2):
        head = one + b"\r\n" + two + b"\r\n"
        yield request(b"POST", PATH, JSON + head, b"0\r\n\r\n" + inner, length=False)


CORPUS = list(
    itertools.chain(request_lines(), methods(), paths(), headers(), bodies(), hostile_values(), smuggled_requests())
)


def address():
    """Returns the address of the test database, as an entry of Django's DATABASES."""
    names = ("NAME", "USER", "PASSWORD", "HOST", "PORT")
    return {name: connection.settings_dict[name] for name in names} | {"ENGINE": "circe.db.postgresql"}


@pytest.fixture
def port(tmp_path, transactional_db):
    """The port of gunicorn as in production, on the test database."""
    (tmp_path / "raw_settings.py").write_text(SETTINGS.format(address=address()))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        number = listener.getsockname()[1]
    environment = os.environ | {
        "PORT": str(number),
        "DEMO": "1",
        "WEB_WORKERS": "1",
        "DJANGO_SETTINGS_MODULE": "raw_settings",
        "PYTHONPATH": f"{tmp_path}:{settings.BASE_DIR}",
    }
    command = [sys.executable, "-m", "gunicorn", "--config", "circe/gunicorn.py"]
    log = (tmp_path / "log").open("w+")
    with subprocess.Popen(command, env=environment, cwd=settings.BASE_DIR, stdout=log, stderr=log) as server:
        while "Booting worker" not in (tmp_path / "log").read_text():
            assert server.poll() is None, (tmp_path / "log").read_text()
        yield number
        server.send_signal(signal.SIGTERM)
    log_text = (tmp_path / "log").read_text()
    assert "Traceback" not in log_text, log_text


def ask(port, sent):
    """Sends bytes and closes the sending side. Returns everything that the server answers until it closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        received = b""
        try:
            client.sendall(sent)
            client.shutdown(socket.SHUT_WR)
            while data := client.recv(65536):
                received += data
        except (ConnectionResetError, BrokenPipeError):
            pass
        return received


def test_no_bytes_are_answered_with_a_5xx_a_page_or_a_server_header(port, as_role, tenant):
    CustomerFactory(tenant=tenant)
    token = b"Authorization: " + as_role("tenant_admin")._credentials["HTTP_AUTHORIZATION"].encode() + b"\r\n"
    assert len(CORPUS) > 800
    wrong, silent, slow = [], 0, []
    for sent in CORPUS:
        signed = sent.replace(b"\r\n", b"\r\n" + token, 1) if b"Authorization" not in sent else sent
        begin = time.monotonic()
        received = ask(port, signed)
        if time.monotonic() - begin > 0.5:
            slow.append(signed)
        if not received:
            # The bytes are no request, or an incomplete one.
            silent += 1
            continue
        head, _, body = received.partition(b"\r\n\r\n")
        status = int(head.split(b" ")[1])
        problem = b"application/problem+json" in head and b'"status":%d' % status in body
        banner = b"\nserver:" in head.lower() or b"gunicorn" in received.lower()
        if status >= 500 or banner or (status >= 400 and body and not problem):
            wrong.append((sent[:200], received[:400]))
    # Slow requests are sent again, to see whether the machine was just busy.
    again = [timeit(lambda sent=sent: ask(port, sent), number=1) for sent in slow]
    logger.info("%s requests, %s silent; %s took over 0.5 s, and again: %s", len(CORPUS), silent, len(slow), again)
    assert wrong == []
    assert silent < len(CORPUS) / 10
    assert ask(port, request(headers=token)).startswith(b"HTTP/1.1 200")
