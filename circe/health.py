"""Is the process alive, and can it do its work?"""

from concurrent.futures import Future
from functools import cache
from threading import BoundedSemaphore, Lock, Thread

import psycopg
from django.db import DEFAULT_DB_ALIAS, OperationalError, connections
from django.db.migrations.loader import MigrationLoader
from django.http import HttpRequest, HttpResponse, JsonResponse
from psycopg.errors import UndefinedTable

from circe.api.errors import UNAVAILABLE, Problem, problem_of

PROBES = {"/healthz", "/readyz"}
# How long /readyz waits for the database. It promises an answer within two seconds.
CHECK_SECONDS = 1.5
# At most so many of the threads that are kept for PROBES wait in /readyz. /healthz needs one of the others.
MAX_WAITING = 2
READY: dict[str, str] = {"status": "ok"}
PENDING = Problem(503, "migrations_pending", "Migrations are pending.", headers={"Retry-After": "5"})


def healthz(request: HttpRequest) -> HttpResponse:
    """200 while the process serves. It asks nothing of the database."""
    return JsonResponse(READY)


def readyz(request: HttpRequest) -> HttpResponse:
    """200 when the database answers and every migration is applied; 503 otherwise. Either within two seconds."""
    problem = readiness.problem()
    return problem.as_response() if problem else JsonResponse(READY)


class Readiness:
    """Whether this process can use the database, found out by a thread that nobody has to wait for.

    It connects anew, beside the pool: a pool whose connections are all in use is busy, not unusable; and that a new
    connection can be made tells more than an old one that still works.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._check: Future[Problem | None] | None = None
        self._latest: Problem | None = UNAVAILABLE
        self._waiting = BoundedSemaphore(MAX_WAITING)

    def problem(self) -> Problem | None:
        """What is wrong, None if nothing is. As it was found last if others wait for the answer already."""
        if self._waiting.acquire(blocking=False):
            try:
                self._latest = self._found()
            finally:
                self._waiting.release()
        return self._latest

    def _found(self) -> Problem | None:
        try:
            return self._running_check().result(CHECK_SECONDS)
        except TimeoutError:
            return problem_of(OperationalError(f"It did not answer /readyz within {CHECK_SECONDS} s."))
        except psycopg.OperationalError as error:
            return problem_of(OperationalError(error))

    def _running_check(self) -> "Future[Problem | None]":
        """The check that is running; a new one if none is. So one that hangs is the only one."""
        with self._lock:
            if self._check is None or self._check.done():
                self._check = Future()
                # A daemon: a server that stops does not wait for it.
                Thread(target=_run, args=[self._check], daemon=True).start()
            return self._check


def _run(check: "Future[Problem | None]") -> None:
    try:
        check.set_result(None if _migrations() <= _applied_migrations() else PENDING)
    except Exception as error:
        check.set_exception(error)


@cache
def _migrations() -> set[tuple[str, str]]:
    """The migrations of the installed code, which does not change while it runs; to read them takes a while."""
    return {*MigrationLoader(None).disk_migrations}


def _applied_migrations() -> set[tuple[str, str]]:
    """Read by a connection of its own, not of the pool, that waits for nothing longer than /readyz does."""
    parameters = connections[DEFAULT_DB_ALIAS].get_connection_params()
    bounds = f"-c statement_timeout={CHECK_SECONDS}s -c lock_timeout={CHECK_SECONDS}s"
    parameters |= {"options": f"{parameters.get('options', '')} {bounds}", "connect_timeout": 2}
    try:
        with psycopg.connect(**parameters) as connection:
            return {*connection.execute("SELECT app, name FROM django_migrations").fetchall()}
    except UndefinedTable:
        return set()


readiness = Readiness()
