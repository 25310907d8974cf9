"""`manage.py erase_customer`. That nothing of the person stays in a dump of the database: test_erasure_of_traces.py."""

import io
import json
import sys

import pytest
from django.core.management import execute_from_command_line
from django.utils import timezone

from appointments.models import Appointment, Message
from appointments.tests.factories import AppointmentFactory
from circe.db.ids import is_id
from customers.models import Consent, Customer, CustomerSession, DeletionRequest, MailedLink
from customers.models.imports import CustomerImport, ImportPart
from customers.tests.factories import CustomerFactory, DeletedCustomerFactory
from customers.tests.test_purge_customers import Terminal
from customers.tests.test_restore_customers import UNKNOWN_ID, pk
from tenants.models import AuditEvent, LoginFailure
from tenants.scope import ALL_TENANTS, tenant_scope
from tenants.tests.factories import ServiceFactory
from tenants.tests.shell import run

LOTUS = ("erase_customer", "--tenant", "lotus")
BACKUPS = "Backups made before this still hold the person, until they expire."


@pytest.fixture
def jane(tenant):
    """Four rows, two of them with one e-mail address and two with one phone number."""
    shared = {"tenant": tenant, "first_name": "Quetzal"}
    DeletedCustomerFactory(pk=pk(1), email="jane@example.com", phone="+6281200001", **shared)
    jane = CustomerFactory(pk=pk(2), email="Jane@Example.com", phone="+6281200002", **shared)
    DeletedCustomerFactory(pk=pk(3), email="other@example.com", phone="+6281200002", **shared)
    CustomerFactory(pk=pk(4), email="nobody@example.com", phone="+6281200004", **shared)
    return jane


def ids():
    with tenant_scope(ALL_TENANTS):
        return list(Customer.objects.order_by("pk").values_list("pk", flat=True))


@pytest.mark.parametrize(
    ("whom", "erased"),
    [
        (["--id", pk(2)], [2]),
        (["--id", pk(1)], [1]),
        (["--email", " JANE@example.com"], [1, 2]),
        (["--phone", "0812-00002"], [2, 3]),
        (["--phone", "+62 (812) 00004"], [4]),
    ],
    ids=str,
)
def test_all_rows_of_the_person_live_or_deleted(jane, whom, erased):
    ran = run(*LOTUS, *whom, "--yes")
    assert (ran.code, ran.stderr) == (0, "")
    assert ids() == [pk(number) for number in (1, 2, 3, 4) if number not in erased]


def test_the_certificate_tells_what_and_not_whom_and_remains(jane, tenant):
    with tenant_scope(tenant):
        jane.change({"preferred_services": [ServiceFactory(tenant=tenant).pk], "notes": "Tea."})
        trail = AuditEvent.objects.filter(customer_id__in=[pk(1), pk(2)])
        AppointmentFactory.create_batch(2, tenant=tenant, customer=jane, notes="Quetzal likes tea.")
        jane.change({"marketing_consent": True})
        for email in ("jane@example.com", "rina@example.com"):
            MailedLink.objects.create(kind="reset", email=email, email_key=email)
        for visit in (*Appointment.objects.all(), AppointmentFactory(tenant=tenant, customer_id=pk(4))):
            Message.objects.create(customer_id=visit.customer_id, appointment=visit, kind="reminder", sequence=0)
        CustomerSession.objects.create(customer=jane, current_jti="jti", rotated_at=timezone.now())
        DeletionRequest.get_or_create_open(jane)
        events = trail.count()
    LoginFailure.objects.create(account="jane@example.com", address="127.0.0.1")
    LoginFailure.objects.create(account="rina@example.com", address="127.0.0.1")
    before = timezone.now().replace(microsecond=0)

    ran = run(*LOTUS, "--email", "jane@example.com", "--yes", "--by", "Data protection officer")

    start, end = ran.stdout.index("{"), ran.stdout.index("}\nlotus") + 1
    certificate = json.loads(ran.stdout[start:end])
    assert is_id(certificate["certificate"])
    assert before.strftime("%Y-%m-%dT%H:%M:%SZ") <= certificate["at"] <= timezone.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    assert certificate == {
        "certificate": certificate["certificate"],
        "tenant": "lotus",
        "at": certificate["at"],
        "command": "erase_customer",
        "by": "Data protection officer",
        "customers": [pk(1), pk(2)],
        "removed": {
            "customers": 2,
            "preferences": 1,
            "consents": 4,
            "portal_sessions": 1,
            "deletion_requests": 1,
            "mailed_links": 1,
            "messages": 2,
            "idempotency_records": 0,
            "failed_logins": 1,
            "uploaded_files": 0,
        },
        "kept_without_the_person": {"appointments": 2, "audit_events": events, "blocked_addresses": 3},
        "backups": BACKUPS,
    }
    assert "quetzal" not in ran.stdout.lower()
    with tenant_scope(tenant):
        stored = AuditEvent.objects.filter(action="erased").order_by("row_id")
        assert [(event.row_id, event.command, event.after) for event in stored] == [
            (pk(1), "erase_customer", certificate),
            (pk(2), "erase_customer", certificate),
        ]
        visits = Appointment.objects.exclude(customer=pk(4)).values_list("customer", "notes", "total_price")
        assert list(visits) == [(None, None, 350000)] * 2
        assert [link.email for link in MailedLink.objects.all()] == ["rina@example.com"]
        assert [message.customer_id for message in Message.objects.all()] == [pk(4)]
        for model in (CustomerSession, DeletionRequest, Consent):
            assert not model.objects.exists()
        personal = (
            AuditEvent.objects.filter(customer_id=pk(2)).exclude(before=None, after=None).exclude(action="erased")
        )
        assert [event.table for event in personal] == []
    assert list(LoginFailure.objects.values_list("account", flat=True)) == ["rina@example.com"]


def test_others_with_the_same_contacts_are_named_and_left(jane):
    ran = run(*LOTUS, "--email", "jane@example.com", "--yes")
    assert ran.lines[0] == (
        f"lotus: same contact {pk(3)}: has the same phone. If it is the same person, erase it by --id too"
    )
    assert (ran.code, ran.lines[-1]) == (0, "lotus: 1 erased, 1 same contact, nobody was refused")
    assert pk(3) in ids()


def test_a_dry_run_says_the_same_certifies_nothing_and_changes_nothing(jane, tenant):
    arguments = (*LOTUS, "--email", "jane@example.com")
    dry, dry_json = run(*arguments, "--dry-run"), run(*arguments, "--dry-run", "--json").report
    assert len(ids()) == 4
    with tenant_scope(tenant):
        assert not AuditEvent.objects.filter(action="erased").exists()
    real = run(*arguments, "--yes")
    start, end = real.lines.index("{"), real.lines.index("}")
    lines = [*real.lines[:start], *real.lines[end + 1 :], "Nothing was changed."]
    assert dry.lines == [f"[dry run] {line}" for line in lines]
    certificate = json.loads("\n".join(real.lines[start : end + 1]))
    unsaid = {"certificate": None, "at": dry_json["rows"][1]["at"]}
    assert dry_json["rows"][1] == {"tenant": "lotus", "outcome": "erased"} | certificate | unsaid


def test_json(jane):
    ran = run(*LOTUS, "--id", pk(2), "--yes", "--json")
    same_contact, same_phone, erased = ran.report["rows"]
    assert same_contact == {"tenant": "lotus", "outcome": "same_contact", "id": pk(1), "fields": ["email"]}
    assert same_phone == {"tenant": "lotus", "outcome": "same_contact", "id": pk(3), "fields": ["phone"]}
    assert erased["customers"] == [pk(2)]
    assert ran.report["totals"] == {"erased": 1, "same_contact": 2, "refused": 0}


def test_files_uploaded_to_be_imported_go_too(jane, tenant, other_tenant):
    for business in (tenant, other_tenant):
        with tenant_scope(business):
            CustomerImport.objects.create(file_name="people.csv").store("file", io.BytesIO(b"first_name\nQuetzal\n"))
    report = run(*LOTUS, "--id", pk(2), "--yes", "--json").report
    assert report["rows"][-1]["removed"]["uploaded_files"] == 1
    with tenant_scope(ALL_TENANTS):
        assert list(CustomerImport.objects.values_list("tenant__slug", flat=True)) == ["nordlys"]
        assert list(ImportPart.objects.values_list("tenant__slug", flat=True)) == ["nordlys"]


def test_while_an_import_runs_which_may_hold_the_person_nobody_is_erased(jane, tenant):
    with tenant_scope(tenant):
        CustomerImport.objects.create(file_name="people.csv", last_active_at=timezone.now())
    ran = run(*LOTUS, "--id", pk(2), "--yes")
    assert (ran.code, ran.lines[0]) == (
        1,
        "lotus: refused the request: run this again when the running import has ended",
    )
    assert len(ids()) == 4


def test_nobody_is_a_refusal(jane):
    for whom, what in (("--id", "id"), ("--email", "e-mail address"), ("--phone", "phone number")):
        value = {"--id": UNKNOWN_ID, "--email": "who@example.com", "--phone": "+4712345678"}[whom]
        ran = run(*LOTUS, whom, value, "--yes")
        assert (ran.code, ran.lines) == (
            1,
            [f"lotus: refused the request: no customer has this {what}", "lotus: 0 erased, 0 same contact, 1 refused"],
        )


def test_never_another_tenants(jane, other_tenant):
    theirs = CustomerFactory(tenant=other_tenant, email="jane@example.com", phone="+6281200002")
    for whom in (["--id", theirs.pk], ["--email", "jane@example.com"], ["--phone", "+6281200002"]):
        run(*LOTUS, *whom, "--yes")
    assert ids() == sorted([pk(4), theirs.pk])
    ran = run("erase_customer", "--all-tenants", "--email", "jane@example.com", "--yes")
    assert (ran.code, ran.lines[-1]) == (0, "all tenants: 1 erased, 0 same contact, nobody was refused")
    assert ids() == [pk(4)]


# --- by accident ----------------------------------------------------------------------------------------------------


def test_without_a_terminal_it_wants_yes(jane):
    ran = run(*LOTUS, "--id", pk(2))
    assert (ran.code, ran.stdout, len(ids())) == (2, "", 4)
    # Nor does a log get to know them.
    assert "Quetzal" not in ran.stderr


@pytest.mark.parametrize(("typed", "code", "left"), [("lotus\n", 0, 2), ("y\n", 2, 4)])
def test_on_a_terminal_one_sees_who_it_is_and_types_the_slug(jane, monkeypatch, typed, code, left):
    monkeypatch.setattr(sys, "stdin", Terminal(typed))
    ran = run(*LOTUS, "--email", "jane@example.com")
    assert (ran.code, len(ids())) == (code, left)
    first, deleted, live, question = ran.stderr.splitlines()[:4]
    assert first == "This person will be erased. It can't be undone:"
    assert deleted.startswith(f"  lotus  {pk(1)}  Quetzal Doe")
    assert deleted.endswith(", jane@example.com, +6281200001, soft-deleted")
    assert live.endswith(", Jane@Example.com, +6281200002")
    assert question.startswith("Type lotus to go on: ")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "one of the arguments --id --email --phone is required"),
        (["--id", UNKNOWN_ID, "--email", "jane@example.com"], "not allowed with argument --id"),
        (["--email", "jane"], "argument --email: 'jane' is no e-mail address"),
        (["--id", "jane"], "argument --id: 'jane' is no id: it has 24 hex digits"),
    ],
)
def test_one_person_is_named_in_one_way(arguments, sentence, capsys):
    with pytest.raises(SystemExit) as end:
        execute_from_command_line(["manage.py", *LOTUS, *arguments])
    assert end.value.code == 2
    assert sentence in capsys.readouterr().err


def test_what_is_no_phone_number_is_wrong_use(jane):
    ran = run(*LOTUS, "--phone", "banana", "--yes")
    assert (ran.code, ran.stderr) == (
        2,
        "--phone banana: “banana” holds “banana”, which is no part of a phone number. "
        "Enter the number alone, such as +6281234567890.",
    )
