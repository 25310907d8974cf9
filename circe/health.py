"""Health checks: /healthz checks that the process is alive, /readyz that it can use the database."""

from concurrent.futures import Future
from functools import cache
from threading import BoundedSemaphore, Lock, Thread

import psycopg
from django.db import DEFAULT_DB_ALIAS, OperationalError, connections
from django.db.migrations.loader import MigrationLoader
from django.http import HttpRequest, HttpResponse, JsonResponse
from psycopg.errors import UndefinedTable

from circe.api.errors import UNAVAILABLE, Problem, problem_for

# Paths for machines, which use an IP address as the host. They are answered even if no request slot is free.
HEALTH_CHECK_PATHS = {"/healthz", "/readyz", "/metrics"}
# /readyz waits this long for the database. It has to answer within two seconds.
CHECK_TIMEOUT_SECONDS = 1.5
# A few threads are left for HEALTH_CHECK_PATHS even if all request slots are taken. At most this number of them waits in
# /readyz, so that /healthz still finds one.
MAX_WAITING_THREADS = 2
OK_BODY: dict[str, str] = {"status": "ok"}
MIGRATIONS_PENDING = Problem(503, "migrations_pending", "Migrations are pending.", headers={"Retry-After": "5"})


def healthz(request: HttpRequest) -> HttpResponse:
    """Answers 200 while the process serves requests. It does not use the database."""
    return JsonResponse(OK_BODY)


def readyz(request: HttpRequest) -> HttpResponse:
    """Answers 200 if the database answers and every migration is applied, otherwise 503. Both within two seconds."""
    problem = readiness.problem()
    return problem.as_response() if problem else JsonResponse(OK_BODY)


class Readiness:
    """Checks in a thread of its own whether this process can use the database.

    The check opens a new connection outside the pool: a pool whose connections are all in use is busy, not broken, and
    an old connection may still work when no new one can be opened.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._check: Future[Problem | None] | None = None
        self._latest: Problem | None = UNAVAILABLE
        self._waiting = BoundedSemaphore(MAX_WAITING_THREADS)

    def problem(self) -> Problem | None:
        """Returns the problem, or None. If MAX_WAITING_THREADS already wait for the check, returns the last result."""
        if self._waiting.acquire(blocking=False):
            try:
                self._latest = self._wait_for_check()
            finally:
                self._waiting.release()
        return self._latest

    def _wait_for_check(self) -> Problem | None:
        try:
            return self._running_check().result(CHECK_TIMEOUT_SECONDS)
        except TimeoutError:
            return problem_for(OperationalError(f"It did not answer /readyz within {CHECK_TIMEOUT_SECONDS} s."))
        except psycopg.OperationalError as error:
            return problem_for(OperationalError(error))

    def _running_check(self) -> "Future[Problem | None]":
        """Returns the running check, or starts one. So no second check starts while one hangs."""
        with self._lock:
            if self._check is None or self._check.done():
                self._check = Future()
                # A daemon thread, so that a server that stops does not wait for it.
                Thread(target=_run_check, args=[self._check], daemon=True).start()
            return self._check


def _run_check(check: "Future[Problem | None]") -> None:
    try:
        check.set_result(None if _installed_migrations() <= _applied_migrations() else MIGRATIONS_PENDING)
    except Exception as error:
        check.set_exception(error)


@cache
def _installed_migrations() -> set[tuple[str, str]]:
    """Returns the migrations of the installed code. Cached, since reading them takes a while and they don't change."""
    return {*MigrationLoader(None).disk_migrations}


def _applied_migrations() -> set[tuple[str, str]]:
    """Returns the applied migrations, read by a new connection with the timeouts of /readyz."""
    parameters = connections[DEFAULT_DB_ALIAS].get_connection_params()
    bounds = f"-c statement_timeout={CHECK_TIMEOUT_SECONDS}s -c lock_timeout={CHECK_TIMEOUT_SECONDS}s"
    parameters |= {"options": f"{parameters.get('options', '')} {bounds}", "connect_timeout": 2}
    try:
        with psycopg.connect(**parameters) as connection:
            return {*connection.execute("SELECT app, name FROM django_migrations").fetchall()}
    except UndefinedTable:
        return set()


readiness = Readiness()
