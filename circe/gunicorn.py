"""How gunicorn serves Circe: `python -m gunicorn --config circe/gunicorn.py`.

A thread reads a request, and gunicorn lets a client take as long as it likes to send one: a hundred clients that send a
byte a second would hold all threads of a worker. So a request has to arrive within ARRIVAL seconds, and a client that sends
or takes nothing for STALL seconds is dropped. That bounds the harm of one connection, not the number of them:
a proxy that takes in a whole request before it passes it on (nginx does) belongs in front.

Workers race for connections, and one that wins them all leaves the other cores idle for as long as clients keep them open.
So a worker listens only while no other has fewer.
"""

import errno
import gc
import mmap
import os
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from gunicorn.http import wsgi
from gunicorn.http.errors import ExpectationFailed, LimitRequestHeaders, LimitRequestLine, ParseException
from gunicorn.workers.gthread import TConn, ThreadWorker

from circe.startup import exit_with, whole_number

ARRIVAL = 15
STALL = 10
# A worker tells at least every second; one that has not for so long is stuck, and nobody waits for it.
STUCK = 2
NEVER = float("-inf")
# How soon a worker that left connections to others looks whether they have caught up: at first, since in a burst each
# waits for the other at every connection; and at last.
FIRST_LOOK_SECONDS, LAST_LOOK_SECONDS = 0.002, 0.05
# How many connections each worker has, and when it last told: for so many workers; any more share the first one's place.
PLACES = 64
# Shared by all of them: a worker is forked after this.
_shared = memoryview(mmap.mmap(-1, 2 * 8 * PLACES)).cast("d")
_connections, _told_at = _shared[:PLACES], _shared[PLACES:]


UNREADABLE: dict[type[BaseException], tuple[int, str]] = {
    LimitRequestLine: (414, "The address is too long."),
    LimitRequestHeaders: (431, "The headers are too many or too long."),
    ExpectationFailed: (417, "Expect nothing but 100-continue."),
    ParseException: (400, "This is no HTTP request."),
}


class BoundedSocket(socket.socket):
    """A client's connection with a deadline for the request that is being read."""

    deadline = float("inf")

    def setblocking(self, flag: bool, /) -> None:
        """Gunicorn's "blocking" is "for STALL seconds at most" here."""
        self.settimeout(STALL if flag else 0)

    def recv(self, *args: Any) -> bytes:
        """Raises ConnectionResetError, which gunicorn takes for a client that left, once the request is overdue."""
        try:
            if time.monotonic() < self.deadline:
                return super().recv(*args)
        except TimeoutError:
            pass
        raise ConnectionResetError(errno.ECONNRESET, "The request did not arrive in time.")

    def sendall(self, data: Any, /, *flags: int) -> None:
        """Raises ConnectionResetError likewise."""
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[self.send(rest) :]
        except TimeoutError:
            raise ConnectionResetError(errno.ECONNRESET, "The answer was not taken in time.") from None


class Response(wsgi.Response):
    """An answer that doesn't tell what server it comes from."""

    def default_headers(self) -> list[str]:
        return [line for line in super().default_headers() if not line.startswith("Server:")]


# Gunicorn has no setting for it.
wsgi.Response = Response


class BoundedWorker(ThreadWorker):
    """Threads that no client can hold for long, and no more connections than the other workers have."""

    place: int
    look_after = FIRST_LOOK_SECONDS

    def set_accept_enabled(self, enabled: bool) -> None:
        """As gunicorn's, but not while another worker has fewer connections. The others are told how many are here."""
        now = time.monotonic()
        _connections[self.place], _told_at[self.place] = self.nr_conns, now if enabled else NEVER
        there = (number for number, told in zip(_connections, _told_at, strict=True) if now - told < STUCK)
        super().set_accept_enabled(enabled and self.nr_conns <= min(there, default=0))

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """As gunicorn's, which by itself only looks whether to accept again, and not whether it still should."""
        if self._accepting:
            self.set_accept_enabled(True)
        if self._accepting:
            self.look_after = FIRST_LOOK_SECONDS
        else:
            timeout = min(timeout, self.look_after)
            self.look_after = min(2 * self.look_after, LAST_LOOK_SECONDS)
        super().wait_for_and_dispatch_events(timeout)

    def handle(self, conn: TConn) -> Any:
        """One request of the connection, in a thread."""
        if not isinstance(conn.sock, BoundedSocket):
            conn.sock = BoundedSocket(fileno=conn.sock.detach())
        conn.sock.deadline = time.monotonic() + ARRIVAL
        return super().handle(conn)

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: BaseException) -> None:
        """Refuse what is no request in the one shape of errors; gunicorn would send a page."""
        if not isinstance(exc, ParseException):
            return super().handle_error(req, client, addr, exc)
        # Not before there are settings.
        from circe.api.errors import Problem

        status, detail = next(refusal for kind, refusal in UNREADABLE.items() if isinstance(exc, kind))
        response = Problem(status, "malformed", detail, headers={"Connection": "close"}).as_response()
        response["Content-Length"] = str(len(response.content))
        head = f"HTTP/1.1 {status} {response.reason_phrase}\r\n".encode() + response.serialize_headers()
        with suppress(OSError):
            client.sendall(head + b"\r\n\r\n" + response.content)
        return None


def pre_fork(server: Any, worker: Any) -> None:
    """Leave what was loaded to be shared: the garbage collector would write into each page of it, and so copy it."""
    gc.freeze()
    worker.place = min({*range(PLACES)} - {other.place for other in server.WORKERS.values()}, default=0)


def when_ready(server: Any) -> None:
    """Tell who started a demo where to look."""
    if demo:
        url = f"http://localhost:{port}"
        sys.stdout.write(
            f"\nCirce is at {url}\n"
            f"  the API      {url}/docs to try out, {url}/redoc to read\n"
            f"  back office  {url}/admin/\n"
            "  accounts     super@circe.test; admin@, manager@ and staff@ at lotus.test and at nordlys.test\n"
            "  password     circe-demo\n"
            "Ctrl-C ends it.\n\n"
        )
        sys.stdout.flush()


# Of a statement, of a wait for a lock, of doing nothing in a transaction: past it PostgreSQL gives up, and the answer is a
# 503. A wait for a lock is short, since it holds one of few slots. Commands take their time.
os.environ.setdefault(
    "PGOPTIONS", "-c statement_timeout=30s -c lock_timeout=2s -c idle_in_transaction_session_timeout=60s"
)

demo = os.environ.get("DEMO", "").lower() in {"1", "true", "yes", "on"}
try:
    port = whole_number("PORT", 8000)
    workers = whole_number("WEB_WORKERS", 2)
except ImproperlyConfigured as error:
    exit_with(error)

wsgi_app = "circe.wsgi:application"
# A demo has passwords that everyone knows.
bind = f"{'127.0.0.1' if demo else '0.0.0.0'}:{port}"  # noqa: S104
worker_class = BoundedWorker
# Most of them hold requests that wait, see circe.concurrency: WEB_THREADS is how many work. Four more than a worker takes
# in are for the probes, and to refuse what is too much. A thread is started when there is a request for it.
threads = 100
# Settings that can't work end the start with their message instead of a row of dying workers.
preload_app = True
# Against slow leaks; the jitter keeps the workers from going at the same moment.
max_requests = 10_000
max_requests_jitter = 1_000
# What a worker has to finish its requests in, when it is told to go; container platforms kill after 30 by default.
graceful_timeout = 25
# Of the worker itself, not of a request: a statement's time is PostgreSQL's to bound.
timeout = 60
# Seconds; connections that wait cost no thread, but a worker has no more than a thousand.
keepalive = 5
# The heartbeat is a file: on a disk, a slow write would look like a dead worker.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108
# Whether a request came by https is for NUM_PROXIES and Django to judge; nobody may set the path by a header.
forwarder_headers = ""
control_socket_disable = True
# Django logs what matters about a request.
accesslog = None
errorlog = "-"
loglevel = os.environ.get("LOG_LEVEL", "info").lower()
