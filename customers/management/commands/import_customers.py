"""Imports customers from a CSV or XLSX file."""

import codecs
from argparse import ArgumentParser
from collections import Counter
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from django.core.management.base import CommandError
from tqdm import tqdm

from customers.transfer.columns import COLUMN_BY_NAME
from customers.transfer.day_order import DayOrder
from customers.transfer.exporting import create_private_file
from customers.transfer.importing import (
    MAX_LISTED_REFUSED_ROWS,
    OUTCOMES,
    ImportRun,
    ImportSummary,
    OmittedCellOfLine,
    OmittedCellsFile,
    RefusedRow,
    RefusedRowsFile,
)
from customers.transfer.limits import COMMAND_LIMITS
from customers.transfer.mapping.header_mapping import header_key
from customers.transfer.reading import CustomerTable, FileDecisions, examine_file, open_table
from customers.transfer.tables import UnreadableFile
from customers.transfer.uploads import find_decisions
from tenants.commands import EXIT_SOME_REFUSED, REFUSED, TenantCommand, UsageError
from tenants.models import Tenant

OutputFile = TypeVar("OutputFile", RefusedRowsFile, OmittedCellsFile)


class Command(TenantCommand):
    """Imports a file for one business. An interrupted run can be started again: it leaves imported customers unchanged."""

    examples = (
        "import_customers --tenant lotus people.csv --dry-run --refused refused.csv",
        "import_customers --tenant lotus people.xlsx --update --map 'Mobil nr=phone'",
    )
    help = (
        "Import customers from a CSV or XLSX file. Its first row, or one below a title, names the columns, as "
        "export_customers writes them; the import page of the back office describes each. Exports of Google Contacts, "
        "Outlook, Square, Fresha, Phorest and Shopify are known by their headers. A row that can't be imported does not "
        "stop the others."
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
        parser.add_argument(
            "--omitted",
            metavar="FILE",
            type=Path,
            help="write the cells that were not imported, of rows that were, to this file",
        )
        parser.add_argument(
            "--map",
            metavar="COLUMN=FIELD",
            action="append",
            default=[],
            help="import a column of the file as a field of Circe; COLUMN= leaves it out; repeatable",
        )
        parser.add_argument(
            "--dates",
            choices=["day-first", "month-first"],
            help="how a date such as 03/04/1990 is read; without it the other dates decide, or it is refused",
        )
        parser.add_argument("--encoding", help="the encoding of a CSV file; detected unless given")

    def prepare(self, tenants: list[Tenant]) -> None:
        """Raises UsageError if the options exclude each other, or the file can't be read."""
        if self.options["all_tenants"]:
            raise UsageError("A file is imported for one business: name it with --tenant.")
        self.map = dict(_parse_map(text) for text in self.options["map"])
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
        path = self.options["file"]
        with ExitStack() as files:
            try:
                table = self._open_table(files)
                refused_rows = self._create_file(files, "refused", RefusedRowsFile, table.header)
                omitted_cells = self._create_file(files, "omitted", OmittedCellsFile)
            except UnreadableFile as error:
                raise UsageError(f"{path}: {error}") from error
            self._print_format(table)

            def on_refused(refused_row: RefusedRow, cells: list[str]) -> None:
                if refused_rows:
                    refused_rows.add(refused_row, cells)
                if run.summary.refused <= MAX_LISTED_REFUSED_ROWS or self.options["json"]:
                    place = f"line {refused_row.line:,}{refused_row.column and f', {refused_row.column}'}"
                    self.record(REFUSED, f"{place}: {refused_row.reason}", **asdict(refused_row))

            def on_omitted(cell: OmittedCellOfLine) -> None:
                if omitted_cells:
                    omitted_cells.add(cell)

            run = ImportRun(
                table,
                update=self.options["update"],
                dry_run=self.options["dry_run"],
                on_refused=on_refused,
                on_omitted=on_omitted,
            )
            try:
                self._run(run, tenant)
            except UnreadableFile as error:
                raise CommandError(
                    f"{path}: {error} What was imported before is kept.", returncode=EXIT_SOME_REFUSED
                ) from error
            self._print_omitted(run.summary)

    def _open_table(self, files: ExitStack) -> CustomerTable:
        """Returns the table, with the columns that --map and the business have decided. Raises UnreadableFile."""
        file, encoding = files.enter_context(self.options["file"].open("rb")), self.options["encoding"]
        given = FileDecisions(columns={header_key(header): field for header, field in self.map.items()})
        examined = examine_file(file, encoding, limits=COMMAND_LIMITS, decisions=given)
        missing = given.columns.keys() - set(map(header_key, examined.header))
        if missing:
            names = ", ".join(header for header in self.map if header_key(header) in missing)
            raise UnreadableFile(f"There is no column {names}. There are: {', '.join(examined.header)}.")
        remembered = find_decisions(examined.header)
        chosen = self.options["dates"]
        decisions = FileDecisions(
            columns={**remembered.columns, **given.columns},
            day_order=DayOrder(chosen.replace("-", "_")) if chosen else remembered.day_order,
        )
        try:
            table = open_table(file, encoding, limits=COMMAND_LIMITS, decisions=decisions, examination=examined.columns)
        except UnreadableFile as error:
            # `examine_file` could read the file, so only its header is wrong.
            hint = f"--map '{examined.header[0][:50]}=FIELD'. FIELD is one of {', '.join(COLUMN_BY_NAME)}."
            raise UnreadableFile(f"{error} Or say what a column holds: {hint}") from error
        return files.enter_context(table)

    def _create_file(
        self, files: ExitStack, option: str, file_class: type[OutputFile], *arguments: Any
    ) -> OutputFile | None:
        """Creates the file that an option names. Returns what writes to it, or None without the option. Raises
        UsageError.
        """
        path = self.options[option]
        try:
            return file_class(files.enter_context(create_private_file(path)), *arguments) if path else None
        except OSError as error:
            raise UsageError(f"{path} can't be written: {error.strerror}.") from error

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
        mapping, headers = table.mapping, table.ignored_headers
        preset = f", an export of {mapping.preset.name}" if mapping.preset else ""
        ignored = f" Columns that are not imported: {', '.join(headers)}." if headers else ""
        self.stderr.write(f"{self.options['file']}: {table.read_as}{preset}.{ignored}")
        if described := mapping.describe():
            self.stderr.write("; ".join(f"{target} from {names}" for target, names in described) + ".")
        if mapping.undecided_indexes:
            name = mapping.name_column(mapping.undecided_indexes[0])
            self.stderr.write(f"--map '{name}=FIELD' imports a column. FIELD is one of {', '.join(COLUMN_BY_NAME)}.")
            proposals = {index: mapping.propose_target(index) for index in mapping.undecided_indexes}
            likely = [f"'{mapping.name_column(index)}={target}'" for index, target in proposals.items() if target]
            if likely:
                self.stderr.write(f"Perhaps {', '.join(likely)}.")

    def _print_omitted(self, summary: ImportSummary) -> None:
        """Prints where cells were left out, without their texts. Only the file of --omitted has the texts."""
        if self.options["omitted"] or not summary.omitted:
            return
        for cell in summary.omitted_cells:
            self.stderr.write(f"line {cell.line:,}, {cell.column}: left out. {cell.reason}")
        self.stderr.write(f"{summary.omitted:,} cells of imported rows were left out: --omitted FILE writes them all.")


def _parse_map(text: str) -> tuple[str, str]:
    """Returns the header and the field of `COLUMN=FIELD`. Raises UsageError."""
    header, equals, field = text.rpartition("=")
    if not equals:
        raise UsageError(f"--map takes COLUMN=FIELD, such as 'Mobil nr=phone', not {text!r}.")
    if field and field not in COLUMN_BY_NAME:
        raise UsageError(f"There is no field {field!r}. FIELD is one of {', '.join(COLUMN_BY_NAME)}.")
    return header, field
