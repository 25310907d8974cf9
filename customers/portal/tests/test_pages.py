"""The pages that a mailed link opens: confirm, reset, unsubscribe."""

import logging
from email import message_from_bytes, policy

import pytest
from django.contrib.auth.hashers import check_password
from django.contrib.auth.password_validation import get_default_password_validators
from django.core.exceptions import ValidationError
from django.test import Client
from django.utils import translation

from circe.tests.cases import in_one_test
from customers.consents.ledger import consents_of, current_consents, record_consent, withdraw_consents
from customers.messages.mail import Mail, build_email
from customers.models import Customer, CustomerSession, MailedLink
from customers.portal.links import request_link
from customers.portal.signed_links import unsubscribe_url
from customers.portal.tests.conftest import JANE, NEW_PASSWORD, PORTAL, suspend, token_in
from customers.tests.factories import CustomerFactory
from tenants.models import LoginFailure, Tenant
from tenants.scope import ALL_TENANTS, tenant_scope

CONFIRM, RESET, UNSUBSCRIBE = (f"/portal/lotus/{name}" for name in ("confirm", "reset", "unsubscribe"))
INVALID = {
    "en": "This link is not valid any more",
    "id": "Tautan ini sudah tidak berlaku",
    "nb": "Denne lenken gjelder ikke lenger",
}


@pytest.fixture
def visitor(tenant):
    """A browser without cookies, which sends no CSRF token."""
    speak(tenant, "en")
    return Client(enforce_csrf_checks=True, raise_request_exception=False)


@tenant_scope(ALL_TENANTS)
def speak(tenant, language):
    Tenant.objects.filter(pk=tenant.pk).update(language=language, name="Lotus <Spa>")


@tenant_scope(ALL_TENANTS)
def snapshot():
    """Everything that opening a page could change."""
    return [
        list(model.objects.order_by("pk").values()) for model in (Customer, MailedLink, CustomerSession, LoginFailure)
    ]


def page_of(answer, status=200):
    """The text of the page, whose headers are as they must be."""
    assert answer.status_code == status, answer.content
    assert not answer.cookies
    assert answer["Content-Type"].startswith("text/html")
    assert answer["Referrer-Policy"] == "no-referrer"
    assert answer["Cache-Control"] == "no-store"
    assert answer["X-Robots-Tag"] == "noindex"
    policy = answer["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "unsafe" not in policy
    text = answer.content.decode()
    assert text.count("<h1>") == 1
    assert "<script" not in text
    assert "Lotus <Spa>" not in text
    return text


@in_one_test("language, title, rule, wrong, done", [
    ("en", "Open your account", "at least 8 characters", "This password is too short", "Your account is open"),
    ("id", "Buka akun Anda", "setidaknya 8 karakter", "Kata sandi ini terlalu pendek", "Akun Anda sudah aktif"),
    ("nb", "Åpne kontoen din", "minst 8 tegn", "Dette passordet er for kort", "Kontoen din er åpen"),
])  # fmt: skip
def test_a_person_opens_an_account_in_their_language(visitor, token_for, language, title, rule, wrong, done):
    url = f"{CONFIRM}?token={token_for(body=JANE | {'language': language})}"
    before = snapshot()
    for method in (visitor.get, visitor.head):
        method(url)
    assert snapshot() == before
    text = page_of(visitor.get(url))
    assert f'<html lang="{language}">' in text
    assert f"<h1>{title}</h1>" in text
    assert "Lotus &lt;Spa&gt;" in text
    assert rule in text
    text = page_of(visitor.post(url, {"password": "short"}), 400)
    assert wrong in text
    assert 'aria-invalid="true"' in text
    assert 'value="short"' not in text
    assert done in page_of(visitor.post(url, {"password": NEW_PASSWORD}))
    with tenant_scope(ALL_TENANTS):
        jane = Customer.objects.get(email=JANE["email"])
        assert (jane.email_verified, check_password(NEW_PASSWORD, jane.password)) == (True, True)
        assert not CustomerSession.objects.exists()
    # The link is spent. Now the page can't know whose it was, so it is in the language of the business.
    assert INVALID["en"] in page_of(visitor.get(url), 400)


@pytest.mark.parametrize("language", ["id", "nb"])
def test_every_rule_about_passwords_and_its_error_is_translated(language):
    validators = get_default_password_validators()
    for validator, wrong in zip(validators, ("short", "x" * 300, "password123"), strict=True):
        texts = []
        for code in ("en", language):
            with translation.override(code):
                texts.append((validator.get_help_text(), error_of(validator, wrong)))
        (english, english_error), (translated, translated_error) = texts
        assert english != translated
        assert english_error != translated_error


def error_of(validator, password):
    with pytest.raises(ValidationError) as raised:
        validator.validate(password)
    return raised.value.messages


def test_a_customer_chooses_a_new_password(visitor, token_for, registered):
    jane = registered(language="nn")
    url = f"{RESET}?token={token_for('password/forgot', {'email': JANE['email']})}"
    text = page_of(visitor.get(url))
    assert '<html lang="nb">' in text
    assert JANE["email"] in text
    assert "Dette feltet er p" in page_of(visitor.post(url), 400)
    page_of(visitor.post(url, {"password": NEW_PASSWORD}))
    jane.refresh_from_db()
    assert check_password(NEW_PASSWORD, jane.password)
    page_of(visitor.post(url, {"password": NEW_PASSWORD}), 400)


def test_a_walk_in_opens_the_account_of_their_visits(visitor, token_for, tenant):
    walk_in = CustomerFactory(tenant=tenant, email=JANE["email"], language="en")
    url = f"{CONFIRM}?token={token_for()}"
    page_of(visitor.post(url, {"password": NEW_PASSWORD}))
    walk_in.refresh_from_db()
    assert walk_in.has_password


def test_a_customer_confirms_a_new_address_without_a_password(visitor, registered, send, tenant):
    jane = registered(language="en")
    request_link(
        tenant=tenant, kind=MailedLink.Kind.CHANGE_EMAIL, email="new@example.com", client_address=None, customer=jane
    )
    (message,) = send()
    token = message.body.partition("token=")[2].split()[0]
    text = page_of(visitor.get(f"{CONFIRM}?token={token}"))
    assert "new@example.com" in text
    assert 'type="password"' not in text
    page_of(visitor.post(f"{CONFIRM}?token={token}"))
    jane.refresh_from_db()
    assert (jane.email, jane.email_verified) == ("new@example.com", True)


def test_a_customer_confirms_consent_to_marketing(visitor, registered, send, tenant, in_scope):
    jane = registered(language="en")
    Tenant.objects.filter(pk=tenant.pk).update(double_opt_in=True)
    record_consent(jane, channel="email", purpose="marketing", state="granted", source="portal")
    (message,) = send()
    url = path_of(next(word for word in message.body.split() if "token=" in word))
    before = consents_of(jane).count()
    assert "Yes, send me offers and news" in page_of(visitor.get(url))
    assert consents_of(jane).count() == before
    assert "You will receive our offers and news" in page_of(visitor.post(url))
    latest = consents_of(jane).first()
    assert (latest.state, latest.source) == ("granted", "link")
    page_of(visitor.post(url), 400)


def test_who_opens_the_link_of_marketing_lets_nobody_in_who_has_set_a_password_before(
    visitor, staff, send, tenant, in_scope
):
    Tenant.objects.filter(pk=tenant.pk).update(double_opt_in=True)
    consent = {"preferences": {"marketing_consent": True}}
    staff.post("/api/v1/customers", {**JANE, "password": NEW_PASSWORD, **consent}, format="json")
    (message,) = send()
    page_of(visitor.post(path_of(next(word for word in message.body.split() if "token=" in word))))
    jane = Customer.objects.get(email=JANE["email"])
    assert (jane.email_verified, jane.has_password) == (True, False)
    credentials = {"email": JANE["email"], "password": NEW_PASSWORD}
    assert visitor.post(f"{PORTAL}/login", credentials, content_type="application/json").status_code == 401


@pytest.mark.parametrize("page", [CONFIRM, RESET, UNSUBSCRIBE, "/portal/lotus/appointment"])
def test_a_page_without_a_valid_token_says_what_to_do(visitor, tenant, other_tenant, page):
    speak(tenant, "id")
    foreign = CustomerFactory(tenant=other_tenant)
    token = unsubscribe_url(foreign, "email", "marketing").partition("token=")[2]
    for query in (
        "",
        "?token=",
        "?token=abc",
        f"?token={'x' * 5000}",
        "?token=%00",
        f"?token={token}",
        "?token=a&token=b",
    ):
        for answer in (visitor.get(page + query), visitor.post(page + query, {"password": NEW_PASSWORD})):
            text = page_of(answer, 400)
            assert '<html lang="id">' in text
            assert INVALID["id"] in text


@pytest.mark.slow("opens and presses until guesses are refused")
def test_guesses_of_links_are_counted_only_where_a_button_is_pressed(visitor):
    for _ in range(3):
        visitor.get(f"{CONFIRM}?token=abc")
    assert LoginFailure.objects.count() == 0
    for _ in range(100):
        visitor.post(f"{RESET}?token=abc")
    answer = visitor.post(f"{CONFIRM}?token=abc")
    assert "Too many attempts" in page_of(answer, 429)
    assert int(answer["Retry-After"]) > 0


def test_a_method_that_no_page_has_is_answered_by_a_page(visitor):
    answer = visitor.put(f"{CONFIRM}?token=abc")
    assert "That did not work" in page_of(answer, 405)
    assert answer["Allow"] == "GET, HEAD, POST, OPTIONS"


def test_the_pages_of_an_unknown_and_of_a_suspended_business_are_the_same(visitor, tenant):
    unknown = visitor.get("/portal/nobody/confirm?token=abc")
    suspend(tenant)
    suspended = visitor.get(f"{CONFIRM}?token=abc")
    assert page_of(unknown, 404) == page_of(suspended, 404)


@pytest.mark.parametrize("body", [{"List-Unsubscribe": "One-Click"}, {}], ids=["one click", "button"])
def test_messages_are_switched_off(visitor, tenant, in_scope, body):
    jane = CustomerFactory(tenant=tenant, email=JANE["email"], language="nb")
    record_consent(jane, channel="email", purpose="marketing", state="granted", source="portal")
    url = path_of(unsubscribe_url(jane, "email", "marketing"))
    before = list(consents_of(jane).values())
    text = page_of(visitor.get(url))
    assert "<h1>Tilbud og nyheter på e-post</h1>" in text
    assert text.count("<button") == 1
    visitor.head(url)
    assert list(consents_of(jane).values()) == before
    for _ in range(2):
        text = page_of(visitor.post(url, body))
        assert "Slått av" in text
        assert "<button" not in text
    latest, *_ = consents_of(jane)
    assert (latest.purpose, latest.channel, latest.state, latest.source) == ("marketing", "email", "withdrawn", "link")
    assert consents_of(jane).count() == len(before) + 1


def test_a_link_of_double_opt_in_is_mailed_only_while_marketing_is_granted_and_confirms_what_is_granted_then(
    visitor, tenant, send, in_scope
):
    Tenant.objects.filter(pk=tenant.pk).update(double_opt_in=True)
    jane = CustomerFactory(tenant=tenant, email=JANE["email"], language="en")
    record_consent(jane, channel="email", purpose="marketing", state="granted", source="reception")
    withdraw_consents(jane, source="portal")
    assert send() == []
    for _ in range(2):
        record_consent(jane, channel="email", purpose="marketing", state="granted", source="reception")
        withdraw_consents(jane, source="portal")
    record_consent(jane, channel="email", purpose="marketing", state="granted", source="reception")
    (message,) = send()
    page_of(visitor.post(f"{CONFIRM}?token={token_in(message)}"))
    latest, *_ = consents_of(jane)
    assert (latest.state, latest.source) == ("granted", "link")


def test_an_unsubscribe_link_switches_off_what_it_names_alone(visitor, tenant, in_scope):
    jane = CustomerFactory(tenant=tenant, email=JANE["email"], language="en")
    page_of(visitor.post(path_of(unsubscribe_url(jane, "email", "service"))))
    jane.refresh_from_db()
    assert (jane.accepts_email, jane.accepts_sms) == (False, True)
    granted = {(one.purpose, one.channel) for one in current_consents(jane) if one.is_granted}
    assert ("service", "sms") in granted
    assert ("service", "email") not in granted


def test_a_mail_that_advertises_is_unsubscribed_by_the_one_click_of_a_mail_program(visitor, tenant, in_scope):
    jane = CustomerFactory(tenant=tenant, email=JANE["email"], language="en")
    record_consent(jane, channel="email", purpose="marketing", state="granted", source="portal")
    words = {"subject": "New colours", "text": "Come and see.", "html": "<p>Come and see.</p>", "language": "en"}
    advertising = Mail(to=jane.email, **words, unsubscribe_url=unsubscribe_url(jane, "email", "marketing"))
    sent = message_from_bytes(build_email(advertising, tenant).message().as_bytes(), policy=policy.default)
    assert sent["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    url = sent["List-Unsubscribe"].removeprefix("<").removesuffix(">")
    page_of(visitor.post(path_of(url), {"List-Unsubscribe": "One-Click"}))
    assert consents_of(jane).first().state == "withdrawn"
    other = message_from_bytes(build_email(Mail(to=jane.email, **words), tenant).message().as_bytes())
    assert "List-Unsubscribe" not in other


def test_messages_to_a_deleted_customer_can_be_switched_off(visitor, tenant, admin, in_scope):
    jane = CustomerFactory(tenant=tenant, email=JANE["email"], language="en")
    record_consent(jane, channel="email", purpose="marketing", state="granted", source="portal")
    url = path_of(unsubscribe_url(jane, "email", "marketing"))
    assert admin.delete(f"/api/v1/customers/{jane.pk}").status_code == 200
    page_of(visitor.post(url))
    assert consents_of(jane).first().state == "withdrawn"
    with tenant_scope(ALL_TENANTS):
        Customer.objects.filter(pk=jane.pk).delete()
    assert "Switched off" in page_of(visitor.post(url))


def test_the_requests_are_logged_without_tokens(visitor, caplog):
    with caplog.at_level(logging.INFO):
        visitor.get(f"{CONFIRM}?token=very-secret")
        visitor.post(f"{CONFIRM}?token=very-secret", {"password": NEW_PASSWORD})
    assert "portal/<str:tenant_slug>/confirm" in caplog.text
    logged = caplog.text + "".join(str(vars(record)) for record in caplog.records)
    assert "very-secret" not in logged.replace(repr(None), "")
    assert NEW_PASSWORD not in logged


def path_of(url):
    return "/" + url.partition("//")[2].partition("/")[2]
