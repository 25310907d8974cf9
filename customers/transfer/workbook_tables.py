"""Tables in XLSX workbooks.

python-calamine reads them: its time and memory grow with the bytes of a sheet and with the rectangle that its cells span,
whatever stands in the other parts, and it expands no entities. A sheet is in memory as a whole; the child process's limit
of memory ends what is too large.
"""

import datetime as dt
import re
import zipfile
from collections.abc import Collection, Iterator
from typing import Any, BinaryIO

from python_calamine import CalamineSheet, CalamineWorkbook, SheetTypeEnum

from customers.transfer.headers import count_known
from customers.transfer.limits import (
    MAX_CELL_CHARACTERS,
    MAX_ROW_CHARACTERS,
    MAX_SHEETS,
    MAX_WORKBOOK_PARTS,
    MB,
    Limits,
)
from customers.transfer.tables import OLE, RawTable, Record, Unreadable, check_width

CHUNK_BYTES = 1 << 16
# The library decodes `_x000B_` to the character, but leaves the codes of those that are none, or only half of one.
_UNDECODED = re.compile(r"_x([Dd][89A-Fa-f][0-9A-Fa-f]{2}|[Ff]{3}[EeFf])_")
OLD = "The workbook is protected by a password, or of Excel 2003 or older: save it as .xlsx without a password."
DAMAGED = "The workbook is damaged. Open it in a spreadsheet, save it anew, and try again."


def workbook_table(file: BinaryIO, known: Collection[str], limits: Limits) -> RawTable:
    """The table in the first sheet whose first row names columns, else in the first with anything in it.

    Raises Unreadable.
    """
    _check_archive(file, limits)
    file.seek(0)
    try:
        book = CalamineWorkbook.from_filelike(file)
        names = [sheet.name for sheet in book.sheets_metadata if sheet.typ == SheetTypeEnum.WorkSheet]
        if len(names) > MAX_SHEETS:
            raise Unreadable(f"The workbook has {len(names):,} sheets; at most {MAX_SHEETS} are looked at.")
        found = None
        for name in names:
            sheet = _Sheet(book.get_sheet_by_name(name))
            if sheet.header and (found is None or count_known(sheet.header, known)):
                found = sheet
                if count_known(sheet.header, known):
                    break
    except (Unreadable, MemoryError):
        raise
    # The library has no common class for what can be wrong with a workbook, and a few errors of Python's own.
    except Exception as error:
        raise Unreadable(DAMAGED) from error
    if found is None:
        raise Unreadable("The workbook is empty.")
    return found.table(file.seek(0, 2))


def _check_archive(file: BinaryIO, limits: Limits) -> None:
    """Raises Unreadable unless the archive is whole and unpacks to as little as it says, and as the limits allow."""
    file.seek(0)
    if file.read(len(OLE)) == OLE:
        raise Unreadable(OLD)
    try:
        with zipfile.ZipFile(file) as archive:
            parts = archive.infolist()
            if len(parts) > MAX_WORKBOOK_PARTS:
                raise Unreadable(f"The workbook is made of {len(parts):,} parts: save the sheet as CSV.")
            if sum(part.file_size for part in parts) > limits.unpacked_bytes:
                most = limits.unpacked_bytes // MB
                raise Unreadable(f"The workbook holds more than {most:,} MB once unpacked: save the sheet as CSV.")
            for part in parts:
                # Compares lengths and checksums as it reads, and stops at the length that the part is said to have.
                with archive.open(part) as content:
                    while content.read(CHUNK_BYTES):
                        pass
    # A damaged archive raises almost anything, NotImplementedError and struct.error among them.
    except (Unreadable, MemoryError):
        raise
    except Exception as error:
        raise Unreadable(DAMAGED) from error


class _Sheet:
    """A sheet. Its header is the first row that is not empty."""

    def __init__(self, sheet: CalamineSheet) -> None:
        self.name, self.height = sheet.name, sheet.total_height
        self.row = 0
        if sheet.start:
            check_width(sheet.total_width)
        self.rows = self._rows(sheet)
        first = next(self.rows, None)
        if first and first.fault:
            raise Unreadable(first.fault)
        self.header = [cell.strip() for cell in first.cells] if first else []
        while self.header and not self.header[-1]:
            self.header.pop()

    def table(self, size: int) -> RawTable:
        width = len(self.header)
        records = (record if record.fault else record.fitted(width) for record in self.rows)
        return RawTable(
            self.header,
            records,
            f"Excel workbook, sheet “{self.name[:50]}”",
            size,
            lambda: size * self.row // max(1, self.height),
        )

    def _rows(self, sheet: CalamineSheet) -> Iterator[Record]:
        # The library leaves out the empty columns on the left, though not the empty rows above.
        left = [""] * (sheet.start[1] if sheet.start else 0)
        for self.row, values in enumerate(sheet.iter_rows(), 1):
            if any(value != "" for value in values):
                yield _record(self.row, left + [_text(value) for value in values])


def _record(line: int, cells: list[str]) -> Record:
    if max(map(len, cells)) > MAX_CELL_CHARACTERS:
        fault = f"A cell is longer than {MAX_CELL_CHARACTERS:,} characters."
    elif sum(map(len, cells)) > MAX_ROW_CHARACTERS:
        fault = f"The row is longer than {MAX_ROW_CHARACTERS:,} characters."
    else:
        return Record(line, cells)
    return Record(line, [cell[:1000] for cell in cells], fault)


def _text(value: Any) -> str:
    """Returns the cell as a CSV file would have it."""
    match value:
        case str():
            return _UNDECODED.sub(lambda code: chr(int(code[1], 16)), value)
        case bool():
            return str(value).lower()
        case float() if value.is_integer() and abs(value) < 10**15:
            return str(int(value))
        case dt.datetime() if value.time() == dt.time():
            return value.date().isoformat()
        case dt.datetime() | dt.date():
            return value.isoformat()
    return str(value)
