"""Imports customers from a CSV or XLSX file."""

import codecs
from argparse import ArgumentParser
from collections import Counter
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

from django.core.management.base import CommandError
from tqdm import tqdm

from customers.transfer.exporting import create_private_file
from customers.transfer.importing import (
    MAX_LISTED_REFUSED_ROWS,
    OUTCOMES,
    ImportRun,
    RefusedRow,
    RefusedRowsFile,
)
from customers.transfer.limits import COMMAND
from customers.transfer.reading import CustomerTable, open_table
from customers.transfer.tables import UnreadableFile
from tenants.commands import EXIT_SOME_REFUSED, REFUSED, TenantCommand, UsageError
from tenants.models import Tenant


class Command(TenantCommand):
    """Imports a file for one business. An interrupted run can be started again: it leaves imported customers unchanged."""

    help = (
        "Import customers from a CSV or XLSX file. Its first row names the columns, as export_customers writes them; the "
        "import page of the back office describes each. A row that can't be imported stops no other."
    )
    outcomes = OUTCOMES

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "file", metavar="FILE", type=Path, help="a CSV (commas, semicolons, tabs or bars) or XLSX file"
        )
        parser.add_argument("--update", action="store_true", help="also change existing customers")
        parser.add_argument(
            "--refused", metavar="FILE", type=Path, help="write the refused rows to this file, with the reasons"
        )
        parser.add_argument("--encoding", help="the encoding of a CSV file; detected unless given")

    def prepare(self, tenants: list[Tenant]) -> None:
        """Raises UsageError if the options exclude each other, or the file can't be read."""
        if self.options["all_tenants"]:
            raise UsageError("A file is imported for one business: name it with --tenant.")
        try:
            codecs.lookup(self.options["encoding"] or "utf-8")
            with self.options["file"].open("rb"):
                pass
        except LookupError as error:
            raise UsageError(f"{error}".capitalize() + ". Try utf-8 or cp1252.") from error
        except OSError as error:
            raise UsageError(f"{self.options['file']} can't be read: {error.strerror}.") from error

    def work(self, tenant: Tenant) -> None:
        """Imports the file. Raises UsageError if it can't be read as a file of customers."""
        path, refused_path = self.options["file"], self.options["refused"]
        with ExitStack() as files:
            try:
                file = files.enter_context(path.open("rb"))
                table = files.enter_context(open_table(file, self.options["encoding"], limits=COMMAND))
                refused_rows = None
                if refused_path:
                    refused_rows = RefusedRowsFile(files.enter_context(create_private_file(refused_path)), table.header)
            except UnreadableFile as error:
                raise UsageError(f"{path}: {error}") from error
            except OSError as error:
                raise UsageError(f"{refused_path} can't be written: {error.strerror}.") from error
            self._print_format(table)

            def on_refused(refused_row: RefusedRow, cells: list[str]) -> None:
                if refused_rows:
                    refused_rows.add(refused_row, cells)
                if run.summary.refused <= MAX_LISTED_REFUSED_ROWS or self.options["json"]:
                    place = f"line {refused_row.line:,}{refused_row.column and f', {refused_row.column}'}"
                    self.record(REFUSED, f"{place}: {refused_row.reason}", **asdict(refused_row))

            run = ImportRun(
                table, update=self.options["update"], dry_run=self.options["dry_run"], on_refused=on_refused
            )
            try:
                self._run(run, tenant)
            except UnreadableFile as error:
                raise CommandError(
                    f"{path}: {error} What was imported before is kept.", returncode=EXIT_SOME_REFUSED
                ) from error

    def _run(self, run: ImportRun, tenant: Tenant) -> None:
        with tqdm(total=run.table.size_bytes, unit="B", unit_scale=True, disable=None) as bar:
            for summary in run.run():
                with bar.external_write_mode():
                    self.report.flush()
                # Only refused rows are reported one by one, so the counts come from the summary.
                counts = Counter({outcome: getattr(summary, outcome) for outcome in self.outcomes})
                self.report.totals = self.report.by_tenant[tenant.slug] = counts
                bar.update(run.table.bytes_read - bar.n)
                self._raise_if_signalled()
        for notice in run.summary.notices:
            self.stderr.write(str(notice))

    def finish(self) -> None:
        """Prints how many refused rows were not printed, and how to get them."""
        not_printed = self.report.totals[REFUSED] - MAX_LISTED_REFUSED_ROWS
        if not_printed > 0 and not (self.options["json"] or self.options["refused"]):
            self.stderr.write(f"{not_printed:,} more were refused: --refused FILE writes them all, with the reasons.")

    def _print_format(self, table: CustomerTable) -> None:
        headers = table.ignored_headers
        ignored = f" Columns that are not imported: {', '.join(headers)}." if headers else ""
        self.stderr.write(f"{self.options['file']}: {table.read_as}.{ignored}")
