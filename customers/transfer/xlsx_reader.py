"""Parses XLSX workbooks with python-calamine.

The library's time and memory grow with the bytes of a sheet and with the rectangle that the sheet's cells span, whatever
the other parts of the workbook hold. It expands no entities. It holds a whole sheet in memory; the memory limit of the
child process ends the reading of a sheet that is too large.
"""

import datetime as dt
import re
import zipfile
from collections.abc import Collection, Iterator
from typing import Any, BinaryIO

from python_calamine import CalamineSheet, CalamineWorkbook, SheetTypeEnum

from customers.transfer.limits import (
    MAX_CELL_CHARACTERS,
    MAX_ROW_CHARACTERS,
    MAX_SHEETS,
    MAX_WORKBOOK_PARTS,
    MB,
    Limits,
)
from customers.transfer.tables import (
    OLE_SIGNATURE,
    ParsedTable,
    Record,
    UnreadableFile,
    check_width,
    count_known_headers,
)

CHUNK_BYTES = 1 << 16
# The library decodes `_x000B_` to the character, but not the codes of surrogates and of U+FFFE and U+FFFF.
_NOT_DECODED_CODE = re.compile(r"_x([Dd][89A-Fa-f][0-9A-Fa-f]{2}|[Ff]{3}[EeFf])_")
OLD_OR_PROTECTED = (
    "The workbook is protected by a password, or of Excel 2003 or older: save it as .xlsx without a password."
)
DAMAGED = "The workbook is damaged. Open it in a spreadsheet, save it anew, and try again."


def parse_xlsx(file: BinaryIO, known: Collection[str], limits: Limits) -> ParsedTable:
    """Returns the table of the first sheet whose header has a known column, else of the first sheet that is not empty.

    `known` has the normalized names of the columns. Raises UnreadableFile.
    """
    _check_archive(file, limits)
    file.seek(0)
    try:
        sheet = _find_sheet(CalamineWorkbook.from_filelike(file), known)
    except (UnreadableFile, MemoryError):
        raise
    # The library has no common class for damages of a workbook, and raises a few of Python's own errors.
    except Exception as error:
        raise UnreadableFile(DAMAGED) from error
    if sheet is None:
        raise UnreadableFile("The workbook is empty.")
    return sheet.to_table(file.seek(0, 2))


def _find_sheet(book: CalamineWorkbook, known: Collection[str]) -> "_Sheet | None":
    names = [sheet.name for sheet in book.sheets_metadata if sheet.typ == SheetTypeEnum.WorkSheet]
    if len(names) > MAX_SHEETS:
        raise UnreadableFile(f"The workbook has {len(names):,} sheets; at most {MAX_SHEETS} are looked at.")
    first = None
    for name in names:
        sheet = _Sheet(book.get_sheet_by_name(name))
        if count_known_headers(sheet.header, known):
            return sheet
        if sheet.header and first is None:
            first = sheet
    return first


def _check_archive(file: BinaryIO, limits: Limits) -> None:
    """Raises UnreadableFile if the archive is damaged, or unpacks to more than it declares or the limits allow."""
    file.seek(0)
    if file.read(len(OLE_SIGNATURE)) == OLE_SIGNATURE:
        raise UnreadableFile(OLD_OR_PROTECTED)
    try:
        with zipfile.ZipFile(file) as archive:
            parts = archive.infolist()
            if len(parts) > MAX_WORKBOOK_PARTS:
                raise UnreadableFile(f"The workbook is made of {len(parts):,} parts: save the sheet as CSV.")
            if sum(part.file_size for part in parts) > limits.unpacked_bytes:
                max_mb = limits.unpacked_bytes // MB
                raise UnreadableFile(
                    f"The workbook holds more than {max_mb:,} MB once unpacked: save the sheet as CSV."
                )
            for part in parts:
                # zipfile compares length and checksum as it reads, and stops at the declared length.
                with archive.open(part) as content:
                    while content.read(CHUNK_BYTES):
                        pass
    # A damaged archive raises almost any error, NotImplementedError and struct.error among them.
    except (UnreadableFile, MemoryError):
        raise
    except Exception as error:
        raise UnreadableFile(DAMAGED) from error


class _Sheet:
    """A sheet of a workbook. Its header is the first row that is not empty."""

    def __init__(self, sheet: CalamineSheet) -> None:
        self.name, self.height = sheet.name, sheet.total_height
        self.row_number = 0
        if sheet.start:
            check_width(sheet.total_width)
        self.rows = self._read_rows(sheet)
        first = next(self.rows, None)
        if first and first.error:
            raise UnreadableFile(first.error)
        self.header = [cell.strip() for cell in first.cells] if first else []
        while self.header and not self.header[-1]:
            self.header.pop()

    def to_table(self, size_bytes: int) -> ParsedTable:
        width = len(self.header)
        records = (record if record.error else record.fit_to_header(width) for record in self.rows)
        return ParsedTable(
            self.header,
            records,
            f"Excel workbook, sheet “{self.name[:50]}”",
            size_bytes,
            lambda: size_bytes * self.row_number // max(1, self.height),
        )

    def _read_rows(self, sheet: CalamineSheet) -> Iterator[Record]:
        # The library leaves out the empty columns on the left, but not the empty rows above.
        left = [""] * (sheet.start[1] if sheet.start else 0)
        for self.row_number, values in enumerate(sheet.iter_rows(), 1):
            if any(value != "" for value in values):
                yield _make_record(self.row_number, left + [_to_text(value) for value in values])


def _make_record(line: int, cells: list[str]) -> Record:
    if max(map(len, cells)) > MAX_CELL_CHARACTERS:
        error = f"A cell is longer than {MAX_CELL_CHARACTERS:,} characters."
    elif sum(map(len, cells)) > MAX_ROW_CHARACTERS:
        error = f"The row is longer than {MAX_ROW_CHARACTERS:,} characters."
    else:
        return Record(line, cells)
    return Record(line, [cell[:1000] for cell in cells], error)


def _to_text(value: Any) -> str:
    """Returns the cell's value as a CSV file has it."""
    match value:
        case str():
            return _NOT_DECODED_CODE.sub(lambda code: chr(int(code[1], 16)), value)
        case bool():
            return str(value).lower()
        case float() if value.is_integer() and abs(value) < 10**15:
            return str(int(value))
        case dt.datetime() if value.time() == dt.time():
            return value.date().isoformat()
        case dt.datetime() | dt.date():
            return value.isoformat()
    return str(value)
