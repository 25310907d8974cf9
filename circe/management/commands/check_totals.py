"""Checks the summary tables against a recount."""

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
    """Exits with 1 if a total differs from the recount and was not repaired. The check locks nothing."""

    help = (
        "Recount customers and appointments, and print where the totals that the database keeps differ. With --repair, "
        "the recount replaces totals that differ; meanwhile, writes to customers and appointments wait. Run it with "
        "--repair each night: this also keeps the statistics fast."
    )
    outcomes = ("true", "repaired", "different")
    failures = ("different",)

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Adds the option --repair."""
        super().add_arguments(parser)
        parser.add_argument("--repair", action="store_true", help="replace the totals that differ by the recount")

    def work(self, tenant: Tenant) -> None:
        """Checks each summary table in a transaction of its own."""
        self.in_batches(([total] for total in TOTALS), lambda batch: self._check(tenant, *batch), total=len(TOTALS))

    def _check(self, tenant: Tenant, total: type[SummaryTable]) -> None:
        table, repair = total._meta.db_table, self.options["repair"]
        differences = total.differences(tenant)
        if differences and repair:
            with as_owner(), connection.cursor() as cursor:
                # Waits for running writes to end; later writes wait for this recount.
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
