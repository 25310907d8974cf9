"""POST password/forgot, password/reset and email/change of the portal."""

import pytest

from circe.tests.cases import in_one_test
from customers.models import Customer, MailedLink
from customers.portal.tests.conftest import JANE, NEW_PASSWORD, PASSWORD, PORTAL, signed_in, token_in
from customers.portal.tests.test_registration import LINK_INVALID, MAIL
from customers.tests.factories import CustomerFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_scope")]

ME = f"{PORTAL}/me/appointments"
CREDENTIALS = {"email": JANE["email"], "password": PASSWORD}
NEW = "jane.new@example.com"
CONFIRM_NEW, TAKEN = "Confirm your new e-mail address", "This e-mail address is in use already"
CHANGED = "Your e-mail address was changed"


@pytest.fixture
def jane(registered):
    return registered(language="en")


@pytest.fixture
def client(ask, jane):
    return signed_in(ask("login", CREDENTIALS).json())


def messages(sent):
    return sorted((message.subject, *message.to) for message in sent)


# --- a forgotten password ---------------------------------------------------------------------------------------------


def test_a_customer_who_forgot_the_password_chooses_another_by_the_mail(ask, send, jane, client):
    assert ask("password/forgot", {"email": "JANE@example.com"}).json() == MAIL
    (message,) = send()
    assert f"/portal/lotus/reset?token={token_in(message)}" in message.body
    answer = ask("password/reset", {"token": token_in(message), "password": NEW_PASSWORD})
    assert answer.json() == {"message": "Your password has been changed. Sign in with it."}
    assert client.get(ME).status_code == 401
    assert ask("login", CREDENTIALS).status_code == 401
    assert ask("login", CREDENTIALS | {"password": NEW_PASSWORD}).status_code == 200
    again = ask("password/reset", {"token": token_in(message), "password": PASSWORD})
    assert (again.status_code, again.json()) == (400, LINK_INVALID)


def test_no_mail_about_an_account_goes_to_an_address_that_is_only_similar(ask, send, registered):
    registered(email="strasse@example.com")
    for endpoint in ("password/forgot", "register"):
        answer = ask(endpoint, {"email": "straße@example.com", "first_name": "Jane"})
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "email")
    assert messages(send()) == []


@in_one_test("password", ["short", "password123", "x" * 129, "", None])
def test_a_weak_password_spends_nothing(password, ask, jane, token_for):
    token = token_for("password/forgot", {"email": JANE["email"]})
    answer = ask("password/reset", {"token": token, "password": password})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "password")
    assert ask("password/reset", {"token": token, "password": NEW_PASSWORD}).status_code == 200


def test_a_walk_in_who_forgot_a_password_opens_their_account(ask, tenant, token_for):
    walk_in = CustomerFactory(tenant=tenant, email=JANE["email"])
    token = token_for("password/forgot", {"email": JANE["email"]})
    answer = ask("verify", {"token": token, "password": PASSWORD})
    assert signed_in(answer.json()).get(ME).status_code == 200
    assert Customer.objects.get(email_verified=True).pk == walk_in.pk


CHANGES = {
    "password": lambda jane, **_: jane.change({"password": NEW_PASSWORD}),
    "address": lambda jane, **_: jane.change({"email": "other@example.com"}),
    "inactive": lambda jane, **_: jane.change({"is_active": False}),
    "deleted": lambda jane, **_: jane.soft_delete(by="5" * 24),
    "purged": lambda jane, **_: jane.purge(),
    "another link": lambda ask, token_for, **_: ask(
        "password/reset",
        {"token": token_for("password/forgot", {"email": JANE["email"]}), "password": NEW_PASSWORD},
    ),
}


@in_one_test("change", CHANGES)
def test_a_link_is_bound_to_the_address_and_the_password(change, ask, jane, token_for):
    token = token_for("password/forgot", {"email": JANE["email"]})
    CHANGES[change](jane=Customer.objects.get(pk=jane.pk), ask=ask, token_for=token_for)
    answer = ask("password/reset", {"token": token, "password": PASSWORD})
    assert (answer.status_code, answer.json()) == (400, LINK_INVALID)


# --- another address --------------------------------------------------------------------------------------------------


def test_the_address_changes_when_the_mail_to_it_is_opened(ask, send, jane, client):
    assert ask("email/change", {"email": " Jane.New@Example.com "}, client=client).json() == MAIL
    (message,) = send()
    assert (message.subject, message.to) == (CONFIRM_NEW, ["Jane.New@example.com"])
    assert ask("login", CREDENTIALS).status_code == 200
    answer = ask("verify", {"token": token_in(message)})
    assert signed_in(answer.json()).get(ME).status_code == 200
    assert client.get(ME).status_code == 200
    stored = Customer.objects.get()
    assert (stored.pk, stored.email, stored.email_key, stored.email_verified) == (
        jane.pk,
        "Jane.New@Example.com",
        NEW,
        True,
    )
    assert ask("login", CREDENTIALS).status_code == 401
    assert ask("login", CREDENTIALS | {"email": NEW}).status_code == 200
    assert messages(send()) == [(CHANGED, JANE["email"])]
    assert ask("verify", {"token": token_in(message)}).json() == LINK_INVALID


@in_one_test("values", [{}, {"password": None}, {"email_verified": False}])
def test_an_address_that_another_customer_has_is_told_in_the_mail_to_its_owner_alone(
    values, ask, send, jane, client, registered
):
    registered(email=NEW, language="en", first_name="Owen", **values)
    assert ask("email/change", {"email": NEW}, client=client).json() == MAIL
    (message,) = send()
    assert (message.subject, message.to) == (TAKEN, [NEW])
    assert "token" not in message.body
    assert jane.first_name not in message.body + message.alternatives[0][0]
    assert set(Customer.objects.values_list("pk", "email")) >= {(jane.pk, JANE["email"])}


def test_an_address_that_was_taken_between_the_mail_and_its_opening_changes_nothing(ask, send, jane, client, staff):
    ask("email/change", {"email": NEW}, client=client)
    (message,) = send()
    owen = {"first_name": "Owen", "email": NEW, "preferences": {"language": "en"}}
    assert staff.post("/api/v1/customers", owen).status_code == 201
    assert ask("verify", {"token": token_in(message)}).json() == LINK_INVALID
    assert ask("login", CREDENTIALS).status_code == 200
    ask("email/change", {"email": NEW}, client=client)
    assert messages(send()) == [(TAKEN, NEW)]


@in_one_test("change", ["password", "address", "inactive", "deleted"])
def test_a_link_to_a_new_address_is_bound_to_the_old_one_and_the_password(change, ask, send, jane, client):
    ask("email/change", {"email": NEW}, client=client)
    (message,) = send()
    CHANGES[change](jane=Customer.objects.get(pk=jane.pk))
    assert ask("verify", {"token": token_in(message)}).json() == LINK_INVALID
    assert not Customer.objects.filter(email=NEW).exists()


def test_ones_own_address_in_another_spelling(ask, send, jane, client):
    ask("email/change", {"email": "JANE@example.com"}, client=client)
    (message,) = send()
    assert ask("verify", {"token": token_in(message)}).status_code == 200
    stored = Customer.objects.get()
    assert (stored.email, stored.email_verified) == ("JANE@example.com", True)
    # Neither the address nor the password has changed, for which the link is good: it was used.
    assert ask("verify", {"token": token_in(message)}).json() == LINK_INVALID


def test_only_a_customer_who_is_signed_in_here_asks_for_another_address(ask, client, staff, anonymous, other_tenant):
    assert ask("email/change", {"email": NEW}, client=anonymous).status_code == 401
    assert ask("email/change", {"email": NEW}, client=staff).status_code == 403
    assert ask("email/change", {"email": NEW}, client=client, portal="/api/v1/portal/nordlys").status_code == 401
    assert not MailedLink.objects.exists()


def test_a_repeated_request_with_an_idempotency_key_sends_one_mail(ask, send, client):
    for _ in range(2):
        answer = ask("email/change", {"email": NEW}, client=client, headers={"Idempotency-Key": "once"})
        assert (answer.status_code, answer.json()) == (202, MAIL)
    assert len(send()) == 1
