"""POST login, refresh, logout and password/change of the portal."""

import datetime as dt

import pytest
import time_machine
from django.contrib.auth.hashers import make_password
from django.utils import timezone

from circe.tests.cases import in_one_test
from customers.models import Customer, CustomerSession
from customers.portal.tests.conftest import JANE, NEW_PASSWORD, PASSWORD, PORTAL, signed_in, statements_of, suspend
from customers.tests.factories import CustomerFactory
from tenants.models import AuditEvent, LoginFailure, LoginSession
from tenants.tests.factories import UserFactory
from tenants.tests.test_login import CountingHasher

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_scope")]

ME = f"{PORTAL}/me/appointments"
CREDENTIALS = {"email": JANE["email"], "password": PASSWORD}
REFUSED = {
    "type": "urn:circe:problem:authentication_failed",
    "title": "Unauthorized",
    "status": 401,
    "detail": "No active account has this e-mail and password.",
    "code": "authentication_failed",
}


@pytest.fixture
def jane(registered):
    return registered()


@pytest.fixture
def clock():
    with time_machine.travel(timezone.now(), tick=False) as clock:
        yield clock


def test_a_customer_signs_in_and_out(ask, jane):
    pair = ask("login", CREDENTIALS | {"email": " JANE@example.com "}).json()
    client = signed_in(pair)
    assert client.get(ME).status_code == 200
    assert ask("logout", {"refresh": pair["refresh"]}).json() == {"message": "You have been logged out successfully"}
    assert client.get(ME).status_code == 401
    assert ask("refresh", {"refresh": pair["refresh"]}).status_code == 401


REASONS = {
    "unknown": None,
    "walk-in": {"password": None},
    "unverified walk-in": {"password": None, "email_verified": False},
    "unverified, with a password that the staff chose": {"email_verified": False},
    "inactive": {"is_active": False},
    "deleted": {"is_active": False, "is_deleted": True},
    "wrong": {"password": make_password("another one")},
    "wrong and unverified": {"password": make_password("another one"), "email_verified": False},
}


@in_one_test("reason", REASONS)
def test_every_refusal_is_the_same_and_costs_the_same(reason, ask, registered, settings):
    registered(email="known@example.com", password=make_password("another one"))
    settings.PASSWORD_HASHERS = ["tenants.tests.test_login.CountingHasher"]
    if REASONS[reason] is not None:
        registered(**REASONS[reason])
    expected = statements_of(lambda: ask("login", CREDENTIALS | {"email": "known@example.com"}))
    CountingHasher.hashes = 0
    answers = []
    assert statements_of(lambda: answers.append(ask("login", CREDENTIALS))) == expected
    assert (answers[0].status_code, answers[0].json(), CountingHasher.hashes) == (401, REFUSED, 1)
    assert answers[0]["WWW-Authenticate"] == "Bearer"


def test_a_password_that_the_staff_set_signs_nobody_in_before_the_mailbox_is_proven(ask, staff, manager):
    body = {"first_name": "Jane", **CREDENTIALS}
    created = staff.post("/api/v1/customers", body).json()
    assert ask("login", CREDENTIALS).status_code == 401
    manager.patch(f"/api/v1/customers/{created['id']}", {"password": NEW_PASSWORD, "email_verified": True})
    assert ask("login", CREDENTIALS | {"password": NEW_PASSWORD}).status_code == 401


def test_a_customer_of_another_business_and_the_staff_do_not_sign_in_here(ask, registered, other_tenant, tenant):
    registered(tenant=other_tenant)
    UserFactory(tenant=tenant, email="rina@example.com", password=PASSWORD)
    assert ask("login", CREDENTIALS).json() == REFUSED
    assert ask("login", CREDENTIALS | {"email": "rina@example.com"}).json() == REFUSED
    assert ask("login", CREDENTIALS, portal="/api/v1/portal/nordlys").status_code == 200


def test_an_unknown_business_and_a_suspended_one_are_the_same_404(ask, registered, other_tenant):
    registered(tenant=other_tenant)
    suspend(other_tenant)
    answers = {
        ask(endpoint, CREDENTIALS, portal=f"/api/v1/portal/{slug}").content
        for endpoint in ("login", "register", "verify", "refresh", "logout", "password/forgot", "password/change")
        for slug in ("nordlys", "nobody", "LOTUS", "lotus%00", "lotus%20", "x" * 300)
    }
    (content,) = answers
    assert b"There is nothing at this address." in content


# --- refresh ----------------------------------------------------------------------------------------------------------


def test_a_refresh_token_is_good_once_and_its_reuse_ends_the_session(ask, jane, clock):
    pair = ask("login", CREDENTIALS).json()
    clock.shift(60)
    next_pair = ask("refresh", {"refresh": pair["refresh"]}).json()
    assert signed_in(next_pair).get(ME).status_code == 200
    clock.shift(10)
    assert ask("refresh", {"refresh": pair["refresh"]}).json() == next_pair
    clock.shift(1)
    assert ask("refresh", {"refresh": pair["refresh"]}).status_code == 401
    assert signed_in(next_pair).get(ME).status_code == 401
    assert ask("refresh", {"refresh": next_pair["refresh"]}).status_code == 401


def test_tokens_expire_after_15_minutes_and_30_days(ask, jane, clock):
    pair = ask("login", CREDENTIALS).json()
    clock.shift(dt.timedelta(minutes=15, seconds=29))
    assert signed_in(pair).get(ME).status_code == 200
    clock.shift(2)
    assert signed_in(pair).get(ME).status_code == 401
    clock.shift(dt.timedelta(days=29))
    pair = ask("refresh", {"refresh": pair["refresh"]}).json()
    clock.shift(dt.timedelta(days=30))
    assert ask("refresh", {"refresh": pair["refresh"]}).status_code == 401
    ask("login", CREDENTIALS)
    assert CustomerSession.objects.count() == 1


def test_tokens_of_staff_and_of_other_businesses_do_not_refresh_here(ask, jane, registered, other_tenant, staff):
    staffs = LoginSession.start(staff.user).token_pair()
    own = ask("login", CREDENTIALS).json()
    assert ask("refresh", {"refresh": own["refresh"]}, portal="/api/v1/portal/nordlys").status_code in {401, 404}
    registered(tenant=other_tenant)
    foreign = ask("login", CREDENTIALS, portal="/api/v1/portal/nordlys").json()
    for token in (staffs["refresh"], foreign["refresh"], own["access"], "x"):
        assert ask("refresh", {"refresh": token}).status_code == 401
        ask("logout", {"refresh": token})
    assert staff.post("/api/v1/auth/refresh", {"refresh": own["refresh"]}).status_code == 401
    staff.post("/api/v1/auth/logout", {"refresh": own["refresh"]})
    assert signed_in(foreign).get(ME).status_code == 401
    assert ask("refresh", {"refresh": foreign["refresh"]}, portal="/api/v1/portal/nordlys").status_code == 200
    assert staff.post("/api/v1/auth/refresh", {"refresh": staffs["refresh"]}).status_code == 200
    assert ask("refresh", {"refresh": own["refresh"]}).status_code == 200


# --- what ends a session ----------------------------------------------------------------------------------------------


def by_the_staff(jane, manager, **_):
    assert manager.patch(f"/api/v1/customers/{jane.pk}", {"password": NEW_PASSWORD}).status_code == 200


def taken_away(jane, manager, **_):
    assert manager.patch(f"/api/v1/customers/{jane.pk}", {"password": None}).status_code == 200


def by_a_bulk_update(jane, **_):
    Customer.objects.filter(pk=jane.pk).update(password=make_password(NEW_PASSWORD))


def by_a_mailed_link(ask, token_for, **_):
    token = token_for("password/forgot", {"email": JANE["email"]})
    assert ask("password/reset", {"token": token, "password": NEW_PASSWORD}).status_code == 200


def by_oneself(ask, **_):
    client = signed_in(ask("login", CREDENTIALS).json())
    changed = ask("password/change", {"password": PASSWORD, "new_password": NEW_PASSWORD}, client=client)
    assert changed.status_code == 200
    assert client.get(ME).status_code == 401
    assert signed_in(changed.json()).get(ME).status_code == 200


CHANGES = [by_the_staff, taken_away, by_a_bulk_update, by_a_mailed_link, by_oneself]


@pytest.mark.slow("changes a password in each way")
@in_one_test("change", CHANGES)
def test_a_change_of_the_password_ends_every_session_by_whatever_way(change, ask, jane, manager, token_for):
    pairs = [ask("login", CREDENTIALS).json() for _ in range(2)]
    other = CustomerFactory(tenant=jane.tenant, email_verified=True, password=make_password(PASSWORD))
    others = ask("login", {"email": other.email, "password": PASSWORD}).json()
    sessions = list(CustomerSession.objects.filter(customer=jane).values_list("pk", flat=True))
    change(ask=ask, jane=jane, manager=manager, token_for=token_for)
    for pair in pairs:
        assert signed_in(pair).get(ME).status_code == 401
        assert ask("refresh", {"refresh": pair["refresh"]}).status_code == 401
    # They stay ended when the customer gets a password again.
    assert not CustomerSession.objects.live().filter(pk__in=sessions).exists()
    assert signed_in(others).get(ME).status_code == 200
    assert ask("login", CREDENTIALS).status_code == 401


def deactivated(jane, manager, **_):
    assert manager.patch(f"/api/v1/customers/{jane.pk}", {"is_active": False}).status_code == 200


def deleted(jane, admin, **_):
    assert admin.delete(f"/api/v1/customers/{jane.pk}").status_code == 200


def purged(jane, super_admin, **_):
    assert super_admin.delete(f"/api/v1/customers/{jane.pk}?permanent=true").status_code == 200


def given_another_address(jane, manager, **_):
    assert manager.patch(f"/api/v1/customers/{jane.pk}", {"email": "other@example.com"}).status_code == 200


def suspended(tenant, **_):
    suspend(tenant)


@in_one_test("change", [deactivated, deleted, purged, given_another_address, suspended])
def test_a_customer_who_may_not_sign_in_any_more_is_refused_on_the_next_request(
    change, ask, jane, manager, admin, super_admin, tenant
):
    pair = ask("login", CREDENTIALS).json()
    change(jane=jane, manager=manager, admin=admin, super_admin=super_admin, tenant=tenant)
    status = 404 if change is suspended else 401
    assert signed_in(pair).get(ME).status_code == status
    assert ask("refresh", {"refresh": pair["refresh"]}).status_code == status
    assert ask("login", CREDENTIALS).status_code == status


# --- the own password -------------------------------------------------------------------------------------------------


def test_a_wrong_password_and_a_weak_new_one_change_nothing(ask, jane):
    pair = ask("login", CREDENTIALS).json()
    for body, field, code in (
        ({"password": "wrong", "new_password": NEW_PASSWORD}, "password", "password_incorrect"),
        ({"password": PASSWORD, "new_password": "password123"}, "new_password", "password_too_common"),
        ({"password": PASSWORD, "new_password": "short"}, "new_password", "password_too_short"),
        ({"password": PASSWORD}, "new_password", "required"),
        ({"new_password": NEW_PASSWORD}, "password", "required"),
    ):
        answer = ask("password/change", body, client=signed_in(pair))
        (error,) = answer.json()["errors"]
        assert (answer.status_code, error["field"], error["code"]) == (400, field, code)
    assert LoginFailure.objects.count() == 1
    assert signed_in(pair).get(ME).status_code == 200


def test_staff_have_no_password_in_the_portal(ask, staff, anonymous):
    body = {"password": PASSWORD, "new_password": NEW_PASSWORD}
    assert ask("password/change", body, client=staff).status_code == 403
    assert ask("password/change", body, client=anonymous).status_code == 401


# --- guessing ---------------------------------------------------------------------------------------------------------


def guess(ask, n, address="203.0.113.1", email=JANE["email"]):
    return [
        ask("login", {"email": email, "password": f"guess {one}"}, REMOTE_ADDR=address).status_code for one in range(n)
    ]


def test_ten_wrong_passwords_shut_the_account_for_15_minutes_but_no_session(ask, jane, clock):
    pair = ask("login", CREDENTIALS).json()
    assert guess(ask, 9) == [401] * 9
    wrong = {"password": "wrong", "new_password": NEW_PASSWORD}
    assert ask("password/change", wrong, client=signed_in(pair)).status_code == 400
    for endpoint, client in (("login", None), ("password/change", signed_in(pair))):
        refused = ask(endpoint, wrong | CREDENTIALS, client=client, REMOTE_ADDR="203.0.113.2")
        assert (refused.status_code, refused["Retry-After"]) == (429, "900")
    assert signed_in(pair).get(ME).status_code == 200
    clock.shift(dt.timedelta(minutes=15, seconds=1))
    assert ask("login", CREDENTIALS).status_code == 200


def test_a_hundred_wrong_passwords_from_one_client_shut_it_out_and_no_other(ask, jane):
    LoginFailure.objects.bulk_create(
        LoginFailure(kind="customer", account=f"{jane.tenant_id}:n{n}@example.com", address="203.0.113.1")
        for n in range(99)
    )
    assert guess(ask, 1, email="unknown@example.com") == [401]
    assert ask("login", CREDENTIALS, REMOTE_ADDR="203.0.113.1").status_code == 429
    assert ask("login", CREDENTIALS, REMOTE_ADDR="203.0.113.2").status_code == 200


def test_guesses_in_one_portal_shut_neither_staff_nor_customers_of_another_business_out(
    ask, jane, registered, other_tenant, anonymous, tenant
):
    UserFactory(tenant=tenant, email=JANE["email"], password=PASSWORD)
    registered(tenant=other_tenant)
    LoginFailure.objects.bulk_create(
        LoginFailure(kind="customer", account=f"{jane.tenant_id}:{JANE['email']}", address="203.0.113.1")
        for _ in range(100)
    )
    at = {"REMOTE_ADDR": "203.0.113.1"}
    assert ask("login", CREDENTIALS, **at).status_code == 429
    assert anonymous.post("/api/v1/auth/login", CREDENTIALS, **at).status_code == 200
    assert ask("login", CREDENTIALS, portal="/api/v1/portal/nordlys", REMOTE_ADDR="203.0.113.2").status_code == 200
    LoginFailure.objects.update(kind="staff", account=JANE["email"])
    assert anonymous.post("/api/v1/auth/login", CREDENTIALS, **at).status_code == 429
    assert ask("login", CREDENTIALS, **at).status_code == 200


def test_invented_tokens_are_counted_by_client_and_a_good_one_is_not(ask, jane, token_for, clock):
    token = token_for("password/forgot", {"email": JANE["email"]})
    at = {"REMOTE_ADDR": "203.0.113.1"}
    for n in range(100):
        endpoint = ("verify", "password/reset")[n % 2]
        assert ask(endpoint, {"token": f"guess{n}", "password": NEW_PASSWORD}, **at).status_code == 400
    for endpoint in ("verify", "password/reset"):
        refused = ask(endpoint, {"token": token, "password": NEW_PASSWORD}, **at)
        assert (refused.status_code, refused["Retry-After"]) == (429, "900")
    assert ask("login", CREDENTIALS, **at).status_code == 200
    assert ask("password/reset", {"token": token, "password": NEW_PASSWORD}).status_code == 200
    assert LoginFailure.objects.filter(kind="link").count() == 100


def test_a_refused_log_in_is_in_the_history_of_who_is_known(ask, jane):
    ask("login", CREDENTIALS | {"password": "wrong"}, REMOTE_ADDR="203.0.113.1")
    ask("login", CREDENTIALS | {"email": "unknown@example.com"})
    events = AuditEvent.objects.filter(table="login").order_by("at")
    assert [(event.action, event.customer_id, event.after) for event in events] == [
        ("refused", jane.pk, {}),
        ("refused", None, {}),
    ]


def test_a_purge_removes_the_customers_failed_log_ins(ask, jane, super_admin, anonymous):
    guess(ask, 1)
    guess(ask, 1, email="other@example.com")
    anonymous.post("/api/v1/auth/login", CREDENTIALS)
    assert super_admin.delete(f"/api/v1/customers/{jane.pk}?permanent=true").status_code == 200
    assert [failure.account for failure in LoginFailure.objects.all()] == [f"{jane.tenant_id}:other@example.com"]
