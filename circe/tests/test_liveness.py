"""What waits for the database takes nothing from those who don't: gunicorn as in production, over a PostgreSQL of its own.

The promise is that /healthz answers within 100 ms and /readyz within two seconds. The limits here are wider, since the
machine that runs the suite may have no processor to spare; without the promise the answers took five seconds and more.
"""

import http.client
import os
import signal
import threading
import time
from contextlib import ExitStack, contextmanager

import psycopg
import pytest
import requests

from circe.tests.chaos import CUSTOMERS, PROBLEM, at_once, children, installed, logger, until
from customers.tests.test_upload_bounds import a_million_empty_strings
from tenants.tests.factories import PASSWORD

HEALTHZ_SECONDS = 1
READYZ_SECONDS = 3
# Less than a write waits for a lock.
READ_SECONDS = 1
WRITERS = 14
# More than both workers take in.
CROWD = 200
SIGN_IN = {"email": "admin@example.com", "password": PASSWORD}


@pytest.fixture(scope="module")
def circe():
    with installed() as circe, circe.serving():
        yield circe


@pytest.fixture
def customer(circe):
    """The path of a customer."""
    answer = circe.ask("POST", CUSTOMERS, {"first_name": "Jane", "phone": f"+4793{next(circe.numbers):06}"})
    assert answer.status == 201
    return f"{CUSTOMERS}/{answer.json['id']}"


@contextmanager
def asking(*acts):
    """The answers of the acts, each of a thread of its own; complete after the block."""
    answers = []
    threads = [threading.Thread(target=lambda act=act: answers.append(act())) for act in acts]
    for thread in threads:
        thread.start()
    try:
        yield answers
    finally:
        for thread in threads:
            thread.join()


@contextmanager
def held(circe, statement, *parameters):
    """The locks that the statement takes are held during the block."""
    with psycopg.connect(circe.address(circe.superuser)) as connection:
        connection.execute(statement, parameters)
        yield


def are_waiting(circe, number):
    """Whether so many sessions wait for a lock."""
    statement = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'circe' AND wait_event_type = 'Lock'"
    return circe.sql(statement, user=circe.superuser)[0][0] >= number


def seconds(act, status):
    """How long the act takes, which has to be answered with the status."""
    begin = time.monotonic()
    answer = act()
    assert answer.status == status, answer
    return time.monotonic() - begin


def slowest(circe, path, status=200, times=20):
    longest = max(seconds(lambda: circe.ask("GET", path, page=True), status) for _ in range(times))
    logger.info("%s: %.0f ms at most", path, longest * 1000)
    return longest


def create(circe):
    number = next(circe.numbers)
    return lambda: circe.ask("POST", CUSTOMERS, {"first_name": "Jane", "phone": f"+4793{number:06}"})


def assert_sound(answers, number):
    assert len(answers) == number
    assert [answer for answer in answers if not answer.is_sound] == []


# --- locks ------------------------------------------------------------------------------------------------------------


def test_writers_that_wait_for_a_table(circe, customer):
    """Reads are answered as well: no write ever gets a worker's last slot."""
    lock = held(circe, "LOCK TABLE customers_customer IN SHARE ROW EXCLUSIVE MODE")
    with lock, asking(*[create(circe) for _ in range(WRITERS)]) as answers:
        until(lambda: are_waiting(circe, 3))
        assert slowest(circe, "/healthz") < HEALTHZ_SECONDS
        assert slowest(circe, "/readyz", times=3) < READYZ_SECONDS
        reads = [seconds(lambda path=path: circe.ask("GET", path), 200) for path in (CUSTOMERS, customer) * 3]
        assert max(reads) < READ_SECONDS
        assert are_waiting(circe, 1)
    assert_sound(answers, WRITERS)
    assert {answer.status for answer in answers} == {503}
    assert [create(circe)().status for _ in range(8)] == [201] * 8


def test_writers_that_wait_for_a_row_go_on_when_it_is_free(circe, customer):
    def change():
        return circe.ask("PATCH", customer, {"last_name": "Doe"})

    lock = held(circe, "SELECT FROM customers_customer WHERE id = %s FOR UPDATE", customer[-24:])
    with ExitStack() as until_answered, lock:
        answers = until_answered.enter_context(asking(*[change] * WRITERS))
        until(lambda: are_waiting(circe, 1))
        assert slowest(circe, "/healthz") < HEALTHZ_SECONDS
        assert seconds(lambda: circe.ask("GET", customer), 200) < READYZ_SECONDS
    assert_sound(answers, WRITERS)
    assert answers[-1].status == 200
    assert change().status == 200


def test_everybody_waits_for_a_table(circe):
    """Every slot is taken, and most of the connections. The database is busy then, and not away."""
    acts = [act for _ in range(WRITERS) for act in (create(circe), lambda: circe.ask("GET", CUSTOMERS))]
    with held(circe, "LOCK TABLE customers_customer"), asking(*acts) as answers:
        until(lambda: are_waiting(circe, 5))
        assert slowest(circe, "/healthz") < HEALTHZ_SECONDS
        assert slowest(circe, "/readyz", times=3) < READYZ_SECONDS
    assert_sound(answers, len(acts))
    assert [circe.ask("GET", CUSTOMERS).status for _ in range(8)] == [200] * 8


def test_more_writers_than_a_worker_takes_in(circe):
    lock = held(circe, "LOCK TABLE customers_customer IN SHARE ROW EXCLUSIVE MODE")
    with lock, asking(*[create(circe) for _ in range(CROWD)]) as answers:
        # Those that are too many don't wait.
        until(lambda: len(answers) >= CROWD // 4, seconds=5)
        assert slowest(circe, "/healthz") < HEALTHZ_SECONDS
        assert circe.ask("GET", CUSTOMERS).status == 200
    assert_sound(answers, CROWD)
    assert "There are too many requests at this moment. Try again in a moment." in {
        answer.json["detail"] for answer in answers
    }
    assert [create(circe)().status for _ in range(8)] == [201] * 8


def test_log_ins_that_wait_for_their_turn(circe):
    def sign_in():
        return circe.ask("POST", "/api/v1/auth/login", SIGN_IN)

    turn = held(circe, "SELECT pg_advisory_xact_lock(1, hashtext(%s))", SIGN_IN["email"])
    with turn, asking(*[sign_in] * WRITERS) as answers:
        until(lambda: are_waiting(circe, 2))
        assert slowest(circe, "/healthz") < HEALTHZ_SECONDS
        assert circe.ask("GET", CUSTOMERS).status == 200
        assert create(circe)().status == 201
    assert_sound(answers, WRITERS)
    assert sign_in().status == 200


# --- the database can't -----------------------------------------------------------------------------------------------


def test_the_table_that_readyz_reads_is_locked(circe):
    with held(circe, "LOCK TABLE django_migrations"):
        assert slowest(circe, "/readyz", 503, times=3) < READYZ_SECONDS
        assert slowest(circe, "/healthz") < HEALTHZ_SECONDS
        assert circe.ask("GET", CUSTOMERS).status == 200
    assert circe.ask("GET", "/readyz").status == 200


@contextmanager
def frozen(circe):
    """No process of the database runs: connections are taken, and nothing is answered."""
    postmaster = circe.cluster.running_pid()
    os.kill(postmaster, signal.SIGSTOP)
    processes = [postmaster, *children(postmaster)]
    for process in processes:
        os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            os.kill(process, signal.SIGCONT)


def test_a_database_that_hangs(circe):
    """However many ask whether it is ready."""
    acts = [create(circe) for _ in range(6)]
    acts += [lambda path=path: circe.ask("GET", path) for path in (CUSTOMERS, *["/readyz"] * 5) for _ in range(6)]
    with ExitStack() as until_answered, frozen(circe):
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(circe.address("circe"), connect_timeout=2)
        assert slowest(circe, "/readyz", 503, times=2) < READYZ_SECONDS
        answers = until_answered.enter_context(asking(*acts))
        assert slowest(circe, "/healthz") < HEALTHZ_SECONDS
        assert slowest(circe, "/readyz", 503, times=2) < READYZ_SECONDS
        # All but those who have a slot.
        until(lambda: len(answers) >= len(acts) - 8)
    assert_sound(answers, len(acts))
    until(lambda: circe.ask("GET", "/readyz").status == 200, seconds=10)
    assert [circe.ask("GET", CUSTOMERS).status for _ in range(8)] == [200] * 8


# --- slots ------------------------------------------------------------------------------------------------------------


def test_a_slot_is_given_back_whatever_becomes_of_the_answer(circe):
    """A worker with one slot, of whose threads each would keep it if it were not given back."""
    with type(circe)(circe.place, circe.cluster, circe.token).serving(WEB_WORKERS="1", WEB_THREADS="1") as own:
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


def test_what_is_refused_is_told_in_the_one_shape(circe):
    own = type(circe)(circe.place, circe.cluster, circe.token)
    with own.serving(WEB_WORKERS="1", WEB_THREADS="1"):
        lock = held(circe, "LOCK TABLE customers_customer IN SHARE ROW EXCLUSIVE MODE")
        with lock, asking(*[create(own) for _ in range(CROWD)]) as answers:
            until(lambda: answers)
            page = own.ask("POST", "/admin/login/", "", page=True)
    assert_sound(answers, CROWD)
    assert {answer.headers["Content-Type"] for answer in answers} == {PROBLEM}
    assert all(answer.headers["X-Request-ID"] for answer in answers)
    assert (page.status, page.headers["Retry-After"]) == (503, "2")
    assert b"There are too many requests at this moment." in page.body


# --- uploads ----------------------------------------------------------------------------------------------------------


@contextmanager
def back_office(circe):
    """`upload(data)` sends a file of customers as an administrator does, and returns the response."""
    with requests.Session() as session:
        base = f"http://127.0.0.1:{circe.port}/admin"

        def post(path, **fields):
            session.get(f"{base}{path}", timeout=60).raise_for_status()
            fields["data"] = fields.get("data", {}) | {"csrfmiddlewaretoken": session.cookies["csrftoken"]}
            return session.post(f"{base}{path}", timeout=60, **fields)

        post("/login/", data={"username": SIGN_IN["email"], "password": PASSWORD}).raise_for_status()
        yield lambda data: post("/customers/customer/import/", files={"file": ("people.xlsx", data)})


def test_costly_files_leave_the_server_to_others(circe, customer):
    """Ten files that unpack to a million strings each took the only process of a server for minutes."""
    data = a_million_empty_strings()
    with ExitStack() as stack:
        uploads = [stack.enter_context(back_office(circe)) for _ in range(10)]
        with asking(*[lambda upload=upload: upload(data) for upload in uploads]) as answers:
            assert slowest(circe, "/healthz", times=50) < HEALTHZ_SECONDS
            reads = [seconds(lambda path=path: circe.ask("GET", path), 200) for path in (CUSTOMERS, customer) * 10]
            assert max(reads) < READ_SECONDS
    assert [answer.status_code for answer in answers] == [200] * 10
    assert any("is being checked or imported" in answer.text for answer in answers)
