"""`manage.py purge_customers`."""

import datetime as dt
import io
import sys
import threading

import pytest
import time_machine
from django.core.management import execute_from_command_line
from django.db import connection, transaction

from appointments.models import Appointment
from appointments.tests.factories import AppointmentFactory
from circe.db.roles import as_owner
from customers.models import Customer
from customers.models.imports import CustomerImport
from customers.tests.bodies import CUSTOMERS
from customers.tests.factories import CustomerFactory, DeletedCustomerFactory
from customers.tests.test_restore_customers import pk
from tenants.models import AuditEvent
from tenants.scope import ALL_TENANTS, tenant_scope
from tenants.tests.locks import until_blocked
from tenants.tests.shell import run

NOW = dt.datetime(2026, 3, 31, 12, tzinfo=dt.UTC)
LOTUS = ("purge_customers", "--tenant", "lotus", "--older-than", "30d")
ALL = ("purge_customers", "--all-tenants", "--older-than", "30d")


@pytest.fixture(autouse=True)
def _now():
    with time_machine.travel(NOW, tick=False):
        yield


def ids():
    with tenant_scope(ALL_TENANTS):
        return list(Customer.objects.order_by("pk").values_list("pk", flat=True))


def deleted_for(tenant, number, **age):
    return DeletedCustomerFactory(pk=pk(number), tenant=tenant, deleted_at=NOW - dt.timedelta(**age))


@pytest.fixture
def old(tenant):
    """Three of the age to go, beside those who stay."""
    for number, days in ((1, 30.01), (3, 31), (5, 400)):
        deleted_for(tenant, number, days=days)
    for number, days in ((2, 30), (4, 1)):
        deleted_for(tenant, number, days=days)
    CustomerFactory(pk=pk(6), tenant=tenant)
    DeletedCustomerFactory(pk=pk(7), tenant=tenant, deleted_at=None)


def test_whoever_was_soft_deleted_longer_ago_goes(old):
    ran = run(*LOTUS, "--yes")
    assert (ran.code, ran.stderr) == (0, "")
    assert ran.lines == [
        f"lotus: purged {pk(1)} (deleted 2026-03-01 18:45); appointments kept without the person: 0",
        f"lotus: purged {pk(3)} (deleted 2026-02-28 19:00); appointments kept without the person: 0",
        f"lotus: purged {pk(5)} (deleted 2025-02-24 19:00); appointments kept without the person: 0",
        "lotus: 3 purged",
    ]
    assert ids() == [pk(2), pk(4), pk(6), pk(7)]


def test_a_dry_run_says_the_same_and_changes_nothing(old):
    before = ids()
    dry = run(*LOTUS, "--dry-run", "--batch-size", "2")
    assert ids() == before
    assert dry.lines == [f"[dry run] {line}" for line in [*run(*LOTUS, "--yes").lines, "Nothing was changed."]]


def test_again_there_is_nothing_left_to_do(old):
    run(*LOTUS, "--yes")
    assert (run(*LOTUS, "--yes").code, run(*LOTUS, "--yes").lines) == (0, ["lotus: 0 purged"])


def test_appointments_keep_their_figures_tied_to_nobody(tenant, super_admin):
    customer = deleted_for(tenant, 1, days=31)
    for day in (1, 2):
        AppointmentFactory(tenant=tenant, customer=customer, appointment_date=dt.date(2025, 1, day), notes="Likes tea.")
    url = f"{CUSTOMERS}/statistics/summary?tenant_id={tenant.pk}"
    figures = super_admin.get(url).json()["statistics"]
    ran = run(*LOTUS, "--yes", "--json")
    assert ran.report["rows"] == [
        {
            "tenant": "lotus",
            "outcome": "purged",
            "id": customer.pk,
            "deleted_at": "2026-02-28T12:00:00+00:00",
            "appointments_kept": 2,
        }
    ]
    with tenant_scope(tenant):
        assert (
            list(Appointment.objects.values_list("customer_id", "notes", "total_price")) == [(None, None, 350000)] * 2
        )
    left = super_admin.get(url).json()["statistics"]
    assert {key for key in figures if left[key] != figures[key]} <= {"deleted_customers"}
    assert left["total_revenue"] == 700000


def test_the_audit_trail_tells_the_command_and_nothing_of_the_person(tenant):
    customer = deleted_for(tenant, 1, days=31)
    run(*LOTUS, "--yes")
    with tenant_scope(tenant):
        events = list(AuditEvent.objects.filter(row_id=customer.pk).values_list("action", "command", "before", "after"))
    assert events == [("deleted", "purge_customers", None, None), ("created", None, None, None)]


def rows_read():
    """How many rows of the audit trail and of the tombstones this transaction has read."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sum(seq_tup_read + idx_tup_fetch)::int FROM pg_stat_xact_user_tables"
            " WHERE relname IN ('tenants_auditevent', 'customers_tombstone')"
        )
        return cursor.fetchone()[0]


@pytest.mark.slow("needs so many rows that the planner has a choice")
def test_each_of_many_reads_only_its_own_events_and_tombstone(tenant):
    """The statistics are of a moment when each event of an appointment had a customer, and there were no tombstones."""
    number = 100
    for each in range(1, number + 1):
        AppointmentFactory(tenant=tenant, customer=deleted_for(tenant, each, days=400))
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("ANALYZE tenants_auditevent, customers_tombstone")
    before = rows_read()
    assert len(run(*LOTUS, "--yes").lines) > number
    assert rows_read() - before < 15 * number


def test_files_that_were_to_be_kept_for_a_day_go_too(tenant):
    with tenant_scope(tenant):
        CustomerImport.objects.create(file_name="new.csv")
        CustomerImport.objects.create(file_name="old.csv", created_at=NOW - dt.timedelta(days=1, seconds=1))
    for mode, left in (("--dry-run", ["new.csv", "old.csv"]), ("--yes", ["new.csv"])):
        assert run(*LOTUS, mode).code == 0
        with tenant_scope(tenant):
            assert sorted(CustomerImport.objects.values_list("file_name", flat=True)) == left


def test_never_another_tenants(tenant, other_tenant):
    ours, theirs = deleted_for(tenant, 1, days=31), deleted_for(other_tenant, 2, days=31)
    run(*LOTUS, "--yes")
    assert ids() == [theirs.pk] != [ours.pk]
    assert run(*ALL, "--yes").lines[-3:] == ["lotus: 0 purged", "nordlys: 1 purged", "all tenants: 1 purged"]
    assert ids() == []


@pytest.mark.django_db(transaction=True)
def test_whoever_is_restored_in_between_stays(tenant):
    """The restoring is under way when the purge comes to the row, and committed before it goes on."""
    for number in (1, 2, 3):
        deleted_for(tenant, number, days=31)
    ran = []

    def purge():
        ran.append(run(*LOTUS, "--yes"))
        connection.close()

    thread = threading.Thread(target=purge)
    with transaction.atomic(), tenant_scope(tenant):
        Customer.objects.select_for_update(of=("self",)).get(pk=pk(2)).restore()
        thread.start()
        until_blocked()
    thread.join()
    assert ran[0].lines[-1] == "lotus: 2 purged"
    assert ids() == [pk(2)]


# --- by accident ----------------------------------------------------------------------------------------------------


class Terminal(io.StringIO):
    """Somebody who types."""

    def isatty(self):
        return True


def test_without_a_terminal_it_wants_yes(old):
    before = ids()
    ran = run(*LOTUS)
    assert (ran.code, ran.stdout, ids()) == (2, "", before)
    assert ran.stderr == "There is no terminal to confirm it on: add --yes, or --dry-run to look first."


@pytest.mark.parametrize(("typed", "left"), [("lotus\n", 4), ("yes\n", 7), ("\n", 7), ("", 7), ("nordlys\n", 7)])
def test_on_a_terminal_the_slug_is_typed(old, monkeypatch, typed, left):
    monkeypatch.setattr(sys, "stdin", Terminal(typed))
    ran = run(*LOTUS)
    assert ran.stderr.startswith(
        "To be purged: 3 customers of lotus, all deleted before 2026-03-01 12:00 UTC. It can't be undone.\n"
        "Type lotus to go on: "
    )
    assert (len(ids()), ran.code) == (left, 0 if left == 4 else 2)
    assert ran.stderr.endswith("Not confirmed: nothing was changed.") == (left == 7)


def test_for_all_tenants_the_word_is_all(old, other_tenant, monkeypatch):
    monkeypatch.setattr(sys, "stdin", Terminal("all\n"))
    ran = run(*ALL)
    assert (ran.code, len(ids())) == (0, 4)
    assert ran.stderr.startswith("To be purged: 3 customers of all 2 businesses, all deleted before")


@pytest.mark.parametrize("age", [None, "30", "30w", "0d", "-1d", "d", "1.5d", "٣d", "999999d", ""])
def test_the_age_is_said_in_days(age, capsys):
    arguments = [] if age is None else [f"--older-than={age}"]
    with pytest.raises(SystemExit) as end:
        execute_from_command_line(["manage.py", "purge_customers", "--tenant", "lotus", "--yes", *arguments])
    assert end.value.code == 2
    assert ("give a number of days, such as 30d" if arguments else "--older-than") in capsys.readouterr().err
