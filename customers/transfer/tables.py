"""Defines the table that is parsed from a CSV or XLSX file: a header, and records of text.

The child process imports this module, so it uses neither Django nor the columns of a customer.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from customers.transfer.limits import MAX_COLUMNS, Limits

# The first bytes of an XLSX file, which is a zip archive, and of a workbook that is older or protected by a password.
ZIP_SIGNATURE = b"PK\x03\x04"
OLE_SIGNATURE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"

_NOT_ALPHANUMERIC = re.compile(r"[\W_]+")


class UnreadableFile(Exception):
    """No row of the file can be imported. The message says why, and what the user can do."""


class Record(NamedTuple):
    """One row of a file. `error` says why the row is malformed, and is empty for a well-formed row."""

    line: int
    cells: list[str]
    error: str = ""

    def fit_to_header(self, width: int) -> "Record":
        """Returns the record with at most `width` cells. It is malformed if cells are missing or further ones have text."""
        cells = self.cells[:width]
        if len(self.cells) < width or any(self.cells[width:]):
            return self._replace(cells=cells, error=f"The row has {len(self.cells):,} cells, the header {width:,}.")
        return self._replace(cells=cells)


@dataclass
class ParsedTable:
    """The header of a file as it is written there, and its records, which can be read once.

    `read_as` describes the format and the encoding for the user. `count_bytes_read()` returns how many of the file's
    `size_bytes` have been read.
    """

    header: list[str]
    records: Iterator[Record]
    read_as: str
    size_bytes: int
    count_bytes_read: Callable[[], int]

    def records_within(self, limits: Limits) -> Iterator[Record]:
        """Yields the records. Raises UnreadableFile if there are more rows than the limits allow."""
        max_rows = min(limits.rows, limits.cells // max(1, len(self.header)))
        for number, record in enumerate(self.records, 1):
            if number > max_rows:
                raise UnreadableFile(
                    f"The file has more than {max_rows:,} rows: split it, or have it imported by import_customers."
                )
            yield record


def is_workbook(head: bytes) -> bool:
    """Returns whether the first bytes of a file are those of a workbook, which may be damaged."""
    return head.startswith((ZIP_SIGNATURE, OLE_SIGNATURE[:4]))


def check_width(width: int) -> None:
    """Raises UnreadableFile if a header has more than MAX_COLUMNS columns."""
    if width > MAX_COLUMNS:
        raise UnreadableFile(
            f"The table has {width:,} columns; at most {MAX_COLUMNS:,} are read. Leave out the others."
        )


# --- comparing the names of columns ---------------------------------------------------------------------------------


def normalize_header(header: str) -> str:
    """Returns the letters and digits of a header in lower case: `E-Mail` and `e_mail` are one column."""
    return _NOT_ALPHANUMERIC.sub("", header.lower())


def header_lookup_names(header: str) -> Iterator[str]:
    """Yields the normalized names under which a header is looked up, in order of preference."""
    name = normalize_header(header)
    yield name
    yield name.removeprefix("preferences")


def count_known_headers(headers: Iterable[str], known: Collection[str]) -> int:
    """Returns how many headers name a column. `known` has the normalized names of the columns."""
    return sum(any(name in known for name in header_lookup_names(header)) for header in headers)
