"""Circe as served, over a PostgreSQL of its own that may be killed: what the tests of faults share.

`CHAOS` is how many times as much is done as in the suite; `make chaos` says 10.
"""

import http.client
import json
import logging
import os
import random
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
from circe.embedded_postgres import Cluster

CHAOS = int(os.environ.get("CHAOS", "1"))
logger = logging.getLogger("chaos")
CUSTOMERS = "/api/v1/customers"
PROBLEM = "application/problem+json"
# In the place of a status: nothing came back; nothing could be sent.
NOTHING, REFUSED = 0, -1

# The server is not Circe's to start here, as with DATABASE_URL.
SETTINGS = """
from circe.settings import *
DATABASES["default"] |= {address!r}
PASSWORD_HASHERS = ["tenants.accounts.hashers.FastArgon2idPasswordHasher", *PASSWORD_HASHERS]
STATIC_ROOT, WHITENOISE_USE_FINDERS = None, True
STORAGES["staticfiles"]["BACKEND"] = "django.contrib.staticfiles.storage.StaticFilesStorage"
"""
FILL = """
import json, django; django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from tenants.models import LoginSession
from tenants.tests.factories import TenantFactory, UserFactory
from appointments.tests.factories import AppointmentFactory
tenant = TenantFactory()
appointment = AppointmentFactory(tenant=tenant)
person = UserFactory(tenant=tenant, role="tenant_admin", email="admin@example.com")
print(json.dumps({"tenant": tenant.pk, "token": LoginSession.start(person).token_pair()["access"]}))
"""


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: http.client.HTTPMessage | dict = {}
    body: bytes = b""

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def is_sound(self) -> bool:
        """Whether it is a success, or a 503 as it is documented."""
        if self.status == 503:
            return self.headers["Content-Type"] == PROBLEM and int(self.headers["Retry-After"]) > 0
        return 200 <= self.status < 300


@dataclass
class Circe:
    """A cluster with one tenant in it, and gunicorn in front of it while `serving`."""

    # By the name that `initdb` is given, whoever runs the server.
    superuser: ClassVar[str] = "postgres"

    place: Path
    cluster: Cluster
    token: str = ""
    port: int = 0
    gunicorn: subprocess.Popen | None = None
    numbers: count = field(default_factory=count)

    def fill(self) -> None:
        address = {"ENGINE": "circe.db.postgresql", "NAME": "circe", "USER": "circe", "PORT": embedded_postgres.PORT}
        address["HOST"] = str(self.cluster.socket_dir)
        (self.place / "chaos_settings.py").write_text(SETTINGS.format(address=address))
        self.cluster.ensure_running()
        # Else each start after a crash flushes every file, for seconds.
        self.sql("ALTER SYSTEM SET recovery_init_sync_method = 'syncfs'", user=self.superuser)
        command = [sys.executable, "-c", FILL]
        filled = subprocess.run(
            command, env=self._environment(), cwd=settings.BASE_DIR, capture_output=True, text=True, check=False
        )
        assert filled.returncode == 0, filled.stderr
        self.token = json.loads(filled.stdout)["token"]

    def _environment(self, **more: str) -> dict[str, str]:
        path = f"{self.place}:{settings.BASE_DIR}"
        return os.environ | {"DJANGO_SETTINGS_MODULE": "chaos_settings", "PYTHONPATH": path, "DEMO": "1"} | more

    @contextmanager
    def serving(self, **environment: str):
        """Gunicorn as in production, by Circe's own configuration. It has to end in peace, and without a traceback."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port = listener.getsockname()[1]
        environment = self._environment(PORT=str(self.port), **environment)
        command = [sys.executable, "-m", "gunicorn", "--config", "circe/gunicorn.py"]
        with (
            self.log.open("w") as output,
            subprocess.Popen(
                command, env=environment, cwd=settings.BASE_DIR, stdout=output, stderr=output
            ) as self.gunicorn,
        ):
            try:
                until(lambda: self.ask("GET", "/healthz").status == 200)
                yield self
            finally:
                self.gunicorn.terminate()
        assert self.gunicorn.returncode == 0
        assert "Internal Server Error" not in self.log.read_text(), self.log.read_text()

    @property
    def log(self) -> Path:
        return self.place / f"gunicorn-{self.port}.log"

    def workers(self) -> list[int]:
        return children(self.gunicorn.pid)

    def ask(self, method: str, path: str, body=None, *, key: str = "", page: bool = False, **headers: str) -> Answer:
        """One request on a connection of its own."""
        headers |= {} if page else {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
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
        """The rows that the statement gives."""
        with psycopg.connect(self.address(user), autocommit=True) as connection:
            cursor = connection.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []

    def kill_database(self) -> None:
        """Every process of it at once, so that nothing is written any more."""
        postmaster = self.cluster.running_pid()
        # It would start others, and end these in peace.
        os.kill(postmaster, signal.SIGSTOP)
        for process in [*children(postmaster), postmaster]:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        until(lambda: self.cluster.running_pid() is None)


@contextmanager
def installed(prepare=nullcontext):
    """Circe over a new cluster, filled; in a directory that `prepare` finds for it."""
    with tempfile.TemporaryDirectory(prefix="circe-chaos-") as path:
        place = Path(path)
        place.chmod(0o755)
        with prepare(place) as disk:
            circe = Circe(place, embedded_postgres.database(disk / "pg18")["CLUSTER"])
            try:
                circe.fill()
                yield circe
            finally:
                circe.cluster.stop()


class Writers:
    """Clients that create customers one after another, each with a key, and remember what became of each.

    A request has its number: `acknowledged` ones were answered with 201, of `unknown` ones the client can't tell.
    """

    def __init__(self, circe: Circe, number: int = 6) -> None:
        self.circe, self.number = circe, number
        self.acknowledged: list[int] = []
        self.unknown: list[int] = []
        self.unsound: list[Answer] = []
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
                # A tenth of what a client would wait that obeys Retry-After.
                time.sleep(0.2)
            if answer.status > 0 and not answer.is_sound:
                self.unsound.append(answer)

    @contextmanager
    def at_work(self):
        threads = [threading.Thread(target=self._work) for _ in range(self.number)]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self.over.set()
            for thread in threads:
                thread.join()

    def go_on(self, more: int = 20) -> None:
        """Wait for so many more to be acknowledged."""
        goal = len(self.acknowledged) + more
        until(lambda: len(self.acknowledged) >= goal or self.unsound)
        assert self.unsound == []

    def lost(self) -> list[int]:
        """The acknowledged that the database does not have."""
        stored = {phone for (phone,) in self.circe.sql("SELECT phone FROM customers_customer")}
        return [number for number in self.acknowledged if f"+4790{number:06}" not in stored]

    def settle(self) -> tuple[list[Answer], int]:
        """Send each unknown once more: (those that this did not settle, how many had been done the first time)."""
        answers = [self.send(number) for number in self.unknown]
        done = sum("Idempotency-Replayed" in answer.headers for answer in answers)
        return [answer for answer in answers if answer.status != 201], done


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def until(condition, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "never came true"
        time.sleep(0.01)


@contextmanager
def timed(what: str):
    begin = time.monotonic()
    yield
    logger.info("%s after %.2f s", what, time.monotonic() - begin)


def at_once(*acts):
    """What the acts give, begun together, each in a thread."""
    barrier, given = threading.Barrier(len(acts)), [None] * len(acts)

    def run(number, act):
        barrier.wait(60)
        given[number] = act()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return given


def some_child(pid: int) -> int | None:
    return random.choice(children(pid) or [None])
