"""The limits that gunicorn's configuration sets for clients. The server runs a small test application."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import defaultdict
from contextlib import contextmanager, suppress

import pytest
from django.conf import settings

# All tests run in one process, so that the server is made once.
pytestmark = [
    pytest.mark.slow("starts gunicorn, and waits for its limits of time"),
    pytest.mark.xdist_group("gunicorn"),
]

# Replaces REQUEST_TIMEOUT_SECONDS and IDLE_TIMEOUT_SECONDS.
TIMEOUT_SECONDS = 1

CONFIGURATION = f"""
from circe import gunicorn
from circe.gunicorn import *

gunicorn.REQUEST_TIMEOUT_SECONDS = gunicorn.IDLE_TIMEOUT_SECONDS = {TIMEOUT_SECONDS}
gunicorn.HEARTBEAT_TIMEOUT_SECONDS = int(os.environ["HEARTBEAT_TIMEOUT_SECONDS"])
wsgi_app = "application:application"
threads = int(os.environ["WEB_THREADS"])
# A client of the tests stays connected while others connect, however slow the machine is.
keepalive = 60
"""
# /slow is answered when the file `go_on` exists.
APPLICATION = """
import os, time

def application(environ, start_response):
    while environ["PATH_INFO"] == "/slow" and not os.path.exists(os.environ["GO_ON"]):
        time.sleep(0.02)
    body = environ["wsgi.input"].read()
    start_response("200 OK", [])
    answers = {"/large": b"." * 50_000_000, "/pid": str(os.getpid()).encode()}
    yield answers.get(environ["PATH_INFO"]) or environ["PATH_INFO"].encode()
"""


@contextmanager
def serving(directory, workers: int, threads: int, heartbeat_timeout: int = 60):
    """Runs a server during the block. Yields its port."""
    (directory / "configuration.py").write_text(CONFIGURATION)
    (directory / "application.py").write_text(APPLICATION)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        number = listener.getsockname()[1]
    environment = os.environ | {"PORT": str(number), "DEMO": "1", "PYTHONPATH": f"{directory}:{settings.BASE_DIR}"}
    environment |= {"WEB_WORKERS": str(workers), "WEB_THREADS": str(threads), "GO_ON": str(directory / "go_on")}
    environment |= {"HEARTBEAT_TIMEOUT_SECONDS": str(heartbeat_timeout)}
    command = [sys.executable, "-m", "gunicorn", "--config", str(directory / "configuration.py")]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as server:
        for _ in range(workers):
            line = ""
            while "Booting worker" not in line:
                line = server.stdout.readline()
                assert line, "gunicorn did not start"
        yield number
        server.send_signal(signal.SIGTERM)
        rest = server.stdout.read()
    assert server.returncode == 0
    assert "Traceback" not in rest


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    """The port of a server with one thread: one request can occupy the whole server."""
    with serving(tmp_path_factory.mktemp("gunicorn"), workers=1, threads=1) as number:
        yield number


def get(port: int, path: str = "/fine") -> bytes:
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    client.request("GET", path)
    answer = client.getresponse().read()
    client.close()
    return answer


def send_slowly(slow: socket.socket):
    with suppress(OSError):
        while True:
            slow.sendall(b"x")
            time.sleep(0.1)


@pytest.mark.parametrize("keeps_sending", [True, False])
@pytest.mark.parametrize(
    "beginning",
    [b"GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n"],
    ids=["head", "body"],
)
def test_a_request_that_does_not_arrive_frees_its_thread(port, beginning, keeps_sending):
    begin = time.monotonic()
    with socket.create_connection(("127.0.0.1", port)) as slow:
        slow.sendall(beginning)
        if keeps_sending:
            threading.Thread(target=send_slowly, args=[slow]).start()
        assert get(port) == b"/fine"
        assert TIMEOUT_SECONDS <= time.monotonic() - begin < 15 * TIMEOUT_SECONDS


def test_an_answer_that_the_client_does_not_read_frees_its_thread(port):
    with socket.create_connection(("127.0.0.1", port)) as slow:
        slow.sendall(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
        slow.recv(1)
        begin = time.monotonic()
        assert get(port) == b"/fine"
        assert time.monotonic() - begin < 15 * TIMEOUT_SECONDS


def test_a_connection_may_stay_open_longer_than_the_timeout_of_a_request(port):
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    for path in ("/one", "/two", "/three"):
        client.request("POST", path, body=b"x" * 100_000)
        assert client.getresponse().read() == path.encode()
        first_socket = client.sock
        time.sleep(0.7 * TIMEOUT_SECONDS)
    assert client.sock is first_socket is not None
    client.close()


def test_a_large_answer_arrives_completely(port):
    assert len(get(port, "/large")) == 50_000_000


def test_statements_and_waits_for_locks_have_timeouts():
    """Otherwise a slow database would occupy every thread, instead of causing a 503."""
    names = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
    script = (
        "import circe.gunicorn, django; django.setup(); from django.db import connection as c; "
        f"print(*(c.cursor().execute(f'SHOW {{name}}').fetchone()[0] for name in {names}))"
    )
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "circe.tests.settings"}
    command = [sys.executable, "-c", script]
    shown = subprocess.run(command, env=environment, cwd=settings.BASE_DIR, capture_output=True, text=True, check=True)
    assert shown.stdout == "30s 2s 1min\n"


# --- several workers --------------------------------------------------------------------------------------------------


@pytest.fixture
def connected_clients(request, tmp_path):
    """Sixteen clients of two workers. They connected one after another, and stay connected.

    Its parameter is the age of a heartbeat that tells that a worker is stuck.
    """
    with serving(tmp_path, workers=2, threads=2, heartbeat_timeout=getattr(request, "param", 60)) as port:
        clients = Clients(port)
        clients.connect(16)
        yield clients
        for client in clients:
            client.close()


class Clients:
    """Clients that stay connected. `by_worker` has them by the pid of their worker."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.by_worker: dict[int, list[http.client.HTTPConnection]] = defaultdict(list)

    def __iter__(self):
        return (client for clients in self.by_worker.values() for client in clients)

    def connect(self, number: int) -> None:
        for _ in range(number):
            client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
            client.request("GET", "/pid")
            self.by_worker[int(client.getresponse().read())].append(client)

    def disconnect(self, pid: int) -> None:
        for client in self.by_worker.pop(pid):
            client.request("GET", "/pid", headers={"Connection": "close"})
            client.getresponse().read()
            client.close()

    @property
    def numbers(self) -> list[int]:
        return sorted(len(clients) for clients in self.by_worker.values())


def test_workers_have_equal_numbers_of_clients(connected_clients):
    fewer, more = connected_clients.numbers
    assert more - fewer <= 1


def test_a_worker_that_lost_clients_gets_the_next_ones(connected_clients):
    idle = min(connected_clients.by_worker)
    connected_clients.disconnect(idle)
    connected_clients.connect(7)
    assert len(connected_clients.by_worker[idle]) >= 6


# A worker that stops says so. One that is stuck or dead is recognized after two seconds without a heartbeat.
@pytest.mark.parametrize(
    ("connected_clients", "number"),
    [(2, signal.SIGSTOP), (2, signal.SIGKILL), (60, signal.SIGTERM)],
    indirect=["connected_clients"],
)
def test_no_client_waits_for_a_worker_that_is_stuck_or_dead_or_stopping(connected_clients, number, tmp_path):
    pid = min(connected_clients.by_worker)
    first, *rest = connected_clients.by_worker.pop(pid)
    for client in rest:
        client.close()
    first.request("GET", "/slow")
    os.kill(pid, number)
    try:
        # Each gets its answer within 20 seconds. The worker ends later.
        connected_clients.connect(4)
    finally:
        (tmp_path / "go_on").touch()
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
    first.close()
