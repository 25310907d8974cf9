"""Exports customers to a CSV or XLSX file."""

from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.db import transaction
from tqdm import tqdm

from customers.models import Customer
from customers.transfer.exporting import (
    MAX_SHEET_ROWS,
    csv_chunks,
    export_table,
    replace_when_complete,
    write_workbook,
)
from tenants.commands import TenantCommand, UsageError
from tenants.models import Tenant


class Command(TenantCommand):
    """Exports the customers of one business. An interrupted run leaves no incomplete file.

    Without --output the file goes to stdout, and the report to stderr.
    """

    examples = (
        "export_customers --tenant lotus --output lotus.xlsx",
        "export_customers --tenant lotus --deleted > lotus.csv",
    )
    help = (
        "Export the customers of a business, all as they are at one moment. import_customers reads the file unchanged."
    )
    outcomes = ("exported",)

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--output", metavar="FILE", type=Path, help="the file to write (default: stdout)")
        parser.add_argument("--format", choices=["csv", "xlsx"], help="default: by the ending of --output, else csv")
        parser.add_argument("--deleted", action="store_true", help="export the soft-deleted customers too")

    def prepare(self, tenants: list[Tenant]) -> None:
        """Raises UsageError if the options exclude each other, or the output can't be a file."""
        output = self.options["output"]
        self.is_xlsx = (self.options["format"] or (output and output.suffix.lower())) in {"xlsx", ".xlsx"}
        if self.options["all_tenants"]:
            raise UsageError("A file is of one business: name it with --tenant.")
        if output is None and self.is_xlsx:
            raise UsageError("A workbook is written to a file: name it with --output.")
        if output and output.exists() and not output.is_file():
            raise UsageError(f"{output} is no file.")
        if output is None:
            self.report.out = self.stderr

    def work(self, tenant: Tenant) -> None:
        """Writes the file. Raises UsageError if it can't be written."""
        customers = Customer.objects.all() if self.options["deleted"] else Customer.objects.undeleted()
        self.report.by_tenant[tenant.slug] = self.report.totals = Counter(exported=0)
        if self.options["dry_run"]:
            self.report.totals["exported"] = customers.count()
            return
        if self.is_xlsx and customers.count() >= MAX_SHEET_ROWS:
            raise UsageError(f"A sheet holds at most {MAX_SHEET_ROWS - 1:,} customers: export CSV.")
        with transaction.atomic():
            self._write(self._count_exported(export_table(customers, with_tenant=False)))

    def _write(self, table: Iterator[list[Any]]) -> None:
        if self.options["output"] is None:
            for chunk in csv_chunks(table):
                self.stdout.write(chunk.decode(), ending="")
            return
        try:
            with replace_when_complete(self.options["output"]) as file:
                if self.is_xlsx:
                    write_workbook(file, table)
                else:
                    file.writelines(csv_chunks(table))
        except OSError as error:
            raise UsageError(f"{self.options['output']} can't be written: {error.strerror}.") from error

    def _count_exported(self, table: Iterator[list[Any]]) -> Iterator[list[Any]]:
        """Yields the table, and counts its rows after the header."""
        yield next(table)
        for row in tqdm(table, unit="", disable=None):
            yield row
            self.report.totals["exported"] += 1
            self._raise_if_signalled()
