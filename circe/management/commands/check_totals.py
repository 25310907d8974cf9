"""Prove the totals that the database keeps."""

from argparse import ArgumentParser

from django.db import connection

from appointments.models import Appointment
from appointments.models.totals import AppointmentDailyTotals, CustomerTotals, VisitCounts
from circe.db.roles import as_owner
from circe.db.summary_tables import SummaryTable
from customers.models import Customer
from customers.models.monthly_counts import CustomerMonthlyCounts
from tenants.commands import TenantCommand
from tenants.models import Tenant

TOTALS: tuple[type[SummaryTable], ...] = (CustomerMonthlyCounts, CustomerTotals, AppointmentDailyTotals, VisitCounts)


class Command(TenantCommand):
    """Exits with 1 where a total isn't what a recount gives, unless it was repaired. Checking makes nobody wait."""

    help = (
        "Recount what the database keeps as totals of customers and appointments, and print where the two differ. "
        "With --repair, as the owner of the tables, a recount takes the place of those that differ: only then, and only "
        "meanwhile, writes to customers and appointments wait. Run it each night so: the statistics stay fast as well."
    )
    outcomes = ("true", "repaired", "different")
    failures = ("different",)

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Whether to repair."""
        super().add_arguments(parser)
        parser.add_argument("--repair", action="store_true", help="put the recount in the place of what differs")

    def work(self, tenant: Tenant) -> None:
        """Table by table, each in a transaction of its own."""
        self.in_batches(([total] for total in TOTALS), lambda batch: self._check(tenant, *batch), total=len(TOTALS))

    def _check(self, tenant: Tenant, total: type[SummaryTable]) -> None:
        table, repair = total._meta.db_table, self.options["repair"]
        differences = total.differences(tenant)
        if differences and repair:
            with as_owner(), connection.cursor() as cursor:
                # Who is at work comes to an end first; who comes later waits, for one recount.
                counted = ", ".join(model._meta.db_table for model in (Customer, Appointment))
                cursor.execute(f"LOCK TABLE {counted} IN SHARE MODE")
                total.rebuild(tenant)
        if repair and total is CustomerTotals:
            with as_owner():
                CustomerTotals.renew(tenant)
        for difference in differences:
            key = ", ".join(str(difference[name]) for name in total.key)
            sums = ", ".join(
                f"{name} {kept} instead of {difference['counted'][name]}" for name, kept in difference["kept"].items()
            )
            self.record("repaired" if repair else "different", f"{table} {key}: {sums}", table=table, **difference)
        if not differences:
            self.record("true", table, table=table)
