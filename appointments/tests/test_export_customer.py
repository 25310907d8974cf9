"""`manage.py export_customer` exports all data about one person."""

import errno
import json
import os
import stat

import pytest
from django.utils import timezone

from appointments.tests.factories import AppointmentFactory
from customers.models import CustomerSession, DeletionRequest, MailedLink
from customers.tests.bodies import CUSTOMERS, instant
from customers.tests.factories import CustomerFactory, DeletedCustomerFactory
from tenants.scope import tenant_scope
from tenants.tests.shell import run

LOTUS = ("export_customer", "--tenant", "lotus")
HASH = "argon2$not-a-real-hash"


@pytest.fixture
def jane(tenant):
    return CustomerFactory(
        tenant=tenant, first_name="Jané", email="jane@example.com", phone="+6281200001", password=HASH
    )


@pytest.fixture
def file(tmp_path):
    return tmp_path / "jane.json"


def test_an_export_has_the_answers_of_the_api(jane, admin, tenant):
    url = f"{CUSTOMERS}/{jane.pk}"
    admin.put(f"{url}/preferences", {"notes": "Likes tea."})
    AppointmentFactory.create_batch(3, tenant=tenant, customer=jane)
    admin.put(f"{url}/preferences", {"marketing_consent": True})
    with tenant_scope(tenant):
        CustomerSession.objects.create(customer=jane, current_jti="jti", rotated_at=timezone.now())
        MailedLink.objects.create(kind="reset", email=jane.email, email_key=jane.email_key)
        DeletionRequest.get_or_create_open(jane)
    ran = run(*LOTUS, "--email", "JANE@example.com")
    assert (ran.code, ran.stderr) == (0, "")
    (row,) = ran.report["rows"]
    assert row == {
        "tenant": "lotus",
        "outcome": "exported",
        "id": jane.pk,
        "business": {"slug": "lotus", "name": "Lotus", "time_zone": "Asia/Jakarta", "currency": "IDR"},
        "customer": admin.get(url).json(),
        "is_deleted": False,
        "deleted_at": None,
        "appointments": admin.get(f"{url}/appointments").json()["appointments"],
        "consents": admin.get(f"{url}/consents").json()["items"],
        "messages": [],
        "deletion_requests": row["deletion_requests"],
        "portal_sessions": row["portal_sessions"],
        "mailed_links": row["mailed_links"],
        "history": admin.get(f"{url}/history").json()["items"],
    }
    [request], [session], [link] = (row[name] for name in ("deletion_requests", "portal_sessions", "mailed_links"))
    assert (request["handled_at"], session["ended_at"], link["email"]) == (None, None, "jane@example.com")
    assert not {"token_hash", "current_jti"} & {*session, *link}
    assert (row["customer"]["preferences"]["notes"], len(row["appointments"])) == ("Likes tea.", 3)
    assert len(row["history"]) > 4
    assert HASH not in ran.stdout


def test_an_export_has_soft_deleted_rows_and_no_other_persons_rows(jane, tenant, other_tenant):
    CustomerFactory(tenant=tenant)
    deleted = DeletedCustomerFactory(tenant=tenant, email="JANE@example.com", deleted_at=jane.created_at)
    theirs = CustomerFactory(tenant=other_tenant, email=jane.email, phone=jane.phone)

    def export_deletion_times(*arguments):
        return {row["id"]: row["deleted_at"] for row in run("export_customer", *arguments).report["rows"]}

    expected = {jane.pk: None, deleted.pk: instant(jane.created_at)}
    assert export_deletion_times("--tenant", "lotus", "--email", jane.email) == expected
    assert export_deletion_times("--all-tenants", "--email", jane.email) == expected | {theirs.pk: None}
    assert export_deletion_times("--tenant", "lotus", "--phone", "0812-00001") == {jane.pk: None}
    assert export_deletion_times("--tenant", "lotus", "--id", deleted.pk) == {deleted.pk: expected[deleted.pk]}


def test_an_export_into_a_file_is_readable_by_its_owner_only(jane, file):
    ran = run(*LOTUS, "--id", jane.pk, "--output", str(file))
    assert (ran.code, ran.lines) == (
        0,
        [f"lotus: exported {jane.pk}: 0 appointments, 1 audit events", "lotus: 1 exported, nobody was refused"],
    )
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    (data,) = json.loads(file.read_bytes())["customers"]
    assert data["customer"]["first_name"] == "Jané"
    assert list(file.parent.iterdir()) == [file]


def test_the_json_report_of_an_export_into_a_file_has_no_data(jane, file):
    report = run(*LOTUS, "--id", jane.pk, "--output", str(file), "--json").report
    assert report["rows"] == [
        {"tenant": "lotus", "outcome": "exported", "id": jane.pk, "appointments": 0, "audit_events": 1}
    ]


def test_a_file_is_overwritten_by_force_only(jane, file):
    file.write_text("precious")
    file.chmod(0o644)
    arguments = (*LOTUS, "--id", jane.pk, "--output", str(file))
    ran = run(*arguments)
    assert (ran.code, ran.stdout, file.read_text()) == (2, "", "precious")
    assert ran.stderr == f"{file} is there already: choose another name, or --force to overwrite it."
    assert run(*arguments, "--force").code == 0
    assert json.loads(file.read_bytes())["customers"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_file_is_replaced_at_once_or_stays(jane, file, monkeypatch):
    def refuse(*names):
        raise OSError(errno.EPERM, "Operation not permitted")

    # --force works without hard links too: some file systems have none.
    monkeypatch.setattr(os, "link", refuse)
    file.write_text("precious")
    arguments = (*LOTUS, "--id", jane.pk, "--output", str(file), "--force")
    assert run(*arguments).code == 0
    assert json.loads(file.read_bytes())["customers"]
    monkeypatch.setattr(os, "replace", refuse)
    before = file.read_bytes()
    assert run(*arguments).stderr == f"{file} can't be written: Operation not permitted."
    assert (file.read_bytes(), [*file.parent.iterdir()]) == (before, [file])


def test_a_missing_directory_is_an_error(jane, file):
    ran = run(*LOTUS, "--id", jane.pk, "--output", str(file / "no.json"))
    assert (ran.code, ran.stdout, ran.stderr) == (2, "", f"{file}/no.json can't be written: No such file or directory.")


def test_a_dry_run_writes_no_file_and_prints_no_data(jane, file):
    for output in (["--output", str(file)], []):
        dry = run(*LOTUS, "--id", jane.pk, "--dry-run", *output)
        assert dry.lines == [
            f"[dry run] lotus: exported {jane.pk}: 0 appointments, 1 audit events",
            "[dry run] lotus: 1 exported, nobody was refused",
            "[dry run] Nothing was changed.",
        ]
    assert not file.exists()


def test_an_unknown_person_is_a_refusal_and_makes_no_file(tenant, file):
    ran = run(*LOTUS, "--email", "who@example.com", "--output", str(file))
    assert (ran.code, ran.lines[0]) == (1, "lotus: refused the request: no customer has this e-mail address")
    assert not file.exists()
    assert run(*LOTUS, "--email", "who@example.com").report["totals"] == {"exported": 0, "refused": 1}


def test_force_without_a_file_is_a_usage_error(jane):
    assert run(*LOTUS, "--id", jane.pk, "--force").code == 2
