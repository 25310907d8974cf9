"""Tests the import of reports with titles above the header, of columns of other systems, and of files of other formats."""

import datetime as dt
import gzip
import io
import zipfile
from itertools import product

import pytest

from circe.tests.cases import in_one_test
from customers.models import Customer
from customers.tests.test_import_files import unreadable_reason
from customers.tests.transfer import as_csv, as_file, as_workbook
from customers.transfer.csv_reader import parse_csv
from customers.transfer.limits import UPLOAD_LIMITS
from customers.transfer.mapping.header_mapping import HeaderMapping
from customers.transfer.tables import normalize_header

HEADER = ["First Name", "Last Name", "Mobile", "Email"]
ANN = ["Ann", "Ng", "081234567801", "ann@example.com"]
# The rows above the header, and the notice about them.
TITLES = {
    (("Clients",),): "“Clients”",
    # `Customer` alone is the name of a column, too.
    (("Customer",), ("Salon Lotus", "", "2024-01-02")): "“Customer”, “Salon Lotus 2024-01-02”",
    (("Klienter – “alle”",), (), ("", "", ""), ("Utskrift 01.02.2024",)): "“Klienter – “alle””, “Utskrift 01.02.2024”",
    tuple((f"line {number}",) for number in range(19)): ", ".join(f"“line {number}”" for number in range(19)),
}
WRITERS = {
    "commas": as_csv,
    "semicolons": lambda rows: as_csv(rows, delimiter=";"),
    "UTF-16 and tabs": lambda rows: as_csv(rows, delimiter="\t").decode().encode("utf-16"),
    "sep=;": lambda rows: b"sep=;\r\n" + as_csv(rows, delimiter=";"),
    "workbook": as_workbook,
}


def stored(*fields):
    return list(Customer.objects.order_by("created_at", "pk").values_list(*fields))


@pytest.mark.slow("imports a file for each title and format")
@in_one_test("titles, write", product(TITLES, WRITERS.values()))
def test_a_header_is_found_below_titles_and_they_are_told(import_file, titles, write):
    result = import_file(write([*titles, HEADER, ANN]))
    assert result.counts == {"created": 1}
    assert stored("first_name", "last_name", "phone", "email") == [("Ann", "Ng", "+6281234567801", "ann@example.com")]
    assert f"What stands above it is not read: {TITLES[titles]}." in result.stderr


def test_lines_are_counted_from_the_beginning_of_the_file(import_file):
    result = import_file(as_csv([["Clients"], [], HEADER, ANN, ["", "Ng", "", "ng@example.com"]]))
    assert [row[:2] for row in result.refused_rows] == [(5, "first_name")]
    assert "The header is in line 3." in result.stderr


@in_one_test(
    "rows",
    [
        # A first row of several cells that names a column is the header, whatever stands below it.
        [["Name", "Mob 1", "Mob 2"], ["Email", "Phone", "x"]],
        [["email"], ["ann@example.com"]],
        # The header is too far away.
        [*([f"line {number}"] for number in range(20)), HEADER, ANN],
    ],
)
def test_the_first_row_is_the_header_otherwise(rows):
    with as_file(as_csv(rows)) as file:
        known = ["name", "phone", *map(normalize_header, HEADER)]
        assert parse_csv(file, "utf-8", known, UPLOAD_LIMITS).header == rows[0]


# --- columns of other systems ---------------------------------------------------------------------------------------


@pytest.mark.slow("imports a file for each header")
@in_one_test("header, ids", [("ID", ["100000123"]), ("Id", ["C-17"]), ("id", ["17", "18"]), ("Customer ID", ["17"])])
def test_the_id_of_another_system_is_left_out_and_told(import_rows, header, ids):
    rows = [[one, "Ann", f"ann{number}@example.com"] for number, one in enumerate(ids)]
    result = import_rows([header, "first_name", "email"], *rows)
    assert result.counts == {"created": len(ids)}
    assert f"Columns that are not imported: {header}." in result.stderr


@in_one_test(
    "header, row, name",
    [
        (["Voornaam", "Tussenvoegsel", "Achternaam"], ["Jan", "van der", "Berg"], ("Jan", "van der Berg")),
        (["Achternaam", "Voorvoegsels", "Voornaam"], ["Berg", "van der", "Jan"], ("Jan", "van der Berg")),
        (["Voornaam", "Tussenvoegsel", "Achternaam"], ["Piet", "", "Bos"], ("Piet", "Bos")),
    ],
)
def test_the_particle_of_a_dutch_name_is_a_part_of_it(import_rows, header, row, name):
    import_rows([*header, "E-mail"], [*row, "jan@example.com"])
    assert stored("first_name", "last_name") == [name]


@pytest.mark.slow("imports a file for each spelling")
@in_one_test(
    "cell, tags",
    [
        ('"VIP","Hair colour","Summer 2020"', ["vip", "hair-colour", "summer-2020"]),
        ("VIP | Hair  colour", ["vip", "hair-colour"]),
        ("vip;;regular,", ["vip", "regular"]),
        ("VIP\nลูกค้า ประจำ", ["vip", "ลูกค้า-ประจำ"]),
        (";", []),
    ],
)
def test_tags_of_several_words_are_joined(import_rows, cell, tags):
    assert not import_rows(["first_name", "email", "tags"], ["Ann", "ann@example.com", cell]).refused_rows
    assert stored("tags") == [(tags,)]


@in_one_test(
    "values, name",
    [
        ({"Organization Name": "Salong AS"}, "Salong AS"),
        ({"Nickname": "Mumma", "Organization Name": "Salong AS"}, "Mumma"),
        ({"First Name": "Per", "Nickname": "Pelle"}, "Per"),
    ],
)
def test_a_contact_of_google_without_a_name_is_called_by_its_nickname_or_organization(import_rows, values, name):
    header = ["First Name", "Last Name", "Nickname", "Organization Name", "Labels", "E-mail 1 - Value"]
    import_rows(header, [values.get(one, "") for one in header[:-1]] + ["per@example.com"])
    assert stored("first_name") == [(name,)]


# By what makes the file: its header, a row, and what is stored of it.
FILES = {
    "Yahoo": (
        "First,Middle,Last,Email,Home,Mobile,Alternate Email 1",
        "Ann,May,Ng,ann@example.com,x,081234567801,a2@example.com",
        {"first_name": "Ann May", "last_name": "Ng", "phone": "+6281234567801"},
    ),
    "Thunderbird": (
        "First Name,Last Name,Primary Email,Secondary Email,Home Address,Home Address 2,Home City,Home ZipCode,Home Country",
        "Ann,Ng,,ann@example.com,Jl. X 1,,Bandung,40111,ID",
        {"first_name": "Ann", "email": "ann@example.com", "address": "Jl. X 1, Bandung, 40111, ID"},
    ),
    "Wix": (
        "First Name,Email 1,Email 2,Address 1 - Street,Address 1 - City,Address 1 - Zip,Labels,Language",
        "Ann,ann@example.com,,Jl. X 1,Bandung,40111,Customers;Contacted Me,English",
        {"address": "Jl. X 1, Bandung, 40111", "tags": ["customers", "contacted-me"], "language": "en"},
    ),
    "Brevo": ("EMAIL,PRENOM,NOM,SMS", "ann@example.com,Ann,Ng,6281234567801", {"phone": "+6281234567801"}),
    # It has two headers of Shopify, and is none of its files.
    "Cliniko": (
        "First name,Last name,Email,Accepts email marketing,Address line 1,City,Post code,Country",
        "Ann,Ng,ann@example.com,Yes,Jl. X 1,Bandung,40111,ID",
        {"address": "Jl. X 1, Bandung, 40111, ID", "marketing_consent": False},
    ),
    "a Norwegian salon": (
        "Fornavn,E-post,Født,Adresse,Postnr,Sted",
        "Kari,kari@example.com,14.03.1980,Storgt 1,0155,Oslo",
        {"date_of_birth": dt.date(1980, 3, 14), "address": "Storgt 1, 0155, Oslo"},
    ),
    "a Danish salon": (
        "Fornavn,E-mail,Vejnavn,Postnr.,By",
        "Mette,mette@example.com,Gade 1,8000,Aarhus",
        {"address": "Gade 1, 8000, Aarhus"},
    ),
    "a German salon": (
        "Vorname,E-Mail,Straße / Nr.,PLZ/Ort",
        "Eva,eva@example.com,Lange Str. 5,50667 Köln",
        {"address": "Lange Str. 5, 50667 Köln"},
    ),
}


@pytest.mark.slow("imports a file of each of many systems")
@in_one_test("name", FILES)
def test_a_file_of_another_system_is_read_by_its_headers(import_file, name):
    header, row, expected = FILES[name]
    result = import_file(f"{header}\n{row}\n".encode())
    assert "an export of" not in result.stderr
    assert stored(*expected) == [tuple(expected.values())]


@in_one_test("header", ["Samtykke e-post", "E-Mail-Einwilligung", "Consentement e-mail", "Acepta correo electrónico"])
def test_nothing_is_proposed_for_a_consent_that_may_be_for_anything(header):
    assert HeaderMapping([header]).propose_target(0) == ""


# --- other formats --------------------------------------------------------------------------------------------------


def archive(*names):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as parts:
        for name in names:
            parts.writestr(name, "x")
    return file.getvalue()


@pytest.mark.slow("uploads a file of each of many formats")
@in_one_test(
    "data, word",
    [
        (b"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Jane Doe\r\n", "vCards"),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "PDF"),
        (b"\xef\xbb\xbf\n<HTML><body><table><tr><td>First Name</td></tr></table>", "web page"),
        (b"<table border=1><tr><td>Email</td></tr></table>", "web page"),
        (b'<?xml version="1.0"?><Workbook/>', "web page or XML"),
        (b'{"customers": [{"first_name": "Ann"}]}', "JSON"),
        (b'[\n  {"first_name": "Ann", "email": "ann@example.com"}]', "JSON"),
        (b"{\\rtf1\\ansi first_name", "text document"),
        (gzip.compress(b"first_name,email\n"), "packed"),
        (b"\x89PNG\r\n\x1a\n", "picture"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", "picture"),
        (b"SQLite format 3\0", "database"),
        (archive("Index/Document.iwa", "Metadata/Properties.plist"), "another format than Excel’s .xlsx"),
        (archive("customers.csv"), "unpack it"),
    ],
)
def test_a_file_of_another_format_is_refused_by_its_name(in_scope, data, word):
    assert word in unreadable_reason(data)


@in_one_test("header", ["[first_name],[email]", "<first_name>,<email>", '"{first_name}";"email"'])
def test_brackets_in_a_header_are_no_other_format(import_file, header):
    separator = ";" if ";" in header else ","
    assert import_file(f"{header}\nAnn{separator}ann@example.com\n".encode()).counts == {"created": 1}
