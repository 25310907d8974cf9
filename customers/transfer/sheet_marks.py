"""Finds in the XML of a workbook what the XLSX library does not tell.

These are errors such as `#N/A`, formulas that no spreadsheet has computed, and hidden rows and columns. The library
returns an empty cell for an error and for such a formula.
"""

import re
import zipfile
from collections import deque
from collections.abc import Iterator
from typing import Any, NamedTuple
from xml.parsers import expat

from customers.transfer.limits import MAX_COLUMNS
from customers.transfer.tables import FORMULA_WITHOUT_VALUE

CHUNK_BYTES = 1 << 16
# Without any of these, a sheet needs no second reading. The names of elements may have a prefix, as in `<x:f>`.
_MARK = re.compile(rb"""[<:]f[\s/>]|\bt\s*=\s*["']e["']|\bhidden\b""")
_CELL = re.compile(rb"[<:]c[\s>]")
_MAX_MARK_BYTES = 32
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_COLUMN_LETTERS = re.compile(r"[A-Z]{1,3}(?=[0-9])")
_TRUE = {"1", "true", "on"}


class InvalidWorkbook(Exception):
    """The parts of a workbook do not fit together."""


class MarkedRow(NamedTuple):
    """A row that is hidden or has marked cells. `texts` has the text that stands for each marked cell, by column from 0."""

    number: int
    is_hidden: bool
    texts: dict[int, str]


class SheetMarks:
    """Reads the marks of a sheet in the order of its rows."""

    def __init__(self, archive: zipfile.ZipFile, part: str) -> None:
        self._scanner = _Scanner()
        self._rows = self._read_rows(archive, part) if _contains(archive, part, _MARK) else iter(())
        # The next marked row. It is kept until `get` asks for it or for a later row.
        self._next = next(self._rows, None)

    @property
    def hidden_columns(self) -> set[int]:
        """The columns that are hidden, from 0. Known once the first row was read."""
        return self._scanner.hidden_columns

    def get(self, number: int) -> MarkedRow | None:
        """Returns the row, which counts from 1, if it has marks. Rows have to be asked for in their order."""
        while self._next and self._next.number < number:
            self._next = next(self._rows, None)
        return self._next if self._next and self._next.number == number else None

    def _read_rows(self, archive: zipfile.ZipFile, part: str) -> Iterator[MarkedRow]:
        last = 0
        for _ in _feed(self._scanner.parser, archive, part):
            while self._scanner.rows:
                row = self._scanner.rows.popleft()
                if row.number <= last:
                    raise InvalidWorkbook("The rows of a sheet are in no order.")
                last = row.number
                yield row


def find_sheet_parts(archive: zipfile.ZipFile) -> dict[str, str]:
    """Returns the name of the part of each sheet, by the name of the sheet. Raises InvalidWorkbook."""
    parts = {_normalize_part(name): name for name in archive.namelist()}
    book = next(
        (target for kind, _, target in _read_relations(archive, parts, "_rels/.rels") if kind == "officeDocument"), None
    )
    if book is None:
        raise InvalidWorkbook("There is no workbook.")
    folder, _, name = book.rpartition("/")
    relations = _read_relations(archive, parts, f"{folder}/_rels/{name}.rels".lstrip("/"), folder)
    targets = {relation_id: target for _, relation_id, target in relations}
    sheets = [attributes for element, attributes in _read_elements(archive, parts, book) if element == "sheet"]
    try:
        return {sheet["name"]: parts[targets[sheet["id"]]] for sheet in sheets if targets[sheet["id"]] in parts}
    except KeyError as error:
        raise InvalidWorkbook("A sheet has no part.") from error


def _read_relations(
    archive: zipfile.ZipFile, parts: dict[str, str], part: str, folder: str = ""
) -> list[tuple[str, str, str]]:
    """Returns for each relation the last word of its type, its id, and the normalized name of its part."""
    relations = []
    for element, attributes in _read_elements(archive, parts, part):
        if element == "Relationship":
            target = attributes.get("Target", "")
            path = target if target.startswith(("/", "\\")) else f"{folder}/{target}"
            relations.append((attributes.get("Type", "").rpartition("/")[2], attributes["Id"], _normalize_part(path)))
    return relations


def _normalize_part(name: str) -> str:
    """Returns the name in lower case with slashes, since some programs write one name in different ways."""
    segments: list[str] = []
    for segment in name.replace("\\", "/").lower().split("/"):
        if segment == "..":
            segments = segments[:-1]
        elif segment not in {"", "."}:
            segments.append(segment)
    return "/".join(segments)


def _read_elements(archive: zipfile.ZipFile, parts: dict[str, str], part: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Yields the name and the attributes of each element of a part, without prefixes."""
    name = parts.get(_normalize_part(part))
    if name is None:
        raise InvalidWorkbook(f"There is no part {part}.")
    elements: list[tuple[str, dict[str, str]]] = []
    parser = _make_parser()
    parser.StartElementHandler = lambda element, attributes: elements.append(
        (_without_prefix(element), {_without_prefix(key): value for key, value in attributes.items()})
    )
    for _ in _feed(parser, archive, name):
        yield from elements
        elements.clear()


def _make_parser() -> Any:
    parser = expat.ParserCreate()
    parser.buffer_text = True

    def refuse_doctype(*_: object) -> None:
        # Entities that a document type declares could expand a small file to gigabytes.
        raise InvalidWorkbook("The XML of a workbook must have no document type.")

    parser.StartDoctypeDeclHandler = refuse_doctype
    return parser


def _feed(parser: Any, archive: zipfile.ZipFile, part: str) -> Iterator[None]:
    """Passes the part to the parser. Yields after each chunk."""
    with archive.open(part) as content:
        while chunk := content.read(CHUNK_BYTES):
            parser.Parse(chunk, False)
            yield
    parser.Parse(b"", True)
    yield


def has_cells(archive: zipfile.ZipFile, part: str) -> bool:
    """Returns whether a sheet has any cell."""
    return _contains(archive, part, _CELL)


def _contains(archive: zipfile.ZipFile, part: str, pattern: re.Pattern[bytes]) -> bool:
    """Returns whether the XML of a part matches the pattern. Returns True for XML in UTF-16, which the pattern can't
    search.
    """
    end = b""
    with archive.open(part) as content:
        while chunk := content.read(CHUNK_BYTES):
            if (not end and chunk.startswith(_UTF16_MARKS)) or pattern.search(end + chunk):
                return True
            end = chunk[-_MAX_MARK_BYTES:]
    return False


def _without_prefix(name: str) -> str:
    return name.rpartition(":")[2]


class _Scanner:
    """The handlers of the parser. `rows` has the marked rows that were read and not taken yet."""

    def __init__(self) -> None:
        self.parser = _make_parser()
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._add_text
        self.rows: deque[MarkedRow] = deque()
        self.hidden_columns: set[int] = set()
        self.row = MarkedRow(0, False, {})
        self.column = -1
        self.cell_type = ""
        self.has_formula = self.has_value = self.is_in_value = False
        self.value = ""

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        match _without_prefix(name):
            case "c":
                letters = _COLUMN_LETTERS.match(attributes.get("r", ""))
                self.column = _column_index(letters[0]) if letters else self.column + 1
                self.cell_type = attributes.get("t", "")
                self.has_formula = self.has_value = False
                self.value = ""
            case "f":
                self.has_formula = True
            case "v" | "is":
                self.has_value = self.is_in_value = True
            case "row":
                number = int(attributes.get("r", self.row.number + 1))
                self.row = MarkedRow(number, attributes.get("hidden") in _TRUE, {})
                self.column = -1
            case "col" if attributes.get("hidden") in _TRUE:
                first, last = int(attributes["min"]), int(attributes["max"])
                self.hidden_columns.update(range(first - 1, min(last, MAX_COLUMNS)))

    def _add_text(self, text: str) -> None:
        if self.is_in_value:
            self.value += text

    def _end(self, name: str) -> None:
        match _without_prefix(name):
            case "v" | "is":
                self.is_in_value = False
            case "c":
                # A formula may compute an empty text, which is of the type `str`.
                is_computed = self.value or (self.has_value and self.cell_type == "str")
                if self.cell_type == "e":
                    self.row.texts[self.column] = self.value.strip() or "#N/A"
                elif self.has_formula and not is_computed:
                    self.row.texts[self.column] = FORMULA_WITHOUT_VALUE
            case "row" if self.row.is_hidden or self.row.texts:
                self.rows.append(self.row)


def _column_index(letters: str) -> int:
    """Returns 0 for A, 26 for AA."""
    index = 0
    for letter in letters:
        index = index * 26 + ord(letter) - ord("A") + 1
    return index - 1
