"""Compares the summary tables with the rows that they sum."""

from argparse import ArgumentParser

from django.db import connection

from appointments.models import Appointment
from appointments.models.totals import AppointmentDailyTotals, CustomerTotals, VisitCounts
from circe.db.roles import as_owner
from circe.db.summary_tables import SummaryTable
from customers.models import Customer
from customers.models.monthly_counts import CustomerMonthlyCounts
from customers.models.name_keys import NameKey
from tenants.commands import TenantCommand
from tenants.models import Tenant

SUMMARY_TABLES: tuple[type[SummaryTable], ...] = (
    CustomerMonthlyCounts,
    NameKey,
    CustomerTotals,
    AppointmentDailyTotals,
    VisitCounts,
)


class Command(TenantCommand):
    """Checks the totals, and repairs them with --repair. Exits with 1 if a total is wrong and was not repaired. Without
    --repair it takes no lock.
    """

    examples = (
        "check_totals --all-tenants",
        "check_totals --all-tenants --repair",
    )
    help = (
        "Count customers and appointments again, and print the stored totals that differ. With --repair, wrong totals are "
        "replaced; meanwhile, writes to customers and appointments wait. Run it with --repair each night."
    )
    outcomes = ("ok", "repaired", "different")
    failures = ("different",)

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Adds the option --repair."""
        super().add_arguments(parser)
        parser.add_argument("--repair", action="store_true", help="replace the totals that are wrong")

    def work(self, tenant: Tenant) -> None:
        """Checks each summary table in a transaction of its own."""
        self.in_batches(
            ([model] for model in SUMMARY_TABLES),
            lambda batch: self._check(tenant, *batch),
            total=len(SUMMARY_TABLES),
        )

    def _check(self, tenant: Tenant, model: type[SummaryTable]) -> None:
        table, repair = model._meta.db_table, self.options["repair"]
        differences = model.find_differences(tenant)
        if differences and repair:
            with as_owner(), connection.cursor() as cursor:
                # This waits until running writes have ended. Later writes wait until the table is rebuilt.
                summed = ", ".join(summed._meta.db_table for summed in (Customer, Appointment))
                cursor.execute(f"LOCK TABLE {summed} IN SHARE MODE")
                model.rebuild(tenant)
        for difference in differences:
            key = ", ".join(str(difference[name]) for name in model.key_columns)
            values = ", ".join(
                f"{name} {stored} instead of {difference['expected'][name]}"
                for name, stored in difference["stored"].items()
            )
            self.record("repaired" if repair else "different", f"{table} {key}: {values}", table=table, **difference)
        if not differences:
            self.record("ok", table, table=table)
