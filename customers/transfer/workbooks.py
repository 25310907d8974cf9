"""Writing XLSX workbooks. `workbook_tables` reads them."""

import re
from collections.abc import Iterable
from typing import Any, BinaryIO

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell

MAX_ROWS = 1_048_576
# Characters that XML has no place for, or changes, are written as _x000B_, and what looks like that too.
_TO_CODE = re.compile("[\x00-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")


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
    cell = WriteOnlyCell(sheet, _TO_CODE.sub(lambda found: f"_x{ord(found[0]):04X}_", value))
    # The constructor takes what begins with = for a formula.
    cell.data_type = "s"
    return cell
