"""Tests that an import changes no address by its capitals, and turns no refusal of marketing into consent by itself."""

import pytest

from customers.models import Customer
from customers.tests.factories import CustomerFactory, DeletedCustomerFactory
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
REFUSAL_KEPT = "the customer has refused marketing, and the refusal is kept."


@pytest.mark.parametrize(
    "evidences", [[[]], [["", ""], ["paper", ""], ["", "2024-03-05"]]], ids=["no columns of it", "a half of it"]
)
@pytest.mark.parametrize("update", [False, True])
def test_an_import_keeps_a_refusal_of_marketing_without_evidence_and_tells_it(import_rows, in_scope, evidences, update):
    people = [CustomerFactory(tenant=in_scope, marketing_consent=False) for _ in evidences]
    names = ["Janet" if update else jane.first_name for jane in people]
    rows = [[jane.pk, name, "yes", *evidence] for jane, name, evidence in zip(people, names, evidences, strict=True)]
    result = import_rows(CONSENT[: 3 + len(evidences[0])], *rows, update=update)
    for jane, name in zip(people, names, strict=True):
        jane.refresh_from_db()
        assert (jane.marketing_consent, jane.first_name) == (False, name)
    assert (result.counts, result.refused_rows) == ({"updated" if update else "unchanged": len(people)}, [])
    lines = "Line 2" if len(people) == 1 else "Lines 2, 3, 4"
    assert next(line for line in result.lines if REFUSAL_KEPT in line).startswith(f"{lines}: marketing_consent:")
    assert not AuditEvent.objects.filter(action="consented").exists()


@pytest.mark.slow("starts eight processes that read a file")
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
