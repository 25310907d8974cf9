"""Tests that an import changes no address by its capitals, and never grants what was withdrawn."""

import datetime as dt

import pytest
from django.db import IntegrityError, transaction

from customers.models import Consent, Customer
from customers.tests.factories import CustomerFactory, DeletedCustomerFactory
from tenants.audit.context import audit_source
from tenants.models import AuditEvent

# --- addresses and consents -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("update", [False, True])
def test_an_address_that_differs_in_capitals_only_is_no_change(import_rows, in_scope, update):
    spellings = ["JANE0@Example.COM", "jane1@example.com", "ｊａｎｅ2@example.com"]
    people = [
        CustomerFactory(tenant=in_scope, email=f"Jane{number}@example.com", email_verified=True) for number in range(3)
    ]
    events = AuditEvent.objects.count()
    rows = [[jane.pk, address] for jane, address in zip(people, spellings, strict=True)]
    result = import_rows(["id", "email"], *rows, update=update)
    assert (result.counts, result.refused_rows, AuditEvent.objects.count()) == ({"unchanged": 3}, [], events)
    for number, jane in enumerate(people):
        jane.refresh_from_db()
        assert (jane.email, jane.email_verified) == (f"Jane{number}@example.com", True)


def test_a_change_beside_an_address_in_other_capitals_leaves_the_address(import_rows, in_scope):
    jane = CustomerFactory(tenant=in_scope, email="Jane@example.com", email_verified=True)
    assert import_rows(["id", "email", "notes"], [jane.pk, "JANE@example.com", "tea"], update=True).counts == {
        "updated": 1
    }
    jane.refresh_from_db()
    assert (jane.email, jane.email_verified, jane.notes) == ("Jane@example.com", True, "tea")
    assert set(AuditEvent.objects.latest("id").after) == {"notes"}


CONSENT = ["id", "first_name", "marketing_consent", "consent_source", "consent_at"]
NOT_CONSENTED = "has not consented to marketing. An import gives their consent only with consent_source and consent_at"
WITHDRAWAL_KEPT = "the customer has withdrawn it, and an import never grants it again."


def ledger(customer):
    """Returns the entries of the customer that are about marketing by e-mail, the earliest first."""
    entries = Consent.objects.filter(customer=customer, purpose="marketing", channel="email").order_by("at")
    return list(entries.values_list("state", "source", "evidence"))


@pytest.mark.parametrize(
    "evidences", [[[]], [["", ""], ["paper", ""], ["", "2024-03-05"]]], ids=["no columns of it", "a half of it"]
)
@pytest.mark.parametrize("update", [False, True])
def test_an_import_consents_for_nobody_who_is_here_without_evidence_and_tells_it(
    import_rows, in_scope, evidences, update
):
    people = [CustomerFactory(tenant=in_scope, marketing_consent=False) for _ in evidences]
    names = ["Janet" if update else jane.first_name for jane in people]
    rows = [[jane.pk, name, "yes", *evidence] for jane, name, evidence in zip(people, names, evidences, strict=True)]
    result = import_rows(CONSENT[: 3 + len(evidences[0])], *rows, update=update)
    for jane, name in zip(people, names, strict=True):
        jane.refresh_from_db()
        assert (jane.marketing_consent, jane.first_name) == (False, name)
    assert (result.counts, result.refused_rows) == ({"updated" if update else "unchanged": len(people)}, [])
    lines = "Line 2" if len(people) == 1 else "Lines 2, 3, 4"
    assert next(line for line in result.lines if NOT_CONSENTED in line).startswith(f"{lines}: marketing_consent:")
    assert not Consent.objects.exists()


@pytest.mark.slow("starts eight processes that read a file")
def test_an_import_gives_a_consent_with_source_and_instant_and_the_ledger_keeps_them(import_rows, in_scope):
    jane = CustomerFactory(tenant=in_scope, marketing_consent=False)
    row = [jane.pk, jane.first_name, "yes", "Paper", "2024-03-05 17:30:00+07"]
    assert import_rows(CONSENT, row).refused_rows[0][1] == "marketing_consent"
    assert import_rows(CONSENT, row, update=True, dry_run=True).counts == {"updated": 1}
    assert not Consent.objects.exists()
    assert import_rows(CONSENT, row, update=True).counts == {"updated": 1}
    jane.refresh_from_db()
    entries = Consent.objects.values_list("customer", "purpose", "state", "source", "evidence", "at", "recorded_by")
    at = dt.datetime(2024, 3, 5, 10, 30, tzinfo=dt.UTC)
    assert jane.marketing_consent
    assert set(Consent.objects.values_list("channel", flat=True)) == {"email", "sms", "push", "whatsapp"}
    assert set(entries) == {(jane.pk, "marketing", "granted", "import", "consent_source: paper", at, None)}
    # Once more changes and records nothing.
    assert import_rows(CONSENT, row, update=True).counts == {"unchanged": 1}
    assert Consent.objects.count() == 4


def test_an_invalid_evidence_of_consent_refuses_the_row(import_rows, in_scope):
    wrong = [("consent_source", "facebook"), ("consent_at", "2999-01-01"), ("consent_at", "03/04/2024")]
    people = [CustomerFactory(tenant=in_scope, marketing_consent=False) for _ in wrong]
    rows = [
        [*(dict(zip(CONSENT, [jane.pk, "Janet", "yes", "paper", "2024-03-05"], strict=True)) | {column: cell}).values()]
        for jane, (column, cell) in zip(people, wrong, strict=True)
    ]
    result = import_rows(CONSENT, *rows, update=True)
    for jane, (column, cell), (_, where, reason) in zip(people, wrong, result.refused_rows, strict=True):
        assert (where, f"“{cell}”" in reason) == (column, True)
        jane.refresh_from_db()
        assert (jane.marketing_consent, jane.first_name == "Janet") == (False, False)


def test_no_evidence_grants_what_was_withdrawn(import_rows, in_scope, staff):
    jane = CustomerFactory(tenant=in_scope, marketing_consent=True)
    jane.change({"marketing_consent": False, "accepts_sms": False})
    withdrawn_on_one = CustomerFactory(tenant=in_scope)
    body = {"channel": "push", "purpose": "marketing", "state": "withdrawn"}
    assert staff.post(f"/api/v1/customers/{withdrawn_on_one.pk}/consents", body, format="json").status_code == 201
    header = [*CONSENT, "accepts_sms"]
    rows = [[one.pk, one.first_name, "yes", "paper", "2026-01-05", "yes"] for one in (jane, withdrawn_on_one)]
    entries = Consent.objects.count()
    result = import_rows(header, *rows, update=True)
    jane.refresh_from_db()
    withdrawn_on_one.refresh_from_db()
    assert (jane.marketing_consent, jane.accepts_sms, result.counts) == (False, False, {"unchanged": 2})
    assert (withdrawn_on_one.marketing_consent, Consent.objects.count()) == (False, entries)
    told = [line for line in result.lines if WITHDRAWAL_KEPT in line]
    assert sorted(line.partition(" the customer")[0] for line in told) == [
        "Line 2: accepts_sms:",
        "Lines 2, 3: marketing_consent:",
    ]


def test_the_database_refuses_an_import_that_would_grant_what_was_withdrawn(in_scope):
    jane = CustomerFactory(tenant=in_scope, accepts_email=False)
    with audit_source("import"), pytest.raises(IntegrityError, match="never grants"), transaction.atomic():
        Customer.objects.filter(pk=jane.pk).update(accepts_email=True)
    Customer.objects.filter(pk=jane.pk).update(accepts_email=True)


def test_a_refusal_in_a_file_always_counts(import_rows, in_scope):
    jane = CustomerFactory(tenant=in_scope, marketing_consent=True)
    import_rows(["id", "marketing_consent"], [jane.pk, "no"], update=True)
    jane.refresh_from_db()
    assert jane.marketing_consent is False
    assert ledger(jane) == [("granted", "reception", None), ("withdrawn", "import", None)]


def test_a_new_customer_consents_by_the_file_unless_they_did_not_before_they_were_deleted(import_rows, in_scope):
    silent, gone = (
        DeletedCustomerFactory(tenant=in_scope, email=f"{name}@example.com", marketing_consent=name == "gone")
        for name in ("silent", "gone")
    )
    gone.change({"marketing_consent": False, "accepts_sms": False})
    header = ["id", "first_name", "email", "marketing_consent", "consent_source", "consent_at", "accepts_whatsapp"]
    rows = [
        ["", "Jane", "jane@example.com", "yes", "portal", "", ""],
        ["507f1f77bcf86cd799439011", "Joe", silent.email, "yes", "portal", "", ""],
        ["507f1f77bcf86cd799439012", "Eve", gone.email, "yes", "portal", "2026-01-05", ""],
        ["", "Kim", "kim@example.com", "yes", "", "", "yes"],
    ]
    result = import_rows(header, *rows)
    found = {customer.first_name: customer for customer in Customer.objects.undeleted()}
    assert {name: (one.marketing_consent, one.accepts_sms) for name, one in found.items()} == {
        "Jane": (True, True),
        "Joe": (False, True),
        "Eve": (False, False),
        "Kim": (True, True),
    }
    assert {line.partition(" the")[0].partition(" this")[0] for line in result.lines if line.startswith("Line ")} == {
        "Line 3: marketing_consent:",
        "Line 4: marketing_consent:",
        "Line 4: accepts_sms:",
    }
    assert {name: ledger(one) for name, one in found.items()} == {
        "Jane": [("granted", "import", "consent_source: portal")],
        "Joe": [],
        "Eve": [],
        "Kim": [("granted", "import", None)],
    }
    assert Consent.objects.get(customer=found["Kim"], purpose="service").channel == "whatsapp"


ALL_CHANNELS = ["email", "push", "sms", "whatsapp"]


@pytest.mark.parametrize(
    ("header", "cells", "channels"),
    [
        (["marketing_consent"], ["yes"], ALL_CHANNELS),
        (["Accepts marketing"], ["yes"], ALL_CHANNELS),
        (["SMS marketing"], ["yes"], ["sms"]),
        (["Newsletter"], ["yes"], ["email"]),
        # The exports of Square, Shopify, Fresha and Phorest.
        (["Square Customer ID", "Email Subscription Status"], ["x1", "subscribed"], ["email"]),
        (["Accepts Email Marketing"], ["yes"], ["email"]),
        (["Client ID", "Accepts marketing", "Accepts SMS marketing"], ["x1", "", "yes"], ["sms"]),
        (["Mobile", "Email marketing consent", "SMS marketing consent"], ["", "yes", "yes"], ["email", "sms"]),
        # If there are several consents, one that refuses counts.
        (["Mobile", "Email marketing consent", "SMS marketing consent"], ["", "yes", "no"], []),
    ],
)
def test_a_column_about_one_channel_consents_to_marketing_by_this_channel_alone(
    import_rows, in_scope, header, cells, channels
):
    result = import_rows(["First Name", "Email", *header], ["Jane", "jane@example.com", *cells])
    assert result.counts == {"created": 1}
    entries = Consent.objects.filter(purpose="marketing").order_by("channel")
    assert list(entries.values_list("channel", "state", "source")) == [(one, "granted", "import") for one in channels]
    assert Customer.objects.get().marketing_consent is (channels == ALL_CHANNELS)
    is_told = any(" alone, by the header of the column." in line for line in result.lines)
    assert is_told is (channels not in ([], ALL_CHANNELS))
    # The same file again changes nothing, and does not say that the person has not consented.
    again = import_rows(["First Name", "Email", *header], ["Jane", "jane@example.com", *cells])
    assert (again.counts, entries.count()) == ({"unchanged": 1}, len(channels))
    assert not any(NOT_CONSENTED in line for line in again.lines)


@pytest.mark.parametrize(
    ("headers", "channels"),
    [
        (["Nyhetsbrev"], ["email"]),
        (["Samtykke e-post", "Samtykke tekstmelding"], ["email", "sms"]),
        (["Buletin lewat surel"], ["email"]),
        (["Sähköposti-markkinointi"], ["email"]),
        (["Promo WhatsApp"], ["whatsapp"]),
        (["Mailing list"], ["email"]),
        (["Samtykke"], ALL_CHANNELS),
    ],
)
def test_a_column_that_a_person_maps_names_its_channel_in_any_of_the_usual_languages(
    import_rows, in_scope, headers, channels
):
    wanted = [f"{header}=marketing_consent" for header in headers]
    import_rows(["First Name", "Email", *headers], ["Jane", "jane@example.com", *["yes" for _ in headers]], map=wanted)
    granted = Consent.objects.filter(purpose="marketing", state="granted").order_by("channel")
    assert [*granted.values_list("channel", flat=True)] == channels


@pytest.mark.parametrize(
    ("header", "cell", "left"),
    [
        ("Email Subscription Status", "unsubscribed", []),
        ("marketing_consent", "no", []),
        ("Newsletter", "", ["email"]),
        ("SMS marketing", "no", ["email"]),
    ],
)
def test_an_import_withdraws_marketing_that_was_granted_by_one_channel_only(import_rows, in_scope, header, cell, left):
    jane = ["Jane", "jane@example.com", "x1"]
    columns = ["First Name", "Email", "Square Customer ID" if header.startswith("Email ") else "Colour"]
    assert import_rows([*columns, "Newsletter"], [*jane, "yes"], map=["Newsletter=marketing_consent"]).code == 0
    wanted = ["updated" if left == [] else "unchanged"]
    assert [*import_rows([*columns, header], [*jane, cell], update=True).counts] == wanted
    latest = Consent.objects.filter(purpose="marketing").latest_per_channel()
    assert [entry.channel for entry in latest if entry.state == "granted"] == left
    # The same file again changes nothing, and never grants.
    assert [*import_rows([*columns, header], [*jane, cell], update=True).counts] == ["unchanged"]
