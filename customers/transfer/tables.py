"""What a file holds, whether CSV or XLSX: a header that names columns of customers, and records."""

import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, NamedTuple

from customers.transfer.columns import REFUSAL, TENANT, Column, column_called

TOLD = 20


class Unreadable(Exception):
    """A file of which nothing can be imported. Its message says why, and what to do."""


class Record(NamedTuple):
    """A row of the file. `fault` says why it is none, where it isn't."""

    line: int
    cells: list[str]
    fault: str = ""

    def fitted(self, width: int) -> "Record":
        """The record with a cell for each header; at fault where they are more or fewer."""
        if len(self.cells) < width or any(self.cells[width:]):
            return self._replace(fault=f"The row has {len(self.cells):,} cells, the header {width:,}.")
        return self._replace(cells=self.cells[:width])


@dataclass
class Table:
    """The columns of a file, one or None for each header, and its records, which can be read once.

    `read_as` tells how the file was understood. Raises Unreadable where the header names no column, or one twice.
    """

    header: list[str]
    records: Iterator[Record]
    read_as: str
    file: BinaryIO
    columns: list[Column | None] = field(init=False)

    def __post_init__(self) -> None:
        self.columns = [column_called(name) for name in self.header]
        known = [column for column in self.columns if column]
        if not known:
            raise Unreadable(
                "The first row has to name the columns, such as first_name, email and phone. "
                f"Here it is: {', '.join(self.header)[:200]}"
            )
        for column in known:
            if known.count(column) > 1:
                both = [name for name, other in zip(self.header, self.columns, strict=True) if other is column]
                raise Unreadable(f"Each of the columns {' and '.join(both)} would be the {column.name}: leave one out.")
        self.size = _size(self.file)

    @property
    def ignored(self) -> list[str]:
        """The headers that name no column; of very many the first."""
        pairs = zip(self.header, self.columns, strict=True)
        unknown = [
            name[:50] for name, column in pairs if not column and name and name.lower() not in [*REFUSAL, TENANT]
        ]
        more = len(unknown) - TOLD
        return unknown if more <= 0 else [*unknown[:TOLD], f"{more:,} more"]

    @property
    def position(self) -> int:
        """Up to which byte the file has been read."""
        return self.file.tell()


def _size(file: BinaryIO) -> int:
    here = file.tell()
    size = file.seek(0, io.SEEK_END)
    file.seek(here)
    return size
