"""Parses XLSX workbooks with python-calamine.

The library's time and memory grow with the bytes of a sheet, and with the rectangle that the sheet's cells span. The
other parts of the workbook do not matter. It expands no entities. It holds a whole sheet in memory; the memory limit of the
child process ends the reading of a sheet that is too large.
"""

import datetime as dt
import re
import zipfile
from collections.abc import Collection, Iterator
from itertools import chain, islice
from typing import Any, BinaryIO

from python_calamine import CalamineSheet, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from customers.transfer.limits import MAX_SHEETS, MAX_WORKBOOK_PARTS, MB, Limits
from customers.transfer.sheet_marks import CHUNK_BYTES, SheetMarks, find_sheet_parts, has_cells
from customers.transfer.tables import (
    MAX_ROWS_TO_HEADER,
    MERGED_CELL,
    OLE_SIGNATURE,
    ParsedTable,
    Record,
    UnreadableFile,
    check_width,
    clean_headers,
    column_letters,
    count_known_headers,
    describe_titles,
    find_header,
    make_record,
)

# The library decodes `_x000B_` to the character, but not the codes of surrogates and of U+FFFE and U+FFFF.
_NOT_DECODED_CODE = re.compile(r"_x([Dd][89A-Fa-f][0-9A-Fa-f]{2}|[Ff]{3}[EeFf])_")
OLD_OR_PROTECTED = (
    "The workbook is protected by a password, or of Excel 2003 or older: save it as .xlsx without a password."
)
NO_WORKBOOK = "The file is an archive without a workbook: unpack it, and send the file in it."
OTHER_FORMAT = "The workbook is of another format than Excel’s .xlsx: save it as .xlsx."
# Parts of workbooks of OpenDocument, of Excel's binary format, and of Apple's Numbers.
OTHER_FORMAT_PARTS = {"content.xml", "xl/workbook.bin", "Index/Document.iwa", "index.xml"}
MAX_NAMED_SHEETS = 5
DAMAGED = "The workbook is damaged. Open it in a spreadsheet, save it anew, and try again."


def parse_xlsx(file: BinaryIO, known: Collection[str], limits: Limits) -> ParsedTable:
    """Returns the table of the first visible sheet whose header has a known column. If there is none, returns that of
    the first visible sheet that is not empty.

    `known` has the normalized names of the columns. Raises UnreadableFile.
    """
    _check_archive(file, limits)
    try:
        return _Workbook(file).find_table(known, size_bytes=file.seek(0, 2))
    except (UnreadableFile, MemoryError):
        raise
    # The libraries have no common class for damages of a workbook, and raise a few of Python's own errors.
    except Exception as error:
        raise UnreadableFile(DAMAGED) from error


class _Workbook:
    """The visible sheets of a workbook. Hidden sheets are not read: whoever made the file does not see them."""

    def __init__(self, file: BinaryIO) -> None:
        self.archive = zipfile.ZipFile(file)
        self.parts = find_sheet_parts(self.archive)
        file.seek(0)
        self.book = CalamineWorkbook.from_filelike(file)
        sheets = [sheet for sheet in self.book.sheets_metadata if sheet.typ == SheetTypeEnum.WorkSheet]
        if len(sheets) > MAX_SHEETS:
            raise UnreadableFile(f"The workbook has {len(sheets):,} sheets; at most {MAX_SHEETS} are looked at.")
        self.names = [sheet.name for sheet in sheets if sheet.visible == SheetVisibleEnum.Visible]
        self.hidden_names = [sheet.name for sheet in sheets if sheet.name not in self.names]

    def find_table(self, known: Collection[str], *, size_bytes: int) -> ParsedTable:
        first = None
        for name in self.names:
            sheet = self._open_sheet(name, known)
            if count_known_headers(sheet.header, known):
                return sheet.to_table(size_bytes, self._describe_other_sheets(name))
            if sheet.header and first is None:
                first = sheet
        if first is None:
            hidden = f" Hidden sheets are not read: {_join_names(self.hidden_names)}." if self.hidden_names else ""
            raise UnreadableFile(f"The workbook is empty.{hidden}")
        return first.to_table(size_bytes, self._describe_other_sheets(first.name))

    def _open_sheet(self, name: str, known: Collection[str]) -> "_Sheet":
        return _Sheet(self.book.get_sheet_by_name(name), SheetMarks(self.archive, self.parts[name]), known)

    def _describe_other_sheets(self, name: str) -> list[str]:
        others = [other for other in self.names if other != name and has_cells(self.archive, self.parts[other])]
        notices = []
        if others:
            notices.append(f"Only the sheet “{name[:50]}” is read, not the other sheets: {_join_names(others)}.")
        if self.hidden_names:
            notices.append(f"Hidden sheets are not read: {_join_names(self.hidden_names)}.")
        return notices


def _join_names(names: list[str]) -> str:
    more = f" and {len(names) - MAX_NAMED_SHEETS:,} more" if len(names) > MAX_NAMED_SHEETS else ""
    return ", ".join(f"“{name[:50]}”" for name in names[:MAX_NAMED_SHEETS]) + more


def _check_archive(file: BinaryIO, limits: Limits) -> None:
    """Raises UnreadableFile if the archive is damaged, has more parts or bytes than the limits allow, or is no XLSX
    workbook.
    """
    file.seek(0)
    if file.read(len(OLE_SIGNATURE)) == OLE_SIGNATURE:
        raise UnreadableFile(OLD_OR_PROTECTED)
    try:
        with zipfile.ZipFile(file) as archive:
            parts = archive.infolist()
            if OTHER_FORMAT_PARTS.intersection(archive.namelist()):
                raise UnreadableFile(OTHER_FORMAT)
            if len(parts) > MAX_WORKBOOK_PARTS:
                raise UnreadableFile(f"The workbook is made of {len(parts):,} parts: save the sheet as CSV.")
            if sum(part.file_size for part in parts) > limits.unpacked_bytes:
                max_mb = limits.unpacked_bytes // MB
                raise UnreadableFile(
                    f"The workbook holds more than {max_mb:,} MB once unpacked: save the sheet as CSV."
                )
            if "[Content_Types].xml" not in archive.namelist():
                raise UnreadableFile(NO_WORKBOOK)
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
    """A sheet of a workbook. Its header is the first row that is not empty, or stands below a title."""

    def __init__(self, sheet: CalamineSheet, marks: SheetMarks, known: Collection[str]) -> None:
        self.name, self.height, self.marks = sheet.name, sheet.total_height, marks
        self.row_number = 0
        if sheet.start:
            check_width(sheet.total_width)
        self.merged = _MergedCells(sheet.merged_cell_ranges or [])
        self.rows = self._read_rows(sheet)
        first = list(islice(self.rows, MAX_ROWS_TO_HEADER))
        index = find_header([record.cells for record in first], known) if first else 0
        header = first[index] if first else Record(0, [])
        if header.error:
            raise UnreadableFile(header.error)
        self.header = clean_headers(header.cells)
        self.notices = describe_titles(header.line, (record.cells for record in first[:index]))
        self.rows = chain(first[index + 1 :], self.rows)

    def to_table(self, size_bytes: int, notices: list[str]) -> ParsedTable:
        width = len(self.header)
        records = (record if record.error else record.fit_to_header(width) for record in self.rows)
        hidden = [f"{column_letters(index)} ({self.header[index][:50]})" for index in self._find_hidden_columns()]
        if hidden:
            notices = [*notices, f"Hidden columns are read like the others: {', '.join(hidden)}."]
        notices = [*self.notices, *notices]
        return ParsedTable(
            self.header,
            records,
            f"Excel workbook, sheet “{self.name[:50]}”",
            size_bytes,
            lambda: size_bytes * self.row_number // max(1, self.height),
            notices,
            is_workbook=True,
        )

    def _find_hidden_columns(self) -> list[int]:
        return [index for index in sorted(self.marks.hidden_columns) if index < len(self.header) and self.header[index]]

    def _read_rows(self, sheet: CalamineSheet) -> Iterator[Record]:
        # The library leaves out the empty columns on the left, but not the empty rows above.
        left = [""] * (sheet.start[1] if sheet.start else 0)
        for self.row_number, values in enumerate(sheet.iter_rows(), 1):
            marked = self.marks.get(self.row_number)
            if not marked and all(value == "" for value in values):
                continue
            cells = left + [_to_text(value) for value in values]
            for column in self.merged.find_covered(self.row_number):
                if column < len(cells) and not cells[column]:
                    cells[column] = MERGED_CELL
            if marked:
                cells += [""] * (max(marked.texts, default=0) + 1 - len(cells))
                for column, text in marked.texts.items():
                    cells[column] = text
            if any(cell.strip() and cell != MERGED_CELL for cell in cells):
                record = make_record(self.row_number, cells)
                yield record._replace(is_hidden=bool(marked and marked.is_hidden))


class _MergedCells:
    """The cells that merged cells cover, without the first cell of each. Nobody knows whether the value of the first
    cell is meant for all.
    """

    def __init__(self, ranges: list[tuple[tuple[int, int], tuple[int, int]]]) -> None:
        # Rows and columns from 0. The next range is the last one of the list.
        self.waiting = sorted(ranges, reverse=True)
        self.current: list[tuple[tuple[int, int], tuple[int, int]]] = []

    def find_covered(self, row_number: int) -> Iterator[int]:
        """Yields the covered columns of a row. Rows, which count from 1, have to be asked for in their order."""
        row = row_number - 1
        while self.waiting and self.waiting[-1][0][0] <= row:
            self.current.append(self.waiting.pop())
        if self.current:
            self.current = [merged for merged in self.current if merged[1][0] >= row]
        for (first_row, first_column), (_, last_column) in self.current:
            yield from range(first_column + (row == first_row), last_column + 1)


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
