"""POST /api/v1/auth/login"""

import datetime as dt
import threading

import pytest
import time_machine
from django.db import connection, transaction
from rest_framework.test import APIClient

from tenants.accounts.hashers import FastArgon2idPasswordHasher
from tenants.models import LoginFailure, LoginSession, Role
from tenants.tests.factories import PASSWORD, UserFactory
from tenants.tests.locks import find_lock_waiters

committed = pytest.mark.django_db(transaction=True)

LOGIN = "/api/v1/auth/login"
ME = "/api/v1/auth/me"
MORNING = dt.datetime(2026, 1, 5, 9, tzinfo=dt.UTC)

REFUSED = {
    "type": "urn:circe:problem:authentication_failed",
    "title": "Unauthorized",
    "status": 401,
    "detail": "No active account has this e-mail and password.",
    "code": "authentication_failed",
}


@pytest.fixture
def user(tenant):
    return UserFactory(tenant=tenant, email="rina@lotus.test")


@pytest.fixture
def log_in(anonymous, user):
    """Returns a function: `log_in(email, password)` is the response. The defaults are the user's own."""

    def post(email=user.email, password=PASSWORD, **request):
        return anonymous.post(LOGIN, {"email": email, "password": password}, **request)

    return post


class CountingHasher(FastArgon2idPasswordHasher):
    """Counts how often a password is hashed."""

    hashes = 0

    def encode(self, password, salt):
        CountingHasher.hashes += 1
        return super().encode(password, salt)

    def verify(self, password, encoded):
        CountingHasher.hashes += 1
        return super().verify(password, encoded)


def test_email_and_password_give_a_pair_of_tokens(log_in, bearer, user):
    answer = log_in()
    assert answer.status_code == 200
    assert set(answer.json()) == {"access", "refresh"}
    assert bearer(answer.json()["access"]).get(ME).json()["email"] == user.email


def test_the_email_in_another_spelling(log_in):
    for spelling in ("RINA@LOTUS.TEST", "  rina@lotus.test\t", "ｒｉｎａ@lotus.test", "rina@ｌotus.test"):
        assert log_in(email=spelling).status_code == 200


def test_an_account_made_in_another_spelling(tenant, log_in):
    UserFactory(tenant=tenant, email=" Ayse@LOTUS.test")
    assert log_in(email="ayse@lotus.test").status_code == 200


def test_the_password_is_taken_as_it_is(tenant, log_in):
    UserFactory(tenant=tenant, email="spaces@lotus.test", password="  two spaces  ")
    assert log_in("spaces@lotus.test", "  two spaces  ").status_code == 200
    for other in ("two spaces", "  two spaces", "  TWO SPACES  ", "  two\u200bspaces  "):
        assert log_in("spaces@lotus.test", other).status_code == 401


def make_refused_credentials(tenant, other_tenant):
    """Returns a pair of e-mail and password by each reason for which a log-in is refused."""
    UserFactory(tenant=tenant, email="inactive@lotus.test", is_active=False)
    UserFactory(tenant=tenant, email="invited@lotus.test", password=None)
    UserFactory(tenant=None, role=Role.SUPER_ADMIN, email="inactive@circe.test", is_active=False)
    UserFactory(tenant=other_tenant, email="rina@nordlys.test")
    other_tenant.is_active = False
    other_tenant.save()
    return {
        "wrong password": ("rina@lotus.test", "wrong"),
        "empty-looking password": ("rina@lotus.test", " "),
        "unknown e-mail": ("nobody@lotus.test", PASSWORD),
        "inactive": ("inactive@lotus.test", PASSWORD),
        "inactive super admin": ("inactive@circe.test", PASSWORD),
        "suspended tenant": ("rina@nordlys.test", PASSWORD),
        "suspended tenant, wrong password": ("rina@nordlys.test", "wrong"),
        "without a password": ("invited@lotus.test", PASSWORD),
        "the mark of an unusable password": ("invited@lotus.test", "!"),
    }


def test_every_refusal_is_the_same_and_costs_the_same(settings, log_in, tenant, other_tenant, user):
    settings.PASSWORD_HASHERS = [f"{__name__}.CountingHasher"]
    user.set_password(PASSWORD)
    user.save()
    for reason, credentials in make_refused_credentials(tenant, other_tenant).items():
        CountingHasher.hashes = 0
        answer = log_in(*credentials)
        assert (reason, answer.json(), CountingHasher.hashes) == (reason, REFUSED, 1)
        assert answer.headers.pop("X-Request-ID")
        assert dict(answer.headers) == {
            "Content-Type": "application/problem+json",
            "WWW-Authenticate": "Bearer",
            "Allow": "POST, OPTIONS",
            "X-Frame-Options": "DENY",
            "Content-Length": str(len(answer.content)),
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "same-origin",
            "Cache-Control": "private, no-store",
            "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
            "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
            "Cross-Origin-Opener-Policy": "same-origin",
        }
        assert answer.cookies == {}
    CountingHasher.hashes = 0
    assert (log_in().status_code, CountingHasher.hashes) == (200, 1)


NO_CREDENTIALS = [
    ({}, "email password"),
    ({"email": "rina@lotus.test"}, "password"),
    ({"password": PASSWORD}, "email"),
    ({"email": "", "password": PASSWORD}, "email"),
    ({"email": None, "password": PASSWORD}, "email"),
    ({"email": "rina", "password": PASSWORD}, "email"),
    ({"email": ["rina@lotus.test"], "password": PASSWORD}, "email"),
    ({"email": {"$gt": ""}, "password": PASSWORD}, "email"),
    ({"email": "rina\u200b@lotus.test", "password": PASSWORD}, "email"),
    ({"email": "a" * 250 + "@lotus.test", "password": PASSWORD}, "email"),
    ({"email": "\ufdfa" * 100 + "@lotus.test", "password": PASSWORD}, "email"),
    ({"email": "rina@lotus.test", "password": ""}, "password"),
    ({"email": "rina@lotus.test", "password": 12345678}, "password"),
    ({"email": "rina@lotus.test", "password": True}, "password"),
    ({"email": "rina@lotus.test", "password": None}, "password"),
    ({"email": "rina@lotus.test", "password": "x" * 129}, "password"),
    ({"email": "rina@lotus.test", "password": "x" * 900_000}, "password"),
]


def test_a_body_that_is_no_credentials(anonymous, user):
    for body, field in NO_CREDENTIALS:
        answer = anonymous.post(LOGIN, body)
        assert (answer.status_code, [fault["field"] for fault in answer.json()["errors"]]) == (400, field.split())
    assert LoginFailure.objects.count() == 0


def test_a_password_is_never_in_an_answer(log_in):
    secret = "never to be seen again"
    for answer in (log_in(password=secret), log_in(email="x", password=secret), log_in(password=secret * 10)):
        assert secret not in answer.content.decode()


def test_a_token_in_the_header_does_not_matter(log_in, anonymous):
    anonymous.credentials(HTTP_AUTHORIZATION="Bearer of bad news")
    assert log_in().status_code == 200


def test_each_log_in_is_a_session_of_its_own(log_in, bearer, anonymous):
    first, second = log_in().json(), log_in().json()
    anonymous.post("/api/v1/auth/logout", {"refresh": first["refresh"]})
    assert bearer(first["access"]).get(ME).status_code == 401
    assert bearer(second["access"]).get(ME).status_code == 200


class TestThrottling:
    """At most 10 failures per account and 100 per IP address in 15 minutes, then 429."""

    @committed
    def test_ten_failures_for_an_account(self, log_in):
        with time_machine.travel(MORNING, tick=False) as clock:
            assert [log_in(password="wrong").status_code for _ in range(10)] == [401] * 10
            clock.shift(60)
            answer = log_in()
            assert answer.status_code == 429
            assert answer.headers["Retry-After"] == "840"
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert answer.json() == {
                "type": "urn:circe:problem:throttled",
                "title": "Too Many Requests",
                "status": 429,
                "detail": "Request was throttled. Expected available in 840 seconds.",
                "code": "throttled",
            }

    def test_the_window_slides(self, log_in):
        with time_machine.travel(MORNING, tick=False) as clock:
            log_in(password="wrong")
            clock.shift(300)
            for _ in range(9):
                log_in(password="wrong")
            assert log_in().headers["Retry-After"] == "600"
            clock.shift(599)
            assert log_in().status_code == 429
            clock.shift(1)
            assert log_in().status_code == 200
            assert log_in(password="wrong").status_code == 401
            assert log_in().headers["Retry-After"] == "300"

    def test_a_throttled_log_in_is_not_counted(self, log_in):
        with time_machine.travel(MORNING, tick=False) as clock:
            for _ in range(30):
                log_in(password="wrong")
            clock.shift(900)
            assert log_in().status_code == 200

    def test_a_success_is_never_counted(self, log_in):
        assert {log_in().status_code for _ in range(15)} == {200}
        assert LoginFailure.objects.count() == 0

    def test_a_success_does_not_reset_the_count(self, log_in):
        for _ in range(9):
            log_in(password="wrong")
        assert log_in().status_code == 200
        log_in(password="wrong")
        assert log_in().status_code == 429

    def test_an_account_is_counted_in_whatever_spelling(self, log_in):
        for spelling in (
            "RINA@lotus.test",
            " rina@lotus.test",
            "ｒina@lotus.test",
            "Rina@LOTUS.test",
            "rina@lotus.TEST",
        ):
            log_in(email=spelling, password="wrong")
            log_in(email=spelling, password="wrong")
        assert log_in().status_code == 429

    def test_an_unknown_account_is_counted_too(self, log_in):
        answers = [log_in(email="nobody@lotus.test").status_code for _ in range(11)]
        assert answers == [401] * 10 + [429]

    def test_another_account_is_let_in(self, tenant, log_in):
        UserFactory(tenant=tenant, email="sari@lotus.test")
        for _ in range(11):
            log_in(password="wrong")
        assert log_in(email="sari@lotus.test").status_code == 200

    def test_the_owner_keeps_the_session_they_hold(self, log_in, bearer, user, anonymous):
        session = log_in().json()
        for _ in range(11):
            log_in(password="wrong")
        assert bearer(session["access"]).get(ME).status_code == 200
        assert anonymous.post("/api/v1/auth/refresh", {"refresh": session["refresh"]}).status_code == 200

    def test_a_hundred_failures_from_an_address(self, log_in):
        failures("203.0.113.9", 99)
        assert log_in(REMOTE_ADDR="203.0.113.9").status_code == 200
        assert log_in(password="wrong", REMOTE_ADDR="203.0.113.9").status_code == 401
        assert log_in(REMOTE_ADDR="203.0.113.9").status_code == 429
        assert log_in(REMOTE_ADDR="203.0.113.10").status_code == 200

    def test_an_ipv6_network_counts_as_one_address(self, log_in):
        failures("2001:db8:1:2::", 100)
        assert log_in(REMOTE_ADDR="2001:db8:1:2:aaaa::1").status_code == 429
        assert log_in(REMOTE_ADDR="2001:db8:1:3::1").status_code == 200

    def test_an_ipv4_address_that_is_written_as_ipv6(self, log_in):
        failures("203.0.113.9", 100)
        assert log_in(REMOTE_ADDR="::ffff:203.0.113.9").status_code == 429

    def test_a_forged_forwarded_for_is_not_believed(self, log_in):
        failures("203.0.113.9", 100)
        forged = {"REMOTE_ADDR": "203.0.113.9", "HTTP_X_FORWARDED_FOR": "198.51.100.1"}
        assert log_in(**forged).status_code == 429
        failures("198.51.100.1", 100)
        assert log_in(HTTP_X_FORWARDED_FOR="198.51.100.1").status_code == 200

    def test_behind_one_proxy_only_the_address_that_it_adds_counts(self, settings, log_in):
        settings.REST_FRAMEWORK = settings.REST_FRAMEWORK | {"NUM_PROXIES": 1}
        failures("203.0.113.9", 100)
        assert log_in(HTTP_X_FORWARDED_FOR="203.0.113.9").status_code == 429
        assert log_in(HTTP_X_FORWARDED_FOR="198.51.100.1, 203.0.113.9").status_code == 429
        assert log_in(HTTP_X_FORWARDED_FOR="203.0.113.9, 198.51.100.1").status_code == 200
        assert log_in(REMOTE_ADDR="203.0.113.9", HTTP_X_FORWARDED_FOR="198.51.100.1").status_code == 200

    @pytest.mark.parametrize(
        ("sent", "address"),
        [
            ("203.0.113.7:51234", "203.0.113.7"),
            (" 203.0.113.7:51234 ", "203.0.113.7"),
            ("198.51.100.1:1,203.0.113.7:51234", "203.0.113.7"),
            ("[2001:db8:1:2::1]:443", "2001:db8:1:2::"),
            ("[2001:db8:1:2::1]", "2001:db8:1:2::"),
            ("198.51.100.1, [2001:DB8:1:2::9]:443", "2001:db8:1:2::"),
            ("2001:db8:1:2::1", "2001:db8:1:2::"),
            ("[::ffff:203.0.113.7]:443", "203.0.113.7"),
        ],
    )
    def test_the_port_that_a_proxy_adds_is_no_part_of_the_address(self, settings, log_in, sent, address, admin, tenant):
        settings.REST_FRAMEWORK = settings.REST_FRAMEWORK | {"NUM_PROXIES": 1}
        proxied = {"REMOTE_ADDR": "192.0.2.1", "HTTP_X_FORWARDED_FOR": sent}
        assert log_in(password="wrong", **proxied).status_code == 401
        assert LoginFailure.objects.get().address == address
        created = admin.post("/api/v1/customers", {"first_name": "Jane", "phone": "+1234567890"}, **proxied).json()
        history = admin.get(f"/api/v1/customers/{created['id']}/history").json()["items"]
        assert {event["address"] for event in history} == {address}
        failures(address, 99)
        assert log_in(**proxied).status_code == 429

    def test_a_failure_counts_for_the_proxy_if_the_header_holds_no_address(self, settings, log_in):
        settings.REST_FRAMEWORK = settings.REST_FRAMEWORK | {"NUM_PROXIES": 1}
        values = (
            *(
                "unknown",
                "",
                ",",
                "_hidden",
                "203.0.113.300",
                "\xe9",
                "a" * 9000,
                "203.0.113.9:x",
                "203.0.113.9:",
                ":80",
            ),
            *(
                "203.0.113.9:80:80",
                "203.0.113.9:123456",
                "[203.0.113.9",
                "[]:80",
                "[x]:80",
                "2001:db8::1]:80",
                "[::1]80",
            ),
            *("for=203.0.113.9", '"203.0.113.9:80"', "٢٠٣.0.113.9:80", "203.0.113.9:٨٠"),
        )
        for number, value in enumerate(values):
            proxied = {"REMOTE_ADDR": "192.0.2.1", "HTTP_X_FORWARDED_FOR": value}
            assert log_in(f"n{number}@lotus.test", "wrong", **proxied).status_code == 401
        assert LoginFailure.objects.filter(address="192.0.2.1").count() == len(values)

    @pytest.mark.parametrize("address", ["", None])
    def test_a_unix_socket_has_no_address(self, log_in, address):
        assert log_in(password="wrong", REMOTE_ADDR=address).status_code == 401
        assert log_in(REMOTE_ADDR=address).status_code == 200

    def test_a_failure_deletes_old_failures(self, log_in):
        with time_machine.travel(MORNING, tick=False) as clock:
            log_in(password="wrong")
            clock.shift(900)
            log_in(email="nobody@lotus.test")
        assert [failure.account for failure in LoginFailure.objects.all()] == ["nobody@lotus.test"]


def failures(address, count):
    LoginFailure.objects.bulk_create(
        LoginFailure(account=f"guess{n}@lotus.test", address=address) for n in range(count)
    )


def in_parallel(count, act):
    """Returns the answers of `act(n)` in `count` threads that begin together."""
    barrier, answers = threading.Barrier(count), []

    def run(n):
        try:
            barrier.wait()
            answers.append(act(n))
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


@committed
def test_parallel_guesses_at_one_account_are_counted_one_by_one(user):
    def guess(n):
        answer = APIClient(raise_request_exception=False).post(
            LOGIN, {"email": user.email, "password": "wrong"}, REMOTE_ADDR=f"203.0.113.{n}"
        )
        return answer.status_code

    assert sorted(in_parallel(30, guess)) == [401] * 10 + [429] * 20


@committed
def test_parallel_guesses_from_one_address_are_counted_one_by_one(user):
    failures("203.0.113.9", 95)

    def guess(n):
        answer = APIClient(raise_request_exception=False).post(
            LOGIN, {"email": f"nobody{n}@lotus.test", "password": "wrong"}, REMOTE_ADDR="203.0.113.9"
        )
        return answer.status_code

    assert sorted(in_parallel(20, guess)) == [401] * 5 + [429] * 15


@committed
def test_a_log_in_with_the_old_password_fails_if_a_new_one_is_stored_meanwhile(user):
    """The log-in has checked the old password, and waits for the row of the user, when the new password is stored."""
    answers = []

    def post():
        try:
            answers.append(APIClient().post(LOGIN, {"email": user.email, "password": PASSWORD}))
        finally:
            connection.close()

    thread = threading.Thread(target=post, daemon=True)
    with transaction.atomic():
        user.set_password("another good password")
        user.save()
        thread.start()
        while thread.is_alive() and not find_lock_waiters():
            pass
    thread.join()
    assert (answers[0].status_code, answers[0].json()) == (401, REFUSED)
    assert not LoginSession.objects.live().exists()


@committed
def test_parallel_guesses_while_old_failures_are_deleted(user):
    with time_machine.travel(MORNING, tick=False) as clock:
        failures("203.0.113.9", 500)
        clock.shift(901)

        def guess(n):
            return (
                APIClient(raise_request_exception=False)
                .post(LOGIN, {"email": f"n{n}@lotus.test", "password": "x"}, REMOTE_ADDR=f"203.0.113.{n}")
                .status_code
            )

        assert in_parallel(20, guess) == [401] * 20
    assert LoginSession.objects.count() == 0
    assert LoginFailure.objects.count() == 20


def test_a_log_in_clears_the_expired_sessions_of_its_user(log_in, user):
    with time_machine.travel(dt.datetime(2026, 1, 1, tzinfo=dt.UTC), tick=False):
        log_in()
    with time_machine.travel(dt.datetime(2026, 1, 7, tzinfo=dt.UTC), tick=False):
        log_in()
    with time_machine.travel(dt.datetime(2026, 1, 8, tzinfo=dt.UTC), tick=False):
        log_in()
    assert sorted(user.sessions.values_list("created_at__day", flat=True)) == [7, 8]
