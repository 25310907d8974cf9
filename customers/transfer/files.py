"""Opening and making files of customers."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from customers.transfer.tables import Table
from customers.transfer.text_tables import text_table
from customers.transfer.workbooks import is_workbook, workbook_table


def open_table(file: BinaryIO, encoding: str | None = None) -> Table:
    """The table of a CSV or XLSX file, told by its beginning. Raises Unreadable."""
    file.seek(0)
    return workbook_table(file) if is_workbook(file.read(8)) else text_table(file, encoding)


def private(path: Path) -> BinaryIO:
    """The file, made anew, which nobody but its owner may read. Raises OSError."""
    file = open(path, "wb", opener=lambda name, flags: os.open(name, flags, 0o600))  # noqa: SIM115
    os.fchmod(file.fileno(), 0o600)
    return file


@contextmanager
def whole(path: Path) -> Iterator[BinaryIO]:
    """A file that is there once the block is done, and not before. Raises OSError."""
    draft = path.with_name(f"{path.name}.part")
    try:
        with private(draft) as file:
            yield file
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
