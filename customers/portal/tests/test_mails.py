"""The words of the mails with links, as text and as HTML, in each language."""

import re
from html import unescape

import pytest

from circe.tests.cases import in_one_test
from customers.consents.ledger import record_consent
from customers.models import MailedLink
from customers.portal import mails
from customers.portal.links import request_link
from customers.portal.mails import compose_link_mail
from customers.tests.factories import CustomerFactory
from tenants.models import Tenant

Kind = MailedLink.Kind
# By the name of the mail: what is asked for, and who asks.
MAILS = {
    "confirm": (Kind.REGISTER, "nobody"),
    "account_exists": (Kind.REGISTER, "registered"),
    "open_account": (Kind.REGISTER, "walk-in"),
    "reset": (Kind.RESET, "registered"),
    "change_email": (Kind.CHANGE_EMAIL, "asked"),
    "email_taken": (Kind.CHANGE_EMAIL, "taken"),
    "email_changed": (Kind.EMAIL_CHANGED, "asked"),
    "confirm_marketing": (Kind.CONFIRM_MARKETING, "registered"),
}
# The subjects of the mails, in the same order.
SUBJECTS = {
    "en": [
        "Confirm your e-mail address",
        "You have an account already",
        "Open your account",
        "Choose a new password",
        "Confirm your new e-mail address",
        "This e-mail address is in use already",
        "Your e-mail address was changed",
        "Please confirm",
    ],
    "id": [
        "Konfirmasi alamat email Anda",
        "Anda sudah punya akun",
        "Buka akun Anda",
        "Pilih kata sandi baru",
        "Konfirmasi alamat email baru Anda",
        "Alamat email ini sudah dipakai",
        "Alamat email Anda sudah diganti",
        "Mohon konfirmasi",
    ],
    "nb": [
        "Bekreft e-postadressen din",
        "Du har en konto allerede",
        "Åpne kontoen din",
        "Velg et nytt passord",
        "Bekreft den nye e-postadressen din",
        "Denne e-postadressen er i bruk allerede",
        "E-postadressen din er endret",
        "Vennligst bekreft",
    ],
}
CASES = [
    (name, *asked, language, subject)
    for language, subjects in SUBJECTS.items()
    for (name, asked), subject in zip(MAILS.items(), subjects, strict=True)
]


def ask(tenant, registered, kind, who, **values):
    """Stores what is asked for, and returns the mail and what it is about."""
    people = {
        "nobody": lambda: None,
        "registered": lambda: registered(email="jane@example.com", **values),
        "walk-in": lambda: CustomerFactory(tenant=tenant, email="jane@example.com", **values),
        "asked": lambda: registered(email="old@example.com", **values),
        "taken": lambda: [registered(email="old@example.com"), registered(email="jane@example.com", **values)][0],
    }
    person = people[who]()
    details = {"first_name": values["first_name"], "language": values["language"]}
    customer = None if who in ("nobody", "walk-in") else person
    if kind == Kind.CONFIRM_MARKETING:
        record_consent(customer, channel="email", purpose="marketing", state="granted", source="reception")
    request_link(
        tenant=tenant, kind=kind, email="jane@example.com", client_address=None, details=details, customer=customer
    )
    return compose_link_mail(MailedLink.objects.get())


@pytest.mark.slow("sends each mail in each language")
@in_one_test("name, kind, who, language, subject", CASES)
def test_each_mail_says_the_same_as_text_and_as_html(tenant, registered, in_scope, name, kind, who, language, subject):
    Tenant.objects.filter(pk=tenant.pk).update(language="en", name="Lotus & Co")
    tenant.refresh_from_db()
    mail = ask(tenant, registered, kind, who, language=language, first_name="Kari")
    assert (mail.subject, mail.language, mail.to) == (subject, language, "jane@example.com")
    assert f'<html lang="{language}">' in mail.html
    assert "Lotus & Co" in mail.text
    assert "Lotus &amp; Co" in mail.html
    # A person who is no customer is not named: otherwise anybody could have words of their own sent to others.
    assert ("Kari" in mail.text) == (who != "nobody")
    has_link = getattr(mails, name.upper()).page is not None
    assert (mail.text.count("/portal/lotus/"), mail.html.count('<a href="')) == (has_link, has_link)
    assert sentences(mail.text) == sentences(mail.html)
    for form in (mail.text, mail.html):
        assert not re.search(r"\n{4}|%\(|\{\{|<img|src=", form)


@in_one_test("first_name", ["<b onclick=x>Kari</b>", "Kari\u202emoc", "{{ link }}", "%(business)s"])
def test_names_are_harmless(tenant, registered, in_scope, first_name):
    mail = ask(tenant, registered, Kind.RESET, "registered", language="en", first_name=first_name)
    assert "<b onclick" not in mail.html
    assert "\u202e" not in mail.text + mail.html
    assert mail.text.count("/portal/lotus/") == 1


def sentences(form):
    """The words without tags and addresses."""
    body = form.partition("<body")[2].partition(">")[2] or form
    words = unescape(re.sub(r"<[^>]*>", " ", body))
    return [word.rstrip(":") for word in words.split() if "://" not in word]


def test_each_mail_is_tested():
    known = {text.name for text in vars(mails).values() if isinstance(text, mails.MailTemplate)}
    assert {*MAILS} == known
