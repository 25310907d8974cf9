"""A table as the child process reads it from a CSV or XLSX file: a header and records. It knows nothing of customers."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from customers.transfer.limits import MAX_COLUMNS, Limits

# How files begin: an XLSX, which is a zip archive, and a workbook that is older or protected by a password.
ZIP = b"PK\x03\x04"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def is_workbook(head: bytes) -> bool:
    """Says whether a file that begins so is a workbook. A damaged one is told by the first bytes alone."""
    return head.startswith((ZIP, OLE[:4]))


class Unreadable(Exception):
    """A file of which nothing can be imported. Its message says why, and what to do."""


class Record(NamedTuple):
    """A row of the file. `fault` says why it is none, where it isn't."""

    line: int
    cells: list[str]
    fault: str = ""

    def fitted(self, width: int) -> "Record":
        """The record with a cell for each header, and no more; at fault where it has more or fewer."""
        cells = self.cells[:width]
        if len(self.cells) < width or any(self.cells[width:]):
            return self._replace(cells=cells, fault=f"The row has {len(self.cells):,} cells, the header {width:,}.")
        return self._replace(cells=cells)


@dataclass
class RawTable:
    """The header of a file as it is written there, and its records, which can be read once.

    `read_as` tells how the file was understood; `position()` how many of its `size` bytes have been read.
    """

    header: list[str]
    records: Iterator[Record]
    read_as: str
    size: int
    position: Callable[[], int]

    def within(self, limits: Limits) -> Iterator[Record]:
        """The records. Raises Unreadable at the first one too many."""
        most = min(limits.rows, limits.cells // max(1, len(self.header)))
        for number, record in enumerate(self.records, 1):
            if number > most:
                raise Unreadable(
                    f"The file has more than {most:,} rows: split it, or have it imported by import_customers."
                )
            yield record


def check_width(width: int) -> None:
    """Raises Unreadable where a header has more than MAX_COLUMNS."""
    if width > MAX_COLUMNS:
        raise Unreadable(f"The table has {width:,} columns; at most {MAX_COLUMNS:,} are read. Leave out the others.")
