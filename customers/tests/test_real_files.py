"""Tests the import of files as spreadsheets, databases and people write them."""

import datetime as dt
import re

import pytest
from django.core.management import CommandError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from customers.models import Customer
from customers.tests.factories import CustomerFactory, DeletedCustomerFactory
from customers.tests.transfer import as_csv, as_file, as_raw_workbook, exported, from_csv, imported, repacked, sheet_row
from customers.transfer.reading import open_table
from tenants.models import AuditEvent, Tenant
from tenants.scope import tenant_scope


@pytest.fixture
def import_file(tmp_path, in_scope):
    """Returns `import_file(data, **options)`, which imports a file of these bytes."""

    def run(data, **options):
        path = tmp_path / "customers"
        path.write_bytes(data)
        return imported(path, **options)

    return run


@pytest.fixture
def import_rows(import_file):
    """Returns `import_rows(header, *rows, **options)`, which imports a CSV file of the rows."""
    return lambda *rows, **options: import_file(as_csv(rows), **options)


def the_only_customer():
    return Customer.objects.with_preferred().get()


def names():
    return set(Customer.objects.values_list("first_name", flat=True))


def speak(tenant, language):
    tenant.language = language
    tenant.save()


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


def test_a_quotation_mark_in_a_header_takes_no_row_into_it(import_file):
    import_file(b'first_name,email,height in "\nJane,jane@example.com,5\nJoe "Big" Doe,joe@example.com,6\n')
    assert names() == {"Jane", 'Joe "Big" Doe'}


ALPHABETS = {
    "Мария Ёлкина": ["utf-8", "utf-16", "utf-16-le", "utf-16-be", "cp1251", "mac-cyrillic"],
    "田中 太郎": ["utf-8", "utf-16", "utf-16-le", "cp932"],
    "Zoë Ødegård": ["utf-8", "utf-16", "cp1252", "mac-roman"],
    "Şahin Çağla": ["utf-8", "cp1254", "mac-turkish"],
    "Γιώργος Ψαράς": ["utf-8", "cp1253"],
    "สมชาย ใจดี": ["utf-8", "utf-16", "cp874"],
    "محمد علي": ["utf-8", "utf-16", "cp1256"],
}
LANGUAGES = {"М": "ru", "田": "ja", "Z": "nb", "Ş": "tr", "Γ": "el", "ส": "th", "م": "ar"}


@pytest.mark.parametrize(("name", "encoding"), [(name, each) for name, all_of in ALPHABETS.items() for each in all_of])
@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
@pytest.mark.parametrize("rows", [3, 2500])
def test_any_script_and_line_end_is_read_in_small_and_large_files(name, encoding, end, rows):
    if encoding.startswith("mac") and end != "\r":
        pytest.skip("A Macintosh that wrote these encodings ended lines with a carriage return.")
    lines = ["first_name,email,notes", *(f"{name},j{number}@example.com,{name} {name}" for number in range(rows))]
    data = end.join(lines).encode(encoding)
    with tenant_scope(Tenant(language=LANGUAGES[name[0]])), as_file(data) as file, open_table(file) as table:
        read = [record.cells[0] for record in table.records]
    assert read == [name] * rows


def test_mixed_line_ends_are_read(import_file):
    import_file(
        b"first_name,email\rJane,jane@example.com\r\nJoe,joe@example.com\nAnn,ann@example.com\r\r\nBob,b@example.com"
    )
    assert names() == {"Jane", "Joe", "Ann", "Bob"}


# --- yes and no -----------------------------------------------------------------------------------------------------

YES = "t T true TRUE yes Y y 1 1.0 on x X ✓ SANN WAHR VRAI VERDADERO VERDADEIRO VERO WAAR SANT SAND TOSI PRAWDA ИСТИНА "
YES += "DOĞRU BENAR 真 ＴＲＵＥ IGAZ ADEVĂRAT ja oui sí sim да tak evet ya はい 是 예 ใช่ نعم כן igen ano ναι kyllä có"
NO = "f F false FALSE no N n 0 0.0 off USANN FALSCH FAUX FALSO ONWAAR FALSKT FALSK EPÄTOSI FAŁSZ ЛОЖЬ YANLIŞ SALAH 假 "
NO += "ＦＡＬＳＥ HAMIS FALS NEPRAVDA nein non não нет nie hayır tidak いいえ 否 아니요 لا לא nem ne όχι ei không"


def test_yes_and_no_are_read_in_the_languages_of_spreadsheets(import_rows, in_scope):
    speak(in_scope, "pl")
    words = [(word, True) for word in YES.split()] + [(word, False) for word in NO.split()]
    # A further word, so that this is no column of ticks alone.
    rows = [[f"J{number}", f"j{number}@example.com", word] for number, (word, _) in enumerate(words)]
    result = import_rows(["first_name", "email", "accepts_sms"], *rows)
    assert result.refused_rows == []
    read = dict(Customer.objects.values_list("first_name", "accepts_sms"))
    assert {word: read[f"J{number}"] for number, (word, _) in enumerate(words)} == dict(words)


@pytest.mark.parametrize(
    ("language", "word", "value"),
    [
        ("id", "Y", True),
        ("id", "t", True),
        ("id", "T", None),
        ("id", "tak", False),
        ("id", "S", False),
        ("es", "S", True),
        ("fr", "O", True),
        ("nb", "O", None),
        ("nb", "S", None),
        ("nb", "tak", None),
        ("tr", "E", True),
        ("fi", "E", False),
        ("ja", "○", True),
        ("ja", "x", None),
        ("nb", "perhaps", None),
        ("nb", "2", None),
    ],
)
def test_a_word_with_two_readings_is_read_in_the_language_of_the_business_or_refused(
    import_rows, in_scope, language, word, value
):
    speak(in_scope, language)
    # The second row makes this no column of ticks alone.
    rows = [["Jane", "jane@example.com", word], ["Joe", "joe@example.com", "1"]]
    result = import_rows(["first_name", "email", "accepts_whatsapp"], *rows)
    reasons = [(2, "accepts_whatsapp", f"“{word}” can be read in two ways, or not at all. Write true or false.")]
    assert result.refused_rows == ([] if value is not None else reasons)
    if value is not None:
        assert Customer.objects.get(first_name="Jane").accepts_whatsapp is value


def test_a_column_of_ticks_means_no_where_it_is_empty_and_tells_it(import_rows, in_scope):
    joe = CustomerFactory(tenant=in_scope, accepts_sms=True)
    header = ["id", "first_name", "email", "accepts_email", "accepts_sms"]
    rows = [["", "Jane", "jane@example.com", "x", ""], [joe.pk, joe.first_name, joe.email, "", "X"]]
    result = import_rows(header, *rows, update=True)
    assert result.refused_rows == []
    assert set(Customer.objects.values_list("accepts_email", "accepts_sms")) == {(True, False), (False, True)}
    notices = [line for line in result.lines if "a mark such as x is read as true, and an empty cell as false" in line]
    assert [notice.partition(":")[0] for notice in notices] == ["Lines 2, 3", "Lines 2, 3"]


def test_an_empty_cell_beside_other_words_is_not_given(import_rows):
    rows = [["Jane", "jane@example.com", "yes"], ["Joe", "joe@example.com", ""]]
    import_rows(["first_name", "email", "accepts_sms"], *rows)
    assert set(Customer.objects.values_list("accepts_sms", flat=True)) == {True}


# --- instants, days, languages, genders, numbers --------------------------------------------------------------------

TEN_THIRTY_UTC = dt.datetime(2024, 3, 5, 10, 30, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2024-03-05 10:30:00+00",
        "2024-03-05 17:30:00+07",
        "2024-03-05 17:30+0700",
        "2024-03-05 16:15:00+05:45",
        "2024-03-05T10:30:00.0000000Z",
        "2024-03-05T10:30:00.000Z",
        "2024-03-05 10:30:00.000000000 +0000 UTC",
        "2024-03-05 10:30:00 UTC",
        "2024-03-05 10:30:00 GMT",
        "2024-03-05T03:30:00−07:00",
        "2024/03/05 17:30:00",
        "2024-03-05 17:30",
        "2024-3-5 17:30",
        "Tue Mar 05 2024 17:30:00 GMT+0700 (Western Indonesia Time)",
        "Tue, 05 Mar 2024 10:30:00 GMT",
        'ISODate("2024-03-05T10:30:00.000Z")',
        "1709634600",
        "1709634600000",
        "'2024-03-05 17:30:00",
        '="2024-03-05 17:30:00"',
    ],
)
def test_instants_are_read_as_databases_and_programs_write_them(import_rows, text):
    result = import_rows(["first_name", "email", "created_at"], ["Jane", "jane@example.com", text])
    assert result.refused_rows == []
    assert the_only_customer().created_at == TEN_THIRTY_UTC


@pytest.mark.parametrize("column", ["created_at", "date_of_birth"])
@pytest.mark.parametrize(
    "text",
    ["03/04/2024", "3.4.2024 10:30", "3/4/24, 10:30 AM", "45356", "45356.4375", "2024-13-05", "2024-02-30", "now"],
)
def test_a_day_that_can_be_read_in_two_ways_or_not_at_all_is_refused_by_name(import_rows, column, text):
    result = import_rows(["first_name", "email", column], ["Jane", "jane@example.com", text])
    ((line, where, reason),) = result.refused_rows
    assert (line, where, f"“{text}”" in reason) == (2, column, True)
    assert re.search("[Ww]rite (a day|it) as|Write a day such as", reason)


@pytest.mark.parametrize(
    "text",
    ["1990-01-31", "1990/1/31", "1990.01.31", "1990年1月31日", "1990-01-31 00:00:00", "1990-01-31T00:00:00.000Z"],
)
def test_a_day_that_begins_with_the_year_is_read(import_rows, text):
    import_rows(["first_name", "email", "date_of_birth"], ["Jane", "jane@example.com", text])
    assert the_only_customer().date_of_birth == dt.date(1990, 1, 31)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("en_US", "en-US"),
        ("id_ID.UTF-8", "id-ID"),
        ("pt-br", "pt-BR"),
        ("PT_BR", "pt-BR"),
        ("zh_hans_cn", "zh-Hans-CN"),
        ("de_AT@euro", "de-AT"),
        ("nb", "nb"),
        ("EN", "en"),
        ("in_ID", "id-ID"),
        ("es-419", "es-419"),
        ("C.UTF-8", None),
        ("POSIX", None),
        ("English", None),
    ],
)
def test_a_locale_is_read_as_a_language(import_rows, text, language):
    result = import_rows(["first_name", "email", "language"], ["Jane", "jane@example.com", text])
    if language:
        assert the_only_customer().language == language
    else:
        assert result.refused_rows == [(2, "language", "A language is a tag such as en, id or pt-BR.")]


@pytest.mark.parametrize(
    ("language", "text", "gender"),
    [
        ("en", "F", "female"),
        ("en", "M", "male"),
        ("en", "Female", "female"),
        ("de", "w", "female"),
        ("de", "männlich", "male"),
        ("nb", "K", "female"),
        ("nb", "Mann", "male"),
        ("pl", "k", "female"),
        ("tr", "E", "male"),
        ("tr", "KADIN", "female"),
        ("id", "P", "female"),
        ("id", "Laki-laki", "male"),
        ("ja", "女性", "female"),
        ("ru", "М", "male"),
        ("es", "H", "male"),
        ("es", "M", None),
        ("nb", "P", None),
        ("hu", "F", None),
        ("en", "Prefer not to say", "undisclosed"),
        ("en", "non-binary", "non_binary"),
        ("en", "1", None),
        ("de", "divers", None),
    ],
)
def test_a_gender_is_read_where_it_has_one_meaning(import_rows, in_scope, language, text, gender):
    speak(in_scope, language)
    result = import_rows(["first_name", "email", "gender"], ["Jane", "jane@example.com", text])
    if gender:
        assert the_only_customer().gender == gender
    else:
        ((_, where, reason),) = result.refused_rows
        assert (where, f"“{text}”" in reason) == ("gender", True)
        assert reason.endswith("Write one of female, male, non_binary, other, undisclosed.")


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1 234", 1234),
        ("1\u202f234", 1234),
        ("1'234", 1234),
        ("1.234.567", 1234567),
        ("1.234,00", 1234),
        ("1,234.00", 1234),
        ("120.0", 120),
        ("120,00", 120),
        ("１２０", 120),
        ("١٢٠", 120),
        ("'120", 120),
        ('="120"', 120),
        ("1.234", None),
        ("1,234", None),
        ("1.234,56", None),
        ("12.5", None),
        ("12 %", None),
        ("1.2E+3", None),
    ],
)
def test_a_number_is_read_where_it_has_one_meaning(import_rows, text, number):
    result = import_rows(["first_name", "email", "loyalty_points"], ["Jane", "jane@example.com", text])
    if number is None:
        ((_, where, reason),) = result.refused_rows
        assert (where, f"“{text}”" in reason, "Write a whole number" in reason) == ("loyalty_points", True, True)
    else:
        assert the_only_customer().loyalty_points == number


# --- cells that are marked as text ----------------------------------------------------------------------------------

MARKED = {
    "first_name": "Jane",
    "last_name": "Doe",
    "email": "jane@example.com",
    "phone": "0812 3456 7801",
    "gender": "female",
    "date_of_birth": "1990-01-31",
    "address": "Jl. Merdeka 5",
    "tags": "vip",
    "source": "website",
    "loyalty_points": "120",
    "is_active": "true",
    "language": "en",
    "notes": "tea",
    "created_at": "2024-03-05T10:30:00Z",
}


@pytest.mark.parametrize("mark", ["'{}", '="{}"', ' ="{}" '])
def test_the_mark_that_keeps_a_text_is_removed_in_every_column(import_rows, mark):
    import_rows([*MARKED], [*MARKED.values()])
    plain = Customer.objects.values(*MARKED).get()
    Customer.objects.all().delete()
    result = import_rows([*MARKED], [mark.format(cell) for cell in MARKED.values()])
    assert result.refused_rows == []
    assert Customer.objects.values(*MARKED).get() == plain


@pytest.mark.parametrize("column", ["first_name", "last_name", "address", "notes"])
@pytest.mark.parametrize(("cell", "text"), [("'0812 34", "0812 34"), ("'007", "007"), ('="A ""b"""', 'A "b"')])
def test_a_marked_number_loses_its_mark_in_a_column_of_text(import_rows, column, cell, text):
    row = {"first_name": "J", "email": "j@example.com"} | {column: cell}
    import_rows([*row], [*row.values()])
    assert getattr(the_only_customer(), column) == text


def test_an_apostrophe_that_may_be_a_part_of_a_name_is_kept_and_told(import_rows):
    result = import_rows(["first_name", "last_name", "email"], ["Jan", "'t Hooft", "jan@example.com"])
    assert the_only_customer().last_name == "'t Hooft"
    assert "Line 2: last_name: the apostrophe at the beginning is kept, as a part of the text." in result.lines


# --- workbooks ------------------------------------------------------------------------------------------------------

HEADER = sheet_row(1, "first_name", "email", "notes", "shoe size")
JANE = sheet_row(2, "Jane", "jane@example.com", "tea")
FORMULA = '<c r="{at}"><f>A1</f></c>'


def sheet(*rows, before="", after=""):
    return f"{before}<sheetData>{''.join([HEADER, *rows])}</sheetData>{after}"


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        (FORMULA, "Cell C3 has a formula that was not computed. Open the file in a spreadsheet and save it anew."),
        (FORMULA.replace("</f>", "</f><v/>"), "Cell C3 has a formula that was not computed."),
        ('<c r="{at}"><f t="shared" si="0"/></c>', "Cell C3 has a formula that was not computed."),
        ('<c r="{at}" t="e"><v>#N/A</v></c>', "Cell C3 shows the error #N/A of a spreadsheet, and no value."),
        ('<c r="{at}" t="e"><f>A1</f><v>#REF!</v></c>', "Cell C3 shows the error #REF! of a spreadsheet"),
        ("<c r='{at}' t='e'><v>#VALUE!</v></c>", "Cell C3 shows the error #VALUE! of a spreadsheet"),
        ("#NAME?", "Cell C3 shows the error #NAME? of a spreadsheet"),
    ],
)
@pytest.mark.parametrize("place", [2, 3])
def test_a_cell_of_a_workbook_without_a_value_refuses_its_row_alone(
    import_file, in_scope, tmp_path, cell, reason, place
):
    joe = CustomerFactory(tenant=in_scope, first_name="Joe", notes="coffee", last_name=None)
    cells = ["Joe", joe.email, "", ""]
    cells[place] = cell
    data = as_raw_workbook(sheet(JANE, sheet_row(3, *cells), sheet_row(4, "Ann", "ann@example.com")))
    result = import_file(data, update=True, refused=tmp_path / "refused.csv")
    joe.refresh_from_db()
    if place == 2:
        ((line, column, why),) = result.refused_rows
        assert (line, column, why[: len(reason)], joe.notes) == (3, "notes", reason, "coffee")
        # The file of the refused rows is refused again until the cell is corrected.
        again = import_file((tmp_path / "refused.csv").read_bytes(), update=True)
        joe.refresh_from_db()
        assert (again.counts, joe.notes) == ({"refused": 1}, "coffee")
    else:
        # The column is not imported, so that its cells do not matter.
        assert (result.refused_rows, joe.notes) == ([], None)
    assert names() == {"Jane", "Joe", "Ann"}


def test_the_elements_of_a_sheet_may_have_a_prefix(import_file):
    xml = sheet(sheet_row(2, "Jane", "jane@example.com", FORMULA)).replace("<", "<x:").replace("<x:/", "</x:")
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    data = repacked(
        as_raw_workbook(""),
        lambda name, content: f'<x:worksheet xmlns:x="{main}">{xml}</x:worksheet>' if "worksheets" in name else content,
    )
    ((_, column, _),) = import_file(data).refused_rows
    assert column == "notes"


def test_a_formula_that_computed_a_text_or_an_empty_text_is_a_value(import_file, in_scope):
    CustomerFactory(tenant=in_scope, first_name="Joe", email="joe@example.com", notes="coffee", last_name=None)
    cells = ['<c r="{at}" t="str"><f>A1</f><v>milk</v></c>', '<c r="{at}" t="str"><f>A1</f><v></v></c>']
    rows = [sheet_row(2, "Jane", "jane@example.com", cells[0]), sheet_row(3, "Joe", "joe@example.com", cells[1])]
    assert import_file(as_raw_workbook(sheet(*rows)), update=True).refused_rows == []
    assert dict(Customer.objects.values_list("first_name", "notes")) == {"Jane": "milk", "Joe": None}


def test_hidden_sheets_are_not_read_and_further_sheets_are_told(import_file):
    others = [sheet(sheet_row(2, name, f"{name}@example.com")) for name in ("Ann", "Bob", "Eve")]
    data = as_raw_workbook(*others[:2], sheet(JANE), others[2], "<sheetData/>", states=["hidden", "veryHidden"])
    result = import_file(data)
    assert names() == {"Jane"}
    assert "Only the sheet “Sheet3” is read, not the other sheets: “Sheet4”." in result.lines
    assert "Hidden sheets are not read: “Sheet1”, “Sheet2”." in result.lines


def test_a_workbook_with_hidden_sheets_alone_is_refused(import_file):
    with pytest.raises(CommandError, match=r"The workbook is empty\. Hidden sheets are not read: “Sheet1”\."):
        import_file(as_raw_workbook(sheet(JANE), states=["hidden"]))


def test_hidden_rows_and_columns_are_read_and_told(import_file):
    hidden = [sheet_row(n, f"J{n}", f"j{n}@example.com", attributes='hidden="1"') for n in (3, 5)]
    shown = sheet_row(4, "Ann", "ann@example.com")
    columns = '<cols><col min="3" max="4" width="0" hidden="true"/></cols>'
    result = import_file(as_raw_workbook(sheet(JANE, hidden[0], shown, hidden[1], before=columns)))
    assert names() == {"Jane", "J3", "Ann", "J5"}
    assert (
        "Lines 3, 5: The row is hidden in the sheet, for example by a filter, and is read like the others."
        in result.lines
    )
    assert "Hidden columns are read like the others: C (notes), D (shoe size)." in result.lines


def test_a_merged_cell_clears_nothing(import_file, in_scope):
    joe = CustomerFactory(tenant=in_scope, first_name="Joe", notes="coffee", last_name=None)
    merged = '<mergeCells count="1"><mergeCell ref="C2:C3"/></mergeCells>'
    data = as_raw_workbook(sheet(JANE, sheet_row(3, "Joe", joe.email), after=merged))
    result = import_file(data, update=True)
    assert result.refused_rows == [(3, "notes", "Cell C3 is merged with another one. Split them, and fill each.")]
    joe.refresh_from_db()
    assert (joe.notes, names()) == ("coffee", {"Jane", "Joe"})


@pytest.mark.parametrize(("date1904", "offset"), [(0, 0), (1, 1462)])
def test_days_and_instants_of_both_date_systems_are_read(import_file, date1904, offset):
    header = sheet_row(1, "first_name", "email", "date_of_birth", "created_at", "phone", "loyalty_points", "is_active")
    cells = [
        "Jane",
        "jane@example.com",
        f'<c r="{{at}}" s="1"><v>{32904 - offset}</v></c>',
        f'<c r="{{at}}" s="2"><v>{45356.7291666667 - offset}</v></c>',
        '<c r="{at}"><v>81234567801</v></c>',
        '<c r="{at}"><v>120</v></c>',
        '<c r="{at}" t="b"><v>0</v></c>',
    ]
    data = as_raw_workbook(f"<sheetData>{header}{sheet_row(2, *cells)}</sheetData>", date1904=date1904)
    assert import_file(data).refused_rows == []
    jane = the_only_customer()
    assert (jane.date_of_birth, jane.phone, jane.loyalty_points) == (dt.date(1990, 1, 31), "+6281234567801", 120)
    assert (jane.created_at.replace(microsecond=0), jane.is_active) == (TEN_THIRTY_UTC, False)


def test_texts_of_every_kind_are_read_from_a_workbook(import_file):
    shared = (
        "<si><r><t>田</t></r><r><rPr><b/></rPr><t>中</t></r><rPh sb='0' eb='2'><t>タナカ</t></rPh></si>"
        "<si><t xml:space='preserve'> green \n tea </t></si>"
    )
    cells = ['<c r="{at}" t="s"><v>0</v></c>', "jane@example.com", '<c r="{at}" t="s"><v>1</v></c>']
    import_file(as_raw_workbook(sheet(sheet_row(2, *cells)), shared=shared))
    assert (the_only_customer().first_name, the_only_customer().notes) == ("田中", "green \n tea")


def test_a_shortened_phone_number_is_refused_in_a_text_and_read_from_a_number(import_file):
    header = sheet_row(1, "first_name", "phone")
    rows = [sheet_row(2, "Jane", "8.12E+10"), sheet_row(3, "Joe", '<c r="{at}"><v>81234567801.0</v></c>')]
    result = import_file(as_raw_workbook(f"<sheetData>{header}{''.join(rows)}</sheetData>"))
    ((line, column, reason),) = result.refused_rows
    assert (line, column, "8.12E+10" in reason) == (2, "phone", True)
    assert the_only_customer().phone == "+6281234567801"


@pytest.mark.parametrize(
    "error", ["#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NV", "#WERT!", "#Н/Д", "Err:502", "#####"]
)
def test_an_error_of_a_spreadsheet_is_no_value_in_a_text_file_either(import_rows, in_scope, error):
    jane = CustomerFactory(tenant=in_scope, notes="tea")
    result = import_rows(["id", "notes"], [jane.pk, error], update=True)
    assert result.refused_rows == [(2, "notes", f"The cell shows the error {error} of a spreadsheet, and no value.")]
    jane.refresh_from_db()
    assert jane.notes == "tea"


# --- addresses and consents -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("update", [False, True])
@pytest.mark.parametrize("address", ["JANE@Example.COM", "jane@example.com", "ｊａｎｅ@example.com"])
def test_an_address_that_differs_in_capitals_only_is_no_change(import_rows, in_scope, update, address):
    jane = CustomerFactory(tenant=in_scope, email="Jane@example.com", email_verified=True)
    events = AuditEvent.objects.count()
    result = import_rows(["id", "email"], [jane.pk, address], update=update)
    assert (result.counts, result.refused_rows, AuditEvent.objects.count()) == ({"unchanged": 1}, [], events)
    jane.refresh_from_db()
    assert (jane.email, jane.email_verified) == ("Jane@example.com", True)


def test_a_change_beside_an_address_in_other_capitals_leaves_the_address(import_rows, in_scope):
    jane = CustomerFactory(tenant=in_scope, email="Jane@example.com", email_verified=True)
    assert import_rows(["id", "email", "notes"], [jane.pk, "JANE@example.com", "tea"], update=True).counts == {
        "updated": 1
    }
    jane.refresh_from_db()
    assert (jane.email, jane.email_verified, jane.notes) == ("Jane@example.com", True, "tea")
    assert set(AuditEvent.objects.latest("id").after) == {"notes"}


CONSENT = ["id", "first_name", "marketing_consent", "consent_source", "consent_at"]
REFUSAL_KEPT = "the customer has refused marketing, and the refusal is kept."


@pytest.mark.parametrize("evidence", [[], ["", ""], ["paper", ""], ["", "2024-03-05"]])
@pytest.mark.parametrize("update", [False, True])
def test_an_import_keeps_a_refusal_of_marketing_without_evidence_and_tells_it(import_rows, in_scope, evidence, update):
    jane = CustomerFactory(tenant=in_scope, marketing_consent=False)
    name = "Janet" if update else jane.first_name
    result = import_rows(CONSENT[: 3 + len(evidence)], [jane.pk, name, "yes", *evidence], update=update)
    jane.refresh_from_db()
    assert (jane.marketing_consent, jane.first_name) == (False, name)
    assert (result.counts, result.refused_rows) == ({"updated" if update else "unchanged": 1}, [])
    assert next(line for line in result.lines if REFUSAL_KEPT in line).startswith("Line 2: marketing_consent:")
    assert not AuditEvent.objects.filter(action="consented").exists()


def test_an_import_turns_a_refusal_into_consent_with_source_and_instant_and_records_them(import_rows, in_scope):
    jane = CustomerFactory(tenant=in_scope, marketing_consent=False)
    row = [jane.pk, jane.first_name, "yes", "Paper", "2024-03-05 17:30:00+07"]
    assert import_rows(CONSENT, row).refused_rows[0][1] == "marketing_consent"
    assert import_rows(CONSENT, row, update=True, dry_run=True).counts == {"updated": 1}
    assert not AuditEvent.objects.filter(action="consented").exists()
    assert import_rows(CONSENT, row, update=True).counts == {"updated": 1}
    jane.refresh_from_db()
    event = AuditEvent.objects.get(action="consented")
    assert (jane.marketing_consent, event.customer_id, event.command) == (True, jane.pk, "import_customers")
    assert event.after == {"marketing_consent": True, "consent_source": "paper", "consent_at": "2024-03-05T10:30:00Z"}
    # Once more changes and records nothing.
    assert import_rows(CONSENT, row, update=True).counts == {"unchanged": 1}
    assert AuditEvent.objects.filter(action="consented").count() == 1


@pytest.mark.parametrize(
    ("column", "cell"), [("consent_source", "facebook"), ("consent_at", "2999-01-01"), ("consent_at", "03/04/2024")]
)
def test_an_invalid_evidence_of_consent_refuses_the_row(import_rows, in_scope, column, cell):
    jane = CustomerFactory(tenant=in_scope, marketing_consent=False)
    row = dict(zip(CONSENT, [jane.pk, "Janet", "yes", "paper", "2024-03-05"], strict=True)) | {column: cell}
    result = import_rows([*row], [*row.values()], update=True)
    ((_, where, reason),) = result.refused_rows
    assert (where, f"“{cell}”" in reason) == (column, True)
    jane.refresh_from_db()
    assert (jane.marketing_consent, jane.first_name == "Janet") == (False, False)


def test_a_consent_older_than_the_refusal_does_not_count(import_rows, in_scope):
    jane = CustomerFactory(tenant=in_scope, marketing_consent=True)
    jane.change({"marketing_consent": False})
    result = import_rows(CONSENT, [jane.pk, jane.first_name, "yes", "paper", "2024-03-05"], update=True)
    jane.refresh_from_db()
    assert (jane.marketing_consent, result.counts) == (False, {"unchanged": 1})
    assert any("has refused marketing after the day of consent_at" in line for line in result.lines)


def test_a_refusal_in_a_file_always_counts(import_rows, in_scope):
    jane = CustomerFactory(tenant=in_scope, marketing_consent=True)
    import_rows(["id", "marketing_consent"], [jane.pk, "no"], update=True)
    jane.refresh_from_db()
    assert jane.marketing_consent is False


def test_a_new_customer_consents_by_the_file_unless_they_refused_before_they_were_deleted(import_rows, in_scope):
    gone = DeletedCustomerFactory(tenant=in_scope, email="gone@example.com", marketing_consent=False)
    header = ["id", "first_name", "email", "marketing_consent", "consent_source"]
    rows = [
        ["", "Jane", "jane@example.com", "yes", "portal"],
        ["507f1f77bcf86cd799439011", "Joe", gone.email, "yes", "portal"],
    ]
    result = import_rows(header, *rows)
    assert dict(Customer.objects.undeleted().values_list("first_name", "marketing_consent")) == {
        "Jane": True,
        "Joe": False,
    }
    assert any(line.startswith("Line 3: marketing_consent:") for line in result.lines)
    event = AuditEvent.objects.get(action="consented")
    assert event.after == {"marketing_consent": True, "consent_source": "portal", "consent_at": None}


# --- properties -----------------------------------------------------------------------------------------------------

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12)
ODD_TEXTS = ["'0812", "''007", "#N/A", "'#N/A", '="x"', "'t Hooft", "'a@b.com", "x", "#FORMULA!", "-", "1.234", "TRUE"]
ODD_EMAILS = ["JANE{}@Example.com", "'jane{}@example.com", "=jane{}@example.com", "jane{}@müller.example"]


@pytest.mark.slow("writes and reads files of generated customers")
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "last_name": st.sampled_from([*ODD_TEXTS, None]),
                "email": st.sampled_from(ODD_EMAILS),
                "notes": st.sampled_from(ODD_TEXTS) | TEXTS,
                "address": st.none() | st.sampled_from(ODD_TEXTS),
                "preferred_categories": st.lists(st.sampled_from(ODD_TEXTS), max_size=2),
                "gender": st.sampled_from(["female", "non_binary", None]),
                "language": st.sampled_from(["en", "pt-br", "zh-Hans"]),
                "loyalty_points": st.integers(0, 10**9),
                "marketing_consent": st.booleans(),
                "accepts_sms": st.booleans(),
                "date_of_birth": st.none() | st.dates(dt.date(1900, 1, 1), dt.date(2020, 1, 1)),
            }
        ),
        min_size=1,
        max_size=6,
    )
)
@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_an_export_that_is_imported_with_update_changes_nothing(in_scope, tmp_path, kind, people):
    Customer.objects.all().delete()
    for number, person in enumerate(people):
        CustomerFactory(tenant=in_scope, phone=None, **person | {"email": person["email"].format(number)})
    before, events = list(Customer.objects.order_by("pk").values()), AuditEvent.objects.count()
    path = tmp_path / f"customers.{kind}"
    exported(path)
    result = imported(path, update=True)
    assert (result.counts, result.refused_rows) == ({"unchanged": len(people)}, [])
    assert (list(Customer.objects.order_by("pk").values()), AuditEvent.objects.count()) == (before, events)


JUNK = st.sampled_from(
    [*ODD_TEXTS, "", "yes", "0/0/00", "12%", "NULL", "\\N", "???", "1e400", "-1", "a;b", "\u200f", "nan"]
)


@pytest.mark.slow("imports files of generated cells")
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.fixed_dictionaries(dict.fromkeys([*MARKED, "marketing_consent", "preferred_categories"], JUNK | TEXTS)))
def test_a_row_of_junk_is_refused_or_stored_exactly(in_scope, tmp_path, cells):
    Customer.objects.all().delete()
    path = tmp_path / "customers.csv"
    row = cells | {"email": "junk@example.com", "first_name": f"J{cells['first_name']}"}
    path.write_bytes(as_csv([[*row], [*row.values()]]))
    result = imported(path)
    assert sum(result.counts.values()) == 1
    assert Customer.objects.count() == result.counts.get("created", 0)
    # Who was stored is exported and imported as they are.
    if "created" in result.counts:
        stored = Customer.objects.values().get()
        exported(path)
        assert imported(path, update=True).counts == {"unchanged": 1}
        assert Customer.objects.values().get() == stored
        header, exported_row = from_csv(path.read_bytes())
        assert dict(zip(header, exported_row, strict=True))["email"] == "junk@example.com"
