"""A user who loses the right to sign in loses every session, of the API and of the admin, with the next request."""

from contextlib import nullcontext
from unittest.mock import patch

import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher, identify_hasher, make_password
from django.db import connection
from django.test import Client
from rest_framework.test import APIClient

from circe.db.roles import as_owner
from tenants.models import LoginSession, User
from tenants.tests.factories import PASSWORD, UserFactory
from tenants.tests.shell import run

NEW = "another good password"
ME, REFRESH, LOGIN = "/api/v1/auth/me", "/api/v1/auth/refresh", "/api/v1/auth/login"
ADMIN_LOGIN = "/admin/login/"


class Sessions:
    """A person who is signed in three times: by the API, by the API as one who only refreshes, and in a browser."""

    def __init__(self, user):
        self.user = user
        self.api, self.browser = APIClient(raise_request_exception=False), Client(raise_request_exception=False)
        pair = self.api.post(LOGIN, {"email": user.email, "password": PASSWORD}).json()
        self.api.credentials(HTTP_AUTHORIZATION=f"Bearer {pair['access']}")
        self.refresh = APIClient().post(LOGIN, {"email": user.email, "password": PASSWORD}).json()["refresh"]
        assert self.browser.post(ADMIN_LOGIN, {"username": user.email, "password": PASSWORD}).status_code == 302

    def statuses(self):
        """Returns the status of the next request in each session; an admin page redirects to the log-in if there is none."""
        refreshed = APIClient(raise_request_exception=False).post(REFRESH, {"refresh": self.refresh})
        self.refresh = refreshed.json().get("refresh", self.refresh)
        return {
            "access token": self.api.get(ME).status_code,
            "refresh token": refreshed.status_code,
            "admin": self.browser.get("/admin/password_change/").status_code,
        }


OPEN = {"access token": 200, "refresh token": 200, "admin": 200}
ENDED = {"access token": 401, "refresh token": 401, "admin": 302}


@pytest.fixture
def sessions(tenant):
    person = Sessions(UserFactory(tenant=tenant, role="tenant_admin", email="rina@example.com"))
    assert person.statuses() == OPEN
    return person


@pytest.fixture
def boss(back_office):
    return back_office("tenant_admin")


def sql(statement, *params, owner=False):
    with as_owner() if owner else nullcontext(), connection.cursor() as cursor:
        cursor.execute(statement, params)
        assert cursor.rowcount == 1


def form(user, **changes):
    fields = {"email": user.email, "first_name": user.first_name, "last_name": user.last_name, "role": user.role}
    return {name: value for name, value in (fields | {"is_active": "on"} | changes).items() if value is not None}


def saved(user, change, **options):
    user = User.objects.get(pk=user.pk)
    change(user)
    user.save(**options)


def by_command(user):
    with patch("getpass.getpass", return_value=NEW):
        assert run("changepassword", user.email).code == 0


PASSWORD_SQL = "UPDATE tenants_user SET password = %s WHERE id = %s"
ACTIVITY_SQL = "UPDATE tenants_user SET is_active = false WHERE id = %s"
BUSINESS_SQL = "UPDATE tenants_tenant SET is_active = false WHERE id = %s"

# Each takes the person and the browser of another administrator.
ENDS = {
    "password by command": lambda user, boss: by_command(user),
    "password by save": lambda user, boss: saved(user, lambda user: user.set_password(NEW)),
    "password by save of one field": lambda user, boss: saved(
        user, lambda user: user.set_password(NEW), update_fields=["password"]
    ),
    "no password by save": lambda user, boss: saved(user, User.set_unusable_password),
    "no password by save of one field": lambda user, boss: saved(
        user, User.set_unusable_password, update_fields=["password"]
    ),
    "password by bulk update": lambda user, boss: User.objects.filter(pk=user.pk).update(password=make_password(NEW)),
    "no password by bulk update": lambda user, boss: User.objects.filter(pk=user.pk).update(
        password=make_password(None)
    ),
    "the same password set anew by bulk update": lambda user, boss: User.objects.filter(pk=user.pk).update(
        password=make_password(PASSWORD)
    ),
    "password by bulk_update": lambda user, boss: User.objects.bulk_update(
        [User(pk=user.pk, password=make_password(NEW))], ["password"]
    ),
    "password by the application's SQL": lambda user, boss: sql(PASSWORD_SQL, make_password(NEW), user.pk),
    "no password by the application's SQL": lambda user, boss: sql(PASSWORD_SQL, "!", user.pk),
    "password by the owner's SQL": lambda user, boss: sql(PASSWORD_SQL, make_password(NEW), user.pk, owner=True),
    "activity by the admin's form": lambda user, boss: boss.post(
        f"/admin/tenants/staff/{user.pk}/change/", form(user, is_active=None)
    ),
    "activity by save": lambda user, boss: saved(user, lambda user: setattr(user, "is_active", False)),
    "activity by bulk update": lambda user, boss: User.objects.filter(pk=user.pk).update(is_active=False),
    "activity by the application's SQL": lambda user, boss: sql(ACTIVITY_SQL, user.pk),
    "activity by the owner's SQL": lambda user, boss: sql(ACTIVITY_SQL, user.pk, owner=True),
    "the business by save": lambda user, boss: (setattr(user.tenant, "is_active", False), user.tenant.save()),
    "the business by the application's SQL": lambda user, boss: sql(BUSINESS_SQL, user.tenant_id),
    "the business by the owner's SQL": lambda user, boss: sql(BUSINESS_SQL, user.tenant_id, owner=True),
    "all sessions by bulk update": lambda user, boss: sql(
        "UPDATE tenants_user SET tokens_valid_from = clock_timestamp() WHERE id = %s", user.pk
    ),
}


@pytest.mark.parametrize("end", ENDS)
def test_every_session_ends_on_the_next_request(sessions, boss, end):
    ENDS[end](sessions.user, boss)
    assert sessions.statuses() == ENDED


@pytest.mark.parametrize("end", [end for end in ENDS if "password" in end])
def test_what_a_changed_password_ended_never_opens_again(sessions, boss, end):
    """Not by storing the old hash, nor by saving a row that was read before."""
    before = User.objects.get(pk=sessions.user.pk)
    ENDS[end](sessions.user, boss)
    before.save()
    assert sessions.statuses() == ENDED


def test_a_stale_row_without_a_password_opens_nothing(sessions):
    before = User.objects.get(pk=sessions.user.pk)
    saved(sessions.user, lambda user: user.set_password(NEW))
    before.save(update_fields=["tokens_valid_from", "first_name"])
    assert sessions.statuses() == ENDED


def test_sessions_of_others_stay_open(sessions, tenant):
    other = Sessions(UserFactory(tenant=tenant))
    saved(sessions.user, User.set_unusable_password)
    assert other.statuses() == OPEN


# --- what ends nothing ------------------------------------------------------------------------------------------------


def log_in_again(sessions):
    browser = Client()
    assert browser.post(ADMIN_LOGIN, {"username": sessions.user.email, "password": PASSWORD}).status_code == 302
    assert APIClient().post(LOGIN, {"email": sessions.user.email, "password": PASSWORD}).status_code == 200


CHANGES = {
    "a name by the admin's form": lambda person, boss, other_tenant: boss.post(
        f"/admin/tenants/staff/{person.user.pk}/change/", form(person.user, first_name="Sari")
    ),
    "a name by bulk update": lambda person, boss, other_tenant: User.objects.filter(pk=person.user.pk).update(
        first_name="Sari"
    ),
    "an e-mail address": lambda person, boss, other_tenant: saved(
        person.user, lambda user: setattr(user, "email", "sari@example.com")
    ),
    "a role": lambda person, boss, other_tenant: User.objects.filter(pk=person.user.pk).update(role="staff"),
    "a business": lambda person, boss, other_tenant: User.objects.filter(pk=person.user.pk).update(tenant=other_tenant),
    "another log-in": lambda person, boss, other_tenant: log_in_again(person),
    "a save that changes nothing": lambda person, boss, other_tenant: saved(person.user, lambda user: None),
    "the same hash": lambda person, boss, other_tenant: sql(
        PASSWORD_SQL, User.objects.get(pk=person.user.pk).password, person.user.pk
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_something_else_ends_nothing(sessions, boss, other_tenant, change):
    CHANGES[change](sessions, boss, other_tenant)
    assert sessions.statuses() == OPEN


@pytest.mark.parametrize("door", ["API", "admin"])
def test_a_hash_that_is_renewed_at_a_log_in_ends_nothing(tenant, door):
    old = PBKDF2PasswordHasher().encode(PASSWORD, "saltsaltsalt", iterations=1000)
    user = UserFactory(tenant=tenant)
    person = Sessions(user)
    # The account keeps a hash of an older kind, without ending its sessions.
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('circe.renewed_hash', %s, true)", [old])
        cursor.execute(PASSWORD_SQL, [old, user.pk])
    assert person.statuses() == OPEN
    if door == "API":
        assert APIClient().post(LOGIN, {"email": user.email, "password": PASSWORD}).status_code == 200
    else:
        assert Client().post(ADMIN_LOGIN, {"username": user.email, "password": PASSWORD}).status_code == 302
    renewed = User.objects.get(pk=user.pk).password
    assert identify_hasher(old).algorithm == PBKDF2PasswordHasher.algorithm
    assert identify_hasher(renewed).algorithm == "argon2"
    assert person.statuses() == OPEN
    # The cached check of one hash holds for no other hash.
    User.objects.filter(pk=user.pk).update(password=make_password(PASSWORD))
    assert person.statuses() == ENDED


def test_a_hash_that_is_renewed_does_not_bring_back_an_old_password(tenant):
    """A log-in read the row, found the old password right, and meanwhile a new one was stored."""
    user = UserFactory(tenant=tenant, password=PASSWORD)
    User.objects.filter(pk=user.pk).update(
        password=PBKDF2PasswordHasher().encode(PASSWORD, "saltsaltsalt", iterations=1000)
    )
    read_before = User.objects.get(pk=user.pk)
    saved(user, lambda user: user.set_password(NEW))
    assert read_before.check_password(PASSWORD)
    assert User.objects.get(pk=user.pk).check_password(NEW)
    with pytest.raises(User.DoesNotExist):
        LoginSession.start(read_before)


def test_ones_own_browser_stays_open_and_all_else_ends(sessions):
    body = {"old_password": PASSWORD, "new_password1": NEW, "new_password2": NEW}
    other = Client()
    other.post(ADMIN_LOGIN, {"username": sessions.user.email, "password": PASSWORD})
    assert sessions.browser.post("/admin/password_change/", body).status_code == 302
    assert sessions.statuses() == ENDED | {"admin": 200}
    assert other.get("/admin/password_change/").status_code == 302
