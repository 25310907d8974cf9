"""The bearer token: whom it lets in, what it is checked against, and every way in which it is no good."""

import base64
import datetime as dt
import json

import jwt
import pytest
import time_machine
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from drf_spectacular.generators import SchemaGenerator
from rest_framework.test import APIClient

from circe.db.ids import new_id
from circe.tests.cases import in_one_test
from tenants.models import LoginSession, Role, User
from tenants.scope import tenant_scope
from tenants.tests.factories import UserFactory

ME = "/api/v1/auth/me"
LIST = "/api/v1/customers"
HUGE = 10**400


def unsigned(claims, algorithm):
    parts = ({"alg": algorithm, "typ": "JWT"}, claims)
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts) + "."


def test_an_access_token_says_what_the_document_says(user):
    session = LoginSession.start(user)
    token = session.token_pair()["access"]
    claims = jwt.decode(token, settings.JWT_SIGNING_KEY, ["HS256"])
    assert claims == {
        "exp": claims["iat"] + 3600,
        "iat": int(session.rotated_at.timestamp()),
        "sub": user.pk,
        "sid": session.pk,
        "jti": claims["jti"],
        "type": "access",
        "email": user.email,
        "role": "staff",
        "tenant_id": user.tenant_id,
    }
    assert jwt.get_unverified_header(token) == {"alg": "HS256", "typ": "JWT"}


def test_a_token_that_was_good_expires(user):
    client = APIClient(HTTP_AUTHORIZATION=f"Bearer {LoginSession.start(user).token_pair()['access']}")
    with time_machine.travel(timezone.now(), tick=False) as clock:
        assert client.get(ME).status_code == 200
        clock.shift(3628)
        assert client.get(ME).status_code == 200
        clock.shift(2)
        assert client.get(ME).status_code == 401


def test_a_super_admins_token_has_no_tenant(super_admin):
    token = LoginSession.start(super_admin.user).token_pair()["access"]
    claims = jwt.decode(token, settings.JWT_SIGNING_KEY, ["HS256"])
    assert (claims["role"], claims["tenant_id"]) == ("super_admin", None)


def test_a_refresh_token_says_nothing_of_the_person(user):
    token = LoginSession.start(user).token_pair()["refresh"]
    claims = jwt.decode(token, settings.JWT_SIGNING_KEY, ["HS256"])
    assert set(claims) == {"exp", "iat", "sub", "sid", "jti", "type"}
    assert (claims["type"], claims["exp"] - claims["iat"]) == ("refresh", 7 * 24 * 3600)


def test_an_access_token_is_good_for_one_hour_and_30_seconds(user, bearer):
    with time_machine.travel(dt.datetime(2026, 1, 5, 9, tzinfo=dt.UTC), tick=False) as clock:
        client = bearer(LoginSession.start(user).token_pair()["access"])
        clock.shift(3600 + 29)
        assert client.get(ME).status_code == 200
        clock.shift(1)
        assert client.get(ME).status_code == 401


@in_one_test(
    ("changes", "status"),
    [
        ({"iat": 30, "nbf": 30}, 200),
        ({"iat": 31}, 401),
        ({"nbf": 31}, 401),
        ({"exp": -29}, 200),
        ({"exp": -30}, 401),
    ],
)
@pytest.mark.parametrize("has_session", [True, False])
def test_a_clock_that_differs_by_30_seconds_refuses_no_fresh_token(
    changes, status, has_session, tenant, claims, sign, bearer
):
    with time_machine.travel(timezone.now(), tick=False):
        now = int(timezone.now().timestamp())
        user = UserFactory(tenant=tenant, tokens_valid_from=timezone.now() - dt.timedelta(days=1))
        session = {"sid": LoginSession.start(user).pk} if has_session else {"sid": None}
        changed = {name: now + seconds for name, seconds in changes.items()}
        assert bearer(sign(claims | {"sub": user.pk} | session | changed)).get(ME).status_code == status


def test_a_refresh_token_expires_on_time(user, anonymous):
    with time_machine.travel(timezone.now().replace(microsecond=0), tick=False) as clock:
        token = LoginSession.start(user).token_pair()["refresh"]
        clock.shift(7 * 24 * 3600)
        assert anonymous.post("/api/v1/auth/refresh", {"refresh": token}).status_code == 401


def test_a_token_of_the_old_system_without_a_session_is_good(user, claims, sign, bearer):
    del claims["sid"]
    older = UserFactory(tenant=user.tenant, tokens_valid_from=timezone.now() - dt.timedelta(days=1))
    assert bearer(sign(claims | {"sub": older.pk})).get(ME).status_code == 200


def test_a_new_password_ends_tokens_without_a_session(user, claims, sign, bearer):
    del claims["sid"]
    user.set_password("another good password")
    user.save()
    claims["iat"] -= 1
    assert bearer(sign(claims)).get(ME).status_code == 401


def test_roles_are_compared_without_regard_to_case(user, claims, sign, bearer):
    user.role = "Tenant_ADMIN"
    user.save()
    client = bearer(sign(claims))
    assert client.get(ME).json()["role"] == "tenant_admin"
    assert client.get(f"{LIST}/statistics/summary").status_code == 200
    assert bearer(sign(claims | {"role": "CUSTOMER"})).get(LIST).status_code == 403


@pytest.mark.parametrize("claim", ["role", "tenant_id", "email"])
def test_claims_are_not_believed(claim, user, other_tenant, claims, sign, bearer):
    lie = {"role": "super_admin", "tenant_id": other_tenant.pk, "email": "super@example.com"}[claim]
    answer = bearer(sign(claims | {claim: lie})).get(ME).json()
    assert (answer["role"], answer["tenant_id"], answer["email"]) == ("staff", user.tenant_id, user.email)


def test_the_tenant_of_a_claim_opens_nothing(other_tenant, claims, sign, bearer):
    client = bearer(sign(claims | {"tenant_id": other_tenant.pk, "role": "super_admin"}))
    assert client.get(f"{LIST}?tenant_id={other_tenant.pk}").status_code == 403
    created = client.post(LIST, {"first_name": "Jane", "phone": "+1234567890"})
    assert created.json()["tenant_id"] == claims["tenant_id"]


@pytest.fixture
def never_used(tenant):
    """An account that has not signed in here, older than its token."""
    return UserFactory(tenant=tenant, tokens_valid_from=timezone.now() - dt.timedelta(days=1))


class TestTheDatabaseDecides:
    """A change takes effect on the next request, for tokens already issued too."""

    def test_role(self, admin):
        summary = f"{LIST}/statistics/summary"
        assert admin.get(summary).status_code == 200
        User.objects.filter(pk=admin.user.pk).update(role=Role.STAFF)
        assert admin.get(summary).status_code == 403
        assert admin.get(LIST).status_code == 200

    def test_tenant(self, staff, other_tenant):
        User.objects.filter(pk=staff.user.pk).update(tenant=other_tenant)
        assert staff.get(ME).json()["tenant_id"] == other_tenant.pk

    def test_activity(self, staff):
        User.objects.filter(pk=staff.user.pk).update(is_active=False)
        assert staff.get(LIST).status_code == 401

    def test_activity_of_the_tenant(self, staff, tenant):
        tenant.is_active = False
        tenant.save()
        assert staff.get(LIST).status_code == 401

    def test_password(self, staff):
        staff.user.set_password("another good password")
        staff.user.save()
        assert staff.get(LIST).status_code == 401

    def test_password_when_only_that_is_saved(self, staff):
        staff.user.set_password("another good password")
        staff.user.save(update_fields=["password"])
        assert staff.get(LIST).status_code == 401

    def test_existence(self, never_used, claims, sign, bearer):
        """An account that has signed in can't be deleted, so this token is one of the old system."""
        del claims["sid"]
        client = bearer(sign(claims | {"sub": never_used.pk}))
        assert client.get(LIST).status_code == 200
        with tenant_scope(never_used.tenant):
            never_used.delete()
        assert client.get(LIST).status_code == 401

    def test_at_the_cost_of_one_query(self, staff):
        with CaptureQueriesContext(connection) as queries:
            assert staff.get(ME).status_code == 200
        assert len([query for query in queries if "SAVEPOINT" not in query["sql"]]) == 1


CLAIMS_NO_GOOD = {
    "a refresh token": {"type": "refresh"},
    "another type": {"type": "sliding"},
    "a type that is a list": {"type": ["access"]},
    "no type": {"type": ...},
    "expired": {"exp": 1},
    "expired at zero": {"exp": 0},
    "no expiry": {"exp": ...},
    "a null expiry": {"exp": None},
    "a string expiry": {"exp": "tomorrow"},
    "a huge expiry": {"exp": HUGE},
    "an expiry past the calendar": {"exp": 10**12},
    "a negative expiry": {"exp": -HUGE},
    "a list expiry": {"exp": [1]},
    "an infinite expiry": {"exp": float("inf")},
    "no number for an expiry": {"exp": float("nan")},
    "not yet good": {"nbf": 4_000_000_000},
    "a string nbf": {"nbf": "soon"},
    "issued in the future": {"iat": 4_000_000_000},
    "issued in a huge future": {"iat": HUGE},
    "issued never": {"iat": ...},
    "issued at a string": {"iat": "now"},
    "issued at a list": {"iat": []},
    "no jti": {"jti": ...},
    "no subject": {"sub": ...},
    "a null subject": {"sub": None},
    "an empty subject": {"sub": ""},
    "a NUL subject": {"sub": "\0"},
    "a NUL in the subject": {"sub": "507f1f77bcf86cd79943901\0"},
    "a list subject": {"sub": ["507f1f77bcf86cd799439011"]},
    "a dict subject": {"sub": {}},
    "a number for a subject": {"sub": 507},
    "a surrogate subject": {"sub": "\ud800"},
    "an unknown subject": {"sub": "507f1f77bcf86cd799439011"},
    "an unknown session": {"sid": "507f1f77bcf86cd799439011"},
    "a NUL session": {"sid": "\0"},
    "a list for a session": {"sid": []},
    "a false session": {"sid": False},
    "an empty session": {"sid": ""},
    "no session, issued too early for a clock": {"sid": ..., "iat": -HUGE},
    "no session, issued before the year 1": {"sid": ..., "iat": -(10**12)},
    "no session, issued at true": {"sid": ..., "iat": True},
    "no session, issued before the account": {"sid": ..., "iat": 1_000_000_000},
    "a role that is a list": {"role": ["customer"], "sub": "x"},
}


def bad_token(claims, name):
    claims = {key: value for key, value in (claims | CLAIMS_NO_GOOD[name]).items() if value is not ...}
    # Not by jwt.encode, which refuses to sign some of these.
    return jwt.api_jws.encode(json.dumps(claims).encode(), settings.JWT_SIGNING_KEY, "HS256")


@in_one_test("name", CLAIMS_NO_GOOD)
def test_claims_that_are_no_good(name, claims, bearer):
    assert_refused(bearer(bad_token(claims, name)))


@pytest.mark.slow("sends every bad token to every operation")
def test_no_operation_takes_what_is_no_good(tenant, claims, sign, bearer):
    """Sends each bad token to each operation that requires a token by the OpenAPI document."""
    refused = {name: bad_token(claims, name) for name in CLAIMS_NO_GOOD} | {
        "unsigned": unsigned(claims, "none"),
        "another key": sign(claims, key="x" * 64),
        "another algorithm": sign(claims, algorithm="HS512"),
        "changed": sign(claims)[:-2],
    }
    paths = SchemaGenerator().get_schema(public=True)["paths"]
    protected = [
        (method, path.replace("{customer_id}", new_id()).replace("{tenant_slug}", tenant.slug))
        for path, operations in paths.items()
        for method, operation in operations.items()
        if "security" in operation
    ]
    assert len(protected) >= 12
    for method, path in protected:
        statuses = {
            name: bearer(token).generic(method.upper(), path, "{}", "application/json").status_code
            for name, token in refused.items()
        }
        assert statuses == dict.fromkeys(refused, 401), path


def assert_refused(client):
    answer = client.get(LIST)
    assert answer.status_code == 401, answer.content
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.json()["code"] in {"authentication_failed", "not_authenticated"}


def test_a_session_that_ended(user, claims, sign, bearer):
    user.sessions.update(ended_at=timezone.now())
    assert_refused(bearer(sign(claims)))


def test_a_session_of_another_user(tenant, claims, sign, bearer):
    other = LoginSession.start(UserFactory(tenant=tenant))
    assert_refused(bearer(sign(claims | {"sid": other.pk})))


@in_one_test("algorithm", ["none", "None", "NONE", "nOnE", "", "HS256", "RS256"])
def test_unsigned(algorithm, claims, bearer):
    assert_refused(bearer(unsigned(claims, algorithm)))


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
def test_another_algorithm_of_the_same_key(algorithm, claims, sign, bearer):
    assert_refused(bearer(sign(claims, algorithm=algorithm)))


@pytest.mark.parametrize("key", ["x" * 64, settings.SECRET_KEY, settings.JWT_SIGNING_KEY[::-1]])
def test_another_key(key, claims, sign, bearer):
    assert_refused(bearer(sign(claims, key=key)))


@pytest.mark.parametrize(
    "headers", [{"kid": "../../dev/null"}, {"jku": "http://localhost/keys"}, {"jwk": {"kty": "oct", "k": "eA"}}]
)
def test_the_token_does_not_choose_the_key(headers, claims, sign, bearer):
    assert_refused(bearer(sign(claims, key="x" * 64, headers=headers)))


@pytest.mark.parametrize("headers", [{"crit": ["exp"]}, {"b64": False, "crit": ["b64"]}])
def test_critical_headers_that_nobody_here_knows(headers, claims, sign, bearer):
    assert_refused(bearer(sign(claims, headers=headers)))


def test_a_changed_payload(claims, sign, bearer):
    header, _, signature = sign(claims).split(".")
    _, payload, _ = sign(claims | {"role": "super_admin"}).split(".")
    assert_refused(bearer(f"{header}.{payload}.{signature}"))


@pytest.mark.django_db
def test_a_payload_that_is_no_object(bearer):
    for payload in (b"[]", b'"x"', b"1", b"null", b"", b"{", b"\xff", b"[" * 5000):
        assert_refused(bearer(jwt.api_jws.encode(payload, settings.JWT_SIGNING_KEY, "HS256")))


@in_one_test(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer x",
        "Bearer ..",
        "Bearer a.b.c",
        "Bearer {token} {token}",
        "Bearer {token},Bearer {token}",
        "Bearer {token}, {token}",
        "Bearer {token}x",
        "Bearer {token}.x",
        "Bearer:{token}",
        "Bearer={token}",
        'Bearer "{token}"',
        "Basic {token}",
        "Token {token}",
        "JWT {token}",
        "{token}",
        "Bearer \xe9\xff",
        "B\xe9arer {token}",
        "Bearer " + "x" * 100_000,
        "Bearer " + "." * 100_000,
        "Bearer {token}" + "." * 100,
    ],
)
def test_a_header_that_is_malformed(header, claims, sign):
    client = APIClient(raise_request_exception=False)
    client.credentials(HTTP_AUTHORIZATION=header.format(token=sign(claims)))
    assert_refused(client)


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "Bearer  "])
def test_the_scheme_in_any_case(scheme, claims, sign):
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"{scheme} {sign(claims)}")
    assert client.get(ME).status_code == 200


def test_a_token_in_the_wrong_place(claims, sign, anonymous):
    token = sign(claims)
    anonymous.cookies["access"] = token
    assert anonymous.get(f"{LIST}?access_token={token}&token={token}").status_code == 401
    assert anonymous.get(LIST, headers={"X-Authorization": f"Bearer {token}"}).status_code == 401


def test_a_session_of_the_admin_does_not_open_the_api(user, anonymous):
    anonymous.force_login(user)
    assert anonymous.get(LIST).status_code == 401


def test_a_deleted_account_gets_the_same_answer_as_an_unknown_one(never_used, claims, sign, bearer):
    del claims["sid"]
    deleted, unknown = sign(claims | {"sub": never_used.pk}), sign(claims | {"sub": new_id()})
    with tenant_scope(never_used.tenant):
        never_used.delete()
    assert bearer(deleted).get(LIST).content == bearer(unknown).get(LIST).content
