"""Tests the import of text files as spreadsheets and old computers write them."""

import pytest

from circe.tests.cases import in_one_test
from customers.models import Customer
from customers.tests.factories import CustomerFactory
from customers.tests.transfer import as_file
from customers.transfer.child_process import ParseJob, parse
from customers.transfer.csv_reader import detect_encoding, get_code_page, parse_csv
from customers.transfer.limits import UPLOAD_LIMITS
from customers.transfer.reading import open_table
from tenants.models import Tenant
from tenants.scope import tenant_scope


def the_only_customer():
    return Customer.objects.with_preferred().get()


def names():
    return set(Customer.objects.values_list("first_name", flat=True))


# --- rows that end early, headers, line ends ------------------------------------------------------------------------


def test_a_row_that_ends_early_clears_nothing_and_is_told(import_rows, in_scope):
    jane = CustomerFactory(tenant=in_scope, notes="tea", address="Jl. Merdeka 5", last_name="Doe")
    result = import_rows(["id", "first_name", "address", "notes"], [jane.pk, "Janet", ""], update=True)
    jane.refresh_from_db()
    assert (jane.first_name, jane.address, jane.notes, result.counts) == ("Janet", None, "tea", {"updated": 1})
    assert any(line.startswith("Line 2: The row has fewer cells than the header.") for line in result.lines)


def test_a_new_customer_of_a_short_row_has_the_defaults(import_rows):
    result = import_rows(["first_name", "email", "source", "accepts_sms", "tags"], ["Jane", "jane@example.com"])
    jane = the_only_customer()
    assert (result.counts, jane.source, jane.accepts_sms, jane.tags) == ({"created": 1}, "import", True, [])


def test_a_row_with_more_cells_than_headers_is_refused_and_names_the_cell(import_rows):
    result = import_rows(["first_name", "email"], ["Jane", "jane@example.com", "", "tea"])
    ((line, _, reason),) = result.refused_rows
    assert (line, "“tea” stands beside the last column" in reason, names()) == (2, True, set())


@pytest.mark.slow("parses each of fourteen files in two child processes")
@pytest.mark.parametrize(
    "header",
    [
        '"First\nname";"E-\r\nmail"',
        '"First\rname";" E-mail\u00a0"',
        '\ufeff"First Name *";"E-mail (required)"',
        "\ufeff\ufefffirst\u00a0name*;\u200be-mail:",
        "ＦＩＲＳＴ＿ＮＡＭＥ;Ｅ－ｍａｉｌ",
        "sep=;\nFirst name;E-mail",
        '"SEP=;"\r\nFirst name;E-mail;;',
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_header_is_found_whatever_stands_around_its_words(import_file, header, encoding):
    result = import_file(f"{header}\nJane;jane@example.com\nJoe;joe@example.com".encode(encoding))
    assert (result.refused_rows, result.counts, names()) == ([], {"created": 2}, {"Jane", "Joe"})


def test_only_the_first_line_names_the_delimiter(tmp_path):
    file = tmp_path / "customers.csv"
    file.write_text("sep=;\n" * 2000)
    with file.open("rb") as opened:
        assert parse_csv(opened, "utf-8", ["firstname"], UPLOAD_LIMITS).header == ["sep="]


def test_a_quotation_mark_in_a_header_takes_no_row_into_it(import_file):
    import_file(b'first_name,email,height in "\nJane,jane@example.com,5\nJoe "Big" Doe,joe@example.com,6\n')
    assert names() == {"Jane", 'Joe "Big" Doe'}


ALPHABETS = {
    "Мария Ёлкина": ["utf-8", "utf-16", "utf-16-le", "utf-16-be", "cp1251", "mac-cyrillic", "cp866", "koi8-r"],
    "田中 太郎": ["utf-8", "utf-16", "utf-16-le", "cp932", "euc-jp"],
    "Zoë Ødegård": ["utf-8", "utf-16", "cp1252", "mac-roman", "cp850"],
    "Zürg Botox® 37°C “½”": ["cp1252"],
    "Şahin Çağla": ["utf-8", "cp1254", "mac-turkish", "cp857"],
    "Łukasz Żółć": ["cp1250", "cp852"],
    "Jiří Šťastný": ["cp1250", "cp852"],
    "陳怡君": ["gb18030", "cp950"],
    "张伟": ["gb18030"],
    "דוד כהן": ["cp1255", "cp862"],
    "Γιώργος Ψαράς": ["utf-8", "cp1253", "cp737"],
    "สมชาย ใจดี": ["utf-8", "utf-16", "cp874"],
    "김민수": ["cp949", "utf-16-be"],
    "محمد علي": ["utf-8", "utf-16", "cp1256"],
}
LANGUAGES = {
    "김": "ko",
    "J": "cs",
    "Ł": "pl",
    "陳": "zh",
    "张": "zh",
    "ד": "he",
    "М": "ru",
    "田": "ja",
    "Z": "nb",
    "Ş": "tr",
    "Γ": "el",
    "ส": "th",
    "م": "ar",
}


# Lines of these end with a line feed.
DOS_AND_UNIX = {"cp850", "cp852", "cp857", "cp862", "cp866", "cp737", "koi8-r", "euc-jp", "cp950"}


def line_ends(encoding):
    # A Macintosh that wrote these encodings ended lines with a carriage return.
    return (
        ["\r"] if encoding.startswith("mac") else ["\n", "\r\n"] if encoding in DOS_AND_UNIX else ["\r", "\n", "\r\n"]
    )


def text_files(row_count):
    """Yields every name with an encoding, a line end and the bytes of a file that they make."""
    for name, encodings in ALPHABETS.items():
        lines = [
            "first_name,email,notes",
            *(f"{name},j{number}@example.com,{name} {name}" for number in range(row_count)),
        ]
        for encoding in encodings:
            for end in line_ends(encoding):
                yield name, encoding, end, end.join(lines).encode(encoding)


@pytest.mark.slow("imports a file for each script, line end and size")
@pytest.mark.parametrize("row_count", [3, 2500])
def test_any_script_and_line_end_is_read_in_small_and_large_files(row_count):
    """Parses the files in this process, because starting another one for each takes most of the time."""
    wrong = []
    for name, encoding, end, data in text_files(row_count):
        with as_file(data) as file:
            job = ParseJob(
                encoding=None,
                code_page=get_code_page(LANGUAGES[name[0]]),
                known=["first_name", "email", "notes"],
                limits=UPLOAD_LIMITS,
                only_examine=False,
            )
            read = [record.cells[0] for record in parse(file, job).records_within(UPLOAD_LIMITS)]
        if read != [name] * row_count:
            wrong.append((name, encoding, end, read[:3]))
    assert wrong == []


@pytest.mark.parametrize("name", ALPHABETS)
def test_any_script_is_read_by_the_child_process_in_its_oldest_encoding(name):
    encoding = ALPHABETS[name][-1]
    data = f"first_name,email{line_ends(encoding)[0]}{name},j@example.com".encode(encoding)
    with tenant_scope(Tenant(language=LANGUAGES[name[0]])), as_file(data) as file, open_table(file) as table:
        assert [record.cells[0] for record in table.records] == [name]


@in_one_test(
    "encoding, language, people",
    [
        ("mac-roman", "nb", "Bjørn Ødegård,Åse Kjærstad,Håkon Sæther,Zoë Lefèvre"),
        ("mac-roman", "de", "Jürgen Weiß,Björn Möller,Käthe Groß,Anne Müller"),
        ("mac-roman", "fr", "Hélène Lefèvre,Françoise Noël,Benoît Agnès"),
        ("mac-latin2", "pl", "Łukasz Żółć,Małgorzata Wiśniewska,Józef Król"),
        ("mac-cyrillic", "ru", "Мария Ёлкина,Иван Петров,Юлия Щукина"),
        ("mac-turkish", "tr", "Şahin Çağla,Ayşe Gül,Ömer Işık"),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_file_of_a_macintosh_is_read_although_a_program_changed_its_line_ends(end, encoding, language, people):
    names = people.split(",")
    lines = ["first_name,email", *(f"{name},j{number}@example.com" for number, name in enumerate(names))]
    with as_file(end.join(lines).encode(encoding)) as file:
        assert detect_encoding(file, get_code_page(language)) == encoding


def test_mixed_line_ends_are_read(import_file):
    import_file(
        b"first_name,email\rJane,jane@example.com\r\nJoe,joe@example.com\nAnn,ann@example.com\r\r\nBob,b@example.com"
    )
    assert names() == {"Jane", "Joe", "Ann", "Bob"}
