"""Imports a file of customers in batches, and counts what happened to its rows.

A dry run does everything that an import does, and rolls each batch back. Both decide alike, because neither asks the
database about a customer that an earlier row described: `SeenKeys` has the keys that the earlier rows gave that customer.
"""

import codecs
import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, BinaryIO

from django.db import IntegrityError, OperationalError, transaction
from psycopg.errors import DeadlockDetected

from circe.db.constraints import violated_constraint
from customers.models import ConsentSource
from customers.transfer.columns import REFUSED_ROW_COLUMNS
from customers.transfer.limits import MAX_BATCH_CHARACTERS, MAX_REASON_CHARACTERS
from customers.transfer.matching import ImportBatch, SeenKeys
from customers.transfer.reading import CustomerTable, ImportRow, RowReader
from customers.transfer.tables import Record
from customers.transfer.text_marks import copy_cell
from tenants.audit.context import audit_source

MAX_BATCH_ROWS = 1000
MAX_LISTED_REFUSED_ROWS = 100
MAX_LISTED_LINES = 10
MAX_LISTED_OMITTED_CELLS = 100

OUTCOMES = ("created", "updated", "unchanged", "refused")

# The reason for a refused row, by the violated constraint. Another request has stored the value since the row was
# matched.
REASONS_BY_CONSTRAINT = {
    "customer_tenant_id": {"id": "This id can't be used."},
    "customer_email": {"email": "Another customer has this e-mail address."},
    "customer_phone": {"phone": "Another customer has this phone number."},
}


@dataclass
class RefusedRow:
    """Says why a row was not imported. `column` has the names of the columns at fault, separated by commas. It may be
    empty.
    """

    line: int
    column: str
    reason: str


@dataclass
class Notice:
    """Tells how a file or some of its rows were read. `lines` has the first MAX_LISTED_LINES of the rows."""

    text: str
    rows: int = 0
    lines: list[int] = field(default_factory=list)

    def add(self, line: int) -> None:
        self.rows += 1
        if len(self.lines) < MAX_LISTED_LINES:
            self.lines.append(line)

    def __str__(self) -> str:
        if not self.rows:
            return self.text
        lines = ", ".join(f"{line:,}" for line in self.lines)
        more = f" and {self.rows - len(self.lines):,} more" if self.rows > len(self.lines) else ""
        return f"Line{'s' if self.rows > 1 else ''} {lines}{more}: {self.text}"


@dataclass
class OmittedCellOfLine:
    """Says why a cell of an imported row was not imported."""

    line: int
    column: str
    text: str
    reason: str


@dataclass
class ImportSummary:
    """Counts the rows of a run by outcome, and lists the first MAX_LISTED_REFUSED_ROWS refused rows.

    `notices` tell how the file or some rows were read. `example` is a name with letters beyond ASCII: it shows the user
    whether the encoding was detected correctly.
    """

    read_as: str
    ignored_headers: list[str]
    notices: list[Notice]
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    refused: int = 0
    refused_rows: list[RefusedRow] = field(default_factory=list)
    example: str = ""
    # The number of rows in the file of refused rows, if that file is limited and does not have all of them.
    downloadable: int | None = None
    # The system whose export the file is, if its headers are known.
    preset: str = ""
    # The columns of the file by column of Circe, where the names differ.
    mapped_columns: list[tuple[str, str]] = field(default_factory=list)
    # The number of cells that were not imported although their columns are, and the first of them.
    omitted: int = 0
    omitted_cells: list[OmittedCellOfLine] = field(default_factory=list)

    @property
    def rows(self) -> int:
        return sum(getattr(self, outcome) for outcome in OUTCOMES)

    def add_notice(self, text: str, line: int) -> None:
        """Adds the line of a row to the notice with this text, which is made if there is none."""
        notice = next((notice for notice in self.notices if notice.text == text), None)
        if notice is None:
            notice = Notice(text)
            self.notices.append(notice)
        notice.add(line)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"notices": [str(notice) for notice in self.notices]}


class ImportRun:
    """One run over a table, in the scope of one tenant.

    Without `update` an existing customer stays as it is. `on_refused` is called with each refused row and its cells, and
    `on_omitted` with each omitted cell of the others.
    """

    def __init__(
        self,
        table: CustomerTable,
        *,
        update: bool = False,
        dry_run: bool = False,
        on_refused: Callable[[RefusedRow, list[str]], None] | None = None,
        on_omitted: Callable[[OmittedCellOfLine], None] | None = None,
    ) -> None:
        self.table, self.update, self.dry_run = table, update, dry_run
        self.on_refused, self.on_omitted = on_refused, on_omitted
        self.summary = ImportSummary(
            table.read_as,
            table.ignored_headers,
            [Notice(text) for text in table.notices],
            preset=table.mapping.preset.name if table.mapping.preset else "",
            mapped_columns=table.mapping.describe(),
        )

    def run(self) -> Iterator[ImportSummary]:
        """Yields the summary after each batch, and at the end. Each batch is committed before the next one begins."""
        reader = RowReader(self.table)
        self.seen_keys = SeenKeys()
        try:
            for records in _split_into_batches(self.table.records):
                self._import_rows([reader.read_row(record) for record in records])
                yield self.summary
        finally:
            self.seen_keys.close()
        yield self.summary

    def _import_rows(self, rows: list[ImportRow]) -> None:
        """Imports the rows. If the database refuses them, imports each half alone, until only the row that is at fault
        is refused.
        """
        try:
            batch = self._write_batch(rows)
        except (IntegrityError, OperationalError) as error:
            if isinstance(error, OperationalError) and not isinstance(error.__cause__, DeadlockDetected):
                raise
            if len(rows) == 1:
                self._refuse(rows[0], _explain_database_error(error))
                return
            middle = len(rows) // 2
            self._import_rows(rows[:middle])
            self._import_rows(rows[middle:])
        else:
            self._count_outcomes(batch)

    def _write_batch(self, rows: list[ImportRow]) -> ImportBatch:
        with transaction.atomic(), audit_source(ConsentSource.IMPORT):
            batch = ImportBatch(rows, self.seen_keys, update=self.update)
            if self.dry_run:
                batch.hide_for_dry_run()
            batch.write()
            transaction.set_rollback(self.dry_run)
        return batch

    def _count_outcomes(self, batch: ImportBatch) -> None:
        self.seen_keys.add(batch.lines)
        for row, outcome in batch.outcomes:
            if isinstance(outcome, str):
                setattr(self.summary, outcome, getattr(self.summary, outcome) + 1)
                for notice in dict.fromkeys(row.notices):
                    self.summary.add_notice(notice, row.record.line)
                self._report_omitted(row)
            else:
                self._refuse(row, outcome)
            if not (self.summary.example or row.errors or row.customer.full_name.isascii()):
                self.summary.example = row.customer.full_name

    def _report_omitted(self, row: ImportRow) -> None:
        for cell in row.omitted:
            omitted = OmittedCellOfLine(row.record.line, cell.column, cell.text, cell.reason)
            self.summary.omitted += 1
            if len(self.summary.omitted_cells) < MAX_LISTED_OMITTED_CELLS:
                self.summary.omitted_cells.append(omitted)
            if self.on_omitted:
                self.on_omitted(omitted)

    def _refuse(self, row: ImportRow, errors: dict[str, str]) -> None:
        refused_row = RefusedRow(row.record.line, ", ".join(filter(None, errors)), _join_reasons(errors))
        self.summary.refused += 1
        if len(self.summary.refused_rows) < MAX_LISTED_REFUSED_ROWS:
            self.summary.refused_rows.append(refused_row)
        if self.on_refused:
            self.on_refused(refused_row, row.record.cells)


def _split_into_batches(records: Iterator[Record]) -> Iterator[list[Record]]:
    """Yields batches of MAX_BATCH_ROWS records, or of fewer if the records are long."""
    batch: list[Record] = []
    characters = 0
    for record in records:
        batch.append(record)
        characters += sum(map(len, record.cells))
        if len(batch) >= MAX_BATCH_ROWS or characters >= MAX_BATCH_CHARACTERS:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch


def _join_reasons(errors: dict[str, str]) -> str:
    text = " ".join(dict.fromkeys(errors.values()))
    return text if len(text) <= MAX_REASON_CHARACTERS else f"{text[: MAX_REASON_CHARACTERS - 1]}…"


def _explain_database_error(error: Exception) -> dict[str, str]:
    name = violated_constraint(error)
    return REASONS_BY_CONSTRAINT.get(name or "", {"": f"The database refuses the row ({name or 'deadlock'})."})


class _ReportFile:
    """A CSV file about an import, for people and for another import.

    With `max_bytes` the file ends before the row that would make it larger; `rows_written` is the number of rows in it.
    """

    def __init__(self, file: BinaryIO, header: list[str], *, max_bytes: int | None = None) -> None:
        self.file, self.max_bytes = file, max_bytes
        self.rows_written = self.size_bytes = 0
        self.is_full = False
        self._write(codecs.BOM_UTF8 + _format_line(header))

    def add_row(self, cells: list[str]) -> None:
        """Writes a row, unless the file is full."""
        if self.is_full:
            return
        line = _format_line(cells)
        self.is_full = self.max_bytes is not None and self.size_bytes + len(line) > self.max_bytes
        if not self.is_full:
            self._write(line)
            self.rows_written += 1

    def _write(self, line: bytes) -> None:
        self.file.write(line)
        self.size_bytes += len(line)


def _format_line(cells: list[str]) -> bytes:
    line = io.StringIO(newline="")
    csv.writer(line).writerow([copy_cell(cell) for cell in cells])
    return line.getvalue().encode(errors="replace")


class RefusedRowsFile(_ReportFile):
    """Writes refused rows: line, column, reason, and the cells of the row.

    The user can correct the file and import it as it is.
    """

    def __init__(self, file: BinaryIO, header: list[str], *, max_bytes: int | None = None) -> None:
        # If the imported file is a file of refused rows, it has these columns already.
        self.omitted_indexes = {index for index, name in enumerate(header) if name in REFUSED_ROW_COLUMNS}
        super().__init__(file, [*REFUSED_ROW_COLUMNS, *self._without_omitted(header)], max_bytes=max_bytes)

    def add(self, refused_row: RefusedRow, cells: list[str]) -> None:
        """Writes a row, unless the file is full."""
        reason = [str(refused_row.line), refused_row.column, refused_row.reason]
        self.add_row([*reason, *self._without_omitted(cells)])

    def _without_omitted(self, cells: list[str]) -> list[str]:
        return [cell for index, cell in enumerate(cells) if index not in self.omitted_indexes]


class OmittedCellsFile(_ReportFile):
    """Writes the omitted cells of imported rows: line, column, text and reason."""

    def __init__(self, file: BinaryIO, *, max_bytes: int | None = None) -> None:
        super().__init__(file, ["line", "column", "text", "reason"], max_bytes=max_bytes)

    def add(self, cell: OmittedCellOfLine) -> None:
        """Writes a cell, unless the file is full."""
        self.add_row([str(cell.line), cell.column, cell.text, cell.reason])
