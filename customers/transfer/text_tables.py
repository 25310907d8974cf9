"""Tables in text files: CSV, in whichever encoding, with whichever delimiter."""

import csv
import re
from collections import deque
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from customers.transfer.columns import recognised
from customers.transfer.encodings import NAMES, Text, encoding_of
from customers.transfer.tables import Record, Table, Unreadable

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
MAX_LINE = 1_000_000
# Of one record: a quotation mark that is never closed must not swallow the rest of the file.
MAX_LINES = 1_000
OVERLONG = f"The line is longer than {MAX_LINE:,} characters."
UNCLOSED = "A quotation mark is opened and not closed, or stands in the middle of a cell."
_HINT = re.compile(r"sep=(.)\s*\Z")


class Line(NamedTuple):
    """A line as it is in the file, with its number."""

    number: int
    text: str

    @property
    def is_overlong(self) -> bool:
        return len(self.text) >= MAX_LINE


def text_table(file: BinaryIO, encoding: str | None = None) -> Table:
    """The table of a text file, whose encoding is recognised unless given. Raises Unreadable."""
    encoding = encoding or encoding_of(file)
    lines = _Lines(Text(file, encoding))
    header = lines.header()
    read_as = f"{NAMES.get(encoding, encoding)}, separated by {DELIMITERS.get(lines.delimiter, lines.delimiter)}"
    return Table(header, lines.records(), read_as, file)


class _Lines:
    """The lines of a file, put together to records. A malformed one takes no other with it."""

    def __init__(self, text: Text) -> None:
        self.text = text
        self.number = 0
        self.again: deque[Line] = deque()
        self.delimiter = ","
        self.width = 0

    def header(self) -> list[str]:
        """The first row with anything in it. Its delimiter is the one by which it names most columns."""
        line = next((line for line in iter(self._next, None) if line.text.strip()), None)
        if line is None:
            raise Unreadable("The file is empty.")
        if line.is_overlong:
            raise Unreadable(f"The first row has to name the columns. {OVERLONG}")
        if hint := _HINT.match(line.text):
            self.delimiter = hint[1]
            return self.header()
        text = line.text.removeprefix("\ufeff")
        rows = {delimiter: _cells(text, delimiter) for delimiter in [self.delimiter, *DELIMITERS]}
        self.delimiter = max(rows, key=lambda delimiter: (recognised(rows[delimiter]), len(rows[delimiter])))
        self.width = len(rows[self.delimiter])
        return [cell.strip() for cell in rows[self.delimiter]]

    def records(self) -> Iterator[Record]:
        """Every record after the header, but empty ones."""
        while group := self._group():
            try:
                rows = self._parsed(group)
            except csv.Error as error:
                # The first line alone is malformed; the others are looked at again.
                self.again.extendleft(reversed(group[1:]))
                first = group[0]
                yield Record(first.number, _cells(first.text[:1000], self.delimiter), _fault(first, error))
            else:
                yield from (record.fitted(self.width) for record in rows if any(record.cells))

    def _parsed(self, lines: list[Line]) -> list[Record]:
        """The records of lines. Raises csv.Error."""
        if lines[-1].is_overlong:
            raise csv.Error(OVERLONG)
        reader = csv.reader([line.text for line in lines], delimiter=self.delimiter, strict=True)
        records, start = [], lines[0].number
        for cells in reader:
            records.append(Record(start, cells))
            start = lines[0].number + reader.line_num
        return records

    def _group(self) -> list[Line]:
        """The next line, and those after it until every quotation mark is closed; alone where none closes it nearby."""
        group: list[Line] = []
        quotes = size = 0
        while len(group) < MAX_LINES and size < MAX_LINE and (line := self._next()):
            group.append(line)
            quotes += line.text.count('"')
            size += len(line.text)
            if quotes % 2 == 0:
                return group
        self.again.extendleft(reversed(group[1:]))
        return group[:1]

    def _next(self) -> Line | None:
        if self.again:
            return self.again.popleft()
        text = self.text.readline(MAX_LINE)
        if not text:
            return None
        self.number += 1
        if len(text) == MAX_LINE:
            # Its rest belongs to no row.
            while (rest := self.text.readline(MAX_LINE)) and len(rest) == MAX_LINE:
                pass
        return Line(self.number, text)


def _fault(line: Line, error: csv.Error) -> str:
    if line.is_overlong:
        return OVERLONG
    return f"A cell is longer than {csv.field_size_limit():,} characters." if "limit" in str(error) else UNCLOSED


def _cells(text: str, delimiter: str) -> list[str]:
    """The cells of a line, as well as they can be told."""
    try:
        return next(csv.reader([text], delimiter=delimiter), [])
    except csv.Error:
        return [text]
