"""Parses text files (CSV): detects the encoding and the delimiter, and reads on after a malformed row.

Python's csv module alone does not suffice: it ends at the first malformed row, and one quotation mark that is not closed
makes it read the rest of the file as one cell.
"""

import codecs
import csv
import io
import re
from collections import deque
from collections.abc import Collection, Iterator
from itertools import pairwise
from typing import BinaryIO, NamedTuple

from customers.transfer.limits import MAX_CELL_CHARACTERS, MAX_LINES_PER_ROW, MAX_ROW_CHARACTERS, Limits
from customers.transfer.tables import (
    MAX_ROWS_TO_HEADER,
    ParsedTable,
    Record,
    UnreadableFile,
    check_width,
    clean_headers,
    count_known_headers,
    describe_titles,
    find_header,
    make_record,
)

# The marks of UTF-32 come first, since one of them begins with a mark of UTF-16.
BYTE_ORDER_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
ENCODING_LABELS = {
    "utf-8": "UTF-8",
    "utf-8-sig": "UTF-8",
    "utf-16": "UTF-16",
    "utf-16-le": "UTF-16",
    "utf-16-be": "UTF-16",
    "utf-32": "UTF-32",
}
# The Windows code page of a language; cp1252 for all others. A detection library guesses worse on lists of names: for
# eight languages and files of 1 and of 1,000 rows, charset-normalizer 3.5 decodes 5 of 16 files correctly (it reads
# Bjørn as Bjřrn) and chardet 7.7 decodes 8 of 16. The language of the business gives the right code page for all 16.
CODE_PAGES = {
    **dict.fromkeys(["cs", "hr", "hu", "pl", "ro", "sk", "sl"], "cp1250"),
    **dict.fromkeys(["be", "bg", "mk", "ru", "sr", "uk"], "cp1251"),
    **dict.fromkeys(["et", "lt", "lv"], "cp1257"),
    "el": "cp1253",
    "tr": "cp1254",
    "he": "cp1255",
    "ar": "cp1256",
    "vi": "cp1258",
    "th": "cp874",
    "ja": "cp932",
    "zh": "gb18030",
    "ko": "cp949",
}
# By code page: what other programs write in the same languages, such as Excel's “CSV (MS-DOS)” and programs on Unix.
OTHER_ENCODINGS = {
    "cp1250": ["cp852", "mac-latin2"],
    "cp1251": ["cp866", "koi8-u", "iso8859-5", "mac-cyrillic"],
    "cp1252": ["cp850", "mac-roman"],
    "cp1253": ["cp737"],
    "cp1254": ["cp857", "mac-turkish"],
    "cp1255": ["cp862"],
    "cp1256": ["cp720"],
    "cp1257": ["cp775"],
    "cp932": ["euc-jp"],
    "gb18030": ["cp950"],
}
# By code page: what a Macintosh wrote in the same languages. In Asian languages it wrote the code page itself. The
# Greek encoding of the Macintosh is left out, since it can't be told from the code page.
MAC_ENCODINGS = {
    "cp1250": "mac-latin2",
    "cp1251": "mac-cyrillic",
    "cp1252": "mac-roman",
    "cp1254": "mac-turkish",
}
# Replaces bytes that are no text in the file's encoding. Decoded text never has this character, so the cell can be refused.
UNDECODABLE = "\udcff"
# Python's own handlers don't serve: "replace" writes U+FFFD, which a file may have, and "surrogateescape" fails on UTF-16.
MARK_UNDECODABLE = "circe-mark-undecodable"
codecs.register_error(MARK_UNDECODABLE, lambda error: (UNDECODABLE, error.end))

DETECTION_BYTES = 1 << 16
# The bytes of the file by which it is decided whether the file has the code page of Windows.
CODE_PAGE_DETECTION_BYTES = 1 << 20
# Signs beyond ASCII that stand beside letters in any language.
USUAL_SIGNS = "’‘“”„«»–—…\u00a0"
# Marks of a text that was decoded with a wrong encoding: signs or a capital within a word, accents without a letter,
# box drawings, and bytes that are no text.
_ODD_IN_WORD = (
    r"\p{L}[[^\p{L}\p{M}\p{N}\p{Z}]--[\x00-\x7f’·]]\p{L}|\p{L}(?=[^\x00-\x7f])(?:(?<=\p{Ll})\p{Lu}|\p{Lu}(?=\p{Ll}))"
    r"|[\u02c6-\u02dd\u2500-\u259f\ufffd]|[[\p{Cc}\p{Co}]--[\t\r\n]]"
)
# This number of zero bytes shows UTF-16. A text of one byte per character may have a few null characters.
MIN_UTF16_ZEROS = 8
# This number of zero bytes is enough if one is of a line end: a short file in a script beyond ASCII has zero bytes only in
# its separators and line ends.
MIN_UTF16_ZEROS_WITH_LINE_END = 3
UTF16_LINE_ENDS = {"utf-16-le": b"\n\0", "utf-16-be": b"\0\n"}
# An encoding of OTHER_ENCODINGS is taken only if it gives less than a quarter of the oddities of the code page.
MIN_TIMES_BETTER = 4
DELIMITER_LABELS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
EMPTY_LINES = frozenset(["\n", "\r\n", "\r"])
LINE_TOO_LONG = f"The line is longer than {MAX_ROW_CHARACTERS:,} characters."
QUOTE_NOT_CLOSED = "A quotation mark is opened and not closed, or stands in the middle of a cell."
# Excel reads the delimiter from a first line such as `sep=;`.
_DELIMITER_LINE = re.compile(r"\"?sep=(.)\"?\s*\Z", re.IGNORECASE)
_LINE_END = re.compile(rb"[\r\n]")


def parse_csv(file: BinaryIO, encoding: str, known: Collection[str], limits: Limits) -> ParsedTable:
    """Returns the table of a text file. `known` has the normalized names of the columns. Raises UnreadableFile."""
    csv.field_size_limit(MAX_CELL_CHARACTERS)
    size_bytes = file.seek(0, io.SEEK_END)
    parser = _CsvParser(file, encoding, known, limits)
    header = parser.read_header()
    delimiter = DELIMITER_LABELS.get(parser.delimiter, parser.delimiter)
    read_as = f"{ENCODING_LABELS.get(encoding, encoding)}, separated by {delimiter}"
    return ParsedTable(header, parser.records(), read_as, size_bytes, parser.count_bytes_read, parser.notices)


# --- encodings ------------------------------------------------------------------------------------------------------


def get_code_page(language: str) -> str:
    """Returns the code page that Windows uses for a language such as `en` or `zh-Hans`."""
    return CODE_PAGES.get(language.partition("-")[0], "cp1252")


def detect_encoding(file: BinaryIO, code_page: str) -> str:
    """Returns the encoding of a file: Unicode by its byte order mark or its zero bytes, else UTF-8 or the code page.

    Only lines with bytes beyond ASCII count. If at least half of them are valid UTF-8, the file is UTF-8 and the other
    lines are damaged. Otherwise the file is in the code page, or in another encoding of the same languages
    (`_choose_encoding`).
    """
    file.seek(0)
    head = file.read(4096)
    for mark, encoding in BYTE_ORDER_MARKS.items():
        if head.startswith(mark):
            return encoding
    even, odd = head[::2].count(0), head[1::2].count(0)
    # In UTF-16 each ASCII character has a zero byte. Separators are such characters. Most characters of other scripts
    # have none.
    utf16 = "utf-16-le" if odd > even else "utf-16-be"
    if max(even, odd) >= MIN_UTF16_ZEROS and (not min(even, odd) or even + odd > len(head) // 4):
        return utf16
    if max(even, odd) >= MIN_UTF16_ZEROS_WITH_LINE_END and not min(even, odd) and UTF16_LINE_ENDS[utf16] in head:
        return utf16
    if _is_utf8(file):
        return "utf-8"
    return _choose_encoding(file, code_page)


def _is_utf8(file: BinaryIO) -> bool:
    valid = invalid = 0
    for line in _read_byte_lines(file):
        if line.isascii():
            continue
        try:
            line.decode()
            valid += 1
        except UnicodeDecodeError:
            invalid += 1
    return invalid <= valid


def _read_byte_lines(file: BinaryIO) -> Iterator[bytes]:
    """Yields the lines without their ends. A very long line is cut between two characters of UTF-8."""
    file.seek(0)
    rest = b""
    while chunk := file.read(DETECTION_BYTES):
        *lines, rest = _LINE_END.split(rest + chunk)
        yield from lines
        if len(rest) > DETECTION_BYTES:
            cut = len(rest) - 1
            # The bytes of a character of UTF-8 after its first one begin with the bits 10. There are three at most.
            while rest[cut] & 0xC0 == 0x80 and cut > len(rest) - 4:
                cut -= 1
            yield rest[:cut]
            rest = rest[cut:]
    yield rest


def _choose_encoding(file: BinaryIO, code_page: str) -> str:
    """Returns the code page, or another encoding of the same scripts if it gives far fewer oddities.

    The Macintosh's encoding is tried if the lines end with a carriage return alone. Windows never wrote such a file, but a
    program may have converted the text and kept the line ends.
    """
    file.seek(0)
    sample = file.read(CODE_PAGE_DETECTION_BYTES)
    mac_encoding = MAC_ENCODINGS.get(code_page)
    if mac_encoding and b"\n" not in sample and b"\r" in sample:
        return min(mac_encoding, code_page, key=lambda encoding: _count_oddities(sample.decode(encoding, "replace")))
    # Imported here because it is slow to import, and most files are Unicode.
    import regex

    odd_in_word = regex.compile(_ODD_IN_WORD, regex.V1)
    candidates = [code_page, *OTHER_ENCODINGS.get(code_page, [])]
    oddities = {name: len(odd_in_word.findall(sample.decode(name, "replace"))) for name in candidates}
    best = min(candidates, key=oddities.__getitem__)
    return best if oddities[best] * MIN_TIMES_BETTER < oddities[code_page] else code_page


def _count_oddities(text: str) -> int:
    """Returns how often a capital follows a small letter, one of them beyond ASCII, or a sign beyond ASCII stands beside
    a letter.
    """
    return sum(
        (before.islower() and after.isupper() and not (before + after).isascii())
        or (before.isalpha() and _is_odd_sign(after))
        or (_is_odd_sign(before) and after.isalpha())
        for before, after in pairwise(text)
    )


def _is_odd_sign(character: str) -> bool:
    return not (character.isascii() or character.isalnum() or character in USUAL_SIGNS)


# --- rows -----------------------------------------------------------------------------------------------------------


class Line(NamedTuple):
    """A line of the file with its line end, and its number."""

    number: int
    text: str

    @property
    def is_too_long(self) -> bool:
        return len(self.text) >= MAX_ROW_CHARACTERS


class HeaderRow(NamedTuple):
    """A row that may be the header, with its most likely delimiter and the cells that this gives."""

    lines: list[Line]
    delimiter: str
    cells: list[str]


class _CsvParser:
    """Joins the lines of a file to records. A malformed row becomes one record, and the next line begins a new row."""

    def __init__(self, file: BinaryIO, encoding: str, known: Collection[str], limits: Limits) -> None:
        file.seek(0)
        # Line ends stay as they are: they may be part of a cell.
        self.text = io.TextIOWrapper(file, encoding, errors=MARK_UNDECODABLE, newline="")
        self.known, self.limits = known, limits
        self.line_number = 0
        # Lines that were read ahead, and are read again.
        self.pushed_back: deque[Line] = deque()
        self.delimiter = ","
        self.width = 0
        self.notices: list[str] = []

    def count_bytes_read(self) -> int:
        return self.text.buffer.tell()

    def read_header(self) -> list[str]:
        """Returns the cells of the header. Its delimiter is the one that yields most known columns."""
        line = self._next_line_with_text()
        if delimiter_line := _DELIMITER_LINE.match(line.text):
            self.delimiter = delimiter_line[1]
            line = self._next_line_with_text()
        self.pushed_back.appendleft(line)
        rows: list[HeaderRow] = []
        while len(rows) < MAX_ROWS_TO_HEADER and (row := self._read_header_row()):
            rows.append(row)
        index = find_header([row.cells for row in rows], self.known)
        self.pushed_back.extendleft(line for row in reversed(rows[index + 1 :]) for line in reversed(row.lines))
        header = rows[index]
        self.delimiter = header.delimiter
        self.notices = describe_titles(header.lines[0].number, (row.cells for row in rows[:index]))
        headers = clean_headers(header.cells)
        self.width = len(headers)
        check_width(self.width)
        return headers

    def _next_line_with_text(self) -> Line:
        line = next((line for line in iter(self._next_line, None) if line.text.strip("\ufeff \t\r\n")), None)
        if line is None:
            raise UnreadableFile("The file is empty.")
        if line.is_too_long:
            raise UnreadableFile(f"The first row has to name the columns. {LINE_TOO_LONG}")
        return line._replace(text=line.text.lstrip("\ufeff"))

    def _read_header_row(self) -> HeaderRow | None:
        """Returns the next row, which may be the header. It has several lines if a header in quotation marks has a line
        break.
        """
        lines = self._read_row_lines()
        if not lines:
            return None
        texts = [line.text for line in lines]
        if not any(_is_one_row(texts, delimiter) for delimiter in [self.delimiter, *DELIMITER_LABELS]):
            self.pushed_back.extendleft(reversed(lines[1:]))
            lines = lines[:1]
        text = "".join(line.text for line in lines)
        cells = {delimiter: _split_leniently(text, delimiter) for delimiter in [self.delimiter, *DELIMITER_LABELS]}
        best = max(
            cells, key=lambda delimiter: (count_known_headers(cells[delimiter], self.known), len(cells[delimiter]))
        )
        return HeaderRow(lines, best, cells[best])

    def records(self) -> Iterator[Record]:
        """Yields the records after the header, without empty ones."""
        while lines := self._read_row_lines():
            # Millions of empty lines would take long otherwise.
            if lines[0].text in EMPTY_LINES:
                continue
            try:
                records = self._parse_lines(lines)
            except csv.Error as error:
                # Only the first line is malformed. The others may be rows of their own.
                self.pushed_back.extendleft(reversed(lines[1:]))
                yield self._malformed_record(lines[0], error)
            else:
                yield from (record.fit_to_header(self.width) for record in records if any(map(str.strip, record.cells)))

    def _malformed_record(self, line: Line, error: csv.Error) -> Record:
        cells = _split_leniently(line.text[:1000], self.delimiter)[: self.width]
        return Record(line.number, cells, _explain(line, error))

    def _parse_lines(self, lines: list[Line]) -> list[Record]:
        """Returns the records of the lines. Raises csv.Error."""
        if lines[-1].is_too_long:
            raise csv.Error(LINE_TOO_LONG)
        reader = csv.reader([line.text for line in lines], delimiter=self.delimiter, strict=True)
        records, first_line = [], lines[0].number
        for cells in reader:
            records.append(make_record(first_line, cells))
            first_line = lines[0].number + reader.line_num
        return records

    def _read_row_lines(self) -> list[Line]:
        """Returns the lines of the next row: it ends with the line in which every quotation mark is closed. If the
        limits of a row are reached before that, returns the first line alone.
        """
        lines: list[Line] = []
        quotes = characters = 0
        while len(lines) < MAX_LINES_PER_ROW and characters < MAX_ROW_CHARACTERS and (line := self._next_line()):
            lines.append(line)
            quotes += line.text.count('"')
            characters += len(line.text)
            if quotes % 2 == 0:
                return lines
        self.pushed_back.extendleft(reversed(lines[1:]))
        return lines[:1]

    def _next_line(self) -> Line | None:
        if self.pushed_back:
            return self.pushed_back.popleft()
        text = self.text.readline(MAX_ROW_CHARACTERS)
        if not text:
            return None
        self.line_number += 1
        if self.line_number > self.limits.lines:
            raise UnreadableFile(
                f"The file has more than {self.limits.lines:,} lines: split it, or have it imported by import_customers."
            )
        if len(text) == MAX_ROW_CHARACTERS:
            # The row is refused, so the rest of its line is skipped.
            while (rest := self.text.readline(MAX_ROW_CHARACTERS)) and len(rest) == MAX_ROW_CHARACTERS:
                pass
        return Line(self.line_number, text)


def _explain(line: Line, error: csv.Error) -> str:
    if line.is_too_long:
        return LINE_TOO_LONG
    if "limit" in str(error):
        return f"A cell is longer than {csv.field_size_limit():,} characters."
    return QUOTE_NOT_CLOSED


def _is_one_row(texts: list[str], delimiter: str) -> bool:
    try:
        return len(list(csv.reader(texts, delimiter=delimiter, strict=True))) == 1
    except csv.Error:
        return False


def _split_leniently(text: str, delimiter: str) -> list[str]:
    """Returns the cells of a line that may be malformed."""
    try:
        return next(csv.reader([text], delimiter=delimiter), [])
    except csv.Error:
        return [text]
