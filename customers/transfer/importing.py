"""Importing customers: what becomes of each row, in batches, and the report on them.

A dry run does all that an import does, and takes each batch back. What the rows of a batch took is remembered apart from
the database (`claims`), and of customers whom a row was about the database is not asked again: so both kinds of run decide
alike, whether or not the rows before are there to be found.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from django.db import IntegrityError, OperationalError, transaction
from psycopg.errors import DeadlockDetected

from customers.transfer.claims import Claims
from customers.transfer.limits import MAX_BATCH_CHARACTERS, MAX_REASON_CHARACTERS
from customers.transfer.matching import Batch
from customers.transfer.reading import Table
from customers.transfer.rows import Reader, Row
from customers.transfer.tables import Record

BATCH = 1000
SHOWN = 100

OUTCOMES = ("created", "updated", "unchanged", "refused")

# What the database says where another won a race, or a row of elsewhere has the id.
CONSTRAINTS = {
    "customers_customer_pkey": {"id": "This id can't be used."},
    "customer_email": {"email": "Another customer has this e-mail address."},
    "customer_phone": {"phone": "Another customer has this phone number."},
}


@dataclass
class Refusal:
    """Why a row was not imported. `column` names one or several, or none."""

    line: int
    column: str
    reason: str


@dataclass
class Report:
    """What became of the rows. `refusals` are the first SHOWN of them; `example` is a name with letters beyond ASCII."""

    read_as: str
    ignored: list[str]
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    refused: int = 0
    refusals: list[Refusal] = field(default_factory=list)
    example: str = ""
    # How many of the refused rows the file for download holds; None where it holds all.
    downloadable: int | None = None

    @property
    def rows(self) -> int:
        return sum(getattr(self, outcome) for outcome in OUTCOMES)

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON has it."""
        return asdict(self)


class Import:
    """One run over a table, in the scope of one tenant.

    Without `update` a customer who is there already stays as they are. `on_refused` gets each refused row, with its
    record's cells.
    """

    def __init__(
        self,
        table: Table,
        *,
        update: bool = False,
        dry_run: bool = False,
        on_refused: Callable[[Refusal, list[str]], None] | None = None,
    ) -> None:
        self.table, self.update, self.dry_run, self.on_refused = table, update, dry_run, on_refused
        self.report = Report(table.read_as, table.ignored)

    def run(self) -> Iterator[Report]:
        """The report after each batch, and finally. What a batch wrote is there to stay, whatever becomes of the next."""
        reader = Reader(self.table)
        self.claims = Claims()
        try:
            for records in _batches(self.table.records):
                self._take([reader.row(record) for record in records])
                yield self.report
        finally:
            self.claims.close()
        yield self.report

    def _take(self, rows: list[Row]) -> None:
        """Import the rows; by halves, down to the one, where the database refuses what nothing seemed wrong with."""
        try:
            batch = self._written(rows)
        except (IntegrityError, OperationalError) as error:
            if isinstance(error, OperationalError) and not isinstance(error.__cause__, DeadlockDetected):
                raise
            if len(rows) == 1:
                self._refuse(rows[0], _refused_by_database(error))
                return
            middle = len(rows) // 2
            self._take(rows[:middle])
            self._take(rows[middle:])
        else:
            self._tell(batch)

    def _written(self, rows: list[Row]) -> Batch:
        with transaction.atomic():
            batch = Batch(rows, self.claims, update=self.update)
            if self.dry_run:
                batch.pretend()
            batch.write()
            transaction.set_rollback(self.dry_run)
        return batch

    def _tell(self, batch: Batch) -> None:
        self.claims.add(batch.taken)
        for row, outcome in batch.outcomes:
            if isinstance(outcome, str):
                setattr(self.report, outcome, getattr(self.report, outcome) + 1)
            else:
                self._refuse(row, outcome)
            if not (self.report.example or row.reasons or row.customer.full_name.isascii()):
                self.report.example = row.customer.full_name

    def _refuse(self, row: Row, reasons: dict[str, str]) -> None:
        refusal = Refusal(row.record.line, ", ".join(filter(None, reasons)), _sentence(reasons))
        self.report.refused += 1
        if len(self.report.refusals) < SHOWN:
            self.report.refusals.append(refusal)
        if self.on_refused:
            self.on_refused(refusal, row.record.cells)


def _batches(records: Iterator[Record]) -> Iterator[list[Record]]:
    """BATCH records at a time; where they are long, fewer."""
    batch: list[Record] = []
    characters = 0
    for record in records:
        batch.append(record)
        characters += sum(map(len, record.cells))
        if len(batch) >= BATCH or characters >= MAX_BATCH_CHARACTERS:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch


def _sentence(reasons: dict[str, str]) -> str:
    text = " ".join(dict.fromkeys(reasons.values()))
    return text if len(text) <= MAX_REASON_CHARACTERS else f"{text[: MAX_REASON_CHARACTERS - 1]}…"


def _refused_by_database(error: Exception) -> dict[str, str]:
    name = getattr(getattr(error.__cause__, "diag", None), "constraint_name", None)
    return CONSTRAINTS.get(name or "", {"": f"The database refuses the row ({name or 'deadlock'})."})
