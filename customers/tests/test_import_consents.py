"""Tests that an import changes no address by its capitals, and turns no refusal of marketing into consent by itself."""

import pytest

from customers.models import Customer
from customers.tests.factories import CustomerFactory, DeletedCustomerFactory
from tenants.models import AuditEvent

# --- addresses and consents -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("update", [False, True])
@pytest.mark.parametrize("address", ["JANE@Example.COM", "jane@example.com", "ｊａｎｅ@example.com"])
def test_an_address_that_differs_in_capitals_only_is_no_change(import_rows, in_scope, update, address):
    jane = CustomerFactory(tenant=in_scope, email="Jane@example.com", email_verified=True)
    events = AuditEvent.objects.count()
    result = import_rows(["id", "email"], [jane.pk, address], update=update)
    assert (result.counts, result.refused_rows, AuditEvent.objects.count()) == ({"unchanged": 1}, [], events)
    jane.refresh_from_db()
    assert (jane.email, jane.email_verified) == ("Jane@example.com", True)


def test_a_change_beside_an_address_in_other_capitals_leaves_the_address(import_rows, in_scope):
    jane = CustomerFactory(tenant=in_scope, email="Jane@example.com", email_verified=True)
    assert import_rows(["id", "email", "notes"], [jane.pk, "JANE@example.com", "tea"], update=True).counts == {
        "updated": 1
    }
    jane.refresh_from_db()
    assert (jane.email, jane.email_verified, jane.notes) == ("Jane@example.com", True, "tea")
    assert set(AuditEvent.objects.latest("id").after) == {"notes"}


CONSENT = ["id", "first_name", "marketing_consent", "consent_source", "consent_at"]
REFUSAL_KEPT = "the customer has refused marketing, and the refusal is kept."


@pytest.mark.parametrize("evidence", [[], ["", ""], ["paper", ""], ["", "2024-03-05"]])
@pytest.mark.parametrize("update", [False, True])
def test_an_import_keeps_a_refusal_of_marketing_without_evidence_and_tells_it(import_rows, in_scope, evidence, update):
    jane = CustomerFactory(tenant=in_scope, marketing_consent=False)
    name = "Janet" if update else jane.first_name
    result = import_rows(CONSENT[: 3 + len(evidence)], [jane.pk, name, "yes", *evidence], update=update)
    jane.refresh_from_db()
    assert (jane.marketing_consent, jane.first_name) == (False, name)
    assert (result.counts, result.refused_rows) == ({"updated" if update else "unchanged": 1}, [])
    assert next(line for line in result.lines if REFUSAL_KEPT in line).startswith("Line 2: marketing_consent:")
    assert not AuditEvent.objects.filter(action="consented").exists()


def test_an_import_turns_a_refusal_into_consent_with_source_and_instant_and_records_them(import_rows, in_scope):
    jane = CustomerFactory(tenant=in_scope, marketing_consent=False)
    row = [jane.pk, jane.first_name, "yes", "Paper", "2024-03-05 17:30:00+07"]
    assert import_rows(CONSENT, row).refused_rows[0][1] == "marketing_consent"
    assert import_rows(CONSENT, row, update=True, dry_run=True).counts == {"updated": 1}
    assert not AuditEvent.objects.filter(action="consented").exists()
    assert import_rows(CONSENT, row, update=True).counts == {"updated": 1}
    jane.refresh_from_db()
    event = AuditEvent.objects.get(action="consented")
    assert (jane.marketing_consent, event.customer_id, event.command) == (True, jane.pk, "import_customers")
    assert event.after == {"marketing_consent": True, "consent_source": "paper", "consent_at": "2024-03-05T10:30:00Z"}
    # Once more changes and records nothing.
    assert import_rows(CONSENT, row, update=True).counts == {"unchanged": 1}
    assert AuditEvent.objects.filter(action="consented").count() == 1


@pytest.mark.parametrize(
    ("column", "cell"), [("consent_source", "facebook"), ("consent_at", "2999-01-01"), ("consent_at", "03/04/2024")]
)
def test_an_invalid_evidence_of_consent_refuses_the_row(import_rows, in_scope, column, cell):
    jane = CustomerFactory(tenant=in_scope, marketing_consent=False)
    row = dict(zip(CONSENT, [jane.pk, "Janet", "yes", "paper", "2024-03-05"], strict=True)) | {column: cell}
    result = import_rows([*row], [*row.values()], update=True)
    ((_, where, reason),) = result.refused_rows
    assert (where, f"“{cell}”" in reason) == (column, True)
    jane.refresh_from_db()
    assert (jane.marketing_consent, jane.first_name == "Janet") == (False, False)


def test_a_consent_older_than_the_refusal_does_not_count(import_rows, in_scope):
    jane = CustomerFactory(tenant=in_scope, marketing_consent=True)
    jane.change({"marketing_consent": False})
    result = import_rows(CONSENT, [jane.pk, jane.first_name, "yes", "paper", "2024-03-05"], update=True)
    jane.refresh_from_db()
    assert (jane.marketing_consent, result.counts) == (False, {"unchanged": 1})
    assert any("has refused marketing after the day of consent_at" in line for line in result.lines)


def test_a_refusal_in_a_file_always_counts(import_rows, in_scope):
    jane = CustomerFactory(tenant=in_scope, marketing_consent=True)
    import_rows(["id", "marketing_consent"], [jane.pk, "no"], update=True)
    jane.refresh_from_db()
    assert jane.marketing_consent is False


def test_a_new_customer_consents_by_the_file_unless_they_refused_before_they_were_deleted(import_rows, in_scope):
    gone = DeletedCustomerFactory(tenant=in_scope, email="gone@example.com", marketing_consent=False)
    header = ["id", "first_name", "email", "marketing_consent", "consent_source"]
    rows = [
        ["", "Jane", "jane@example.com", "yes", "portal"],
        ["507f1f77bcf86cd799439011", "Joe", gone.email, "yes", "portal"],
    ]
    result = import_rows(header, *rows)
    assert dict(Customer.objects.undeleted().values_list("first_name", "marketing_consent")) == {
        "Jane": True,
        "Joe": False,
    }
    assert any(line.startswith("Line 3: marketing_consent:") for line in result.lines)
    event = AuditEvent.objects.get(action="consented")
    assert event.after == {"marketing_consent": True, "consent_source": "portal", "consent_at": None}
