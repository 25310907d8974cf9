"""Circe behind nginx with deploy/nginx.conf, as in production: gunicorn with its own configuration, TLS in nginx."""

import gzip
import http.client
import json
import os
import shutil
import signal
import socket
import ssl
import statistics
import subprocess
import threading
import time
from contextlib import ExitStack, closing
from ipaddress import IPv4Address

import psycopg
import pytest

from circe.api.errors import RETRY_AFTER_SECONDS
from circe.tests.chaos import CUSTOMERS, PROBLEM, SIGN_IN, install_circe, logger, until
from circe.tests.nginx import SlowClients, find_nginx, run_nginx
from tenants.tests.factories import PASSWORD

# All tests run in one process, so that Circe is installed once.
pytestmark = [
    pytest.mark.skipif(not find_nginx(), reason="There is no nginx (Debian: apt-get install nginx-light)."),
    pytest.mark.skipif(not shutil.which("openssl"), reason="There is no openssl, which makes the certificate."),
    pytest.mark.slow("starts gunicorn and nginx, and 200 slow clients"),
    pytest.mark.xdist_group("nginx with Circe"),
]

PRODUCTION = {
    "DEMO": "",
    "SECRET_KEY": "s3cret-Key_" * 5,
    "JWT_SIGNING_KEY": "an0ther-Key_" * 5,
    "ALLOWED_HOSTS": "localhost",
    "DATABASE_URL": "postgres://circe@localhost/circe",
    "NUM_PROXIES": "1",
}
SLOW_CLIENTS = 200
# Measurements without and with slow clients take turns.
ROUNDS = 5
REQUESTS_PER_ROUND = 100
MAX_SECONDS = 5


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for localhost that is signed by itself. Returns the variables for deploy/listen-https.conf."""
    directory = tmp_path_factory.mktemp("certificate")
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", directory / "key.pem"]
    subprocess.run(
        ["openssl", "req", "-x509", *key, "-out", directory / "certificate.pem", "-days", "2", *names],
        check=True,
        capture_output=True,
    )
    return {
        "PROXY_SCHEME": "https",
        "PROXY_CERTIFICATE": str(directory / "certificate.pem"),
        "PROXY_CERTIFICATE_KEY": str(directory / "key.pem"),
    }


@pytest.fixture(scope="module")
def installed():
    with install_circe() as circe:
        yield circe


METRICS_TOKEN = "scrape-Key_" * 4


@pytest.fixture(scope="module")
def circe(installed):
    with installed.serving(METRICS_TOKEN=METRICS_TOKEN, **PRODUCTION):
        yield installed


@pytest.fixture(scope="module")
def proxy(circe, certificate):
    with run_nginx(circe.port, **certificate) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def token(proxy):
    answer, content = send(proxy.connect_securely(), "POST", "/api/v1/auth/login", SIGN_IN)
    assert answer.status == 200, content
    return json.loads(content)["access"]


def send(client, method, path, body=None, *, token="", **headers):
    """Sends a request on the connection. Returns the answer and its body."""
    headers = {name.replace("_", "-"): value for name, value in headers.items()} | {"Content-Type": "application/json"}
    headers |= {"Authorization": f"Bearer {token}"} if token else {}
    chunked = headers.get("Transfer-Encoding") == "chunked"
    client.request(method, path, body if chunked else body and json.dumps(body), headers, encode_chunked=chunked)
    answer = client.getresponse()
    return answer, answer.read()


@pytest.fixture
def ask(proxy, token):
    """Returns a function that sends a request of the administrator on a new connection."""

    def ask(method, path, body=None, **headers):
        with closing(proxy.connect_securely()) as client:
            return send(client, method, path, body, token=token, **headers)

    return ask


# --- slow clients -----------------------------------------------------------------------------------------------------


def measure_p95(proxy, token):
    """Asks for the list on an open connection, again and again. Returns the 95th percentile in seconds.

    Asserts that no answer took long. Without nginx it is 15 seconds, until gunicorn disconnects the slow clients.
    """
    latencies, client = [], proxy.connect_securely()
    for _ in range(REQUESTS_PER_ROUND):
        begin = time.monotonic()
        answer, content = send(client, "GET", CUSTOMERS, token=token)
        latencies.append(time.monotonic() - begin)
        assert answer.status == 200, content
    client.close()
    assert max(latencies) < MAX_SECONDS
    return statistics.quantiles(latencies, n=20)[-1]


def test_slow_clients_slow_nobody_else(proxy, token):
    """docs/decisions/gunicorn-worker.md has figures. Here others may use the processors too, so the limits are wide."""
    measure_p95(proxy, token)
    ratios = []
    for _ in range(ROUNDS):
        quiet = measure_p95(proxy, token)
        with SlowClients(proxy.port, SLOW_CLIENTS):
            busy = measure_p95(proxy, token)
        ratios.append(busy / quiet)
    logger.info("p95 with %d slow clients: %.2f of the p95 without", SLOW_CLIENTS, statistics.median(ratios))
    assert statistics.median(ratios) < 2


# --- restarts and time-outs ---------------------------------------------------------------------------------------------


def assert_unavailable(answer, content, status, code="unavailable"):
    assert (answer.status, answer.headers["Content-Type"]) == (status, PROBLEM), content
    assert answer.headers["Retry-After"] == str(RETRY_AFTER_SECONDS)
    assert answer.headers["X-Request-ID"]
    assert json.loads(content)["code"] == code


def test_a_restart_of_circe_needs_none_of_nginx(installed, certificate):
    circe = type(installed)(installed.directory, installed.cluster)
    with ExitStack() as running:
        with circe.serving(**PRODUCTION):
            port = circe.port
            proxy = running.enter_context(run_nginx(port, **certificate))
            client = proxy.connect_securely()
            _, content = send(client, "POST", "/api/v1/auth/login", SIGN_IN)
            token = json.loads(content)["access"]
            assert send(client, "GET", CUSTOMERS, token=token)[0].status == 200
        for method, body in (("GET", None), ("POST", {"first_name": "Jane"})):
            assert_unavailable(*send(client, method, CUSTOMERS, body, token=token), 502)
        with circe.serving(port=port, **PRODUCTION):
            assert send(client, "GET", CUSTOMERS, token=token)[0].status == 200


def test_a_circe_that_does_not_answer_is_a_504(circe, token, certificate):
    with run_nginx(circe.port, **certificate, PROXY_READ_TIMEOUT="1s") as proxy:
        client = proxy.connect_securely()
        processes = [circe.gunicorn.pid, *circe.workers()]
        for process in processes:
            os.kill(process, signal.SIGSTOP)
        try:
            assert_unavailable(*send(client, "GET", CUSTOMERS, token=token), 504, "gateway_timeout")
        finally:
            for process in processes:
                os.kill(process, signal.SIGCONT)
        # On a slow machine an answer may take longer than a second at first.
        until(lambda: send(client, "GET", CUSTOMERS, token=token)[0].status == 200)


def test_a_read_whose_worker_is_killed_is_answered_by_another(circe, ask):
    answers = []
    with psycopg.connect(circe.address(circe.superuser)) as connection:
        connection.execute("LOCK TABLE customers_customer")
        read = threading.Thread(target=lambda: answers.append(ask("GET", CUSTOMERS)))
        read.start()
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'circe' AND wait_event_type = 'Lock'"
        until(lambda: circe.sql(waiting, user=circe.superuser)[0][0])
        for worker in circe.workers():
            os.kill(worker, signal.SIGKILL)
        connection.rollback()
    read.join()
    assert [answer.status for answer, _ in answers] == [200]


# --- requests and answers -------------------------------------------------------------------------------------------------


def test_a_body_in_chunks_creates_a_customer(ask):
    parts = [b'{"first_name": ', b'"Jane", "phone": "+4791234567"}']
    answer, content = ask("POST", CUSTOMERS, iter(parts), Transfer_Encoding="chunked")
    assert (answer.status, json.loads(content)["phone"]) == (201, "+4791234567")


def test_a_forged_address_is_not_believed(circe, proxy):
    body = SIGN_IN | {"email": "nobody@example.com"}
    for forged in ("198.51.100.7", "198.51.100.7, 203.0.113.9"):
        answer, _ = send(proxy.connect_securely(), "POST", "/api/v1/auth/login", body, X_Forwarded_For=forged)
        assert answer.status == 401
    assert circe.sql("SELECT DISTINCT address FROM tenants_loginfailure") == [(IPv4Address("127.0.0.1"),)]


def test_the_weak_etag_of_a_compressed_customer_is_one_for_if_match(ask):
    body = {"first_name": "Jane", "phone": "+4791234568", "tags": [f"tag-{n:02}" for n in range(40)]}
    content = ask("POST", CUSTOMERS, body)[1]
    path = f"{CUSTOMERS}/{json.loads(content)['id']}"
    plain, _ = ask("GET", path)
    compressed, content = ask("GET", path, Accept_Encoding="gzip")
    assert compressed.headers["Content-Encoding"] == "gzip"
    assert "tag-39" in json.loads(gzip.decompress(content))["tags"]
    assert compressed.headers["ETag"] == f"W/{plain.headers['ETag']}"
    for status in (200, 412):
        answer, content = ask("PATCH", path, {"last_name": "Doe"}, If_Match=compressed.headers["ETag"])
        assert answer.status == status, content


def test_static_files_and_pages_come_through(ask):
    for path, content_type in (
        ("/admin/login/", "text/html; charset=utf-8"),
        ("/static/admin/css/base.css", 'text/css; charset="utf-8"'),
        ("/openapi.json", "application/json"),
        ("/healthz", "application/json"),
        ("/readyz", "application/json"),
    ):
        answer, _ = ask("GET", path, Accept_Encoding="gzip")
        assert (answer.status, answer.headers["Content-Type"]) == (200, content_type)
        assert answer.headers["Content-Encoding"] == (None if path in {"/healthz", "/readyz"} else "gzip")


@pytest.mark.parametrize("path", ["/metrics", "//metrics", "/%6detrics", "/admin/../metrics"])
def test_the_figures_of_the_server_are_not_public(ask, proxy, circe, path):
    answer, content = send(proxy.connect_securely(), "GET", path, token=METRICS_TOKEN)
    assert (answer.status, b"circe_" in content) == (404, False)
    answer = circe.ask("GET", "/metrics", page=True, Authorization=f"Bearer {METRICS_TOKEN}")
    assert (answer.status, b"circe_" in answer.body) == (200, True)


# --- TLS ------------------------------------------------------------------------------------------------------------------


def test_plain_http_is_sent_to_https_except_for_health_checks(proxy):
    answer, _ = send(proxy.connect(), "GET", "/docs", Host="localhost", X_Forwarded_Proto="https")
    assert (answer.status, answer.headers["Location"]) == (301, "https://localhost/docs")
    for path in ("/healthz", "/readyz"):
        assert send(proxy.connect(), "GET", path)[0].status == 200


def test_https_is_https_for_circe(ask):
    answer, _ = ask("GET", "/admin/login/", X_Forwarded_Proto="http")
    assert answer.status == 200
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=31536000")
    assert "Secure" in answer.headers["Set-Cookie"]


def test_a_form_of_the_back_office_is_taken(proxy):
    """nginx sends the host and the scheme to Django, which compares them with the `Origin` header of a form."""
    client = proxy.connect_securely()
    client.request("GET", "/admin/login/")
    answer = client.getresponse()
    answer.read()
    csrf = answer.headers["Set-Cookie"].split(";")[0]
    form = f"csrfmiddlewaretoken={csrf.partition('=')[2]}&username={SIGN_IN['email']}&password={PASSWORD}"
    headers = {"Cookie": csrf, "Origin": f"https://localhost:{proxy.https_port}", "Referer": "https://localhost/"}
    headers |= {"Content-Type": "application/x-www-form-urlencoded"}
    client.request("POST", "/admin/login/", form.replace(" ", "+"), headers)
    answer = client.getresponse()
    assert (answer.status, answer.headers["Location"]) == (302, "/admin/")


def test_http_2_is_spoken(proxy):
    context = ssl.create_default_context(cafile=proxy.certificate)
    context.set_alpn_protocols(["h2", "http/1.1"])
    with (
        socket.create_connection(("localhost", proxy.https_port)) as client,
        context.wrap_socket(client, server_hostname="localhost") as secure,
    ):
        assert (secure.selected_alpn_protocol(), secure.version()) == ("h2", "TLSv1.3")


@pytest.mark.skipif(not shutil.which("curl"), reason="There is no curl, which speaks HTTP/2.")
@pytest.mark.parametrize("size", [1024, 1024 * 1024 + 1], ids=["small", "too large"])
def test_a_request_of_http_2_is_answered_as_one_of_http_1_1(proxy, size, tmp_path):
    body = tmp_path / "body"
    body.write_bytes(b" " * size)
    url = f"https://localhost:{proxy.https_port}{CUSTOMERS}"
    answers = []
    for version in ("--http2", "--http1.1"):
        command = ["curl", "--silent", version, "--cacert", proxy.certificate, "--data-binary", f"@{body}", url]
        command += ["--write-out", " %{http_version} %{http_code} %{content_type}"]
        answers.append(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    status = 413 if size > 1024 else 401
    assert answers[0].endswith(f" 2 {status} {PROBLEM}")
    assert answers[0].replace("} 2 ", "} 1.1 ") == answers[1]


def test_plain_http_on_the_port_of_https_is_a_400(proxy):
    client = http.client.HTTPConnection("127.0.0.1", proxy.https_port, timeout=20)
    answer, content = send(client, "GET", CUSTOMERS)
    assert (answer.status, answer.headers["Content-Type"]) == (400, PROBLEM)
    assert json.loads(content)["code"] == "malformed"
