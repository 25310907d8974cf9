"""Tests runs of an import: a dry run, a run that is killed or stopped and then started again, and a race."""

import random
import signal
import subprocess
import sys

import pytest
from django.conf import settings
from django.db import connection, transaction

from circe.db.ids import new_id
from circe.db.roles import as_owner
from customers.models import Customer
from customers.tests.factories import CustomerFactory, DeletedCustomerFactory
from customers.tests.test_transfer_admin import body, checked, figures
from customers.tests.transfer import as_csv, from_csv, imported
from customers.transfer import importing
from tenants.models import AuditEvent
from tenants.scope import tenant_scope
from tenants.tests.factories import ServiceFactory
from tenants.tests.locks import find_lock_waiters, start_thread

HEADER = ["id", "first_name", "email", "phone", "notes", "preferred_services"]


def everything():
    return list(Customer.objects.with_preferred().order_by("pk").values()), AuditEvent.objects.count()


def mixed(people, foreign, service, *, seed, rows=200):
    """Yields rows of every kind: new, repeated, unchanged, changed, swapped, deleted, of another tenant, malformed."""
    pick = random.Random(seed)
    emails = [f"e{n}@example.com" for n in range(60)] + [person.email for person in people]
    phones = [f"+62811{n:07}" for n in range(60)] + [person.phone for person in people]
    ids = [new_id() for _ in range(20)] + [person.pk for person in people] + [foreign.pk, "122"]
    yield HEADER
    for person in people[:5]:
        yield [person.pk, person.first_name, person.email, person.phone, "", ""]
    # In different batches, one row gives up an e-mail address that another takes over.
    yield [people[5].pk, "Jane", "given@example.com", people[5].phone, "", ""]
    for _ in range(rows):
        yield [
            pick.choice(["", "", "", pick.choice(ids)]),
            pick.choice(["Jane", "Joe", "Jane", ""]),
            pick.choice(["", pick.choice(emails), pick.choice(emails), "x"]),
            pick.choice(["", pick.choice(phones), "12"]),
            pick.choice(["", "", "tea", "a\0"]),
            pick.choice(["", "", service.pk, "0" * 24]),
        ]
    yield ["", "New", people[5].email, "", "", ""]


@pytest.mark.slow("imports a generated file three times, for each seed")
@pytest.mark.parametrize("update", [False, True])
@pytest.mark.parametrize("seed", [1, 2])
def test_a_dry_run_reports_exactly_what_the_import_does(tmp_path, in_scope, other_tenant, monkeypatch, update, seed):
    monkeypatch.setattr(importing, "MAX_BATCH_ROWS", 20)
    people = [CustomerFactory(tenant=in_scope, notes=None) for _ in range(8)]
    people += [DeletedCustomerFactory(tenant=in_scope) for _ in range(2)]
    path, foreign = tmp_path / "customers.csv", CustomerFactory(tenant=other_tenant)
    path.write_bytes(as_csv(mixed(people, foreign, ServiceFactory(tenant=in_scope), seed=seed)))
    before = everything()
    files = [tmp_path / "dry.csv", tmp_path / "wet.csv"]

    dry = imported(path, update=update, dry_run=True, refused=files[0])
    assert everything() == before
    wet = imported(path, update=update, refused=files[1])
    assert (dry.code, dry.counts, dry.refused_rows, dry.stderr) == (wet.code, wet.counts, wet.refused_rows, wet.stderr)
    assert files[0].read_bytes() == files[1].read_bytes()
    assert {"created", "unchanged", "refused"} <= wet.counts.keys()
    assert ("updated" in wet.counts) == update
    assert len(from_csv(files[1].read_bytes())) == wet.counts["refused"] + 1
    # The counts are those of the customers.
    assert Customer.objects.count() == len(people) + wet.counts["created"]
    assert Customer.objects.filter(first_name="New").exists() == update

    again = imported(path, update=update)
    assert again.counts.keys() <= {"unchanged", "refused"}
    assert again.counts["unchanged"] == sum(wet.counts.values()) - wet.counts["refused"]


@pytest.mark.slow("imports one file in batches of several sizes")
def test_the_batch_size_does_not_change_the_result(tmp_path, in_scope, other_tenant, monkeypatch):
    people = [CustomerFactory(tenant=in_scope) for _ in range(8)]
    path = tmp_path / "customers.csv"
    path.write_bytes(
        as_csv(mixed(people, CustomerFactory(tenant=other_tenant), ServiceFactory(tenant=in_scope), seed=4, rows=100))
    )
    results = []
    for size in (1, 15, 1000):
        monkeypatch.setattr(importing, "MAX_BATCH_ROWS", size)
        result = imported(path, update=True, dry_run=True)
        results.append((result.counts, result.refused_rows))
    assert results[0] == results[1] == results[2]


# --- a killed run ---------------------------------------------------------------------------------------------------

IMPORT = """
import sys
from django.conf import settings
settings.DATABASES["default"]["NAME"] = sys.argv[1]
import django
django.setup()
from django.core.management import call_command
from customers.transfer import importing
importing.MAX_BATCH_ROWS = 100
call_command("import_customers", sys.argv[2], tenant="lotus")
"""


@pytest.mark.slow("kills an import, and starts it again")
@pytest.mark.django_db(transaction=True)
def test_a_killed_import_that_is_started_again_has_the_same_result(tmp_path, tenant):
    rows = [
        [new_id() if n % 2 else "", f"Jane {n}", f"j{n if n % 100 else n + 1}@example.com", f"+62812{n:07}", "", ""]
        for n in range(1200)
    ]
    path = tmp_path / "customers.csv"
    path.write_bytes(as_csv([HEADER, *rows]))
    with tenant_scope(tenant):
        with transaction.atomic():
            # The last batch waits for this customer: otherwise the import could end before it is killed.
            CustomerFactory(tenant=tenant, email=rows[-1][2], phone=None)
            process = subprocess.Popen(
                [sys.executable, "-c", IMPORT, connection.settings_dict["NAME"], path],
                cwd=settings.BASE_DIR,
                stderr=subprocess.PIPE,
            )
            while not (seen := Customer.objects.count() - 1):
                assert process.poll() is None, process.stderr.read()
            process.send_signal(signal.SIGKILL)
            assert process.wait() == -signal.SIGKILL
            transaction.set_rollback(True)
        kept = Customer.objects.count()
        assert 0 < seen <= kept < 1188

        result = imported(path)
        # Every hundredth has the e-mail address of the one after.
        assert result.counts == {"created": 1188 - kept, "unchanged": kept, "refused": 12}
        expected = {(name, email, phone) for n, (_, name, email, phone, *_) in enumerate(rows) if n % 100 != 1}
        assert set(Customer.objects.values_list("first_name", "email", "phone")) == expected


# --- races ----------------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_row_whose_contact_another_request_takes_meanwhile_is_refused_and_no_other(tmp_path, tenant):
    path = tmp_path / "customers.csv"
    path.write_bytes(as_csv([HEADER, *(["", "Jane", f"j{n}@example.com", "", "", ""] for n in range(9))]))
    with transaction.atomic():
        other = CustomerFactory(tenant=tenant, first_name="Joe", email="j5@example.com", phone=None)
        importer, results = start_thread(lambda: imported(path))
        while not find_lock_waiters():
            assert importer.is_alive()
    importer.join()
    (result,) = results
    assert result.counts == {"created": 8, "refused": 1}
    reason = f"Customer {other.pk} is here already, and differs. Updating existing customers would change them."
    assert result.refused_rows == [(7, "first_name", reason)]


@pytest.mark.django_db(transaction=True)
def test_the_page_of_an_import_that_the_database_stops_leads_to_the_page_that_goes_on(back_office, in_scope):
    browser = back_office("tenant_admin")
    url = checked(browser, as_csv([["first_name", "email"], ["Jane", "jane@example.com"]]))

    with transaction.atomic():
        CustomerFactory(tenant=in_scope, email="jane@example.com")
        importer, pages = start_thread(lambda: body(browser.post(url, {"import": "1"})))
        while not (waiters := find_lock_waiters()):
            assert importer.is_alive()
        with as_owner(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_cancel_backend(%s)", waiters)
        importer.join()
        transaction.set_rollback(True)
    [page] = pages
    assert f'The rows that were imported are kept: <a href="{url}">go on</a>' in page
    assert not Customer.objects.exists()
    body(browser.post(url, {"import": "1"}))
    assert figures(browser, url) == {"created": 1}
