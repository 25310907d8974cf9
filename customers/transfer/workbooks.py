"""Tables in XLSX workbooks."""

import datetime as dt
import re
import zipfile
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

from openpyxl import Workbook, load_workbook
from openpyxl.cell import WriteOnlyCell

from customers.transfer.columns import recognised
from customers.transfer.tables import Record, Table, Unreadable

# A workbook unpacks to some ten times its size, and much of it has to be in memory at once.
MAX_UNPACKED = 256 * 1024 * 1024
MAX_ROWS = 1_048_576
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
ZIP = b"PK\x03\x04"
DAMAGED = "The workbook is damaged. Open it in a spreadsheet, save it anew, and try again."
# Characters that XML has no place for, or changes, are written as _x000B_, and what looks like that too.
_CODE = re.compile(r"_x([0-9A-Fa-f]{4})_")
_TO_CODE = re.compile("[\x00-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")


def is_workbook(head: bytes) -> bool:
    """Whether a file that begins so is an XLSX, or an older or protected workbook."""
    return head.startswith((ZIP, OLE))


def workbook_table(file: BinaryIO) -> Table:
    """The table in the first sheet whose first row names columns. Raises Unreadable."""
    _check(file)
    try:
        book = load_workbook(file, read_only=True, data_only=True)
    except Exception as error:
        raise Unreadable(DAMAGED) from error
    sheets = [(sheet.title, _records(sheet)) for sheet in book.worksheets]
    begun = [(title, first, rest) for title, rest in sheets if (first := next(rest, None))]
    if not begun:
        raise Unreadable("The workbook is empty.")
    title, first, rest = max(begun, key=lambda sheet: recognised(sheet[1].cells) > 0)
    if first.fault:
        raise Unreadable(first.fault)
    width = len(first.cells)
    rows = (record if record.fault else _padded(record, width) for record in rest)
    return Table([cell.strip() for cell in first.cells], rows, f"Excel workbook, sheet “{title}”", file)


def _check(file: BinaryIO) -> None:
    file.seek(0)
    if file.read(len(OLE)) == OLE:
        raise Unreadable(
            "The workbook is protected by a password, or of Excel 2003 or older: save it as .xlsx without a password."
        )
    try:
        with zipfile.ZipFile(file) as archive:
            unpacked = sum(part.file_size for part in archive.infolist())
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise Unreadable(DAMAGED) from error
    if unpacked > MAX_UNPACKED:
        raise Unreadable(f"The workbook holds more than {MAX_UNPACKED >> 20} MB once unpacked: save the sheet as CSV.")


def _records(sheet: Any) -> Iterator[Record]:
    """The rows of a sheet that have anything in them. One where the workbook turns out to be damaged is the last."""
    sheet.reset_dimensions()
    line = 0
    try:
        for line, values in enumerate(sheet.iter_rows(values_only=True), 1):
            if line > MAX_ROWS:
                return
            cells = [_text(value) for value in values]
            if any(cells):
                yield Record(line, cells)
    # Of a damaged one anything can go wrong.
    except Exception:
        yield Record(line + 1, [], "The workbook is damaged from here on: what follows was not read.")


def _padded(record: Record, width: int) -> Record:
    """A sheet leaves out the empty cells at the end of a row."""
    return record._replace(cells=record.cells + [""] * (width - len(record.cells))).fitted(width)


def _text(value: Any) -> str:
    """What CSV would say."""
    match value:
        case None:
            return ""
        case str():
            return _CODE.sub(lambda code: chr(int(code[1], 16)), value)
        case bool():
            return str(value).lower()
        case float() if value.is_integer() and abs(value) < 10**15:
            return str(int(value))
        case dt.datetime() if value.time() == dt.time():
            return value.date().isoformat()
        case dt.datetime() | dt.date():
            return value.isoformat()
    return str(value)


def write_workbook(file: BinaryIO, rows: Iterable[list[Any]]) -> None:
    """One sheet of the rows, at most MAX_ROWS. Text stays text, whatever it looks like."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet("Customers")
    sheet.freeze_panes = "A2"
    for row in rows:
        sheet.append([_cell(sheet, value) for value in row])
    book.save(file)


def _cell(sheet: Any, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    cell = WriteOnlyCell(sheet)
    # Not by the constructor, which takes what begins with = for a formula.
    cell._value, cell.data_type = _TO_CODE.sub(lambda found: f"_x{ord(found[0]):04X}_", value), "s"
    return cell
