"""Defines the table that is parsed from a CSV or XLSX file: a header, and records of text.

The child process imports this module, so it uses neither Django nor the columns of a customer.
"""

import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

from customers.transfer.limits import MAX_CELL_CHARACTERS, MAX_COLUMNS, MAX_ROW_CHARACTERS, Limits

# The first bytes of an XLSX file, which is a zip archive, and of a workbook that is older or protected by a password.
ZIP_SIGNATURE = b"PK\x03\x04"
OLE_SIGNATURE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"

# These texts replace cells of a workbook that cannot be read. A row with such a text is refused, like a row with an
# error value of a spreadsheet.
FORMULA_WITHOUT_VALUE = "#FORMULA!"
MERGED_CELL = "#MERGED!"
# A title, a date or a blank line may stand above the header. The header is looked for in this number of rows.
MAX_ROWS_TO_HEADER = 20
# A row below the first one is the header if it names at least this number of columns.
MIN_HEADERS_BELOW_TITLE = 2

_NOT_ALPHANUMERIC = re.compile(r"[\W_]+")
# Remarks in a header about its cells: `E-mail (required)`, `Sex (M/F)`, `Date of birth (DD/MM/YYYY)`.
_DATE_FORMAT = r"([^\W\d_])\1{0,3}[-/. ]+([^\W\d_])\2{0,3}[-/. ]+([^\W\d_])\3{1,3}"
_ABOUT_CELLS = re.compile(
    rf"[(\[]\s*(?:required|optional|m\s?/\s?f|f\s?/\s?m|l\s?/\s?p|p\s?/\s?l|y\s?/\s?n|{_DATE_FORMAT})\s*[)\]]",
    re.IGNORECASE,
)


class UnreadableFile(Exception):
    """No row of the file can be imported. The message says why, and what the user can do."""


class Record(NamedTuple):
    """One row of a file. `error` says why the row is malformed, and is empty for a well-formed row.

    A row that ends early has fewer cells than the header. `is_hidden` says that a spreadsheet does not show the row, for
    example because of a filter.
    """

    line: int
    cells: list[str]
    error: str = ""
    is_hidden: bool = False

    def fit_to_header(self, width: int) -> "Record":
        """Returns the record with at most `width` cells. It is malformed if a further cell has text."""
        if len(self.cells) <= width:
            return self
        cells = self.cells[:width]
        beyond = next((cell.strip() for cell in self.cells[width:] if cell.strip()), None)
        if beyond is None:
            return self._replace(cells=cells)
        error = (
            f"The row has {len(self.cells):,} cells, the header {width:,}: “{beyond[:50]}” stands beside the last column. "
            "A cell that holds the separator needs quotation marks around it."
        )
        return self._replace(cells=cells, error=error)


def make_record(line: int, cells: list[str]) -> Record:
    """Returns the record of a row. It is malformed, and its cells are cut, if a cell or the row is too long."""
    if max(map(len, cells), default=0) > MAX_CELL_CHARACTERS:
        error = f"A cell is longer than {MAX_CELL_CHARACTERS:,} characters."
    elif sum(map(len, cells)) > MAX_ROW_CHARACTERS:
        error = f"The row is longer than {MAX_ROW_CHARACTERS:,} characters."
    else:
        return Record(line, cells)
    return Record(line, [cell[:1000] for cell in cells], error)


class ParsedTable(NamedTuple):
    """The header of a file as it is written there, and its records, which can be read once.

    `read_as` describes the format and the encoding for the user. `count_bytes_read()` returns how many of the file's
    `size_bytes` have been read. `notices` tell the user what the file has beside the table. `is_workbook` says that the
    lines are the rows of a sheet, so that a cell has a name such as B3.
    """

    header: list[str]
    records: Iterator[Record]
    read_as: str
    size_bytes: int
    count_bytes_read: Callable[[], int]
    notices: list[str]
    is_workbook: bool = False

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
    """Returns whether the first bytes of a file are those of a workbook. The workbook may be damaged."""
    return head.startswith((ZIP_SIGNATURE, OLE_SIGNATURE[:4]))


def check_width(width: int) -> None:
    """Raises UnreadableFile if a header has more than MAX_COLUMNS columns."""
    if width > MAX_COLUMNS:
        raise UnreadableFile(
            f"The table has {width:,} columns; at most {MAX_COLUMNS:,} are read. Leave out the others."
        )


def to_storable(text: str) -> str:
    """Returns the text as PostgreSQL can store it: without null characters, and with a question mark for a surrogate,
    which is half a character of UTF-16.
    """
    return text.replace("\0", "").encode(errors="replace").decode()


# --- headers --------------------------------------------------------------------------------------------------------


def clean_headers(cells: Iterable[str]) -> list[str]:
    """Returns the headers in one line each, without empty ones at the end."""
    headers = [" ".join(cell.replace("\ufeff", "").split()) for cell in cells]
    while headers and not headers[-1]:
        headers.pop()
    return headers


def normalize_header(header: str) -> str:
    """Returns the letters and digits of a header, in lower case and without accents: `E-Mail`, `e_mail` and `E-mail *`
    give the same name.
    """
    return _NOT_ALPHANUMERIC.sub("", _ABOUT_CELLS.sub("", unicodedata.normalize("NFKD", header)).lower())


def find_date_format(header: str) -> str:
    """Returns the first letters of a date format that the header tells, such as `mdy`, or an empty text."""
    match = _ABOUT_CELLS.search(header)
    return "".join(filter(None, match.groups())).lower() if match else ""


def header_lookup_names(header: str) -> Iterator[str]:
    """Yields the normalized names under which a header is looked up, in order of preference."""
    name = normalize_header(header)
    yield name
    yield name.removeprefix("preferences")


def count_known_headers(headers: Iterable[str], known: Collection[str]) -> int:
    """Returns how many headers name a column. `known` has the normalized names of the columns."""
    return sum(any(name in known for name in header_lookup_names(header)) for header in headers)


def find_header(rows: Sequence[Sequence[str]], known: Collection[str]) -> int:
    """Returns the index of the header among the first rows of a file: the first row, unless it is a title. A title names no
    column, or is a single cell, and a row that names several columns stands below it.
    """
    is_title = not count_known_headers(rows[0], known) or sum(map(bool, map(_shown_text, rows[0]))) == 1
    below = range(1, len(rows)) if is_title else ()
    return next((row for row in below if count_known_headers(rows[row], known) >= MIN_HEADERS_BELOW_TITLE), 0)


def describe_titles(line: int, titles: Iterable[Iterable[str]]) -> list[str]:
    """Returns a list of one notice for the user, which quotes the rows above the header. `line` is the line of the header.
    Returns [] if these rows have no text.
    """
    texts = [" ".join(filter(None, map(_shown_text, cells)))[:50] for cells in titles]
    quoted = ", ".join(f"“{text}”" for text in texts if text)
    return [f"The header is in line {line:,}. What stands above it is not read: {quoted}."] if quoted else []


def _shown_text(cell: str) -> str:
    return "" if cell == MERGED_CELL else cell.strip("\ufeff \t\r\n")


def column_letters(index: int) -> str:
    """Returns the name that a spreadsheet gives to a column: A for 0, AA for 26."""
    letters = ""
    index += 1
    while index:
        index, place = divmod(index - 1, 26)
        letters = chr(ord("A") + place) + letters
    return letters
