"""Requests that wait for the database do not slow others down: gunicorn as in production, with its own PostgreSQL.

/healthz must answer within 100 ms and /readyz within two seconds. The limits here are wider, since the machine that runs the
suite may be busy. Without the slots of circe.concurrency the answers took five seconds and more.
"""

import http.client
import os
import signal
import threading
import time
from contextlib import ExitStack, contextmanager
from functools import partial

import psycopg
import pytest
import requests

from circe.tests.chaos import CUSTOMERS, PROBLEM, SIGN_IN, at_once, children, install_circe, logger, until
from customers.tests.test_upload_bounds import a_million_empty_strings
from tenants.tests.factories import PASSWORD

pytestmark = [
    pytest.mark.slow("starts gunicorn, and waits until requests give up"),
    pytest.mark.xdist_group("liveness"),
]

HEALTHZ_SECONDS = 3
READYZ_SECONDS = 4
# Shorter than the two seconds that a write waits for a lock.
READ_SECONDS = 1.9
WRITERS = 14
# More than both workers accept.
CONCURRENT_REQUESTS = 200


@pytest.fixture(scope="module")
def circe():
    with install_circe() as circe, circe.serving():
        yield circe


@pytest.fixture
def customer(circe):
    """Creates a customer. Returns the path."""
    answer = circe.ask("POST", CUSTOMERS, {"first_name": "Jane", "phone": f"+4793{next(circe.numbers):06}"})
    assert answer.status == 201
    return f"{CUSTOMERS}/{answer.json['id']}"


@contextmanager
def run_in_threads(*functions):
    """Calls each function in a thread. Yields the list of results, which is complete after the block."""
    answers = []
    threads = [threading.Thread(target=lambda function=function: answers.append(function())) for function in functions]
    for thread in threads:
        thread.start()
    try:
        yield answers
    finally:
        for thread in threads:
            thread.join()


@contextmanager
def hold_locks(circe, statement, *parameters):
    """Executes the statement, and holds its locks during the block."""
    with psycopg.connect(circe.address(circe.superuser)) as connection:
        connection.execute(statement, parameters)
        yield


def are_sessions_waiting(circe, number):
    """Returns whether at least `number` sessions wait for a lock."""
    statement = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'circe' AND wait_event_type = 'Lock'"
    return circe.sql(statement, user=circe.superuser)[0][0] >= number


def measure_seconds(function, status):
    """Calls the function, and asserts the status of its answer. Returns the seconds that it took."""
    begin = time.monotonic()
    answer = function()
    assert answer.status == status, answer
    return time.monotonic() - begin


def measure_slowest(circe, path, status=200, times=20):
    longest = max(measure_seconds(lambda: circe.ask("GET", path, page=True), status) for _ in range(times))
    logger.info("%s: %.0f ms at most", path, longest * 1000)
    return longest


def make_create(circe):
    number = next(circe.numbers)
    return lambda: circe.ask("POST", CUSTOMERS, {"first_name": "Jane", "phone": f"+4793{number:06}"})


def assert_expected(answers, number):
    assert len(answers) == number
    assert [answer for answer in answers if not answer.is_expected] == []


# --- locks ------------------------------------------------------------------------------------------------------------


def test_writers_that_wait_for_a_table_slow_no_reads(circe, customer):
    """Reads are answered too, since writes never use the last slot of a worker."""
    lock = hold_locks(circe, "LOCK TABLE customers_customer IN SHARE ROW EXCLUSIVE MODE")
    with lock, run_in_threads(*[make_create(circe) for _ in range(WRITERS)]) as answers:
        until(lambda: are_sessions_waiting(circe, 3))
        assert measure_slowest(circe, "/healthz") < HEALTHZ_SECONDS
        assert measure_slowest(circe, "/readyz", times=3) < READYZ_SECONDS
        reads = [measure_seconds(lambda path=path: circe.ask("GET", path), 200) for path in (CUSTOMERS, customer) * 3]
        assert max(reads) < READ_SECONDS
        assert are_sessions_waiting(circe, 1)
    assert_expected(answers, WRITERS)
    assert {answer.status for answer in answers} == {503}
    assert [make_create(circe)().status for _ in range(8)] == [201] * 8


def test_writers_that_wait_for_a_row_continue_when_it_is_free(circe, customer):
    def change():
        return circe.ask("PATCH", customer, {"last_name": "Doe"})

    lock = hold_locks(circe, "SELECT FROM customers_customer WHERE id = %s FOR UPDATE", customer[-24:])
    with ExitStack() as until_answered, lock:
        answers = until_answered.enter_context(run_in_threads(*[change] * WRITERS))
        until(lambda: are_sessions_waiting(circe, 1))
        assert measure_slowest(circe, "/healthz") < HEALTHZ_SECONDS
        assert measure_seconds(lambda: circe.ask("GET", customer), 200) < READYZ_SECONDS
    assert_expected(answers, WRITERS)
    assert answers[-1].status == 200
    assert change().status == 200


def test_health_checks_answer_while_all_requests_wait_for_a_table(circe):
    """All slots are in use, and most connections. The database is busy then, not away, so /readyz is 200."""
    are_slots_used = threading.Event()

    def repeat(act):
        # A busy machine may give all connections to one worker at first. The next ones are shared out anew.
        answer = act()
        while not are_slots_used.is_set():
            answer = act()
        return answer

    acts = [act for _ in range(WRITERS) for act in (make_create(circe), lambda: circe.ask("GET", CUSTOMERS))]
    functions = [partial(repeat, act) for act in acts]
    with hold_locks(circe, "LOCK TABLE customers_customer"), run_in_threads(*functions) as answers:
        try:
            until(lambda: are_sessions_waiting(circe, 5))
        finally:
            are_slots_used.set()
        assert measure_slowest(circe, "/healthz") < HEALTHZ_SECONDS
        assert measure_slowest(circe, "/readyz", times=3) < READYZ_SECONDS
    assert_expected(answers, len(functions))
    assert [circe.ask("GET", CUSTOMERS).status for _ in range(8)] == [200] * 8


def test_more_writers_than_a_worker_accepts_are_refused_at_once(circe):
    lock = hold_locks(circe, "LOCK TABLE customers_customer IN SHARE ROW EXCLUSIVE MODE")
    with lock, run_in_threads(*[make_create(circe) for _ in range(CONCURRENT_REQUESTS)]) as answers:
        # The requests above the limit are answered without waiting.
        until(lambda: len(answers) >= CONCURRENT_REQUESTS // 4, seconds=5)
        assert measure_slowest(circe, "/healthz") < HEALTHZ_SECONDS
        assert circe.ask("GET", CUSTOMERS).status == 200
    assert_expected(answers, CONCURRENT_REQUESTS)
    assert "There are too many requests at this moment. Try again in a moment." in {
        answer.json["detail"] for answer in answers
    }
    assert [make_create(circe)().status for _ in range(8)] == [201] * 8


def test_log_ins_that_wait_for_a_lock_slow_no_other_requests(circe):
    def sign_in():
        return circe.ask("POST", "/api/v1/auth/login", SIGN_IN)

    lock = hold_locks(circe, "SELECT pg_advisory_xact_lock(1, hashtext(%s))", SIGN_IN["email"])
    with lock, run_in_threads(*[sign_in] * WRITERS) as answers:
        until(lambda: are_sessions_waiting(circe, 2))
        assert measure_slowest(circe, "/healthz") < HEALTHZ_SECONDS
        assert circe.ask("GET", CUSTOMERS).status == 200
        assert make_create(circe)().status == 201
    assert_expected(answers, WRITERS)
    assert sign_in().status == 200


# --- the database hangs -------------------------------------------------------------------------------------------------


def test_readyz_is_503_while_its_table_is_locked(circe):
    with hold_locks(circe, "LOCK TABLE django_migrations"):
        assert measure_slowest(circe, "/readyz", 503, times=3) < READYZ_SECONDS
        assert measure_slowest(circe, "/healthz") < HEALTHZ_SECONDS
        assert circe.ask("GET", CUSTOMERS).status == 200
    # A check that was begun before may end with an error only now.
    until(lambda: circe.ask("GET", "/readyz").status == 200)


@contextmanager
def freeze_database(circe):
    """Stops all processes of the database during the block: it accepts connections, and answers nothing."""
    postmaster = circe.cluster.running_pid()
    os.kill(postmaster, signal.SIGSTOP)
    processes = [postmaster, *children(postmaster)]
    for process in processes:
        os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        # The server last: it would reap a session that had ended just before, whose number is then unknown.
        for process in reversed(processes):
            os.kill(process, signal.SIGCONT)


def test_health_checks_answer_while_the_database_hangs(circe):
    """/healthz answers even if many requests to /readyz wait."""
    functions = [make_create(circe) for _ in range(6)]
    functions += [lambda path=path: circe.ask("GET", path) for path in (CUSTOMERS, *["/readyz"] * 5) for _ in range(6)]
    with ExitStack() as until_answered, freeze_database(circe):
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(circe.address("circe"), connect_timeout=2)
        assert measure_slowest(circe, "/readyz", 503, times=2) < READYZ_SECONDS
        answers = until_answered.enter_context(run_in_threads(*functions))
        assert measure_slowest(circe, "/healthz") < HEALTHZ_SECONDS
        # All requests are answered, except those that have a slot. Until the first check of a worker has failed, its other
        # requests to /readyz get the result from before.
        until(lambda: len(answers) >= len(functions) - 8)
        assert measure_slowest(circe, "/readyz", 503, times=2) < READYZ_SECONDS
    assert_expected(answers, len(functions))
    until(lambda: circe.ask("GET", "/readyz").status == 200)
    assert [circe.ask("GET", CUSTOMERS).status for _ in range(8)] == [200] * 8


# --- slots ------------------------------------------------------------------------------------------------------------


def test_a_slot_is_released_whatever_happens_to_the_answer(circe):
    """The worker has one slot. If a request did not release it, all later ones would be refused."""
    with type(circe)(circe.directory, circe.cluster, circe.token).serving(WEB_WORKERS="1", WEB_THREADS="1") as own:
        for method, path, body in (
            ("GET", "/docs", None),
            ("GET", "/api/nothing", None),
            ("POST", CUSTOMERS, {}),
            ("PUT", "/openapi.json", {}),
            ("GET", "/static/nothing", None),
            ("POST", "/admin/login/", {}),
        ):
            at_once(*[lambda method=method, path=path, body=body: own.ask(method, path, body)] * 4)
        client = http.client.HTTPConnection("127.0.0.1", own.port)
        client.request("GET", "/openapi.json")
        client.close()
        assert [answer.status for answer in at_once(*[lambda: own.ask("GET", CUSTOMERS)] * 8)] == [200] * 8


def test_a_refused_request_gets_a_problem_or_a_page(circe):
    own = type(circe)(circe.directory, circe.cluster, circe.token)
    with own.serving(WEB_WORKERS="1", WEB_THREADS="1"):
        lock = hold_locks(circe, "LOCK TABLE customers_customer IN SHARE ROW EXCLUSIVE MODE")
        with lock, run_in_threads(*[make_create(own) for _ in range(CONCURRENT_REQUESTS)]) as answers:
            until(lambda: answers)
            page = own.ask("POST", "/admin/login/", "", page=True)
    assert_expected(answers, CONCURRENT_REQUESTS)
    assert {answer.headers["Content-Type"] for answer in answers} == {PROBLEM}
    assert all(answer.headers["X-Request-ID"] for answer in answers)
    assert (page.status, page.headers["Retry-After"]) == (503, "2")
    assert b"There are too many requests at this moment." in page.body


# --- uploads ----------------------------------------------------------------------------------------------------------


@contextmanager
def back_office(circe):
    """Signs an administrator in. Yields a function: `upload(data)` sends a file of customers and returns the response."""
    with requests.Session() as session:
        base = f"http://127.0.0.1:{circe.port}/admin"

        def post(path, **fields):
            session.get(f"{base}{path}", timeout=60).raise_for_status()
            fields["data"] = fields.get("data", {}) | {"csrfmiddlewaretoken": session.cookies["csrftoken"]}
            return session.post(f"{base}{path}", timeout=60, **fields)

        post("/login/", data={"username": SIGN_IN["email"], "password": PASSWORD}).raise_for_status()
        yield lambda data: post("/customers/customer/import/", files={"file": ("people.xlsx", data)})


def test_costly_uploads_slow_no_other_requests(circe, customer):
    """Ten files that unpack to a million strings each once occupied the only process of a server for minutes."""
    data = a_million_empty_strings()
    with ExitStack() as stack:
        uploads = [stack.enter_context(back_office(circe)) for _ in range(10)]
        with run_in_threads(*[lambda upload=upload: upload(data) for upload in uploads]) as answers:
            assert measure_slowest(circe, "/healthz", times=50) < HEALTHZ_SECONDS
            reads = [
                measure_seconds(lambda path=path: circe.ask("GET", path), 200) for path in (CUSTOMERS, customer) * 10
            ]
            assert max(reads) < READ_SECONDS
    assert [answer.status_code for answer in answers] == [200] * 10
    assert any("is being checked or imported" in answer.text for answer in answers)
