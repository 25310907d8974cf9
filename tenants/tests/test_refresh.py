"""POST /api/v1/auth/refresh"""

import datetime as dt
import json
import threading

import jwt
import pytest
import time_machine
from django.conf import settings
from django.db import IntegrityError, connection, transaction
from rest_framework.test import APIClient

from circe.db.ids import new_id
from tenants.models import LoginSession, User
from tenants.scope import tenant_scope
from tenants.tests.factories import UserFactory
from tenants.tests.locks import find_lock_waiters

committed = pytest.mark.django_db(transaction=True)

REFRESH = "/api/v1/auth/refresh"
ME = "/api/v1/auth/me"
MORNING = dt.datetime(2026, 1, 5, 9, tzinfo=dt.UTC)

REFUSED = {
    "type": "urn:circe:problem:authentication_failed",
    "title": "Unauthorized",
    "status": 401,
    "detail": "The refresh token is not valid, has expired or was used.",
    "code": "authentication_failed",
}


@pytest.fixture
def clock():
    with time_machine.travel(MORNING, tick=False) as clock:
        yield clock


@pytest.fixture
def user(tenant):
    return UserFactory(tenant=tenant)


@pytest.fixture
def pair(user, clock):
    """The tokens of a log-in."""
    return LoginSession.start(user).token_pair()


@pytest.fixture
def refresh(anonymous):
    def post(pair):
        return anonymous.post(REFRESH, {"refresh": pair["refresh"]})

    return post


def claims_of(token):
    return jwt.decode(token, settings.JWT_SIGNING_KEY, ["HS256"])


def assert_refused(answer):
    assert (answer.status_code, answer.json()) == (401, REFUSED)
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_refresh_token_gets_the_next_pair(pair, refresh, bearer, clock):
    clock.shift(1800)
    answer = refresh(pair)
    assert answer.status_code == 200
    assert set(answer.json()) == {"access", "refresh"}
    old, new = claims_of(pair["access"]), claims_of(answer.json()["access"])
    assert new == old | {"iat": old["iat"] + 1800, "exp": old["exp"] + 1800, "jti": new["jti"]}
    assert new["jti"] != old["jti"]
    assert claims_of(answer.json()["refresh"])["jti"] != claims_of(pair["refresh"])["jti"]
    assert bearer(answer.json()["access"]).get(ME).status_code == 200


def test_what_has_changed_is_in_the_next_pair(pair, refresh, user):
    User.objects.filter(pk=user.pk).update(role="outlet_manager", email="new@lotus.test")
    claims = claims_of(refresh(pair).json()["access"])
    assert (claims["role"], claims["email"]) == ("outlet_manager", "new@lotus.test")


def test_the_access_token_before_it_lives_on(pair, refresh, bearer):
    refresh(pair)
    assert bearer(pair["access"]).get(ME).status_code == 200


def test_refresh_lives_seven_days_from_each_use(pair, refresh, clock):
    clock.shift(dt.timedelta(days=7, seconds=-1))
    pair = refresh(pair).json()
    clock.shift(dt.timedelta(days=7, seconds=-1))
    pair = refresh(pair).json()
    clock.shift(dt.timedelta(days=7))
    assert_refused(refresh(pair))


def test_within_the_grace_the_answer_is_one_and_the_same(pair, refresh, clock):
    first = refresh(pair).json()
    clock.shift(10)
    assert refresh(pair).json() == first


@committed
def test_after_the_grace_a_used_one_ends_its_whole_family(pair, refresh, bearer, clock):
    first = refresh(pair).json()
    second = refresh(first).json()
    clock.shift(11)
    assert_refused(refresh(first))
    assert LoginSession.objects.get().ended_at is not None
    for access in (pair["access"], first["access"], second["access"]):
        assert bearer(access).get(ME).status_code == 401
    for old in (pair, first, second):
        assert_refused(refresh(old))


@committed
def test_one_used_long_ago_ends_the_family_too(pair, refresh, bearer, clock):
    latest = pair
    for _ in range(3):
        clock.shift(3600)
        latest = refresh(latest).json()
    assert_refused(refresh(pair))
    assert bearer(latest["access"]).get(ME).status_code == 401


def test_the_grace_is_not_prolonged_by_use(pair, refresh, clock):
    refresh(pair)
    clock.shift(8)
    assert refresh(pair).status_code == 200
    clock.shift(8)
    assert_refused(refresh(pair))


def test_another_family_of_the_user_lives_on(pair, refresh, user, clock):
    other = LoginSession.start(user).token_pair()
    refresh(pair)
    clock.shift(11)
    assert_refused(refresh(pair))
    assert refresh(other).status_code == 200


def test_a_user_who_signed_in_cannot_be_deleted(pair, refresh, user):
    with pytest.raises(IntegrityError, match="has signed in"), tenant_scope(user.tenant), transaction.atomic():
        user.delete()
    assert refresh(pair).status_code == 200


def test_an_inactive_user(pair, refresh, user):
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert_refused(refresh(pair))
    User.objects.filter(pk=user.pk).update(is_active=True)
    assert refresh(pair).status_code == 200


def test_a_suspended_tenant(pair, refresh, tenant):
    tenant.is_active = False
    tenant.save()
    assert_refused(refresh(pair))


def test_a_new_password(pair, refresh, user):
    user.set_password("another good password")
    user.save()
    assert_refused(refresh(pair))


MUTANTS = {
    "an access token": {"type": "access"},
    "expired": {"exp": 1},
    "a string expiry": {"exp": "x"},
    "a huge expiry": {"exp": 10**400},
    "no session": {"sid": ...},
    "a NUL session": {"sid": "\0"},
    "a list for a session": {"sid": []},
    "an unknown session": {"sid": "507f1f77bcf86cd799439011"},
    "no jti": {"jti": ...},
    "a null jti": {"jti": None},
    "a list for a jti": {"jti": []},
}


def test_a_token_that_is_no_good(pair, refresh, sign):
    for name, change in MUTANTS.items():
        claims = claims_of(pair["refresh"]) | change
        token = jwt.api_jws.encode(
            json.dumps({key: value for key, value in claims.items() if value is not ...}).encode(),
            settings.JWT_SIGNING_KEY,
        )
        answer = refresh({"refresh": token})
        assert (name, answer.status_code, answer.json()) == (name, 401, REFUSED)
    assert refresh(pair).status_code == 200


def test_a_token_that_we_never_gave_ends_the_session(pair, refresh, sign):
    # Signed with our key and of this session: the key has leaked, or the token is older than the two we keep.
    assert_refused(refresh({"refresh": sign(claims_of(pair["refresh"]) | {"jti": new_id()})}))
    assert_refused(refresh(pair))


def test_a_token_of_another_key_ends_nothing(pair, refresh, sign):
    assert_refused(refresh({"refresh": sign(claims_of(pair["refresh"]) | {"jti": "x"}, key="x" * 64)}))
    assert refresh(pair).status_code == 200


def test_what_is_no_token(refresh):
    for token in ("x", "a.b.c", "..", "é.é.é", "x" * 2000):
        assert_refused(refresh({"refresh": token}))


def test_a_body_without_a_token(anonymous):
    for body in ({}, {"refresh": ""}, {"refresh": None}, {"refresh": 1}, {"refresh": "x" * 2001}):
        answer = anonymous.post(REFRESH, body)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "refresh")


def begin(count, act):
    """(threads that act once all have begun, their answers as they come)."""
    barrier, answers = threading.Barrier(count), []

    def run():
        try:
            barrier.wait()
            answers.append(act())
        finally:
            connection.close()

    threads = [threading.Thread(target=run, daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    return threads, answers


def join(threads):
    for thread in threads:
        thread.join()


def in_parallel(count, act):
    """Returns the answers of `act()` in `count` threads that begin together."""
    threads, answers = begin(count, act)
    join(threads)
    return answers


def refreshed_by_twenty(pair):
    """The answers, as (status, body), to twenty who have all begun, and wait for the session, before any is answered."""

    def post():
        answer = APIClient().post(REFRESH, pair)
        return answer.status_code, answer.content

    with transaction.atomic():
        LoginSession.objects.select_for_update().get()
        threads, answers = begin(20, post)
        waiting = 0
        while waiting < 20 and any(thread.is_alive() for thread in threads):
            waiting = len(find_lock_waiters())
    join(threads)
    assert (waiting, len(answers)) == (20, 20)
    return answers


@pytest.mark.slow("repeats a race of twenty sessions twenty times")
@committed
def test_twenty_at_once_give_one_lineage(pair, clock):
    """Twenty times over, each with the pair of the time before."""
    for _ in range(20):
        (answer,) = set(refreshed_by_twenty(pair))
        assert answer[0] == 200
        session = LoginSession.objects.get()
        assert session.previous_jti == claims_of(pair["refresh"])["jti"]
        pair = json.loads(answer[1])
        assert session.token_pair() == pair
        clock.shift(60)


@committed
def test_a_replay_and_the_owner_at_once_leave_nobody_in(pair, refresh, bearer, clock):
    """Whoever is first, the session has ended when both are through."""
    current = refresh(pair).json()
    clock.shift(11)
    tokens = iter([pair, current])
    lock = threading.Lock()

    def post():
        with lock:
            mine = next(tokens)
        answer = APIClient().post(REFRESH, mine)
        return answer.json().get("access")

    for access in filter(None, in_parallel(2, post)):
        assert bearer(access).get(ME).status_code == 401
    assert LoginSession.objects.get().ended_at is not None


@committed
def test_a_password_change_and_a_refresh_at_once_leave_nobody_in(pair, user, bearer):
    def change():
        mine = User.objects.get(pk=user.pk)
        mine.set_password("another good password")
        mine.save()

    def post():
        return APIClient().post(REFRESH, pair).json().get("access")

    acts = iter([change, post])
    lock = threading.Lock()

    def act():
        with lock:
            mine = next(acts)
        return mine()

    for access in filter(None, in_parallel(2, act)):
        assert bearer(access).get(ME).status_code == 401
    assert LoginSession.objects.get().ended_at is not None
