"""What becomes of Circe when what it stands on fails: gunicorn as in production, over a PostgreSQL of its own.

Answers are only 2xx, or 503 with Retry-After; /healthz stays up; with the database back, the next request is served.
"""

import os
import signal
import subprocess
import threading
from collections import Counter
from contextlib import contextmanager, suppress
from itertools import cycle, islice

import psycopg
import pytest

from circe.tests.chaos import (
    CHAOS,
    CUSTOMERS,
    NOTHING,
    REFUSED,
    Circe,
    Writers,
    at_once,
    installed,
    logger,
    some_child,
    timed,
    until,
)
from tenants.tests.factories import PASSWORD

# All of them in one process: its server is made once.
pytestmark = [pytest.mark.slow("serves under load while servers and disks fail"), pytest.mark.xdist_group("faults")]

CROWD = 100
JANE = {"first_name": "Jane", "email": "jane@example.com"}


@pytest.fixture(scope="module")
def served():
    with installed() as circe, circe.serving():
        yield circe


@pytest.fixture
def circe(served):
    """At work, the database as well as the server."""
    served.cluster.ensure_running()
    return served


@contextmanager
def health_watched(circe):
    """/healthz is asked all the while, and has to answer."""
    over, answers = threading.Event(), []

    def watch():
        while not over.wait(0.05):
            answers.append(circe.ask("GET", "/healthz").status)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    assert set(answers) == {200}


# --- the database is away, and comes back ---------------------------------------------------------------------------


def sign_in(circe):
    """A session's cookie."""
    page = circe.ask("GET", "/admin/login/", page=True)
    token = page.headers["Set-Cookie"].split("csrftoken=")[1].split(";")[0]
    form = f"username=admin%40example.com&password={PASSWORD.replace(' ', '+')}&csrfmiddlewaretoken={token}"
    answer = circe.ask(
        "POST", "/admin/login/", form, page=True, Cookie=f"csrftoken={token}", **{"Content-Type": FORM_TYPE}
    )
    assert answer.status == 302, answer.body
    return "; ".join(cookie.split(";")[0] for cookie in answer.headers.get_all("Set-Cookie"))


FORM_TYPE = "application/x-www-form-urlencoded"


def test_away_and_back(circe):
    cookie = sign_in(circe)
    pages = ("/admin/", "/admin/customers/customer/", "/admin/appointments/appointment/day/")
    assert circe.ask("GET", pages[0], page=True, Cookie=cookie).status == 200
    # Each worker has connections, all of which die.
    at_once(*[lambda: circe.ask("GET", CUSTOMERS)] * 8)
    circe.cluster.stop()
    logged = len(circe.log.read_text())
    for method, path, body in (
        ("GET", "/readyz", None),
        ("GET", CUSTOMERS, None),
        ("POST", CUSTOMERS, JANE),
        ("GET", f"{CUSTOMERS}/statistics/summary", None),
        ("PUT", f"{CUSTOMERS}/507f1f77bcf86cd799439011", {}),
        ("POST", "/api/v1/auth/login", {"email": "admin@example.com", "password": PASSWORD}),
    ):
        answer = circe.ask(method, path, body, key="away")
        assert (answer.status, answer.is_sound, answer.json["code"]) == (503, True, "unavailable"), (path, answer)
    for path in pages:
        answer = circe.ask("GET", path, page=True, Cookie=cookie)
        assert (answer.status, answer.headers["Content-Type"]) == (503, "text/html; charset=utf-8")
        assert int(answer.headers["Retry-After"]) > 0
        assert b"Try again in a moment" in answer.body
    assert circe.ask("GET", "/healthz").status == 200
    # The answers did not wait for a pool to give up.
    assert "couldn't get a connection" not in circe.log.read_text()[logged:]
    circe.cluster.ensure_running()
    # Both workers, at once: there is nothing to wait for.
    assert [circe.ask("GET", CUSTOMERS).status for _ in range(8)] == [200] * 8
    assert circe.ask("GET", "/readyz").status == 200
    assert circe.ask("GET", pages[0], page=True, Cookie=cookie).status == 200


def test_ended_sessions_are_not_handed_out(circe):
    at_once(*[lambda: circe.ask("GET", CUSTOMERS)] * 8)
    circe.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'circe'", user=circe.superuser)
    assert [circe.ask("GET", CUSTOMERS).status for _ in range(8)] == [200] * 8


def test_restarts_and_ended_sessions_under_load(circe):
    writers = Writers(circe)
    with health_watched(circe), writers.at_work():
        for number in range(3 * CHAOS):
            writers.go_on()
            if number % 3 == 2:
                circe.cluster.stop()
                with timed("ready turned"):
                    until(lambda: circe.ask("GET", "/readyz").status == 503)
                circe.cluster.ensure_running()
                with timed("recovered"):
                    until(lambda: circe.ask("GET", CUSTOMERS).status == 200)
            else:
                circe.sql(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'circe'",
                    user=circe.superuser,
                )
    logger.info("%s times all sessions ended or a restart: %s", 3 * CHAOS, dict(writers.answers))
    assert set(writers.answers) == {201, 503}
    assert (writers.unsound, writers.lost()) == ([], [])


# --- the database can't -----------------------------------------------------------------------------------------------


def test_no_connection_to_be_had(circe):
    """The server lets in fewer than Circe would like: those it lets in are served."""
    circe.sql("ALTER ROLE circe CONNECTION LIMIT 3", user=circe.superuser)
    try:
        circe.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'circe'", user=circe.superuser
        )
        with health_watched(circe):
            answers = at_once(*[lambda: circe.ask("GET", CUSTOMERS)] * 40)
    finally:
        circe.sql("ALTER ROLE circe CONNECTION LIMIT -1", user=circe.superuser)
    assert [answer for answer in answers if not answer.is_sound] == []
    assert {answer.status for answer in answers} <= {200, 503}
    assert circe.ask("GET", CUSTOMERS).status == 200


@contextmanager
def locked(circe):
    """Nobody else can read customers."""
    with psycopg.connect(circe.address(circe.superuser)) as connection:
        connection.execute("LOCK TABLE customers_customer")
        yield


@pytest.mark.parametrize("bound", ["statement_timeout", "lock_timeout"])
def test_too_slow(circe, bound):
    own = Circe(circe.place, circe.cluster, circe.token)
    with own.serving(PGOPTIONS=f"-c {bound}=300ms"):
        with locked(circe):
            for method, body in (("GET", None), ("POST", JANE)):
                answer = own.ask(method, CUSTOMERS, body)
                assert (answer.status, answer.is_sound) == (503, True)
            assert own.ask("GET", "/healthz").status == 200
        assert own.ask("GET", CUSTOMERS).status == 200


@contextmanager
def small_disk(place):
    disk = place / "disk"
    disk.mkdir()
    mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=160m,mode=755", "tmpfs", disk], check=False)
    if mount.returncode:
        pytest.skip("a disk of its own wants root, and may be refused to it in a container")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)


def test_a_full_disk():
    with installed(small_disk) as circe, circe.serving():
        filler, writers = circe.place / "disk" / "filler", Writers(circe, 3)
        with health_watched(circe), writers.at_work():
            writers.go_on()
            with suppress(OSError), filler.open("wb", buffering=0) as file:
                while True:
                    file.write(b"\0" * 8192)
            until(lambda: writers.answers[503] > 5)
            filler.unlink()
            circe.cluster.ensure_running()
            writers.go_on()
        unsettled, _ = writers.settle()
        logger.info("a full disk: %s", dict(writers.answers))
        assert (unsettled, writers.unsound, writers.lost()) == ([], [], [])


# --- kill -9 ----------------------------------------------------------------------------------------------------------


def test_killed_workers(circe):
    """Nothing that was acknowledged is lost, and one replay settles each that was not."""
    writers = Writers(circe)
    with writers.at_work():
        for _ in range(3 * CHAOS):
            writers.go_on()
            os.kill(some_child(circe.gunicorn.pid), signal.SIGKILL)
            until(lambda: len(circe.workers()) == 2)
    unsettled, done = writers.settle()
    logger.info(
        "workers killed %s times: %s; of %s unknown %s had been done",
        3 * CHAOS,
        dict(writers.answers),
        len(writers.unknown),
        done,
    )
    assert (unsettled, writers.unsound, writers.lost()) == ([], [], [])
    assert writers.answers[NOTHING] > 0


def killed_databases(circe, rounds):
    """Writers at work while the database is killed again and again."""
    writers = Writers(circe)
    with health_watched(circe), writers.at_work():
        for _ in range(rounds):
            writers.go_on()
            circe.kill_database()
            circe.cluster.ensure_running()
            with timed("recovered"):
                until(lambda: circe.ask("GET", CUSTOMERS).status == 200)
    return writers


def test_a_killed_database(circe):
    writers = killed_databases(circe, CHAOS)
    unsettled, done = writers.settle()
    logger.info(
        "database killed %s times: %s; of %s unknown %s had been done",
        CHAOS,
        dict(writers.answers),
        len(writers.unknown),
        done,
    )
    assert (unsettled, writers.unsound, writers.lost()) == ([], [], [])


def test_that_this_can_find_what_was_lost(circe):
    """A commit that is acknowledged before it is on disk."""
    circe.sql("ALTER SYSTEM SET wal_writer_delay = '10s'", user=circe.superuser)
    circe.sql("ALTER SYSTEM SET synchronous_commit = off", user=circe.superuser)
    circe.sql("SELECT pg_reload_conf()", user=circe.superuser)
    try:
        writers = killed_databases(circe, CHAOS)
    finally:
        circe.sql("ALTER SYSTEM RESET wal_writer_delay", user=circe.superuser)
        circe.sql("ALTER SYSTEM RESET synchronous_commit", user=circe.superuser)
        circe.sql("SELECT pg_reload_conf()", user=circe.superuser)
    lost = writers.lost()
    logger.info("without synchronous_commit: %s of %s acknowledged were lost", len(lost), len(writers.acknowledged))
    assert lost
    assert writers.unsound == []


def test_sigterm_under_load(circe):
    own = Circe(circe.place, circe.cluster, circe.token, numbers=circe.numbers)
    writers = Writers(own)
    with own.serving(), writers.at_work():
        writers.go_on(50)
        own.gunicorn.terminate()
        until(lambda: own.gunicorn.poll() is not None)
    logger.info("SIGTERM under load: %s", dict(writers.answers))
    assert set(writers.answers) <= {NOTHING, REFUSED, 201, 503}
    own.port = circe.port
    unsettled, _ = writers.settle()
    assert (unsettled, writers.unsound, writers.lost()) == ([], [], [])


# --- a hundred at once ------------------------------------------------------------------------------------------------


def deadlocks(circe):
    statement = "SELECT pg_stat_force_next_flush(), deadlocks FROM pg_stat_database WHERE datname = 'circe'"
    return circe.sql(statement)[0][1]


def test_of_a_hundred_concurrent_creates_of_one_person_one_is_made(circe):
    before = deadlocks(circe)
    for number in range(CHAOS):
        phone = f"+4791{number:06}"
        spellings = [phone, phone.replace("+47", "0047 "), f"{phone[:5]}-{phone[5:]}", f"+47 ({phone[3:]})"]
        bodies = [
            {"first_name": "Jane", "email": email, "phone": spelling}
            for email in (f"one{number}@example.com", f"ONE{number}@example.com", f" One{number}@Example.com ")
            for spelling in spellings
        ]
        answers = at_once(
            *[lambda body=body: circe.ask("POST", CUSTOMERS, body) for body in islice(cycle(bodies), CROWD)]
        )
        assert Counter(answer.status for answer in answers) == {201: 1, 409: CROWD - 1}
        assert circe.sql("SELECT count(*) FROM customers_customer WHERE phone = %s", phone) == [(1,)]
    assert deadlocks(circe) == before
    logger.info("%s times %s creates of one person: each time one 201, the rest 409", CHAOS, CROWD)


def test_of_a_hundred_requests_with_one_key_one_is_done(circe):
    for number in range(CHAOS):
        body = {"first_name": "Jane", "phone": f"+4792{number:06}"}
        answers = at_once(*[lambda body=body, n=number: circe.ask("POST", CUSTOMERS, body, key=f"one-{n}")] * CROWD)
        made = {answer.json["id"] for answer in answers if answer.status == 201}
        refused = {answer.json["code"] for answer in answers if answer.status != 201}
        assert len(made) == 1
        assert refused <= {"in_flight"}
