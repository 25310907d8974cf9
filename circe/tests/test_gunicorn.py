"""What clients can do to the server: gunicorn with Circe's configuration, but an application of its own."""

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

# All of them in one process: its server is made once.
pytestmark = [
    pytest.mark.slow("starts gunicorn, and waits for its limits of time"),
    pytest.mark.xdist_group("gunicorn"),
]

SECONDS = 1  # instead of REQUEST_TIMEOUT_SECONDS and IDLE_TIMEOUT_SECONDS

CONFIGURATION = f"""
from circe import gunicorn
from circe.gunicorn import *

gunicorn.REQUEST_TIMEOUT_SECONDS = gunicorn.IDLE_TIMEOUT_SECONDS = {SECONDS}
wsgi_app = "application:application"
threads = int(os.environ["WEB_THREADS"])
"""
APPLICATION = """
import os, time

def application(environ, start_response):
    time.sleep(6 if environ["PATH_INFO"] == "/slow" else 0)
    body = environ["wsgi.input"].read()
    start_response("200 OK", [])
    answers = {"/large": b"." * 50_000_000, "/pid": str(os.getpid()).encode()}
    yield answers.get(environ["PATH_INFO"]) or environ["PATH_INFO"].encode()
"""


@contextmanager
def serving(directory, workers: int, threads: int):
    """The port of a server."""
    (directory / "configuration.py").write_text(CONFIGURATION)
    (directory / "application.py").write_text(APPLICATION)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        number = listener.getsockname()[1]
    environment = os.environ | {"PORT": str(number), "DEMO": "1", "PYTHONPATH": f"{directory}:{settings.BASE_DIR}"}
    environment |= {"WEB_WORKERS": str(workers), "WEB_THREADS": str(threads)}
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
    """Of a server with one thread, so that whoever holds it holds everything."""
    with serving(tmp_path_factory.mktemp("gunicorn"), workers=1, threads=1) as number:
        yield number


def get(port: int, path: str = "/fine") -> bytes:
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    client.request("GET", path)
    answer = client.getresponse().read()
    client.close()
    return answer


def seconds_until_served(port: int) -> float:
    begin = time.monotonic()
    assert get(port) == b"/fine"
    return time.monotonic() - begin


def drip(slow: socket.socket):
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
    with socket.create_connection(("127.0.0.1", port)) as slow:
        slow.sendall(beginning)
        if keeps_sending:
            threading.Thread(target=drip, args=[slow]).start()
        assert SECONDS / 2 < seconds_until_served(port) < 15 * SECONDS


def test_an_answer_that_is_not_taken_frees_its_thread(port):
    with socket.create_connection(("127.0.0.1", port)) as slow:
        slow.sendall(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
        slow.recv(1)
        assert seconds_until_served(port) < 15 * SECONDS


def test_a_connection_may_live_longer_than_a_request_may_take(port):
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    for path in ("/one", "/two", "/three"):
        client.request("POST", path, body=b"x" * 100_000)
        assert client.getresponse().read() == path.encode()
        kept = client.sock
        time.sleep(0.7 * SECONDS)
    assert client.sock is kept is not None
    client.close()


def test_a_large_answer_that_is_taken_arrives_whole(port):
    assert len(get(port, "/large")) == 50_000_000


def test_a_statement_and_a_wait_for_a_lock_are_bounded():
    """So that a slow database is a 503, and not a server of which every thread waits."""
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
def crowd(tmp_path):
    """The clients of two workers, by the worker's pid: sixteen that came one after another and stay."""
    with serving(tmp_path, workers=2, threads=2) as port:
        clients = Clients(port)
        clients.come(16)
        yield clients
        for client in clients:
            client.close()


class Clients:
    """Clients that stay connected."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.of: dict[int, list[http.client.HTTPConnection]] = defaultdict(list)

    def __iter__(self):
        return (client for clients in self.of.values() for client in clients)

    def come(self, number: int) -> None:
        for _ in range(number):
            client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
            client.request("GET", "/pid")
            self.of[int(client.getresponse().read())].append(client)

    def leave(self, pid: int) -> None:
        for client in self.of.pop(pid):
            client.request("GET", "/pid", headers={"Connection": "close"})
            client.getresponse().read()
            client.close()

    @property
    def numbers(self) -> list[int]:
        return sorted(len(clients) for clients in self.of.values())


def test_workers_have_as_many_clients_each(crowd):
    fewer, more = crowd.numbers
    assert more - fewer <= 1


def test_who_has_lost_clients_gets_the_next_ones(crowd):
    idle = min(crowd.of)
    crowd.leave(idle)
    crowd.come(7)
    assert len(crowd.of[idle]) >= 6


# Who is going says so; of the others it is known once they have not told for two seconds.
@pytest.mark.parametrize(("fate", "seconds"), [(signal.SIGSTOP, 5), (signal.SIGKILL, 5), (signal.SIGTERM, 1.5)])
def test_nobody_waits_for_a_worker_that_is_stuck_or_gone_or_going(crowd, fate, seconds):
    pid = min(crowd.of)
    first, *rest = crowd.of.pop(pid)
    for client in rest:
        client.close()
    first.request("GET", "/slow")
    os.kill(pid, fate)
    begin = time.monotonic()
    try:
        crowd.come(4)
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
    assert time.monotonic() - begin < seconds
    first.close()
