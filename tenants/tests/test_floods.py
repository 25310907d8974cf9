"""Many log-ins at once: memory stays bounded, and so does what they take from everybody else."""

import threading

import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.db import connection
from django.test import Client
from rest_framework.test import APIClient

from tenants.accounts import throttling
from tenants.accounts.hashers import Argon2idPasswordHasher, FastArgon2idPasswordHasher
from tenants.tests.factories import PASSWORD

LOGIN = "/api/v1/auth/login"
ME = "/api/v1/auth/me"
LOGIN_SLOTS = 2

CAPACITY_EXCEEDED = {
    "type": "urn:circe:problem:unavailable",
    "title": "Service Unavailable",
    "status": 503,
    "detail": "Too many people are signing in at this moment. Try again in a moment.",
    "code": "unavailable",
}


class HeldHasher(FastArgon2idPasswordHasher):
    """Begins, and waits until it may go on."""

    begun, go_on = threading.Semaphore(0), threading.Event()

    def encode(self, password, salt):
        HeldHasher.begun.release()
        HeldHasher.go_on.wait()
        return super().encode(password, salt)


def sign_in(answers, n):
    try:
        body = {"email": f"nobody{n}@lotus.test", "password": PASSWORD}
        answers.append(APIClient().post(LOGIN, body, REMOTE_ADDR=f"203.0.113.{n}").status_code)
    finally:
        connection.close()


@pytest.fixture
def full_login_slots(settings, monkeypatch, transactional_db, staff):
    """Fills every login slot with a log-in that waits in its hash. `full_login_slots()` ends them; it returns statuses."""
    settings.PASSWORD_HASHERS = [f"{__name__}.HeldHasher", *settings.PASSWORD_HASHERS]
    monkeypatch.setattr(throttling, "_login_slots", threading.BoundedSemaphore(LOGIN_SLOTS))
    HeldHasher.go_on.clear()
    answers = []
    threads = [threading.Thread(target=sign_in, args=[answers, n], daemon=True) for n in range(LOGIN_SLOTS)]
    for thread in threads:
        thread.start()
    for _ in threads:
        HeldHasher.begun.acquire()

    def leave():
        HeldHasher.go_on.set()
        for thread in threads:
            thread.join()
        return answers

    yield leave
    leave()


def test_one_log_in_too_many_is_refused_at_once_and_holds_up_nobody(staff, full_login_slots, anonymous):
    credentials = {"email": staff.user.email, "password": PASSWORD}
    refused = anonymous.post(LOGIN, credentials)
    assert (refused.status_code, refused.json(), refused.headers["Retry-After"]) == (503, CAPACITY_EXCEEDED, "1")
    page = Client().post("/admin/login/", {"username": staff.user.email, "password": PASSWORD})
    assert (page.status_code, page.headers["Retry-After"]) == (503, "1")
    assert CAPACITY_EXCEEDED["detail"] in page.content.decode()
    assert staff.get(ME).status_code == 200
    assert full_login_slots() == [401] * LOGIN_SLOTS
    # Whoever waited is let in, and was not counted as a guess.
    assert anonymous.post(LOGIN, credentials).status_code == 200


def test_a_slot_is_released_whatever_happens(monkeypatch, user, anonymous):
    monkeypatch.setattr(throttling, "_login_slots", threading.BoundedSemaphore(1))
    monkeypatch.setattr("tenants.accounts.managers.UserManager.find_by_credentials", lambda *_, **__: 1 / 0)
    credentials = {"email": user.email, "password": PASSWORD}
    assert [anonymous.post(LOGIN, credentials).status_code for _ in range(3)] == [500] * 3
    monkeypatch.undo()
    assert anonymous.post(LOGIN, credentials).status_code == 200


def test_two_hashes_run_at_once_in_a_process_whoever_asks(monkeypatch):
    running, peak, lock = 0, 0, threading.Lock()

    def counted(hash_it):
        def run(*args, **kwargs):
            nonlocal running, peak
            with lock:
                running += 1
                peak = max(peak, running)
            try:
                return hash_it(*args, **kwargs)
            finally:
                with lock:
                    running -= 1

        return run

    for name in ("encode", "verify"):
        monkeypatch.setattr(Argon2PasswordHasher, name, counted(getattr(Argon2PasswordHasher, name)))
    hasher = Argon2idPasswordHasher()
    encoded = hasher.encode(PASSWORD, "saltsaltsalt")
    barrier = threading.Barrier(12)

    def run(n):
        barrier.wait()
        hasher.verify(PASSWORD, encoded) if n % 2 else hasher.encode(PASSWORD, "saltsaltsalt")

    threads = [threading.Thread(target=run, args=[n]) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert peak == 2


def test_what_a_hash_costs():
    """OWASP's Password Storage Cheat Sheet: Argon2id with 19 MiB, two passes, one lane."""
    assert Argon2idPasswordHasher().encode(PASSWORD, "saltsaltsalt").startswith("argon2$argon2id$v=19$m=19456,t=2,p=1$")
