"""POST /api/v1/portal/{tenant_slug}/register and verify: how a person gets an account."""

import datetime as dt

import jwt
import pytest
import time_machine
from django.conf import settings
from django.utils import timezone

from appointments.models import Appointment
from appointments.tests.factories import AppointmentFactory
from circe.tests.cases import in_one_test
from customers.models import Customer, CustomerSession, MailedLink
from customers.portal.tests.conftest import JANE, NEW_PASSWORD, PASSWORD, PORTAL, signed_in, token_in
from customers.tests.factories import CustomerFactory, DeletedCustomerFactory
from tenants.models import AuditEvent

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_scope")]

MAIL = {"message": "We have sent a mail to this address. Open the link in it to go on."}
LINK_INVALID = {
    "type": "urn:circe:problem:link_invalid",
    "title": "Bad Request",
    "status": 400,
    "detail": "This link is not valid any more. Ask for a new one.",
    "code": "link_invalid",
}


def test_a_person_asks_for_an_account_and_opens_it_by_the_mail(ask, send, tenant):
    answer = ask("register", JANE | {"phone": "0812 3456 7890", "language": "nb"})
    assert (answer.status_code, answer.json()) == (202, MAIL)
    assert not Customer.objects.exists()
    (message,) = send()
    assert message.to == ["jane@example.com"]
    assert f"/portal/lotus/confirm?token={token_in(message)}" in message.body
    assert not Customer.objects.exists()

    answer = ask("verify", {"token": token_in(message), "password": PASSWORD})
    assert (answer.status_code, answer.json().keys()) == (200, {"access", "refresh"})
    jane = Customer.objects.get()
    stored = {
        name: getattr(jane, name) for name in ("tenant_id", "email", "first_name", "last_name", "phone", "language")
    }
    assert stored == JANE | {"tenant_id": tenant.pk, "phone": "+6281234567890", "language": "nb"}
    assert (jane.email_verified, jane.source, jane.tags, jane.is_active) == (True, "portal", ["self-registered"], True)
    assert signed_in(answer.json()).get(f"{PORTAL}/me/appointments").status_code == 200
    assert ask("login", {"email": "JANE@example.com", "password": PASSWORD}).status_code == 200


def test_the_tokens_have_the_claims_of_staffs_and_the_role_customer(token_for, ask, tenant):
    with time_machine.travel(dt.datetime(2026, 1, 5, 9, tzinfo=dt.UTC), tick=False) as now:
        pair = ask("verify", {"token": token_for(), "password": PASSWORD}).json()
        access, refresh = (
            jwt.decode(pair[kind], settings.JWT_SIGNING_KEY, ["HS256"]) for kind in ("access", "refresh")
        )
    jane, session = Customer.objects.get(), CustomerSession.objects.get()
    assert access == {
        "type": "access",
        "iat": int(now.shift(0) or access["iat"]),
        "exp": access["iat"] + 15 * 60,
        "jti": access["jti"],
        "sub": jane.pk,
        "sid": session.pk,
        "email": "jane@example.com",
        "role": "customer",
        "tenant_id": tenant.pk,
    }
    assert refresh["exp"] - refresh["iat"] == 30 * 24 * 3600


def test_a_walk_in_becomes_registered_on_the_same_row_with_all_their_history(token_for, ask, tenant):
    walk_in = CustomerFactory(
        tenant=tenant, email="Jane@Example.com", first_name="Janet", tags=["vip"], loyalty_points=7
    )
    visits = [AppointmentFactory(tenant=tenant, customer=walk_in).pk for _ in range(3)]
    before = Customer.objects.filter(pk=walk_in.pk).values().get()
    answer = ask("verify", {"token": token_for(body=JANE | {"phone": "+6281999"}), "password": PASSWORD})
    after = Customer.objects.values().get()
    changed = {name for name, value in after.items() if value != before[name]}
    assert changed == {"password", "email_verified", "updated_at", "changed_at"}
    assert after["email_verified"]
    history = signed_in(answer.json()).get(f"{PORTAL}/me/appointments").json()
    assert {one["id"] for one in history["appointments"]} == set(visits)
    assert Appointment.objects.filter(customer=walk_in).count() == 3


def test_a_walk_in_who_came_between_the_mail_and_its_opening_is_the_same_person(token_for, ask, staff):
    token = token_for()
    created = staff.post("/api/v1/customers", {"first_name": "Jane", "email": "JANE@example.com"}).json()
    assert ask("verify", {"token": token, "password": PASSWORD}).status_code == 200
    assert list(Customer.objects.values_list("pk", "email_verified")) == [(created["id"], True)]
    assert Customer.objects.get().has_password


def test_a_customer_whose_password_the_staff_chose_opens_their_account_by_the_mail(token_for, ask, staff):
    body = {"first_name": "Jane", "email": "jane@example.com", "password": NEW_PASSWORD}
    created = staff.post("/api/v1/customers", body).json()
    assert ask("login", {"email": "jane@example.com", "password": NEW_PASSWORD}).status_code == 401
    assert ask("verify", {"token": token_for(), "password": PASSWORD}).status_code == 200
    assert ask("login", {"email": "jane@example.com", "password": NEW_PASSWORD}).status_code == 401
    assert ask("login", {"email": "jane@example.com", "password": PASSWORD}).status_code == 200
    assert Customer.objects.get().pk == created["id"]


def test_a_phone_that_another_customer_has_stays_pending_and_is_told_to_nobody(token_for, ask, tenant):
    other = CustomerFactory(tenant=tenant, phone="+6281234567890")
    answers = []
    for email, phone in (("jane@example.com", "0812 3456 7890"), ("joe@example.com", "0812 3456 7891")):
        token = token_for(body=JANE | {"email": email, "phone": phone})
        answers.append(ask("verify", {"token": token, "password": PASSWORD}))
    assert [(answer.status_code, answer.json().keys()) for answer in answers] == [(200, {"access", "refresh"})] * 2
    people = dict(Customer.objects.exclude(pk=other.pk).values_list("email", "phone"))
    assert people == {"jane@example.com": None, "joe@example.com": "+6281234567891"}
    assert Customer.objects.get(email="jane@example.com").pending_phone == "+6281234567890"


def test_a_deleted_customer_with_the_address_stays_deleted_and_a_new_one_is_made(token_for, ask, tenant):
    deleted = DeletedCustomerFactory(tenant=tenant, email="jane@example.com")
    assert ask("verify", {"token": token_for(), "password": PASSWORD}).status_code == 200
    assert set(Customer.objects.values_list("pk", "is_deleted")) > {(deleted.pk, True)}
    assert Customer.objects.undeleted().get().has_password


# --- which mail -------------------------------------------------------------------------------------------------------

PEOPLE = {
    "nobody": None,
    "walk-in": {"password": None, "email_verified": False},
    "verified walk-in": {"password": None},
    "unverified": {"email_verified": False},
    "registered": {},
    "inactive": {"is_active": False},
    "inactive walk-in": {"is_active": False, "password": None, "email_verified": False},
    "deleted": {"is_active": False, "is_deleted": True},
}
CONFIRM, EXISTS, OPEN = "Confirm your e-mail address", "You have an account already", "Open your account"
RESET = "Choose a new password"
MAILS = {
    "register": [CONFIRM, OPEN, OPEN, OPEN, EXISTS, None, None, CONFIRM],
    "password/forgot": [None, OPEN, OPEN, OPEN, RESET, None, None, None],
}


@pytest.mark.slow("asks each endpoint for the address of each person")
@in_one_test(
    "endpoint, who, subject",
    [(endpoint, *case) for endpoint, subjects in MAILS.items() for case in zip(PEOPLE, subjects, strict=True)],
)
def test_which_mail_goes_out_depends_on_who_has_the_address(endpoint, who, subject, ask, send, registered):
    if PEOPLE[who] is not None:
        registered(**PEOPLE[who], language="en")
    assert (
        ask(endpoint, JANE | {"language": "en"} if endpoint == "register" else {"email": JANE["email"]}).json() == MAIL
    )
    assert [message.subject for message in send()] == ([subject] if subject else [])
    link = MailedLink.objects.get()
    assert link.state == ("sent" if subject else "skipped")
    assert bool(link.token_hash) == (subject in {CONFIRM, OPEN, RESET})
    if link.token_hash:
        hours = 1 if subject == RESET else 24
        assert abs(link.expires_at - timezone.now() - dt.timedelta(hours=hours)) < dt.timedelta(minutes=1)


def test_another_businesss_customer_is_nobody_here(ask, send, registered, other_tenant):
    registered(tenant=other_tenant)
    ask("register", JANE | {"language": "en"})
    assert [message.subject for message in send()] == [CONFIRM]
    ask("password/forgot", {"email": JANE["email"]})
    assert send() == []


# --- what is not accepted ---------------------------------------------------------------------------------------------

BAD_REGISTRATIONS = [
    ({"first_name": "Jane"}, "email"),
    ({"email": "jane@example.com"}, "first_name"),
    (JANE | {"email": ""}, "email"),
    (JANE | {"email": None}, "email"),
    (JANE | {"email": "jane"}, "email"),
    (JANE | {"email": "ja\u200bne@example.com"}, "email"),
    (JANE | {"email": 5}, "email"),
    (JANE | {"first_name": " "}, "first_name"),
    (JANE | {"phone": "12"}, "phone"),
    (JANE | {"phone": "+628123456789 / +628123456780"}, "phone"),
    (JANE | {"language": "Bahasa"}, "language"),
    (JANE | {"last_name": "x" * 101}, "last_name"),
]


@in_one_test("body, field", BAD_REGISTRATIONS)
def test_a_registration_that_is_not_valid_is_a_400_and_sends_nothing(body, field, ask):
    answer = ask("register", body)
    assert (answer.status_code, [error["field"] for error in answer.json()["errors"]]) == (400, [field])
    assert not MailedLink.objects.exists()


def test_a_password_in_a_registration_plants_nothing(ask, send):
    ask("register", JANE | {"password": NEW_PASSWORD})
    (message,) = send()
    assert NEW_PASSWORD not in str(MailedLink.objects.values().get())
    ask("verify", {"token": token_in(message), "password": PASSWORD})
    assert ask("login", {"email": JANE["email"], "password": NEW_PASSWORD}).status_code == 401


WEAK = {"short": "8letter"[:7], "common": "password123", "long": "a1" * 65, "empty": "", "null": None, "absent": ...}


def test_a_weak_password_is_a_400_and_spends_nothing(token_for, ask):
    token = token_for()
    for why, password in WEAK.items():
        answer = ask("verify", {"token": token} if password is ... else {"token": token, "password": password})
        assert (why, answer.status_code, answer.json()["errors"][0]["field"]) == (why, 400, "password")
    assert not Customer.objects.exists()
    assert ask("verify", {"token": token, "password": PASSWORD}).status_code == 200


def test_the_password_is_taken_in_every_unicode_form(token_for, ask):
    assert ask("verify", {"token": token_for(), "password": "caf\u00e9 au lait"}).status_code == 200
    assert ask("login", {"email": JANE["email"], "password": "cafe\u0301 au lait"}).status_code == 200


def use(ask, token, **_):
    assert ask("verify", {"token": token, "password": PASSWORD}).status_code == 200


def expire(clock, **_):
    clock.shift(dt.timedelta(hours=24, seconds=1))


def open_by_another_mail(ask, token_for, **_):
    use(ask, token_for())


def deactivate(tenant, **_):
    CustomerFactory(tenant=tenant, email=JANE["email"], is_active=False)


def create_with_a_password(staff, **_):
    assert staff.post("/api/v1/customers", JANE | {"password": NEW_PASSWORD}).status_code == 201


SPOILT = [use, expire, open_by_another_mail, deactivate, create_with_a_password]


@in_one_test("spoil", SPOILT)
def test_a_link_that_was_used_or_has_expired_or_is_not_for_this_person_any_more(spoil, ask, token_for, tenant, staff):
    with time_machine.travel(timezone.now()) as clock:
        token = token_for()
        spoil(ask=ask, token=token, token_for=token_for, tenant=tenant, clock=clock, staff=staff)
        answer = ask("verify", {"token": token, "password": NEW_PASSWORD})
        assert (answer.status_code, answer.json()) == (400, LINK_INVALID)
        assert ask("login", {"email": JANE["email"], "password": NEW_PASSWORD}).status_code == 401


def test_a_link_is_good_until_its_last_second(ask, token_for):
    with time_machine.travel(timezone.now(), tick=False) as clock:
        token = token_for()
        clock.shift(dt.timedelta(hours=24, seconds=-1))
        assert ask("verify", {"token": token, "password": PASSWORD}).status_code == 200


WALK_IN_CHANGES = [
    {"email": "other@example.com"},
    {"email": "other@example.com", "phone": "+6281000000"},
    {"is_deleted": True, "is_active": False},
    {"is_active": False},
    {"password": NEW_PASSWORD},
]


@in_one_test("changes", WALK_IN_CHANGES)
def test_a_walk_ins_link_is_bound_to_their_address_and_password(changes, ask, token_for, tenant):
    walk_in = CustomerFactory(tenant=tenant, email=JANE["email"])
    token = token_for()
    walk_in.change(changes)
    assert ask("verify", {"token": token, "password": PASSWORD}).json() == LINK_INVALID
    walk_in.refresh_from_db()
    assert not walk_in.email_verified


def test_a_link_of_another_business_and_an_invented_one_are_no_links(ask, token_for, other_tenant):
    token = token_for()
    for invented in ("", "x", "x" * 43, token[:-1], token.upper(), " ", "\u00e9", "%00"):
        answer = ask("verify", {"token": invented, "password": PASSWORD})
        assert answer.status_code == 400
        assert invented.strip() == "" or answer.json() == LINK_INVALID
    foreign = ask("verify", {"token": token, "password": PASSWORD}, portal="/api/v1/portal/nordlys")
    assert (foreign.status_code, foreign.json()) == (400, LINK_INVALID)
    assert ask("password/reset", {"token": token, "password": PASSWORD}).json() == LINK_INVALID
    assert ask("verify", {"token": token, "password": PASSWORD}).status_code == 200


def test_the_audit_trail_says_that_the_customer_came_by_the_portal(ask, token_for):
    ask("verify", {"token": token_for(), "password": PASSWORD})
    event = AuditEvent.objects.get(table="customer", action="created")
    assert (event.command, event.actor_id, event.after["email"]) == ("portal", None, JANE["email"])
    assert event.after["password"] == "set"
