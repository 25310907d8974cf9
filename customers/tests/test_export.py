"""Tests `manage.py export_customers`: an import of its file gives the same customers, and no cell is a formula."""

import datetime as dt
import io
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook

from customers.models import Customer
from customers.tests.factories import CustomerFactory, DeletedCustomerFactory
from customers.tests.transfer import as_file, exported, from_csv, imported
from customers.transfer.child_process import ParseJob, parse
from customers.transfer.columns import COLUMN_BY_NAME, COLUMNS
from customers.transfer.exporting import csv_chunks, write_workbook
from customers.transfer.limits import UPLOAD_LIMITS
from customers.transfer.text_marks import escape_cell, unescape_cell
from tenants.scope import ALL_TENANTS, tenant_scope
from tenants.tests.factories import OutletFactory, ServiceFactory, UserFactory

AWKWARD = [
    "=1+1",
    "'=1+1",
    "''=1+1",
    "'s-Hertogenbosch",
    "+62 812, evenings",
    "+628123456789",
    "'+628123456789",
    "-5",
    "@SUM(A1)",
    "＝1+1",
    '"quoted", with; all\tkinds | of',
    "two\nlines",
    "two\r\nlines",
    "an old\rline",
    "007",
    "1e5",
    "true",
    "null",
    "😀 é e\u0301",
    "_x000B_ _x005F_",
    "\x0b\x01\x1f a",
    "\ufffe\uffff",
    "a" * 500,
]


@pytest.fixture
def awkward_customers(in_scope):
    """Creates a customer with every column for each awkward text, and some customers with only the required columns."""
    outlet, services = OutletFactory(tenant=in_scope), [ServiceFactory(tenant=in_scope).pk for _ in range(2)]
    staff = UserFactory(tenant=in_scope).pk
    for number, text in enumerate(AWKWARD):
        customer = CustomerFactory(
            tenant=in_scope,
            last_name=None if number % 2 else "O'Neill",
            email_verified=True,
            gender="other",
            date_of_birth=dt.date(1990, 1, 31),
            address=text,
            notes=text,
            preferred_channel="phone",
            accessibility_needs=text,
            preferred_categories=[text[:50].strip(), "a;b", "\\;", "'x"],
            source="website",
            loyalty_points=number,
            is_active=bool(number % 2),
            accepts_whatsapp=True,
            marketing_consent=True,
            preferred_outlet_id=outlet.pk,
            created_at=dt.datetime(2019, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=number),
        )
        customer.change({"preferred_services": services, "preferred_staff_ids": [staff]})
    for contact in ({"email": None}, {"phone": None}):
        CustomerFactory(tenant=in_scope, last_name=None, **contact)
    DeletedCustomerFactory(tenant=in_scope, email="gone@example.com", deleted_at=dt.datetime(2024, 1, 1, tzinfo=dt.UTC))


@pytest.mark.slow("writes and reads files of generated texts")
@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_an_import_reads_an_export_unchanged(awkward_customers, tmp_path, kind):
    path = tmp_path / f"customers.{kind}"
    before, number = exported(tmp_path / "before.csv", deleted=True), Customer.objects.count()
    exported(path, deleted=True)
    result = imported(path)
    assert (result.counts, result.refused_rows) == ({"unchanged": number}, [])

    Customer.objects.all().delete()
    result = imported(path)
    assert (result.counts, result.refused_rows) == ({"created": number}, [])
    assert exported(tmp_path / "after.csv", deleted=True) == before
    # The comparison covers every column.
    header, *rows = from_csv(before)
    assert all(any(cells) for cells in zip(*rows, strict=True))
    assert header == [column.name for column in COLUMNS]


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20)


@pytest.mark.slow("writes and reads files of generated texts")
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(TEXTS | st.sampled_from(AWKWARD), min_size=1, max_size=10))
@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_any_text_is_exported_and_imported_unchanged(in_scope, tmp_path, kind, texts):
    Customer.objects.all().delete()
    for number, text in enumerate(texts):
        CustomerFactory(tenant=in_scope, email=f"j{number}@example.com", phone=None, notes=text)
    before = list(Customer.objects.order_by("pk").values_list("pk", "notes"))
    path = tmp_path / f"customers.{kind}"
    exported(path)
    Customer.objects.all().delete()
    imported(path)
    assert list(Customer.objects.order_by("pk").values_list("pk", "notes")) == before


@given(TEXTS | st.sampled_from(AWKWARD))
def test_unescaping_a_cell_restores_the_text(text):
    assert unescape_cell(escape_cell(text)) == text
    assert escape_cell(text)[0] not in "=@\t\r\n-＝＋－＠"
    assert escape_cell(text)[0] != "+" or (escape_cell(text)[1:].isascii() and escape_cell(text)[1:].isdigit())


@given(st.lists(TEXTS.map(str.strip).filter(bool), max_size=5))
def test_an_entry_of_a_list_may_have_the_separator(entries):
    with tenant_scope(ALL_TENANTS):
        customer = Customer(preferred_categories=entries)
    column = COLUMN_BY_NAME["preferred_categories"]
    assert column.parse(unescape_cell(column.format_cell(customer))) == entries


@pytest.mark.slow("writes and reads files of generated texts")
@given(
    st.lists(st.lists(TEXTS, min_size=2, max_size=2).filter(lambda row: "".join(row).strip()), min_size=1, max_size=5)
)
@example([["0", "\n"], [" ", "\u00a0 x"]])
def test_csv_and_xlsx_files_keep_any_text(cells):
    """Parses the files in this process, because starting another one for each takes most of the time."""
    table = [["first_name", "notes"], *cells]
    book = io.BytesIO()
    write_workbook(book, table)
    known = ["firstname", "notes"]
    job = ParseJob(encoding=None, code_page="cp1252", known=known, limits=UPLOAD_LIMITS, only_examine=False)
    for data in (book.getvalue(), b"".join(csv_chunks(table))):
        with as_file(data) as file:
            assert [record.cells for record in parse(file, job).records_within(UPLOAD_LIMITS)] == cells


# --- in a spreadsheet -----------------------------------------------------------------------------------------------


def test_no_cell_is_a_formula_and_phone_numbers_are_readable(awkward_customers, tmp_path):
    header, *rows = from_csv(exported(tmp_path / "customers.csv"))
    assert {cells[header.index("phone")][:3] for cells in rows} == {"+62", ""}
    others = [cell for cells in rows for name, cell in zip(header, cells, strict=True) if name != "phone"]
    assert [cell for cell in others if cell[:1] in {"=", "-", "@", "\t", "\r"}] == []
    assert [cell for cell in others if cell.startswith("+")] == ["+628123456789"] * 3

    exported(tmp_path / "customers.xlsx")
    sheet = load_workbook(tmp_path / "customers.xlsx")["Customers"]
    assert {cell.data_type for row in sheet.iter_rows() for cell in row if cell.value is not None} == {"s", "n", "b"}
    rows = [dict(zip(header, cells, strict=True)) for cells in sheet.iter_rows(min_row=2, values_only=True)]
    (first,) = (row for row in rows if row["notes"] == "'=1+1")
    assert first["phone"].startswith("+62")
    assert (type(first["loyalty_points"]), first["is_active"], first["address"]) == (int, False, "'=1+1")
    assert sheet.freeze_panes == "A2"


def test_a_csv_file_is_utf_8_with_a_byte_order_mark(awkward_customers, tmp_path):
    assert exported(tmp_path / "customers.csv").startswith(b"\xef\xbb\xbfid,first_name,last_name,")


def test_numbers_and_times_have_a_plain_format(in_scope, tmp_path):
    CustomerFactory(tenant=in_scope, loyalty_points=120, created_at=dt.datetime(2025, 1, 15, 10, 30, tzinfo=dt.UTC))
    header, cells = from_csv(exported(tmp_path / "customers.csv"))
    row = dict(zip(header, cells, strict=True))
    assert (row["loyalty_points"], row["created_at"], row["is_active"]) == ("120", "2025-01-15T10:30:00Z", "true")
    assert (row["gender"], row["deleted_at"]) == ("", "")


# --- the exported customers -----------------------------------------------------------------------------------------


def test_only_the_customers_of_the_business_are_exported(in_scope, other_tenant, tmp_path):
    jane = CustomerFactory(tenant=in_scope, password="argon2id$secret")
    CustomerFactory(tenant=other_tenant, email="theirs@example.com")
    DeletedCustomerFactory(tenant=in_scope, email="gone@example.com")
    data = exported(tmp_path / "customers.csv")
    assert [cells[0] for cells in from_csv(data)] == ["id", jane.pk]
    assert b"secret" not in data
    assert b"gone@example.com" in exported(tmp_path / "customers.csv", deleted=True)


def test_a_business_without_customers_gets_a_file_with_a_header(in_scope, tmp_path):
    for kind in ("csv", "xlsx"):
        exported(tmp_path / f"customers.{kind}")
        assert imported(tmp_path / f"customers.{kind}").counts == {}


# --- the command ----------------------------------------------------------------------------------------------------


def test_without_an_output_the_file_goes_to_stdout(in_scope, capsys):
    jane = CustomerFactory(tenant=in_scope)
    call_command("export_customers", tenant="lotus")
    output, errors = capsys.readouterr()
    assert from_csv(output.encode())[1][0] == jane.pk
    assert errors == "lotus: 1 exported\n"


def test_a_dry_run_counts_and_writes_nothing(in_scope, tmp_path, capsys):
    CustomerFactory(tenant=in_scope)
    call_command("export_customers", tenant="lotus", output=tmp_path / "customers.csv", dry_run=True)
    assert capsys.readouterr().out.startswith("[dry run] lotus: 1 exported\n")
    assert list(tmp_path.iterdir()) == []


def test_only_the_owner_of_the_file_may_read_it(in_scope, tmp_path):
    path = tmp_path / "customers.csv"
    path.touch(0o666)
    call_command("export_customers", tenant="lotus", output=path)
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_failed_export_leaves_the_earlier_file(in_scope, tmp_path, monkeypatch):
    monkeypatch.setattr("customers.management.commands.export_customers.MAX_SHEET_ROWS", 2)
    for _ in range(2):
        CustomerFactory(tenant=in_scope)
    path = tmp_path / "customers.xlsx"
    path.write_bytes(b"before")
    with pytest.raises(CommandError, match="A sheet holds at most 1 customers") as refused:
        call_command("export_customers", tenant="lotus", output=path)
    assert refused.value.returncode == 2
    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [("customers.xlsx", b"before")]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"tenant": "lotus", "format": "xlsx"}, "A workbook is written to a file: name it with --output."),
        ({"all_tenants": True}, "A file is of one business: name it with --tenant."),
        ({"tenant": "lotus", "output": Path("/nowhere/customers.csv")}, "/nowhere/customers.csv can't be written"),
        ({"tenant": "lotus", "output": Path("/dev")}, "/dev is no file."),
    ],
)
def test_wrong_options_are_reported(tenant, options, sentence):
    with pytest.raises(CommandError, match=sentence) as refused:
        call_command("export_customers", **options)
    assert refused.value.returncode == 2
