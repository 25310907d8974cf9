"""The configuration of gunicorn: `python -m gunicorn --config circe/gunicorn.py`.

A request occupies a thread while it arrives, and gunicorn sets no time limit for that: a hundred clients that send a byte
a second would occupy all threads of a worker. So a request must arrive within REQUEST_TIMEOUT_SECONDS, and a client that
sends or reads nothing for IDLE_TIMEOUT_SECONDS is disconnected. This limits the time of one connection, not the number of
connections: put a proxy in front that reads a whole request before it passes it on, such as nginx.

Workers compete for connections. If one worker gets all connections, and clients keep them open, the other cores are
idle. So a worker accepts connections only while no other worker has fewer.
"""

import errno
import gc
import logging
import mmap
import os
import shutil
import socket
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from gunicorn.glogging import Logger
from gunicorn.http import wsgi
from gunicorn.http.errors import ExpectationFailed, LimitRequestHeaders, LimitRequestLine, ParseException
from gunicorn.workers.gthread import TConn, ThreadWorker

from circe.log_format import RedactedJsonFormatter
from circe.startup import check_port_is_free, exit_with, read_log_level, read_switch, read_whole_number

REQUEST_TIMEOUT_SECONDS = 15
IDLE_TIMEOUT_SECONDS = 10
# A worker writes its heartbeat at least every second. A worker with an older heartbeat is stuck, and the others ignore it.
HEARTBEAT_TIMEOUT_SECONDS = 2
# The heartbeat of a worker that does not accept connections at all.
NO_HEARTBEAT = float("-inf")
# How soon a worker that does not accept checks again whether the others have caught up. The interval starts at the
# minimum and doubles up to the maximum. The minimum is short, since in a burst the workers alternate at every
# connection.
MIN_RECHECK_SECONDS, MAX_RECHECK_SECONDS = 0.002, 0.05
# The shared memory has room for this number of workers. If there are more, they share the first one's entry.
MAX_TRACKED_WORKERS = 64
# Per worker: the number of connections, and the time of the last heartbeat. Workers are forked later, so all share it.
_shared = memoryview(mmap.mmap(-1, 2 * 8 * MAX_TRACKED_WORKERS)).cast("d")
_connections, _heartbeats = _shared[:MAX_TRACKED_WORKERS], _shared[MAX_TRACKED_WORKERS:]


PARSE_ERROR_RESPONSES: dict[type[BaseException], tuple[int, str]] = {
    LimitRequestLine: (414, "The address is too long."),
    LimitRequestHeaders: (431, "The headers are too many or too long."),
    ExpectationFailed: (417, "Expect nothing but 100-continue."),
    ParseException: (400, "This is no HTTP request."),
}


class TimeoutSocket(socket.socket):
    """A client's connection with a deadline for the request that is being read."""

    deadline = float("inf")

    def setblocking(self, flag: bool, /) -> None:
        """Sets a timeout of IDLE_TIMEOUT_SECONDS where gunicorn asks for a blocking socket."""
        self.settimeout(IDLE_TIMEOUT_SECONDS if flag else 0)

    def recv(self, *args: Any) -> bytes:
        """Receives data. Raises ConnectionResetError after the deadline: gunicorn handles it like a closed connection."""
        try:
            if time.monotonic() < self.deadline:
                return super().recv(*args)
        except TimeoutError:
            pass
        # No answer is sent, since no client waits for it. Its status would be 408.
        log_refusal(408, self.getpeername())
        raise ConnectionResetError(errno.ECONNRESET, "The request did not arrive in time.")

    def sendall(self, data: Any, /, *flags: int) -> None:
        """Sends data. Raises ConnectionResetError if the client reads nothing for IDLE_TIMEOUT_SECONDS."""
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[self.send(rest) :]
        except TimeoutError:
            raise ConnectionResetError(errno.ECONNRESET, "The answer was not taken in time.") from None


def log_refusal(status: int, peer: Any) -> None:
    """Logs a request that Circe does not see."""
    # Imported late: it needs the settings of Django.
    from circe.logs import log_request

    log_request(None, None, status, peer[0] if isinstance(peer, tuple) else None, 0)


class Response(wsgi.Response):
    """A response without the `Server` header."""

    def default_headers(self) -> list[str]:
        return [line for line in super().default_headers() if not line.startswith("Server:")]


# Gunicorn has no setting for the class of responses.
wsgi.Response = Response


class JSONLogger(Logger):
    """Writes gunicorn's own lines as JSON, like those of Circe."""

    def setup(self, cfg: Any) -> None:
        """Sets the format of gunicorn's handlers."""
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(RedactedJsonFormatter())

    def exception(self, msg: Any, *args: Any, **kwargs: Any) -> None:
        """Logs a crash without the arguments of the message, which hold the address of the request and its query."""
        super().exception(str(msg).replace("%s", "…") if args else msg, **kwargs)


class BoundedWorker(ThreadWorker):
    """A threaded worker with timeouts for clients, and with no more connections than the other workers."""

    entry_index: int
    recheck_after = MIN_RECHECK_SECONDS

    def set_accept_enabled(self, enabled: bool) -> None:
        """Accepts connections, but not while another worker has fewer. Shares the number of its connections."""
        now = time.monotonic()
        _connections[self.entry_index], _heartbeats[self.entry_index] = self.nr_conns, now if enabled else NO_HEARTBEAT
        workers = zip(_connections, _heartbeats, strict=True)
        others = (number for number, heartbeat in workers if now - heartbeat < HEARTBEAT_TIMEOUT_SECONDS)
        super().set_accept_enabled(enabled and self.nr_conns <= min(others, default=0))

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """Handles events. Checks first whether to stop accepting connections, since gunicorn does not check it here."""
        if self._accepting:
            self.set_accept_enabled(True)
        if self._accepting:
            self.recheck_after = MIN_RECHECK_SECONDS
        else:
            timeout = min(timeout, self.recheck_after)
            self.recheck_after = min(2 * self.recheck_after, MAX_RECHECK_SECONDS)
        super().wait_for_and_dispatch_events(timeout)

    def handle(self, conn: TConn) -> Any:
        """Handles one request of the connection, in a thread."""
        if not isinstance(conn.sock, TimeoutSocket):
            conn.sock = TimeoutSocket(fileno=conn.sock.detach())
        conn.sock.deadline = time.monotonic() + REQUEST_TIMEOUT_SECONDS
        return super().handle(conn)

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: BaseException) -> None:
        """Answers a malformed request with the API's JSON error; gunicorn would send an HTML page."""
        if not isinstance(exc, ParseException):
            return super().handle_error(req, client, addr, exc)
        # Imported late: it needs the settings of Django.
        from circe.api.errors import Problem

        status, detail = next(response for kind, response in PARSE_ERROR_RESPONSES.items() if isinstance(exc, kind))
        response = Problem(status, "malformed", detail, headers={"Connection": "close"}).as_response()
        # The address is the proxy's, where there is one: the header that names the client was not read.
        log_refusal(status, addr)
        response["Content-Length"] = str(len(response.content))
        head = f"HTTP/1.1 {status} {response.reason_phrase}\r\n".encode() + response.serialize_headers()
        with suppress(OSError):
            client.sendall(head + b"\r\n\r\n" + response.content)
        return None


def pre_fork(server: Any, worker: Any) -> None:
    """Freezes the objects that exist. The garbage collector then writes to none of their pages, which workers share."""
    gc.freeze()
    used = {other.entry_index for other in server.WORKERS.values()}
    worker.entry_index = min({*range(MAX_TRACKED_WORKERS)} - used, default=0)


def child_exit(server: Any, worker: Any) -> None:
    """Removes those metrics of a dead worker that are true only of a live process."""
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        from prometheus_client import multiprocess

        multiprocess.mark_process_dead(worker.pid)


def on_exit(server: Any) -> None:
    """Removes the files of the metrics. Leaves a directory that the operator has named."""
    if own_metrics_directory:
        shutil.rmtree(own_metrics_directory, ignore_errors=True)


def when_ready(server: Any) -> None:
    """Prints the addresses and accounts of a demo."""
    if demo:
        url = f"http://localhost:{port}"
        sys.stdout.write(
            f"\nCirce is at {url}\n"
            f"  the API      {url}/docs to try out, {url}/redoc to read\n"
            f"  back office  {url}/admin/\n"
            "  accounts     super@circe.test; admin@, manager@ and staff@ at lotus.test and at nordlys.test\n"
            "  customers    customer@lotus.test and customer@nordlys.test, by the portal in the API\n"
            "  password     circe-demo\n"
            "Ctrl-C ends it.\n\n"
        )
        sys.stdout.flush()


# After these times PostgreSQL cancels a statement, a wait for a lock, or an idle transaction, and the answer is a 503.
# The wait for a lock is short, since a request that waits occupies a request slot. Commands don't have these limits.
os.environ.setdefault(
    "PGOPTIONS", "-c statement_timeout=30s -c lock_timeout=2s -c idle_in_transaction_session_timeout=60s"
)

try:
    demo = read_switch("DEMO", False)
    port = read_whole_number("PORT", 8000, minimum=1, maximum=65_535)
    workers = read_whole_number("WEB_WORKERS", 2, minimum=1, maximum=MAX_TRACKED_WORKERS)
    loglevel = read_log_level("INFO").lower()
    in_production = not (demo or read_switch("DEBUG", False))
    # A demo is for this machine only, since its passwords are public.
    host = "127.0.0.1" if demo else "0.0.0.0"  # noqa: S104
    check_port_is_free(host, port)
except ImproperlyConfigured as error:
    exit_with(error)

# The heartbeat is a file. On a disk, a slow write would look like a stuck worker.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108
# The workers keep their metrics in files here, in memory where possible. prometheus-client reads the variable.
own_metrics_directory = ""
if os.environ.get("METRICS_TOKEN") and not os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
    own_metrics_directory = tempfile.mkdtemp(prefix="circe-metrics-", dir=worker_tmp_dir)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = own_metrics_directory

wsgi_app = "circe.wsgi:application"
bind = f"{host}:{port}"
worker_class = BoundedWorker
# MAX_ACCEPTED_REQUESTS (96) and four more. At most WEB_THREADS of them handle requests at a time. The others hold requests
# that wait for a request slot (circe.concurrency). Four answer health checks and refuse further requests. A thread starts
# when it is needed.
threads = 100
# With wrong settings the start ends with one message, instead of one from each worker.
preload_app = True
# Limits slow memory leaks. The jitter keeps the workers from restarting at the same moment.
max_requests = 10_000
max_requests_jitter = 1_000
# Seconds for a worker to finish its requests when it is stopped; container platforms kill it after 30 by default.
graceful_timeout = 25
# Seconds without a heartbeat of the worker. This does not limit the time of a request. PostgreSQL limits that of each
# statement.
timeout = 60
# Seconds. An idle connection uses no thread, but a worker has at most a thousand connections.
keepalive = 5
# Django decides by NUM_PROXIES whether a request came by https. No header may set the path.
forwarder_headers = ""
control_socket_disable = True
if in_production:
    logger_class = JSONLogger
    # Python would write warnings as plain text.
    logging.captureWarnings(True)
# Django writes the access log.
accesslog = None
errorlog = "-"
