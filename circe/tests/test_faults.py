"""Circe survives failures of the database, of workers and of the disk: gunicorn as in production, with its own PostgreSQL.

All answers are 2xx, or 503 with Retry-After. /healthz always answers 200. When the database is back, the next request works.
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

from appointments.messages.tests.mail_server import serve_mail
from circe.tests.chaos import (
    CHAOS,
    CUSTOMERS,
    NOTHING,
    REFUSED,
    SIGN_IN,
    Circe,
    Writers,
    at_once,
    choose_child,
    install_circe,
    logger,
    timed,
    until,
)
from tenants.tests.factories import PASSWORD

# All tests run in one process, so that the server is made once.
pytestmark = [pytest.mark.slow("serves under load while servers and disks fail"), pytest.mark.xdist_group("faults")]

CONCURRENT_REQUESTS = 100
JANE = {"first_name": "Jane", "email": "jane@example.com"}


@pytest.fixture(scope="module")
def served():
    with install_circe() as circe, circe.serving():
        yield circe


@pytest.fixture
def circe(served):
    """Starts the database if a test before has stopped it."""
    served.cluster.ensure_running()
    return served


@contextmanager
def watch_health(circe):
    """Sends requests to /healthz during the block. Asserts that all are answered with 200."""
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


# --- the database goes away and comes back --------------------------------------------------------------------------


def sign_in(circe):
    """Signs in to the admin and returns the cookies."""
    page = circe.ask("GET", "/admin/login/", page=True)
    token = page.headers["Set-Cookie"].split("csrftoken=")[1].split(";")[0]
    form = f"username=admin%40example.com&password={PASSWORD.replace(' ', '+')}&csrfmiddlewaretoken={token}"
    answer = circe.ask(
        "POST", "/admin/login/", form, page=True, Cookie=f"csrftoken={token}", **{"Content-Type": FORM_TYPE}
    )
    assert answer.status == 302, answer.body
    return "; ".join(cookie.split(";")[0] for cookie in answer.headers.get_all("Set-Cookie"))


FORM_TYPE = "application/x-www-form-urlencoded"


def test_requests_work_again_when_the_database_is_back(circe):
    cookie = sign_in(circe)
    pages = ("/admin/", "/admin/customers/customer/", "/admin/appointments/appointment/day/")
    assert circe.ask("GET", pages[0], page=True, Cookie=cookie).status == 200
    # Each worker opens connections, which all die with the server.
    at_once(*[lambda: circe.ask("GET", CUSTOMERS)] * 8)
    circe.cluster.stop()
    logged = len(circe.log.read_text())
    for method, path, body in (
        ("GET", "/readyz", None),
        ("GET", CUSTOMERS, None),
        ("POST", CUSTOMERS, JANE),
        ("GET", f"{CUSTOMERS}/statistics/summary", None),
        ("PUT", f"{CUSTOMERS}/507f1f77bcf86cd799439011", {}),
        ("POST", "/api/v1/auth/login", SIGN_IN),
    ):
        answer = circe.ask(method, path, body, key="away")
        assert (answer.status, answer.is_expected, answer.json["code"]) == (503, True, "unavailable"), (path, answer)
    for path in pages:
        answer = circe.ask("GET", path, page=True, Cookie=cookie)
        assert (answer.status, answer.headers["Content-Type"]) == (503, "text/html; charset=utf-8")
        assert int(answer.headers["Retry-After"]) > 0
        assert b"Try again in a moment" in answer.body
    assert circe.ask("GET", "/healthz").status == 200
    # No request waited for the timeout of a pool.
    assert "couldn't get a connection" not in circe.log.read_text()[logged:]
    circe.cluster.ensure_running()
    # Both workers work again at once.
    assert [circe.ask("GET", CUSTOMERS).status for _ in range(8)] == [200] * 8
    assert circe.ask("GET", "/readyz").status == 200
    assert circe.ask("GET", pages[0], page=True, Cookie=cookie).status == 200


def test_the_pool_gives_out_no_ended_session(circe):
    at_once(*[lambda: circe.ask("GET", CUSTOMERS)] * 8)
    circe.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'circe'", user=circe.superuser)
    assert [circe.ask("GET", CUSTOMERS).status for _ in range(8)] == [200] * 8


def test_no_write_is_lost_by_restarts_and_ended_sessions(circe):
    writers = Writers(circe)
    with watch_health(circe), writers.running():
        for number in range(3 * CHAOS):
            writers.wait_for_more()
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
    assert (writers.unexpected, writers.find_lost()) == ([], [])


def test_the_sender_of_messages_waits_for_the_database(circe):
    log = circe.directory / "command.log"
    circe.cluster.stop()
    with (
        serve_mail() as server,
        circe.running("send_messages", EMAIL_URL=f"smtp://127.0.0.1:{server.port}") as sender,
    ):
        until(lambda: "The database is away (OperationalError)." in log.read_text())
        circe.cluster.ensure_running()
        circe.sql("UPDATE tenants_tenant SET sends_changes = true")
        circe.sql(
            "UPDATE appointments_appointment SET appointment_date = '2030-01-01', status = 'confirmed', "
            "sequence = sequence + 1"
        )
        until(lambda: server.accepted)
        sender.terminate()
        assert sender.wait(timeout=60) == 0
    assert "Traceback" not in log.read_text()


# --- the database refuses -----------------------------------------------------------------------------------------------


def test_with_too_few_connections_answers_are_200_or_503(circe):
    """The database allows fewer connections than the pools want. Requests with a connection are answered."""
    circe.sql("ALTER ROLE circe CONNECTION LIMIT 3", user=circe.superuser)
    try:
        circe.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'circe'", user=circe.superuser
        )
        with watch_health(circe):
            answers = at_once(*[lambda: circe.ask("GET", CUSTOMERS)] * 40)
    finally:
        circe.sql("ALTER ROLE circe CONNECTION LIMIT -1", user=circe.superuser)
    assert [answer for answer in answers if not answer.is_expected] == []
    assert {answer.status for answer in answers} <= {200, 503}
    assert circe.ask("GET", CUSTOMERS).status == 200


@contextmanager
def lock_customers(circe):
    """Locks the table of customers against reading during the block."""
    with psycopg.connect(circe.address(circe.superuser)) as connection:
        connection.execute("LOCK TABLE customers_customer")
        yield


@pytest.mark.parametrize("bound", ["statement_timeout", "lock_timeout"])
def test_a_timeout_of_the_database_is_a_503(circe, bound):
    own = Circe(circe.directory, circe.cluster, circe.token)
    with own.serving(PGOPTIONS=f"-c {bound}=300ms"):
        with lock_customers(circe):
            for method, body in (("GET", None), ("POST", JANE)):
                answer = own.ask(method, CUSTOMERS, body)
                assert (answer.status, answer.is_expected) == (503, True)
            assert own.ask("GET", "/healthz").status == 200
        assert own.ask("GET", CUSTOMERS).status == 200


@contextmanager
def small_disk(directory):
    disk = directory / "disk"
    disk.mkdir()
    mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=160m,mode=755", "tmpfs", disk], check=False)
    if mount.returncode:
        pytest.skip("mounting a disk needs root, and is not allowed in every container")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)


def test_no_write_is_lost_by_a_full_disk():
    with install_circe(small_disk) as circe, circe.serving():
        filler, writers = circe.directory / "disk" / "filler", Writers(circe, 3)
        with watch_health(circe), writers.running():
            writers.wait_for_more()
            with suppress(OSError), filler.open("wb", buffering=0) as file:
                while True:
                    file.write(b"\0" * 8192)
            until(lambda: writers.answers[503] > 5)
            filler.unlink()
            circe.cluster.ensure_running()
            writers.wait_for_more()
        failed, _ = writers.repeat_unknown()
        logger.info("a full disk: %s", dict(writers.answers))
        assert (failed, writers.unexpected, writers.find_lost()) == ([], [], [])


# --- kill -9 ----------------------------------------------------------------------------------------------------------


def test_no_write_is_lost_by_killed_workers(circe):
    """No acknowledged write is lost. A request without an answer is answered when it is sent again."""
    writers = Writers(circe)
    with writers.running():
        for _ in range(3 * CHAOS):
            writers.wait_for_more()
            os.kill(choose_child(circe.gunicorn.pid), signal.SIGKILL)
            until(lambda: len(circe.workers()) == 2)
    failed, done = writers.repeat_unknown()
    logger.info(
        "workers killed %s times: %s; of %s unknown %s had been done",
        3 * CHAOS,
        dict(writers.answers),
        len(writers.unknown),
        done,
    )
    assert (failed, writers.unexpected, writers.find_lost()) == ([], [], [])
    assert writers.answers[NOTHING] > 0


def kill_database_repeatedly(circe, rounds):
    """Kills the database again and again while clients write. Returns the clients."""
    writers = Writers(circe)
    with watch_health(circe), writers.running():
        for _ in range(rounds):
            writers.wait_for_more()
            circe.kill_database()
            circe.cluster.ensure_running()
            with timed("recovered"):
                until(lambda: circe.ask("GET", CUSTOMERS).status == 200)
    return writers


def test_no_write_is_lost_by_a_killed_database(circe):
    writers = kill_database_repeatedly(circe, CHAOS)
    failed, done = writers.repeat_unknown()
    logger.info(
        "database killed %s times: %s; of %s unknown %s had been done",
        CHAOS,
        dict(writers.answers),
        len(writers.unknown),
        done,
    )
    assert (failed, writers.unexpected, writers.find_lost()) == ([], [], [])


def test_lost_writes_would_be_found(circe):
    """With synchronous_commit off, a commit is acknowledged before it is on disk. The test must find the loss."""
    circe.sql("ALTER SYSTEM SET wal_writer_delay = '10s'", user=circe.superuser)
    circe.sql("ALTER SYSTEM SET synchronous_commit = off", user=circe.superuser)
    circe.sql("SELECT pg_reload_conf()", user=circe.superuser)
    try:
        writers = kill_database_repeatedly(circe, CHAOS)
    finally:
        circe.sql("ALTER SYSTEM RESET wal_writer_delay", user=circe.superuser)
        circe.sql("ALTER SYSTEM RESET synchronous_commit", user=circe.superuser)
        circe.sql("SELECT pg_reload_conf()", user=circe.superuser)
    lost = writers.find_lost()
    logger.info("without synchronous_commit: %s of %s acknowledged were lost", len(lost), len(writers.acknowledged))
    assert lost
    assert writers.unexpected == []


def test_no_write_is_lost_by_sigterm(circe):
    own = Circe(circe.directory, circe.cluster, circe.token, numbers=circe.numbers)
    writers = Writers(own)
    with own.serving(), writers.running():
        writers.wait_for_more(50)
        own.gunicorn.terminate()
        until(lambda: own.gunicorn.poll() is not None)
    logger.info("SIGTERM under load: %s", dict(writers.answers))
    assert set(writers.answers) <= {NOTHING, REFUSED, 201, 503}
    own.port = circe.port
    failed, _ = writers.repeat_unknown()
    assert (failed, writers.unexpected, writers.find_lost()) == ([], [], [])


# --- a hundred at once ------------------------------------------------------------------------------------------------


def count_deadlocks(circe):
    statement = "SELECT pg_stat_force_next_flush(), deadlocks FROM pg_stat_database WHERE datname = 'circe'"
    return circe.sql(statement)[0][1]


def test_of_a_hundred_concurrent_creates_of_one_person_one_succeeds(circe):
    before = count_deadlocks(circe)
    for number in range(CHAOS):
        phone = f"+4791{number:06}"
        spellings = [phone, phone.replace("+47", "0047 "), f"{phone[:5]}-{phone[5:]}", f"+47 ({phone[3:]})"]
        bodies = [
            {"first_name": "Jane", "email": email, "phone": spelling}
            for email in (f"one{number}@example.com", f"ONE{number}@example.com", f" One{number}@Example.com ")
            for spelling in spellings
        ]
        answers = at_once(
            *[
                lambda body=body: circe.ask("POST", CUSTOMERS, body)
                for body in islice(cycle(bodies), CONCURRENT_REQUESTS)
            ]
        )
        assert Counter(answer.status for answer in answers) == {201: 1, 409: CONCURRENT_REQUESTS - 1}
        assert circe.sql("SELECT count(*) FROM customers_customer WHERE phone = %s", phone) == [(1,)]
    assert count_deadlocks(circe) == before
    logger.info("%s times %s creates of one person: each time one 201, the rest 409", CHAOS, CONCURRENT_REQUESTS)


def test_of_a_hundred_requests_with_one_idempotency_key_one_is_done(circe):
    for number in range(CHAOS):
        body = {"first_name": "Jane", "phone": f"+4792{number:06}"}
        answers = at_once(
            *[lambda body=body, n=number: circe.ask("POST", CUSTOMERS, body, key=f"one-{n}")] * CONCURRENT_REQUESTS
        )
        made = {answer.json["id"] for answer in answers if answer.status == 201}
        refused = {answer.json["code"] for answer in answers if answer.status != 201}
        assert len(made) == 1
        assert refused <= {"in_flight"}
