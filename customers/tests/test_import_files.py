"""Tests the reading of files: encodings, delimiters, workbooks, and malformed files of many kinds."""

import csv
import datetime as dt
import io
import zipfile

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from customers.tests.transfer import as_csv, as_file, as_workbook, repacked
from customers.transfer.child_process import ParseJob, parse
from customers.transfer.columns import COLUMN_BY_HEADER
from customers.transfer.csv_reader import LINE_TOO_LONG, QUOTE_NOT_CLOSED
from customers.transfer.limits import MAX_COLUMNS, UPLOAD_LIMITS
from customers.transfer.reading import open_table
from customers.transfer.tables import OLE_SIGNATURE, UnreadableFile
from customers.transfer.xlsx_reader import DAMAGED
from tenants.models import Tenant
from tenants.scope import tenant_scope

HEADER = ["first_name", "email", "notes"]
ROWS = [["Åse Łucja", "a@example.com", 'tall, 5"\nand "quiet"; always\twarm'], ["José", "j@example.com", ""]]


@pytest.fixture(autouse=True)
def norwegian_tenant():
    with tenant_scope(Tenant(language="nb")):
        yield


def table(data, **options):
    """Returns the table of a file, with all its rows."""
    with as_file(data) as file, open_table(file, **options) as table:
        table.rows = [(record.line, record.error or record.cells) for record in table.records]
    return table


def rows(data, **options):
    return table(data, **options).rows


def unreadable_reason(data):
    with pytest.raises(UnreadableFile) as unreadable:
        table(data)
    return str(unreadable.value)


def parsed_here(data, encoding=None):
    """Returns the records of a file, parsed in this process instead of a child process."""
    job = ParseJob(
        encoding=encoding, code_page="cp1252", known=list(COLUMN_BY_HEADER), limits=UPLOAD_LIMITS, only_examine=False
    )
    return list(parse(io.BytesIO(data), job).records)


# --- encodings and delimiters ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize(("delimiter", "name"), [(",", "commas"), (";", "semicolons"), ("\t", "tabs"), ("|", "bars")])
def test_unicode_and_delimiters_are_detected(encoding, delimiter, name):
    data = as_csv([HEADER, *ROWS], delimiter=delimiter).decode().encode(encoding)
    found = table(data)
    assert found.read_as == f"{encoding.upper()[:6].rstrip('-')}, separated by {name}"
    assert [cells for _, cells in found.rows] == ROWS


@pytest.mark.parametrize(
    ("language", "code_page", "name"),
    [
        ("nb", "cp1252", "Bjørn Ødegård"),
        ("en", "cp1252", "Zoë"),
        ("pl", "cp1250", "Łukasz Żółć"),
        ("ru", "cp1251", "Мария"),
        ("tr", "cp1254", "Şahin Çağla"),
        ("el", "cp1253", "Γιώργος"),
        ("ja", "cp932", "田中"),
        ("zh-Hans", "gb18030", "王小明"),
    ],
)
def test_text_that_is_not_unicode_is_read_in_the_code_page_of_the_business(language, code_page, name):
    data = as_csv([HEADER, [name, "a@example.com", ""]]).decode().encode(code_page)
    with tenant_scope(Tenant(language=language)):
        assert rows(data) == [(2, [name, "a@example.com", ""])]
        assert table(data).read_as.startswith(code_page)


def test_the_encoding_can_be_given():
    data = as_csv([HEADER, ["Žofie", "a@example.com", ""]]).decode().encode("cp1250")
    assert rows(data)[0][1][0] == "\x8eofie".encode("latin-1").decode("cp1252")
    assert rows(data, encoding="cp1250")[0][1][0] == "Žofie"


def test_a_damaged_line_does_not_change_the_encoding_of_the_others():
    data = as_csv([HEADER, *ROWS]) + b"Zo\xeb,z@example.com,\r\n" + as_csv([["Øyvind", "o@example.com", ""]])
    names = [cells[0] for _, cells in rows(data)]
    assert (names[:2], names[2].encode(errors="replace"), names[3]) == (["Åse Łucja", "José"], b"Zo?", "Øyvind")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_any_line_end_is_read_and_empty_lines_are_skipped(end):
    data = end.join(["", "sep=;", "first_name;email;notes", "", "Jane;j@example.com;x", ";;", "Joe;;", ""]).encode()
    assert rows(data) == [(5, ["Jane", "j@example.com", "x"]), (7, ["Joe", "", ""])]


# --- malformed rows -------------------------------------------------------------------------------------------------

GOOD = ["Jane", "j@example.com", ""]
BESIDE = "stands beside the last column. A cell that holds the separator needs quotation marks around it."


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('"Joe,x@example.com,', QUOTE_NOT_CLOSED),
        ('Joe,"x@example.com,', QUOTE_NOT_CLOSED),
        ('"Joe"y,x@example.com,', QUOTE_NOT_CLOSED),
        ('"Joe "the man"",x@example.com,', QUOTE_NOT_CLOSED),
        ("Joe,x@example.com,,tea", f"The row has 4 cells, the header 3: “tea” {BESIDE}"),
        (f'Joe,x@example.com,"{"a" * 200_000}"', "A cell is longer than 131,072 characters."),
        (f"Joe,x@example.com,{'a' * 10_000_000}", LINE_TOO_LONG),
        (f'Joe,x@example.com,"{"a" * 10_000_000}', LINE_TOO_LONG),
        (",".join(["Joe"] * 1000), f"The row has 1,000 cells, the header 3: “Joe” {BESIDE}"),
    ],
)
@pytest.mark.parametrize("more_rows", [0, 2])
def test_a_malformed_row_does_not_affect_other_rows(line, reason, more_rows):
    good_rows = [GOOD, ["Åse", "", 'a\n"b"'], *[GOOD] * more_rows]
    data = as_csv([HEADER, *good_rows]) + line.encode() + b"\r\n" + as_csv(good_rows)
    found = [(record.line, record.error or record.cells) for record in parsed_here(data)]
    assert [cells for _, cells in found if cells == reason] == [reason]
    assert [cells for _, cells in found if cells != reason] == good_rows * 2
    # The second row takes two lines of the file.
    assert [number for number, cells in found if cells == reason] == [5 + more_rows]


def test_a_row_whose_lines_are_too_long_together_does_not_affect_other_rows():
    # Each line is short enough. The child process could not send the row, since JSON writes an emoji in 12 bytes.
    emoji = "\N{SUNFLOWER}" * 120_000
    header = ["first_name", *(f"c{n}" for n in range(14))]
    jane = ["Jane", *[""] * 14]
    found = rows(as_csv([header, jane, [*[emoji] * 7, "a\nb", *[emoji] * 7], jane]))
    assert found == [(2, jane), (3, "The row is longer than 1,000,000 characters."), (5, jane)]


def test_quotation_marks_within_a_cell_are_part_of_the_text():
    data = as_csv([HEADER]) + b'Jane,j@example.com,5" tall\r\nJoe,o@example.com,6" tall\r\n'
    assert [cells[2] for _, cells in rows(data)] == ['5" tall', '6" tall']


def test_empty_cells_beyond_the_header_are_ignored():
    assert rows(b"first_name,email\r\nJane,j@example.com,,\r\n") == [(2, ["Jane", "j@example.com"])]
    assert rows(b"first_name,email\r\nJane,j@example.com, ,\t\r\n") == [(2, ["Jane", "j@example.com"])]


@pytest.mark.parametrize("write", [as_csv, as_workbook])
def test_a_row_of_spaces_alone_is_no_row(write):
    data = write([["first_name", "email"], ["Jane", "j@example.com"], [" ", "\u00a0"], ["", "  "]])
    assert rows(data) == [(2, ["Jane", "j@example.com"])]


@pytest.mark.parametrize("write", [as_csv, as_workbook])
def test_the_largest_allowed_number_of_columns_is_read(write):
    cells = [["first_name", *(f"c{n}" for n in range(MAX_COLUMNS - 1))], ["Jane", *["x"] * (MAX_COLUMNS - 1)]]
    found = table(write(cells))
    assert len(found.rows[0][1]) == MAX_COLUMNS
    assert found.ignored_headers == [*(f"c{n}" for n in range(20)), f"{MAX_COLUMNS - 21:,} more"]


@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(data):
    for beginning in (b"", b"first_name,email\n", b"\xff\xfe", b"PK\x03\x04"):
        try:
            parsed_here(beginning + data)
        except UnreadableFile:
            pass


text = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)


@pytest.mark.slow("writes and reads a hundred generated files")
@given(
    st.lists(st.lists(text, min_size=3, max_size=3).filter(lambda cells: "".join(cells).strip()), max_size=6),
    st.sampled_from(",;\t|"),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    st.sampled_from(["\r\n", "\n"]),
)
def test_what_csv_writes_is_read(cells, delimiter, quoting, end):
    # Python's writer does not quote a line end other than its own.
    assume(end == "\r\n" or "\r" not in "".join(map("".join, cells)))
    data = as_csv([HEADER, *cells], delimiter=delimiter, quoting=quoting, lineterminator=end)
    assert [record.error or record.cells for record in parsed_here(data, encoding="utf-8")] == cells


# --- workbooks ------------------------------------------------------------------------------------------------------


def test_cells_of_every_type_are_read_from_a_workbook():
    header = ["first_name", "phone", "loyalty_points", "is_active", "date_of_birth", "created_at", "notes"]
    moment = dt.datetime(2024, 3, 5, 10, 30)
    sheet = [header, ["Jane", 81234567, 120.0, True, dt.date(1990, 1, 31), moment, 1.5], [], ["Joe", "0812"]]
    data = as_workbook([["a note"]], sheet)
    assert table(data).read_as == "Excel workbook, sheet “Sheet1”"
    assert rows(data) == [
        (2, ["Jane", "81234567", "120", "true", "1990-01-31", "2024-03-05T10:30:00", "1.5"]),
        (4, ["Joe", "0812", "", "", "", "", ""]),
    ]


SHEET = "xl/worksheets/sheet1.xml"
BOOK = as_workbook([HEADER, *[GOOD] * 200])


def test_an_impossible_row_number_in_a_workbook_adds_no_rows():
    data = repacked(BOOK, lambda name, xml: xml.replace(b'<row r="100"', b'<row r="999999999999"'))
    assert len(rows(data)) <= 200


def test_a_workbook_damaged_midway_is_refused_as_a_whole():
    data = repacked(BOOK, lambda name, xml: xml[: len(xml) // 2] if name == SHEET else xml)
    assert unreadable_reason(data) == DAMAGED


# --- unreadable files -----------------------------------------------------------------------------------------------

NO_COLUMNS = "The first row has to name the columns, such as first_name, email and phone. Here it is: "
OLD = "The workbook is protected by a password, or of Excel 2003 or older: save it as .xlsx without a password."


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "The file is empty."),
        (b"\xef\xbb\xbf \r\n\r\n", "The file is empty."),
        (b"Jane,Doe,0812\r\n", NO_COLUMNS + "Jane, Doe, 0812"),
        (b"\0\0\0\0", NO_COLUMNS),
        (b"a" * 2_000_000, f"The first row has to name the columns. {LINE_TOO_LONG}"),
        (OLE_SIGNATURE + b"\0" * 100, OLD),
        (BOOK[: len(BOOK) // 2], DAMAGED),
        (BOOK[:100] + b"\0" * 200 + BOOK[300:], DAMAGED),
        (repacked(BOOK, lambda name, xml: b"" if name == "xl/workbook.xml" else xml), DAMAGED),
        (repacked(BOOK, lambda name, xml: b"" if name == SHEET else xml), DAMAGED),
        (as_workbook([]), "The workbook is empty."),
        (as_workbook([["Jane", "Doe"]], [["x"]]), NO_COLUMNS + "Jane, Doe"),
    ],
    ids=range(12),
)
def test_an_unreadable_file_is_refused_with_a_sentence(data, sentence):
    assert unreadable_reason(data).startswith(sentence.rstrip())


def test_a_file_with_only_a_header_has_no_rows():
    assert rows(as_csv([HEADER])) == rows(as_workbook([HEADER])) == []


@pytest.mark.slow("compresses 300 MB")
def test_a_workbook_that_would_fill_the_memory_is_not_unpacked():
    """The file is a zip bomb: 300 MB of zeros in 300 kB."""
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive, archive.open(SHEET, "w") as part:
        for _ in range(300):
            part.write(b"\0" * 1024 * 1024)
    assert (
        unreadable_reason(bomb.getvalue())
        == "The workbook holds more than 256 MB once unpacked: save the sheet as CSV."
    )


def test_a_workbook_whose_entities_explode_is_refused():
    lol = b'<!DOCTYPE x [<!ENTITY a "lollollollollol">' + b"".join(
        b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 20) for n in range(9)
    )
    sheet = lol + b"]><worksheet><sheetData><row><c t='inlineStr'><is><t>&j;</t></is></c></row></sheetData></worksheet>"
    assert unreadable_reason(repacked(BOOK, lambda name, xml: sheet if name == SHEET else xml))
