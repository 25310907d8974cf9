"""Opening a file of customers."""

from typing import BinaryIO

from customers.transfer.tables import Table
from customers.transfer.text_tables import text_table
from customers.transfer.workbooks import is_workbook, workbook_table


def open_table(file: BinaryIO, encoding: str | None = None) -> Table:
    """The table of a CSV or XLSX file, told by its beginning. Raises Unreadable."""
    file.seek(0)
    return workbook_table(file) if is_workbook(file.read(8)) else text_table(file, encoding)
