"""Tests the import of workbooks: cells without a value, hidden parts, both date systems."""

import datetime as dt

import pytest
from django.core.management import CommandError

from customers.models import Customer
from customers.tests.factories import CustomerFactory
from customers.tests.transfer import as_raw_workbook, repacked, sheet_row


def the_only_customer():
    return Customer.objects.with_preferred().get()


def names():
    return set(Customer.objects.values_list("first_name", flat=True))


# --- workbooks ------------------------------------------------------------------------------------------------------

HEADER = sheet_row(1, "first_name", "email", "notes", "shoe size")
JANE = sheet_row(2, "Jane", "jane@example.com", "tea")
FORMULA = '<c r="{at}"><f>A1</f></c>'


def sheet(*rows, before="", after=""):
    return f"{before}<sheetData>{''.join([HEADER, *rows])}</sheetData>{after}"


NO_VALUES = [
    (FORMULA, "has a formula that was not computed. Open the file in a spreadsheet and save it anew."),
    (FORMULA.replace("</f>", "</f><v/>"), "has a formula that was not computed."),
    ('<c r="{at}"><f t="shared" si="0"/></c>', "has a formula that was not computed."),
    ('<c r="{at}" t="e"><v>#N/A</v></c>', "shows the error #N/A of a spreadsheet, and no value."),
    ('<c r="{at}" t="e"><f>A1</f><v>#REF!</v></c>', "shows the error #REF! of a spreadsheet"),
    ("<c r='{at}' t='e'><v>#VALUE!</v></c>", "shows the error #VALUE! of a spreadsheet"),
    ("#NAME?", "shows the error #NAME? of a spreadsheet"),
]


@pytest.fixture
def import_without_values(import_file, in_scope, tmp_path):
    """Returns a function that imports a cell of each kind without a value in a column, each for a customer, by line.

    It returns the result, and the customers.
    """

    def run(place):
        people = [CustomerFactory(tenant=in_scope, first_name="Joe", notes="coffee", last_name=None) for _ in NO_VALUES]
        rows = []
        for line, (joe, (cell, _)) in enumerate(zip(people, NO_VALUES, strict=True), 3):
            cells = ["Joe", joe.email, "", ""]
            cells[place] = cell
            rows.append(sheet_row(line, *cells))
        data = as_raw_workbook(sheet(JANE, *rows, sheet_row(3 + len(rows), "Ann", "ann@example.com")))
        result = import_file(data, update=True, refused=tmp_path / "refused.csv")
        assert names() == {"Jane", "Joe", "Ann"}
        return result, people

    return run


def stored_notes(people):
    return list(Customer.objects.filter(pk__in=[one.pk for one in people]).values_list("notes", flat=True))


def test_a_cell_of_a_workbook_without_a_value_refuses_its_row_alone(import_without_values, import_file, tmp_path):
    result, people = import_without_values(2)
    assert [row[:2] for row in result.refused_rows] == [(line, "notes") for line in range(3, 3 + len(people))]
    for (line, _, why), (_, reason) in zip(result.refused_rows, NO_VALUES, strict=True):
        assert why.startswith(f"Cell C{line} {reason}")
    assert stored_notes(people) == ["coffee"] * len(people)
    assert result.counts == {"created": 2, "refused": len(people)}
    # The file of the refused rows is refused again until the cells are corrected.
    again = import_file((tmp_path / "refused.csv").read_bytes(), update=True)
    assert again.counts == {"refused": len(people)}
    assert stored_notes(people) == ["coffee"] * len(people)


def test_a_cell_without_a_value_does_not_matter_in_a_column_that_is_not_imported(import_without_values):
    result, people = import_without_values(3)
    assert result.refused_rows == []
    assert stored_notes(people) == [None] * len(people)


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
    assert (jane.created_at.replace(microsecond=0), jane.is_active) == (
        dt.datetime(2024, 3, 5, 10, 30, tzinfo=dt.UTC),
        False,
    )


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


def test_an_error_of_a_spreadsheet_is_no_value_in_a_text_file_either(import_rows, in_scope):
    errors = ["#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NV", "#WERT!", "#Н/Д", "Err:502", "#####"]
    people = [CustomerFactory(tenant=in_scope, notes="tea") for _ in errors]
    result = import_rows(
        ["id", "notes"], *([one.pk, error] for one, error in zip(people, errors, strict=True)), update=True
    )
    assert result.refused_rows == [
        (line, "notes", f"The cell shows the error {error} of a spreadsheet, and no value.")
        for line, error in enumerate(errors, 2)
    ]
    assert stored_notes(people) == ["tea"] * len(people)
