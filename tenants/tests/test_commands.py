"""The behaviour that the commands for operators share, tested with one that writes the names of outlets in capitals."""

import os
import signal

import pytest
from django.db import connection

from tenants.commands import REFUSED, TenantCommand
from tenants.models import AuditEvent, Outlet
from tenants.scope import current_tenant, tenant_scope
from tenants.tests.factories import OutletFactory, TenantFactory
from tenants.tests.shell import run


class Capitals(TenantCommand):
    """Refuses names that end in `x`. On a name that ends in `!` it does something to itself."""

    outcomes = ("renamed", REFUSED)
    batch_size = 2

    def work(self, tenant):
        assert current_tenant() == tenant
        rows = Outlet.objects.all()
        self.in_batches(self.locked_batches(rows), self.rename, total=rows.count())

    def rename(self, outlets):
        for outlet in outlets:
            if outlet.name.endswith("x"):
                self.record(REFUSED, outlet.name, name=outlet.name)
                continue
            Outlet.objects.filter(pk=outlet.pk).update(name=outlet.name.upper())
            self.record("renamed", outlet.name, name=outlet.name)
            if outlet.name.endswith("!"):
                self.accident()

    def accident(self):
        os.kill(os.getpid(), signal.SIGTERM)


def fill(tenant, *names):
    for number, name in enumerate(names):
        OutletFactory(pk=f"{tenant.slug.encode().hex():0<8.8}{number:016x}", tenant=tenant, name=name)


def names(tenant):
    with tenant_scope(tenant):
        return list(Outlet.objects.order_by("pk").values_list("name", flat=True))


def test_the_row_with_the_least_of_all_ids_is_in_the_first_batch(tenant):
    OutletFactory(pk="0" * 24, tenant=tenant, name="a")
    assert run(Capitals(), "--tenant", "lotus").code == 0
    assert names(tenant) == ["A"]


def test_one_tenant_and_no_other(tenant, other_tenant):
    fill(tenant, "a", "b", "c")
    fill(other_tenant, "a")
    ran = run(Capitals(), "--tenant", "lotus")
    assert (ran.code, ran.stderr) == (0, "")
    assert ran.lines == [
        "lotus: renamed a",
        "lotus: renamed b",
        "lotus: renamed c",
        "lotus: 3 renamed, nobody was refused",
    ]
    assert (names(tenant), names(other_tenant)) == (["A", "B", "C"], ["a"])
    with tenant_scope(tenant):
        assert AuditEvent.objects.filter(table="outlet", action="updated", command="test_commands").count() == 3


def test_every_tenant_in_turn_with_the_total(tenant, other_tenant):
    fill(tenant, "ax", "b")
    fill(other_tenant, "c")
    ran = run(Capitals(), "--all-tenants")
    assert (ran.code, ran.lines) == (
        1,
        [
            "lotus: refused ax",
            "lotus: renamed b",
            "nordlys: renamed c",
            "lotus: 1 renamed, 1 refused",
            "nordlys: 1 renamed, nobody was refused",
            "all tenants: 2 renamed, 1 refused",
        ],
    )


def test_a_dry_run_says_the_same_and_changes_nothing(tenant):
    fill(tenant, "a", "bx", "c")
    dry = run(Capitals(), "--tenant", "lotus", "--dry-run")
    assert names(tenant) == ["a", "bx", "c"]
    real = run(Capitals(), "--tenant", "lotus")
    assert dry.code == real.code == 1
    assert dry.lines == [f"[dry run] {line}" for line in [*real.lines, "Nothing was changed."]]


@pytest.mark.parametrize("dry_run", [[], ["--dry-run"]], ids=str)
def test_json_is_one_object_and_nothing_else(tenant, other_tenant, dry_run):
    fill(tenant, "a", "bx")
    ran = run(Capitals(), "--all-tenants", "--json", *dry_run)
    assert (ran.code, ran.stderr) == (1, "")
    assert ran.report == {
        "command": "test_commands",
        "dry_run": bool(dry_run),
        "rows": [
            {"tenant": "lotus", "outcome": "renamed", "name": "a"},
            {"tenant": "lotus", "outcome": "refused", "name": "bx"},
        ],
        "tenants": [{"tenant": "lotus", "renamed": 1, "refused": 1}, {"tenant": "nordlys", "renamed": 0, "refused": 0}],
        "totals": {"renamed": 1, "refused": 1},
        "stopped_by": None,
    }


def test_json_without_any_row(tenant):
    assert run(Capitals(), "--tenant", "lotus", "--json").report["rows"] == []


def test_an_unknown_tenant_is_wrong_use(tenant):
    ran = run(Capitals(), "--tenant", "lotos")
    assert (ran.code, ran.stdout) == (2, "")
    assert ran.stderr == "No business has the slug 'lotos'. There are: lotus."


def test_of_many_businesses_a_wrong_slug_names_twenty(tenant):
    for number in range(20):
        TenantFactory(slug=f"salon-{number:02}")
    names = ", ".join(["lotus", *(f"salon-{number:02}" for number in range(19))])
    ran = run(Capitals(), "--tenant", "lotos")
    assert ran.stderr == f"No business has the slug 'lotos'. There are: {names} and others."


@pytest.mark.parametrize("size", ["1", "2", "500"])
def test_a_batch_has_so_many_rows(tenant, size):
    fill(tenant, "a", "b", "c")
    assert (
        run(Capitals(), "--tenant", "lotus", "--batch-size", size).lines[-1] == "lotus: 3 renamed, nobody was refused"
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_run_after_its_batch(tenant, other_tenant, number):
    fill(tenant, "a", "b!", "c")
    fill(other_tenant, "d")
    command = Capitals()
    command.accident = lambda: os.kill(os.getpid(), number)
    before = signal.getsignal(number)
    ran = run(command, "--all-tenants")
    assert (ran.code, names(tenant), names(other_tenant)) == (128 + number, ["A", "B!", "c"], ["d"])
    assert ran.lines == ["lotus: renamed a", "lotus: renamed b!", "lotus: 2 renamed, nobody was refused"]
    assert ran.stderr == (
        f"Stopped by {number.name}.\nThe reported changes are stored; run the command again for the rest.\n"
    )
    assert signal.getsignal(number) == before


def test_the_report_of_a_stopped_run_says_by_what(tenant):
    fill(tenant, "a!", "b", "c")
    report = run(Capitals(), "--tenant", "lotus", "--json").report
    assert (report["stopped_by"], report["totals"]) == ("SIGTERM", {"renamed": 2, "refused": 0})


def test_where_the_database_gives_up_the_batches_before_are_kept_and_told(tenant):
    fill(tenant, "a", "b", "c!", "d")
    command = Capitals()

    def accident():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = 1; SELECT pg_sleep(60)")

    command.accident = accident
    ran = run(command, "--tenant", "lotus")
    assert (ran.code, names(tenant)) == (1, ["A", "B", "c!", "d"])
    assert ran.lines == ["lotus: renamed a", "lotus: renamed b", "lotus: 2 renamed, nobody was refused"]
    assert ran.stderr.splitlines()[0] == "error: canceling statement due to statement timeout"


@pytest.mark.django_db(transaction=True)
def test_where_the_connection_breaks_the_batches_before_are_kept_and_told(tenant):
    fill(tenant, "a", "b", "c!", "d")
    command = Capitals()

    def accident():
        with connection.cursor() as cursor:
            cursor.execute("SET ROLE none; SELECT pg_terminate_backend(pg_backend_pid())")

    command.accident = accident
    ran = run(command, "--tenant", "lotus", "--json")
    assert (ran.code, names(tenant)) == (1, ["A", "B", "c!", "d"])
    assert (ran.report["totals"], ran.report["stopped_by"]) == ({"renamed": 2, "refused": 0}, "database")


def test_a_fault_of_ours_is_not_hidden(tenant):
    fill(tenant, "a!")
    command = Capitals()
    command.accident = lambda: 1 / 0
    with pytest.raises(ZeroDivisionError):
        run(command, "--tenant", "lotus")
    assert names(tenant) == ["a!"]


def test_no_progress_bar_without_a_terminal(tenant, capfd):
    fill(tenant, "a")
    run(Capitals(), "--tenant", "lotus")
    assert capfd.readouterr() == ("", "")
