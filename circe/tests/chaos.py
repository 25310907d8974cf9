"""Runs Circe under gunicorn, on a PostgreSQL of its own that a test may kill. For the tests of faults.

The environment variable `CHAOS` multiplies the work of these tests; `make chaos` sets it to 10.
"""

import fcntl
import http.client
import json
import logging
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import ClassVar, NamedTuple

import psycopg
from django.conf import settings

from circe import embedded_postgres
from circe.embedded_postgres import EmbeddedServer
from circe.tests.migrated_template import digest_files
from circe.tests.processes import Program
from tenants.tests.factories import PASSWORD

CHAOS = int(os.environ.get("CHAOS", "1"))
logger = logging.getLogger("chaos")
CUSTOMERS = "/api/v1/customers"
PROBLEM = "application/problem+json"
# Used instead of a status: there was no answer; there was no connection.
NOTHING, REFUSED = 0, -1

# With these settings Circe does not start the server itself, as with DATABASE_URL.
SETTINGS = """
from circe.settings import *
DATABASES["default"] |= {address!r}
PASSWORD_HASHERS = ["tenants.accounts.hashers.FastArgon2idPasswordHasher", *PASSWORD_HASHERS]
STATIC_ROOT, WHITENOISE_USE_FINDERS = None, True
STORAGES["staticfiles"]["BACKEND"] = "django.contrib.staticfiles.storage.StaticFilesStorage"
"""
FILL = """
import django; django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from tenants.tests.factories import TenantFactory, UserFactory
from appointments.tests.factories import AppointmentFactory
tenant = TenantFactory()
AppointmentFactory(tenant=tenant)
UserFactory(tenant=tenant, role="tenant_admin", email="admin@example.com")
"""
# A filled cluster depends on these files.
FILLED_SOURCES = (
    "circe/**/*.py",
    "tenants/**/*.py",
    "customers/**/*.py",
    "appointments/**/*.py",
    "requirements-dev.lock",
)
SIGN_IN = {"email": "admin@example.com", "password": PASSWORD}


class Answer(NamedTuple):
    """The answer to a request."""

    status: int
    headers: http.client.HTTPMessage | dict = {}
    body: bytes = b""

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def is_expected(self) -> bool:
        """Whether it is a success, or the documented 503."""
        if self.status == 503:
            return self.headers["Content-Type"] == PROBLEM and int(self.headers["Retry-After"]) > 0
        return 200 <= self.status < 300


@dataclass
class Circe:
    """A database cluster with one tenant. Gunicorn serves it inside `serving`."""

    # The name that is passed to `initdb`. It does not depend on the operating system's user.
    superuser: ClassVar[str] = "postgres"

    directory: Path
    cluster: EmbeddedServer
    token: str = ""
    port: int = 0
    gunicorn: Program | None = None
    numbers: count = field(default_factory=count)

    def start_filled(self) -> None:
        """Starts the cluster as a copy of one that is migrated, and has a tenant with an appointment and a user."""
        self._write_settings()
        copy_filled_cluster(self.cluster.data_dir)
        self.cluster.ensure_running()

    def fill(self) -> None:
        """Starts the cluster, migrates it, and adds the tenant with an appointment and a user."""
        self._write_settings()
        self.cluster.ensure_running()
        # Otherwise each start after a crash flushes every file, which takes seconds.
        self.sql("ALTER SYSTEM SET recovery_init_sync_method = 'syncfs'", user=self.superuser)
        command = [sys.executable, "-c", FILL]
        filled = subprocess.run(
            command, env=self._environment(), cwd=settings.BASE_DIR, capture_output=True, text=True, check=False
        )
        assert filled.returncode == 0, filled.stderr

    def _write_settings(self) -> None:
        address = {"ENGINE": "circe.db.postgresql", "NAME": "circe", "USER": "circe", "PORT": embedded_postgres.PORT}
        address["HOST"] = str(self.cluster.socket_dir)
        (self.directory / "chaos_settings.py").write_text(SETTINGS.format(address=address))

    def _environment(self, **more: str) -> dict[str, str]:
        path = f"{self.directory}:{settings.BASE_DIR}"
        return os.environ | {"DJANGO_SETTINGS_MODULE": "chaos_settings", "PYTHONPATH": path, "DEMO": "1"} | more

    @contextmanager
    def serving(self, *, port: int = 0, **environment: str):
        """Runs gunicorn with Circe's own configuration. Asserts that it exits with 0 and logged no server error.

        It listens on the given port, or on one that is free.
        """
        with socket.create_server(("127.0.0.1", port)) as listener:
            self.port = listener.getsockname()[1]
        command = ("-m", "gunicorn", "--config", "circe/gunicorn.py")
        with self._run(*command, log=self.log, PORT=str(self.port), **environment) as self.gunicorn:
            until(lambda: self.ask("GET", "/healthz").status == 200)
            self.token = self.token or self._sign_in()
            yield self
        assert self.gunicorn.returncode == 0
        assert "Internal Server Error" not in self.log.read_text(), self.log.read_text()

    def _sign_in(self) -> str:
        """Returns an access token of the administrator. The request looks like one that came through a proxy."""
        proxied = {"Host": "localhost", "X-Forwarded-Proto": "https"}
        return self.ask("POST", "/api/v1/auth/login", SIGN_IN, **proxied).json["access"]

    def running(self, *arguments: str, **environment: str):
        """Runs a command of manage.py until the block ends. Yields the process; its output is in `command.log`."""
        return self._run("manage.py", *arguments, log=self.directory / "command.log", **environment)

    @contextmanager
    def _run(self, *command: str, log: Path, **environment: str):
        log.write_text("")
        files, environment = ("/dev/null", log, log), self._environment(**environment)
        process = Program(*command, directory=settings.BASE_DIR, environment=environment, files=files)
        try:
            yield process
        finally:
            process.terminate()
            process.wait()

    @property
    def log(self) -> Path:
        return self.directory / f"gunicorn-{self.port}.log"

    def workers(self) -> list[int]:
        return children(self.gunicorn.pid)

    def ask(self, method: str, path: str, body=None, *, key: str = "", page: bool = False, **headers: str) -> Answer:
        """Sends a request on a new connection."""
        headers |= {} if page else {"Content-Type": "application/json"}
        headers |= {"Authorization": f"Bearer {self.token}"} if self.token and not page else {}
        headers |= {"Idempotency-Key": key} if key else {}
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            client.request(method, path, body if body is None or page else json.dumps(body), headers)
            answer = client.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        except ConnectionRefusedError:
            return Answer(REFUSED)
        except (OSError, http.client.HTTPException):
            return Answer(NOTHING)
        finally:
            client.close()

    def address(self, user: str) -> str:
        return f"host={self.cluster.socket_dir} port={embedded_postgres.PORT} dbname=circe user={user}"

    def sql(self, statement: str, *parameters, user: str = "circe"):
        """Executes the statement and returns its rows."""
        with psycopg.connect(self.address(user), autocommit=True) as connection:
            cursor = connection.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []

    def kill_database(self) -> None:
        """Kills all processes of the database at once, so that nothing more is written."""
        postmaster = self.cluster.running_pid()
        # The postmaster would restart them, and would end the others cleanly.
        os.kill(postmaster, signal.SIGSTOP)
        for process in [*children(postmaster), postmaster]:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        until(lambda: self.cluster.running_pid() is None)


def copy_filled_cluster(target: Path) -> None:
    """Copies a filled cluster to `target`. The first call for these sources makes it; it stays in var/."""
    directory = settings.VAR / "filled" / digest_files(*FILLED_SOURCES)
    directory.parent.mkdir(parents=True, exist_ok=True)
    # The workers of a suite come here at the same moment.
    with (directory.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (directory / "pg18").exists():
            for older in directory.parent.glob("*/"):
                shutil.rmtree(older)
            directory.mkdir()
            circe = Circe(directory, embedded_postgres.database(directory / "new", durable=False)["EMBEDDED_SERVER"])
            try:
                circe.fill()
            finally:
                circe.cluster.stop()
            circe.cluster.data_dir.rename(directory / "pg18")
    # As root, the files belong to another user.
    subprocess.run(["cp", "--archive", directory / "pg18", target], check=True)


@contextmanager
def install_circe(prepare=nullcontext):
    """Yields Circe with a filled cluster in the directory that `prepare` yields. Stops the cluster after the block."""
    with tempfile.TemporaryDirectory(prefix="circe-chaos-") as path:
        directory = Path(path)
        directory.chmod(0o755)
        with prepare(directory) as disk:
            circe = Circe(directory, embedded_postgres.database(disk / "pg18")["EMBEDDED_SERVER"])
            try:
                circe.start_filled()
                yield circe
            finally:
                circe.cluster.stop()


class Writers:
    """Clients that create customers one after another. Each request has a number and its own idempotency key.

    `acknowledged` has the numbers of the requests that were answered with 201, `unknown` those of all others.
    """

    def __init__(self, circe: Circe, number: int = 6) -> None:
        self.circe, self.number = circe, number
        self.acknowledged: list[int] = []
        self.unknown: list[int] = []
        self.unexpected: list[Answer] = []
        self.answers: Counter[int] = Counter()
        self.over = threading.Event()

    def send(self, number: int) -> Answer:
        body = {"first_name": "Jane", "phone": f"+4790{number:06}", "notes": "x" * 500}
        return self.circe.ask("POST", CUSTOMERS, body, key=f"chaos-{number}")

    def _work(self) -> None:
        while not self.over.is_set():
            number = next(self.circe.numbers)
            answer = self.send(number)
            self.answers[answer.status] += 1
            if answer.status != REFUSED:
                (self.acknowledged if answer.status == 201 else self.unknown).append(number)
            if answer.status in {NOTHING, REFUSED, 503}:
                # A client that obeys Retry-After would wait ten times as long.
                time.sleep(0.2)
            if answer.status > 0 and not answer.is_expected:
                self.unexpected.append(answer)

    @contextmanager
    def running(self):
        threads = [threading.Thread(target=self._work) for _ in range(self.number)]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self.over.set()
            for thread in threads:
                thread.join()

    def wait_for_more(self, more: int = 20) -> None:
        """Waits until `more` more requests are acknowledged. Asserts that no answer was unexpected."""
        goal = len(self.acknowledged) + more
        until(lambda: len(self.acknowledged) >= goal or self.unexpected)
        assert self.unexpected == []

    def find_lost(self) -> list[int]:
        """Returns the numbers of acknowledged requests whose customers are not in the database."""
        stored = {phone for (phone,) in self.circe.sql("SELECT phone FROM customers_customer")}
        return [number for number in self.acknowledged if f"+4790{number:06}" not in stored]

    def repeat_unknown(self) -> tuple[list[Answer], int]:
        """Sends each unknown request again. Returns the answers other than 201, and the number of replayed answers."""
        answers = [self.send(number) for number in self.unknown]
        done = sum("Idempotency-Replayed" in answer.headers for answer in answers)
        return [answer for answer in answers if answer.status != 201], done


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def until(condition, seconds: float = 60) -> None:
    """Waits until the condition is true."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "never came true"
        time.sleep(0.01)


@contextmanager
def timed(what: str):
    begin = time.monotonic()
    yield
    logger.info("%s after %.2f s", what, time.monotonic() - begin)


def at_once(*functions):
    """Calls all functions at the same moment, each in a thread. Returns their results."""
    barrier, results = threading.Barrier(len(functions)), [None] * len(functions)

    def run(number, function):
        barrier.wait(60)
        results[number] = function()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(functions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def choose_child(pid: int) -> int | None:
    return random.choice(children(pid) or [None])
