"""Exports customers as CSV or XLSX, in a form that an import reads unchanged."""

import csv
import datetime as dt
import io
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from customers.extensions import ExportColumn
from customers.models import CustomerQuerySet
from customers.transfer.columns import COLUMNS, TENANT_COLUMN
from customers.transfer.text_marks import escape_cell

CUSTOMERS_PER_QUERY = 2000
CSV_CHUNK_CHARACTERS = 1 << 16
# A spreadsheet recognizes UTF-8 by this.
BYTE_ORDER_MARK = "\ufeff"
# The header is one of these rows. Excel opens no sheet with more.
MAX_SHEET_ROWS = 1_048_576
# XML cannot hold these characters, or changes them. XLSX writes them as codes such as `_x000B_`. A text that looks
# like such a code gets a code for its first `_`. A text of blanks alone gets a code for its first blank, since openpyxl
# does not write `xml:space="preserve"` for it.
_ENCODED_IN_XLSX = re.compile("[\x00-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)|\\A\\s(?=\\s*\\Z)")


def export_table(
    customers: CustomerQuerySet, *, with_tenant: bool, more_columns: Sequence[ExportColumn] = ()
) -> Iterator[list[Any]]:
    """Yields the header, then a row for each customer in the order of ids.

    With `with_tenant` the first column is the slug of the customer's tenant. `more_columns` come last, and an import
    ignores them. All customers are as they are at one moment. The caller keeps the tenant scope and a transaction open
    until the end: then only CUSTOMERS_PER_QUERY rows are in memory at a time.
    """
    yield [*([TENANT_COLUMN] if with_tenant else []), *(column.name for column in [*COLUMNS, *more_columns])]
    customers = customers.with_preferred().order_by("pk")
    for column in more_columns:
        customers = customers.annotate(**column.annotations())
    if with_tenant:
        customers = customers.select_related("tenant")
    rows = customers.iterator(chunk_size=CUSTOMERS_PER_QUERY)
    while batch := list(islice(rows, CUSTOMERS_PER_QUERY)):
        for column in more_columns:
            if column.prepare:
                column.prepare(batch)
        for customer in batch:
            tenant = [customer.tenant.slug] if with_tenant else []
            more = [_format_more(column.get_value(customer)) for column in more_columns]
            yield [*tenant, *(column.format_cell(customer) for column in COLUMNS), *more]


def _format_more(value: Any) -> Any:
    """Returns a cell: lists with semicolons, days in ISO 8601, and no text that a spreadsheet takes for a formula."""
    if isinstance(value, list):
        value = "; ".join(filter(None, value))
    elif isinstance(value, dt.date):
        value = value.isoformat()
    return escape_cell(value or "") if isinstance(value, str | None) else value


def csv_chunks(table: Iterable[list[Any]]) -> Iterator[bytes]:
    """Yields the rows as CSV (RFC 4180, UTF-8), in chunks of about CSV_CHUNK_CHARACTERS."""
    text = io.StringIO(BYTE_ORDER_MARK, newline="")
    text.seek(0, io.SEEK_END)
    writer = csv.writer(text)
    for row in table:
        writer.writerow(str(cell).lower() if isinstance(cell, bool) else cell for cell in row)
        if text.tell() > CSV_CHUNK_CHARACTERS:
            yield text.getvalue().encode()
            text.seek(0)
            text.truncate()
    yield text.getvalue().encode()


def write_workbook(file: BinaryIO, table: Iterable[list[Any]], *, description: str = "") -> None:
    """Writes an XLSX workbook with one sheet of at most MAX_SHEET_ROWS rows. Text stays text, never a formula.

    `description` is stored in the properties of the file, and says which customers it has.
    """
    # Imported here: the library would take a tenth of the start of each process, and few of them write a workbook.
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell

    book = Workbook(write_only=True)
    book.properties.description = _ENCODED_IN_XLSX.sub(" ", description)
    sheet = book.create_sheet("Customers")
    sheet.freeze_panes = "A2"

    def make_cell(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        cell = WriteOnlyCell(sheet, _ENCODED_IN_XLSX.sub(lambda found: f"_x{ord(found[0]):04X}_", value))
        # The constructor takes text that begins with = for a formula.
        cell.data_type = "s"
        return cell

    for row in table:
        sheet.append([make_cell(value) for value in row])
    book.save(file)


# --- files of the commands ------------------------------------------------------------------------------------------


def create_private_file(path: Path) -> BinaryIO:
    """Creates or empties a file that only its owner may read. Raises OSError."""
    file = open(path, "wb", opener=lambda name, flags: os.open(name, flags, 0o600))  # noqa: SIM115
    os.fchmod(file.fileno(), 0o600)
    return file


@contextmanager
def replace_when_complete(path: Path) -> Iterator[BinaryIO]:
    """Yields a private file that replaces `path` at the end of the block, unless the block raises. Raises OSError."""
    draft = path.with_name(f"{path.name}.part")
    try:
        with create_private_file(draft) as file:
            yield file
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
