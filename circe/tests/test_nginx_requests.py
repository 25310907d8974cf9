"""Requests and answers that pass nginx with deploy/nginx.conf, with a small server behind it instead of Circe."""

import gzip
import http.client
import json
import re
import socket
import threading
from contextlib import ExitStack
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from django.conf import settings

from circe.api.errors import INTERNAL_ERROR, NOT_FOUND, RETRY_AFTER_SECONDS, UNAVAILABLE
from circe.tests.chaos import until
from circe.tests.nginx import DEPLOY, find_nginx, free_port, run_nginx

# All tests run in one process, so that nginx is started once.
pytestmark = [
    pytest.mark.skipif(not find_nginx(), reason="There is no nginx (Debian: apt-get install nginx-light)."),
    pytest.mark.slow("starts nginx, and sends bodies of 51 MB"),
    pytest.mark.xdist_group("nginx"),
]

MB = 1024 * 1024
PART = b"." * MB
PROBLEM, PAGE = "application/problem+json", "text/html; charset=utf-8"


class Handler(BaseHTTPRequestHandler):
    """Answers with what it got, as JSON. A few paths do something else."""

    protocol_version = "HTTP/1.1"

    def handle_one_request(self):
        super().handle_one_request()
        self.close_connection = True

    def answer(self):
        self.server.paths.append(f"{self.command} {self.path}")
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        match self.path.partition("?")[0]:
            case "/breaks-off":
                return
            case "/stream" | "/stream-that-breaks-off" | "/progress":
                self.stream()
            case "/compressed":
                self.send(gzip.compress(PART), "text/css", ("Content-Encoding", "gzip"))
            case "/customer" | "/picture":
                self.send(PART, "application/json" if self.path == "/customer" else "image/png", ("ETag", '"abc"'))
            case _:
                got = {"path": self.requestline.split()[1], "version": self.request_version}
                got |= {"body": len(body), "headers": self.headers.items()}
                self.send(json.dumps(got).encode(), "application/json")

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815

    def send(self, body, content_type, *headers):
        self.send_response(200)
        for name, value in (("Content-Type", content_type), ("Content-Length", str(len(body))), *headers):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def stream(self):
        """Streams in chunks. `/progress` waits for `server.first_part_arrived` after the first one."""
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.send_header("Content-Type", "text/html" if self.path == "/progress" else "text/csv")
        if self.path == "/progress":
            self.send_header("X-Accel-Buffering", "no")
        self.end_headers()
        for number in range(50):
            part = b"first" if self.path == "/progress" else PART
            self.wfile.write(b"%x\r\n%b\r\n" % (len(part), part))
            if self.path == "/progress" and not number:
                assert self.server.first_part_arrived.wait(20)
        if self.path != "/stream-that-breaks-off":
            self.wfile.write(b"0\r\n\r\n")
        self.server.has_sent.set()

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.paths: list[str] = []
        self.connections = 0
        self.first_part_arrived, self.has_sent = threading.Event(), threading.Event()

    def process_request(self, request, client_address):
        self.connections += 1
        super().process_request(request, client_address)


@pytest.fixture(scope="module")
def server():
    with Server() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture(scope="module")
def proxy(server):
    with run_nginx(server.server_port) as proxy:
        yield proxy


def ask(proxy, method, path, body=None, **headers):
    """Returns the answer and its body."""
    client = proxy.connect()
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    client.request(method, path, body, headers, encode_chunked=headers.get("Transfer-Encoding") == "chunked")
    answer = client.getresponse()
    content = answer.read()
    client.close()
    return answer, content


def get_forwarded(proxy, **headers):
    """Returns the headers that reach the server behind the proxy."""
    return dict(json.loads(ask(proxy, "GET", "/", **headers)[1])["headers"])


def ask_raw(proxy, message):
    """Sends the bytes. Returns the answer and its body."""
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=20) as client:
        client.sendall(message)
        answer = http.client.HTTPResponse(client)
        answer.begin()
        return answer, answer.read()


def assert_problem(answer, content, status, code):
    assert (answer.status, answer.headers["Content-Type"]) == (status, PROBLEM)
    problem = json.loads(content)
    assert problem.pop("detail").endswith(".")
    title = HTTPStatus(status).phrase
    assert problem == {"type": f"urn:circe:problem:{code}", "title": title, "status": status, "code": code}
    assert answer.headers["X-Request-ID"]
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert answer.headers["Server"] == "nginx"


# --- who asks -----------------------------------------------------------------------------------------------------------

FORGED = {
    "X_Forwarded_For": "198.51.100.7",
    "X_Forwarded_Proto": "https",
    "X_Forwarded_Host": "evil.example",
    "X_Forwarded_Port": "443",
    "X_Real_IP": "198.51.100.7",
    "Forwarded": "for=198.51.100.7;proto=https",
    "Host": "salon.example:8080",
}


def test_what_a_client_says_about_itself_is_replaced(proxy):
    got = get_forwarded(proxy, **FORGED)
    assert {name: got.get(name.replace("_", "-")) for name in FORGED} == {
        "X_Forwarded_For": "127.0.0.1",
        "X_Forwarded_Proto": "http",
        "X_Forwarded_Host": "salon.example:8080",
        "X_Forwarded_Port": None,
        "X_Real_IP": None,
        "Forwarded": None,
        "Host": "salon.example:8080",
    }


def test_a_header_with_underscores_is_dropped(proxy):
    message = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX_Forwarded_For: 198.51.100.7\r\n\r\n"
    assert "X_Forwarded_For" not in dict(json.loads(ask_raw(proxy, message)[1])["headers"])


@pytest.mark.parametrize(
    ("addresses", "client"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("198.51.100.7, 203.0.113.9", "203.0.113.9"),
        ("203.0.113.9, 127.0.0.5", "203.0.113.9"),
        ("203.0.113.9:50123", "203.0.113.9"),
        ("2001:db8::1", "2001:db8::1"),
        ("nobody", "127.0.0.1"),
    ],
)
def test_a_trusted_load_balancer_is_believed(server, addresses, client):
    """The client is the last of the addresses that is not that of a load balancer."""
    with run_nginx(server.server_port, PROXY_TRUSTED="127.0.0.0/8") as proxy:
        got = get_forwarded(proxy, X_Forwarded_For=addresses, X_Forwarded_Proto="https")
    assert (got["X-Forwarded-For"], got["X-Forwarded-Proto"]) == (client, "https")


def test_a_request_keeps_its_id_or_gets_one(proxy):
    assert get_forwarded(proxy, X_Request_ID="a.b_C-1")["X-Request-ID"] == "a.b_C-1"
    for wrong in ("x" * 65, "a b", 'a"b'):
        assert re.fullmatch("[0-9a-f]{32}", get_forwarded(proxy, X_Request_ID=wrong)["X-Request-ID"])
    answer, _ = ask(proxy, "GET", "/breaks-off", X_Request_ID="mine")
    assert answer.headers["X-Request-ID"] == "mine"


@pytest.mark.parametrize("path", ["/a%2Fb?c=%2f&d=é".encode().decode("latin-1"), "//admin//x", "/a/../b?x=1"])
def test_a_path_arrives_as_it_was_sent(proxy, path):
    message = f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode("latin-1")
    assert json.loads(ask_raw(proxy, message)[1])["path"] == path


# --- sizes ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize(
    ("path", "limit", "content_type"),
    [("/api/v1/customers", settings.MAX_JSON_BYTES, PROBLEM), ("/admin/x", settings.MAX_BODY_BYTES, PAGE)],
)
def test_a_body_passes_up_to_the_limit_of_circe(proxy, path, limit, content_type, chunked):
    headers = {"Transfer_Encoding": "chunked"} if chunked else {}
    answer, content = ask(proxy, "POST", path, [b"." * limit] if chunked else b"." * limit, **headers)
    assert (answer.status, json.loads(content)["body"]) == (200, limit)
    answer, content = ask(proxy, "POST", path, [b"." * (limit + 1)] if chunked else b"." * (limit + 1), **headers)
    assert (answer.status, answer.headers["Content-Type"], answer.headers["Connection"]) == (413, content_type, "close")
    if content_type == PROBLEM:
        assert_problem(answer, content, 413, "payload_too_large")
    else:
        assert b"<p>The body is too large." in content


def test_a_request_arrives_when_it_is_whole(proxy, server):
    head = b"POST /slow HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 4\r\n\r\n"
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=20) as client:
        client.sendall(head[:-2])
        connections = server.connections
        for part in (head[-2:], b"{", b"  "):
            client.sendall(part)
            ask(proxy, "GET", "/")
        assert server.connections == connections + 3
        client.sendall(b"}")
        assert b" 200 OK" in client.recv(100)


def test_one_address_has_at_most_512_requests_at_the_same_time(proxy):
    with ExitStack() as clients:
        for _ in range(512):
            client = clients.enter_context(socket.create_connection(("127.0.0.1", proxy.port)))
            client.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{")
        until(lambda: ask(proxy, "GET", "/")[0].status == 429)
        answer, content = ask(proxy, "GET", "/")
        assert_problem(answer, content, 429, "throttled")
        assert answer.headers["Retry-After"] == str(RETRY_AFTER_SECONDS)
    until(lambda: ask(proxy, "GET", "/")[0].status == 200)


def test_a_body_in_chunks_arrives_with_its_length(proxy):
    answer, content = ask(proxy, "POST", "/", iter([b"one", b"two"]), Transfer_Encoding="chunked")
    got = json.loads(content)
    headers = dict(got["headers"])
    assert (answer.status, headers["Content-Length"], got["version"]) == (200, "6", "HTTP/1.1")
    assert "Transfer-Encoding" not in headers


# --- nginx's own errors -----------------------------------------------------------------------------------------------

LONG = b"a" * 9000
MALFORMED = [
    (b"no request\r\n\r\n", 400, "malformed"),
    (b"\x16\x03\x01\x02\x00", 400, "malformed"),
    (b"GET / HTTP/1.1\r\n\r\n", 400, "malformed"),
    (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, "malformed"),
    (b"GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400, "malformed"),
    (b"GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n", 400, "malformed"),
    (b"GET /../../etc HTTP/1.1\r\nHost: a\r\n\r\n", 400, "malformed"),
    (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n", 400, "malformed"),
    (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400, "malformed"),
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 400, "malformed"),
    (b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", 400, "malformed"),
    (b"TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", 405, "method_not_allowed"),
    (b"GET /" + LONG + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414, "malformed"),
    (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + LONG + b"\r\n\r\n", 431, "malformed"),
    (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: %b\r\n" % LONG[:7000] * 5 + b"\r\n", 431, "malformed"),
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501, "malformed"),
    (b"GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505, "malformed"),
]


@pytest.mark.parametrize(("message", "status", "code"), MALFORMED)
def test_a_malformed_request_gets_a_problem(proxy, server, message, status, code):
    paths = [*server.paths]
    assert_problem(*ask_raw(proxy, message), status, code)
    assert server.paths == paths


def test_the_address_of_an_error_page_is_no_page(proxy):
    answer, content = ask(proxy, "GET", "/.problem")
    assert_problem(answer, content, 404, "not_found")
    assert json.loads(content)["detail"] == NOT_FOUND.detail


@pytest.mark.parametrize("path", ["/admin/", "/portal/lotus/confirm?token=abc"])
def test_the_back_office_and_the_portal_get_errors_as_pages(proxy, path):
    answer, content = ask_raw(proxy, f"GET {path} HTTP/1.1\r\nHost: a\r\nX: ".encode() + LONG + b"\r\n\r\n")
    assert (answer.status, answer.headers["Content-Type"]) == (431, PAGE)
    assert (b"Back office" in content) == (path == "/admin/")
    assert b"<h1>Request Header Fields Too Large</h1>" in content
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_the_codes_and_sentences_are_those_of_circe():
    text = (DEPLOY / "nginx.conf").read_text()
    assert f'500 "{INTERNAL_ERROR.detail}";' in text
    assert f"500 {INTERNAL_ERROR.code};" in text
    assert f"503 {UNAVAILABLE.code};" in text
    assert UNAVAILABLE.headers == {"Retry-After": str(RETRY_AFTER_SECONDS)}
    for status in (429, 502, 503, 504):
        assert f"{status} {RETRY_AFTER_SECONDS};" in text


def test_errors_are_logged_without_addresses_and_paths(proxy):
    ask(proxy, "POST", "/breaks-off?search=jane", b"{}", X_Request_ID="logged")
    until(lambda: "logged" in proxy.log.read_text())
    [line] = [json.loads(line) for line in proxy.log.read_text().splitlines() if "logged" in line]
    assert (line["request_id"], line["method"], line["status"]) == ("logged", "POST", 502)
    assert "jane" not in proxy.log.read_text()
    assert "127.0.0.1" not in proxy.log.read_text()


# --- a server that breaks off -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("method", "times"), [("GET", 2), ("POST", 1), ("PUT", 1), ("PATCH", 1), ("DELETE", 1)])
def test_only_a_read_is_sent_again(proxy, server, method, times):
    server.paths.clear()
    answer, content = ask(proxy, method, "/breaks-off", None if method == "GET" else b"{}")
    assert_problem(answer, content, 502, "unavailable")
    assert answer.headers["Retry-After"] == str(RETRY_AFTER_SECONDS)
    assert server.paths == [f"{method} /breaks-off"] * times


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE"])
def test_a_server_that_is_away_is_a_502(method):
    with run_nginx(free_port()) as proxy:
        answer, content = ask(proxy, method, "/api/v1/customers")
        assert (answer.status, answer.headers["Retry-After"]) == (502, str(RETRY_AFTER_SECONDS))
        if method != "HEAD":
            assert_problem(answer, content, 502, "unavailable")
        page, content = ask(proxy, method, "/admin/")
        assert (page.status, page.headers["Content-Type"], page.headers["Retry-After"]) == (502, PAGE, "2")


# --- answers ------------------------------------------------------------------------------------------------------------


def test_json_is_compressed_and_its_etag_is_weak(proxy):
    plain, content = ask(proxy, "GET", "/customer")
    assert (plain.headers["Content-Encoding"], plain.headers["ETag"], content) == (None, '"abc"', PART)
    answer, content = ask(proxy, "GET", "/customer", Accept_Encoding="gzip, br")
    assert (answer.headers["Content-Encoding"], answer.headers["ETag"]) == ("gzip", 'W/"abc"')
    assert gzip.decompress(content) == PART
    assert plain.headers["Vary"] == answer.headers["Vary"] == "Accept-Encoding"


def test_what_is_compressed_already_stays_as_it_is(proxy):
    answer, content = ask(proxy, "GET", "/compressed", Accept_Encoding="gzip")
    assert (answer.headers["Content-Encoding"], gzip.decompress(content)) == ("gzip", PART)
    answer, content = ask(proxy, "GET", "/picture", Accept_Encoding="gzip")
    assert (answer.headers["Content-Encoding"], answer.headers["ETag"], content) == (None, '"abc"', PART)


def test_a_client_that_does_not_read_keeps_no_server_waiting(proxy, server):
    """nginx takes in the whole answer, here fifty times as much as sockets and buffers hold."""
    server.has_sent.clear()
    client = proxy.connect()
    client.request("GET", "/stream")
    assert server.has_sent.wait(20)
    assert len(client.getresponse().read()) == 50 * MB
    client.close()


def test_an_answer_that_breaks_off_is_seen_to(proxy):
    with pytest.raises(http.client.IncompleteRead):
        ask(proxy, "GET", "/stream-that-breaks-off")


@pytest.mark.parametrize("accepted", ["identity", "gzip"])
def test_a_page_that_shows_progress_is_passed_on_part_by_part(proxy, server, accepted):
    server.first_part_arrived.clear()
    client = proxy.connect(timeout=10)
    client.request("GET", "/progress", headers={"Accept-Encoding": accepted})
    answer = client.getresponse()
    first = answer.read1()
    assert first
    server.first_part_arrived.set()
    content = first + answer.read()
    client.close()
    assert (gzip.decompress(content) if accepted == "gzip" else content) == b"first" * 50
