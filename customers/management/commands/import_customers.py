"""Import customers from a CSV or XLSX file."""

import codecs
from argparse import ArgumentParser
from collections import Counter
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

from django.core.management.base import CommandError
from tqdm import tqdm

from customers.transfer.files import open_table, private
from customers.transfer.importing import OUTCOMES, SHOWN, Import, Refusal
from customers.transfer.limits import COMMAND
from customers.transfer.reading import Table
from customers.transfer.refusals import RefusedRows
from customers.transfer.tables import Unreadable
from tenants.commands import EXIT_SOME_REFUSED, REFUSED, TenantCommand, UsageError
from tenants.models import Tenant


class Command(TenantCommand):
    """A run that was stopped or killed is simply started again: what is there already stays as it is."""

    help = (
        "Import customers from a CSV or XLSX file. Its first row names the columns, as export_customers does; the admin's "
        "page of imports tells what each holds. A row that can't be imported stops no other."
    )
    outcomes = OUTCOMES

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("file", metavar="FILE", type=Path, help="a CSV (commas, semicolons or tabs) or an XLSX")
        parser.add_argument("--update", action="store_true", help="also change customers who are there already")
        parser.add_argument(
            "--refused", metavar="FILE", type=Path, help="write the refused rows there, with the reasons"
        )
        parser.add_argument("--encoding", help="of a CSV; recognised unless given")

    def prepare(self, tenants: list[Tenant]) -> None:
        """Raises UsageError where it can be known beforehand that nothing can be read or written."""
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
        """Import the file. Raises UsageError where it is none of customers."""
        path, refused = self.options["file"], self.options["refused"]
        with ExitStack() as files:
            try:
                file = files.enter_context(path.open("rb"))
                table = files.enter_context(open_table(file, self.options["encoding"], limits=COMMAND))
                rejects = RefusedRows(files.enter_context(private(refused)), table.header) if refused else None
            except Unreadable as error:
                raise UsageError(f"{path}: {error}") from error
            except OSError as error:
                raise UsageError(f"{refused} can't be written: {error.strerror}.") from error
            self._explain(table)

            def on_refused(refusal: Refusal, cells: list[str]) -> None:
                if rejects:
                    rejects.add(refusal, cells)
                if run.report.refused <= SHOWN or self.options["json"]:
                    where = f"line {refusal.line:,}{refusal.column and f', {refusal.column}'}"
                    self.record(REFUSED, f"{where}: {refusal.reason}", **asdict(refusal))

            run = Import(table, update=self.options["update"], dry_run=self.options["dry_run"], on_refused=on_refused)
            try:
                self._run(run, tenant)
            except Unreadable as error:
                raise CommandError(
                    f"{path}: {error} What was imported before is kept.", returncode=EXIT_SOME_REFUSED
                ) from error

    def _run(self, run: Import, tenant: Tenant) -> None:
        with tqdm(total=run.table.size, unit="B", unit_scale=True, disable=None) as bar:
            for report in run.run():
                with bar.external_write_mode():
                    self.report.flush()
                # Most rows are counted without a line of their own.
                counts = Counter({outcome: getattr(report, outcome) for outcome in self.outcomes})
                self.report.totals = self.report.by_tenant[tenant.slug] = counts
                bar.update(run.table.position - bar.n)
                self._raise_if_signalled()

    def finish(self) -> None:
        """Say where the refused rows are that were not printed."""
        untold = self.report.totals[REFUSED] - SHOWN
        if untold > 0 and not (self.options["json"] or self.options["refused"]):
            self.stderr.write(f"{untold:,} more were refused: --refused FILE writes them all, with the reasons.")

    def _explain(self, table: Table) -> None:
        ignored = f" Columns that are not imported: {', '.join(table.ignored)}." if table.ignored else ""
        self.stderr.write(f"{self.options['file']}: {table.read_as}.{ignored}")
