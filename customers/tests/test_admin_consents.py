"""The panel of consents on a customer's page in the admin, and the form of what they may be sent."""

import datetime as dt
from threading import Thread

import pytest
from django.db import connections, transaction
from django.utils import timezone

from circe.tests.cases import in_one_test
from customers.consents.ledger import confirm_marketing, record_consent, withdraw_consents
from customers.models import Consent, Customer, DeletionRequest, MailedLink
from customers.tests.factories import CustomerFactory
from customers.tests.pages import PAGE, change_page, errors, shown_messages
from tenants.models import AuditEvent
from tenants.scope import tenant_scope
from tenants.tests.forms import opened, sent_by
from tenants.tests.locks import until_blocked

CHANNELS = ["email", "sms", "push", "whatsapp"]


@pytest.fixture
def jane(in_scope):
    return CustomerFactory(tenant=in_scope)


def panel(browser, customer):
    """Returns the text of the panel, its blanks as single spaces."""
    page = browser.get(change_page(customer)).content.decode()
    section = page.partition('<section class="panel" id="consents"')[2].partition("</section>")[0]
    return " ".join(section.split())


def test_the_panel_says_what_counts_since_when_by_whom_and_by_which_words(back_office, staff, jane):
    body = {"channel": "email", "purpose": "marketing", "state": "granted", "source": "paper"}
    evidence = {"text_version": "form-2025", "evidence": "Folder 12", "at": "2025-01-15T10:30:00Z"}
    staff.post(f"/api/v1/customers/{jane.pk}/consents", body | evidence, format="json")
    record_consent(jane, channel="sms", purpose="marketing", state="granted", source="portal", text_version="portal-1")
    shown = panel(back_office("staff"), jane)
    assert f"Paper · by {staff.user} · Folder 12 · words: form-2025" in shown
    assert "since 15 January 2025, 17:30" in shown
    assert "Portal · by the customer, in the portal · words: “I want to get news and offers" in shown
    assert shown.count("Accepted by default") == 3
    assert shown.count("Not granted") == 3
    assert "Complete history: 2 entries" in shown


def test_the_panel_shows_a_grant_that_waits_for_the_mailed_link(back_office, jane, in_scope):
    in_scope.double_opt_in = True
    in_scope.save()
    browser = back_office("staff")
    record_consent(jane, channel="email", purpose="marketing", state="granted", source="reception")
    assert "Waits for the mailed link" in panel(browser, jane)
    confirm_marketing(MailedLink.objects.get(customer=jane))
    assert "Waits for the mailed link" not in panel(browser, jane)


def test_the_panel_escapes_what_people_have_written(back_office, jane):
    record_consent(
        jane, channel="email", purpose="marketing", state="granted", source="paper", evidence="<script>1</script>"
    )
    assert "<script>1" not in panel(back_office("staff"), jane)


def test_a_pending_phone_is_shown_with_whom_it_belongs_to(back_office, in_scope):
    owner = CustomerFactory(tenant=in_scope, phone="+6281299999", first_name="Olga")
    jane = CustomerFactory(tenant=in_scope, pending_phone="+6281299999")
    shown = panel(back_office("staff"), jane)
    assert '<a href="tel:+6281299999">+6281299999</a>' in shown
    assert f'<a href="{change_page(owner)}">{owner}</a> has it' in shown
    owner.purge()
    assert "has it" not in panel(back_office("staff"), jane)


@pytest.fixture
def asked(jane, in_scope):
    return DeletionRequest.objects.create(customer=jane, due_at=timezone.now() + dt.timedelta(days=30))


def handle(browser, customer):
    return browser.post(f"{PAGE}{customer.pk}/deletion-request/")


def test_an_administrator_marks_a_request_to_be_deleted_as_handled(back_office, jane, asked):
    browser = back_office("tenant_admin")
    assert "Asked to be deleted" in panel(browser, jane)
    answer = handle(browser, jane)
    assert (answer.status_code, answer["Location"]) == (302, change_page(jane))
    assert shown_messages(answer) == ["The request to be deleted is marked as handled."]
    asked.refresh_from_db()
    assert asked.handled_at is not None
    assert "Handled on" in panel(browser, jane)
    event = AuditEvent.objects.filter(table="deletionrequest").first()
    assert (event.action, event.actor_id) == ("updated", browser.user.pk)
    # Once more changes nothing.
    assert shown_messages(handle(browser, jane)) == []
    assert DeletionRequest.objects.get().handled_at == asked.handled_at


def test_reception_sees_a_request_to_be_deleted_and_can_not_mark_it(back_office, jane, asked):
    browser = back_office("staff")
    shown = panel(browser, jane)
    assert ("Asked to be deleted" in shown, "Mark as handled" in shown) == (True, False)
    assert handle(browser, jane).status_code == 403
    asked.refresh_from_db()
    assert asked.handled_at is None


def test_a_request_of_another_business_is_not_found_and_a_get_marks_nothing(
    back_office, other_tenant, in_scope, jane, asked
):
    browser = back_office("tenant_admin")
    for pk in (CustomerFactory(tenant=other_tenant).pk, "0" * 24, "x"):
        assert browser.post(f"{PAGE}{pk}/deletion-request/").status_code == 404
    assert browser.get(f"{PAGE}{jane.pk}/deletion-request/").status_code == 405
    asked.refresh_from_db()
    assert asked.handled_at is None


def test_the_form_writes_entries_with_the_account(back_office, jane):
    browser = back_office("staff")
    form = opened(browser, change_page(jane)) | {"marketing_consent": "on"}
    del form["accepts_sms"]
    assert browser.post(change_page(jane), form).status_code == 302
    entries = set(Consent.objects.values_list("purpose", "channel", "state", "source", "recorded_by"))
    assert entries == {
        ("service", "sms", "withdrawn", "reception", browser.user.pk),
        *(("marketing", channel, "granted", "reception", browser.user.pk) for channel in CHANNELS),
    }


def test_a_form_that_was_opened_before_a_withdrawal_grants_nothing(back_office, jane):
    jane.change({"marketing_consent": True})
    browser = back_office("staff")
    form = opened(browser, change_page(jane))
    withdraw_consents(jane, source="link")
    withdraw_consents(jane, source="link", purpose="service", channels=["email"])
    entries = Consent.objects.count()
    assert browser.post(change_page(jane), form | {"notes": "Tea"}).status_code == 302
    jane.refresh_from_db()
    assert (jane.notes, jane.marketing_consent, jane.accepts_email) == ("Tea", False, False)
    assert Consent.objects.count() == entries


def grant_and_withdraw(jane):
    record_consent(jane, channel="email", purpose="marketing", state="granted", source="portal")
    withdraw_consents(jane, source="portal")


def withdraw_by_link(jane):
    withdraw_consents(jane, source="link")


def withdraw_email(jane):
    withdraw_consents(jane, source="portal", purpose="service", channels=["email"])


def withdraw_and_grant(jane):
    withdraw_email(jane)
    record_consent(jane, channel="email", purpose="service", state="granted", source="portal")


@pytest.mark.slow("a table of forms and of changes meanwhile")
@in_one_test(
    "meanwhile, box, ticked",
    [
        (withdraw_by_link, "marketing_consent", True),
        (grant_and_withdraw, "marketing_consent", True),
        (withdraw_by_link, "accepts_whatsapp", True),
        (withdraw_email, "marketing_consent", True),
        (withdraw_and_grant, "accepts_email", False),
    ],
)
def test_consents_that_changed_while_the_form_was_open_are_not_changed_by_it(back_office, jane, meanwhile, box, ticked):
    browser = back_office("staff")
    form = {name: value for name, value in opened(browser, change_page(jane)).items() if name != box}
    meanwhile(jane)
    entries = Consent.objects.count()
    answer = browser.post(change_page(jane), form | {"notes": "Tea"} | ({box: "on"} if ticked else {}))
    ((field, (error,)),) = errors(answer).items()
    assert field == box
    assert error.startswith("Consents changed while the form was open: ")
    assert "withdrawn (" in error
    # The page shows what holds, so saving it again changes nothing but the notes.
    assert browser.post(change_page(jane), sent_by(answer)).status_code == 302
    jane.refresh_from_db()
    assert (jane.notes, Consent.objects.count()) == ("Tea", entries)


def test_who_has_read_that_consents_changed_changes_them_by_saving_again(back_office, jane):
    browser = back_office("staff")
    form = opened(browser, change_page(jane))
    withdraw_consents(jane, source="portal", channels=["sms"])
    answer = browser.post(change_page(jane), form | {"marketing_consent": "on"})
    assert errors(answer)["marketing_consent"] == [
        "Consents changed while the form was open: Marketing by SMS: withdrawn (portal). The boxes show what holds now. "
        "If the customer wants it otherwise, change them and save again."
    ]
    assert browser.post(change_page(jane), sent_by(answer) | {"marketing_consent": "on"}).status_code == 302
    jane.refresh_from_db()
    assert jane.marketing_consent


def test_a_form_without_the_number_of_entries_changes_no_consents_of_a_customer_who_has_said_something(
    back_office, jane
):
    withdraw_consents(jane, source="portal")
    browser = back_office("staff")
    form = opened(browser, change_page(jane)) | {"marketing_consent": "on"}
    del form["consents_seen"]
    assert "marketing_consent" in errors(browser.post(change_page(jane), form))


@pytest.mark.slow("lets two requests race")
@pytest.mark.django_db(transaction=True)
def test_a_form_that_waits_for_a_withdrawal_sees_it(back_office, tenant):
    with tenant_scope(tenant):
        jane = CustomerFactory(tenant=tenant)
    browser = back_office("staff")
    form = opened(browser, change_page(jane)) | {"marketing_consent": "on"}
    answers = []

    def save():
        answers.append(browser.post(change_page(jane), form))
        connections.close_all()

    reception = Thread(target=save)
    with tenant_scope(tenant), transaction.atomic():
        withdraw_consents(jane, source="portal")
        reception.start()
        until_blocked()
    reception.join()
    assert "marketing_consent" in errors(answers[0])
    with tenant_scope(tenant):
        assert not Customer.objects.get(pk=jane.pk).marketing_consent
