"""POST /api/v1/auth/logout"""

import datetime as dt

import pytest
import time_machine

from tenants.models import LoginSession
from tenants.tests.factories import UserFactory

LOGOUT = "/api/v1/auth/logout"
ME = "/api/v1/auth/me"
MORNING = dt.datetime(2026, 1, 5, 9, tzinfo=dt.UTC)


@pytest.fixture
def user(tenant):
    return UserFactory(tenant=tenant)


@pytest.fixture
def pair(user):
    return LoginSession.start(user).token_pair()


def test_it_ends_the_session(pair, anonymous, bearer):
    answer = anonymous.post(LOGOUT, {"refresh": pair["refresh"]})
    assert (answer.status_code, answer.json()) == (200, {"message": "You have been logged out successfully"})
    assert bearer(pair["access"]).get(ME).status_code == 401
    assert anonymous.post("/api/v1/auth/refresh", {"refresh": pair["refresh"]}).status_code == 401


def test_twice_is_as_good_as_once(pair, anonymous):
    anonymous.post(LOGOUT, {"refresh": pair["refresh"]})
    ended_at = LoginSession.objects.get().ended_at
    assert anonymous.post(LOGOUT, {"refresh": pair["refresh"]}).status_code == 200
    assert LoginSession.objects.get().ended_at == ended_at


def test_the_other_sessions_of_the_user_live_on(pair, user, anonymous, bearer):
    other = LoginSession.start(user).token_pair()
    anonymous.post(LOGOUT, {"refresh": pair["refresh"]})
    assert bearer(other["access"]).get(ME).status_code == 200


def test_a_used_refresh_token_ends_the_session_too(pair, anonymous, bearer):
    fresh = anonymous.post("/api/v1/auth/refresh", {"refresh": pair["refresh"]}).json()
    assert anonymous.post(LOGOUT, {"refresh": pair["refresh"]}).status_code == 200
    assert bearer(fresh["access"]).get(ME).status_code == 401


def test_an_access_token_ends_nothing(pair, anonymous, bearer):
    answer = anonymous.post(LOGOUT, {"refresh": pair["access"]})
    assert (answer.status_code, answer.json()["detail"]) == (401, "The refresh token is not valid or has expired.")
    assert bearer(pair["access"]).get(ME).status_code == 200


def test_an_expired_refresh_token(user, anonymous):
    with time_machine.travel(MORNING, tick=False) as clock:
        pair = LoginSession.start(user).token_pair()
        clock.shift(dt.timedelta(days=7))
        assert anonymous.post(LOGOUT, {"refresh": pair["refresh"]}).status_code == 401


def test_a_body_without_a_token(anonymous):
    for body in ({}, {"refresh": ""}, {"refresh": []}):
        answer = anonymous.post(LOGOUT, body)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "refresh")
