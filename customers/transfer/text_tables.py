"""Tables in text files: CSV, in whichever encoding, with whichever delimiter."""

import csv
import io
import re
from collections import deque
from collections.abc import Collection, Iterator
from typing import BinaryIO, NamedTuple

from customers.transfer.encodings import NAMES, Text
from customers.transfer.headers import count_known
from customers.transfer.limits import MAX_CELL_CHARACTERS, MAX_LINES_PER_ROW, MAX_ROW_CHARACTERS, Limits
from customers.transfer.tables import RawTable, Record, Unreadable, check_width

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
OVERLONG = f"The line is longer than {MAX_ROW_CHARACTERS:,} characters."
UNCLOSED = "A quotation mark is opened and not closed, or stands in the middle of a cell."
_HINT = re.compile(r"sep=(.)\s*\Z")


class Line(NamedTuple):
    """A line as it is in the file, with its number."""

    number: int
    text: str

    @property
    def is_overlong(self) -> bool:
        return len(self.text) >= MAX_ROW_CHARACTERS


def text_table(file: BinaryIO, encoding: str, known: Collection[str], limits: Limits) -> RawTable:
    """The table of a text file. `known` are the names of columns that it may have. Raises Unreadable."""
    csv.field_size_limit(MAX_CELL_CHARACTERS)
    size = file.seek(0, io.SEEK_END)
    lines = _Lines(Text(file, encoding), known, limits)
    header = lines.header()
    read_as = f"{NAMES.get(encoding, encoding)}, separated by {DELIMITERS.get(lines.delimiter, lines.delimiter)}"
    return RawTable(header, lines.records(), read_as, size, file.tell)


class _Lines:
    """The lines of a file, put together to records. A malformed one takes no other with it."""

    def __init__(self, text: Text, known: Collection[str], limits: Limits) -> None:
        self.text, self.known, self.limits = text, known, limits
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
        self.delimiter = max(
            rows, key=lambda delimiter: (count_known(rows[delimiter], self.known), len(rows[delimiter]))
        )
        self.width = len(rows[self.delimiter])
        check_width(self.width)
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
                yield Record(
                    first.number, _cells(first.text[:1000], self.delimiter)[: self.width], _fault(first, error)
                )
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
        while len(group) < MAX_LINES_PER_ROW and size < MAX_ROW_CHARACTERS and (line := self._next()):
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
        text = self.text.readline(MAX_ROW_CHARACTERS)
        if not text:
            return None
        self.number += 1
        if self.number > self.limits.lines:
            raise Unreadable(
                f"The file has more than {self.limits.lines:,} lines: split it, or have it imported by import_customers."
            )
        if len(text) == MAX_ROW_CHARACTERS:
            # Its rest belongs to no row.
            while (rest := self.text.readline(MAX_ROW_CHARACTERS)) and len(rest) == MAX_ROW_CHARACTERS:
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
