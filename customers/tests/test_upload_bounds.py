"""Tests files that are small to send and costly to read. A child process with limits reads or refuses each of them."""

import io
import os
import resource
import subprocess
import threading
import zipfile

import pytest
from django.db import connection

from customers.models.imports import CustomerImport
from customers.tests.test_transfer_admin import IMPORT, checked, upload
from customers.tests.transfer import as_csv, as_workbook
from customers.transfer import uploads
from customers.transfer.limits import (
    MAX_COLUMNS,
    MAX_REFUSED_ROWS_BYTES,
    MAX_SHEETS,
    MAX_WORKBOOK_PARTS,
    MB,
    UPLOAD_LIMITS,
    Limits,
)
from tenants.scope import tenant_scope

pytestmark = pytest.mark.slow("reads costly files until a limit stops it")

# The server may grow by this while a child process reads a file: it holds the upload and one batch.
MAX_GROWTH_BYTES = 96 * MB
GOOD = as_workbook([["first_name", "email"], ["Jane", "jane@example.com"]])
SHEET, STRINGS, STYLES, BOOK = (
    f"xl/{name}.xml" for name in ("worksheets/sheet1", "sharedStrings", "styles", "workbook")
)
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


def packed(**changes):
    """Returns a valid workbook with some parts changed or added, by name."""
    good = zipfile.ZipFile(io.BytesIO(GOOD))
    parts = {name: good.read(name) for name in good.namelist()}
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in (parts | changes).items():
            archive.writestr(name, content)
    return target.getvalue()


def sheet(rows, head=""):
    return f'{head}<worksheet xmlns="{MAIN}"><sheetData>{rows}</sheetData></worksheet>'


def cell(reference, text="Jane"):
    return f'<c r="{reference}" t="inlineStr"><is><t>{text}</t></is></c>'


HEADER = f'<row r="1">{cell("A1", "first_name")}{cell("B1", "email")}</row>'


def a_million_empty_strings():
    return packed(**{STRINGS: f'<sst xmlns="{MAIN}">{"<si/>" * 1_000_000}</sst>'})


def a_column_far_to_the_right():
    rows = "".join(f'<row r="{n}">{cell(f"A{n}")}{cell(f"ZZZ{n}")}</row>' for n in range(2, 5_000))
    return packed(**{SHEET: sheet(HEADER + rows)})


def a_row_far_below():
    return packed(**{SHEET: sheet(HEADER + f'<row r="1048576">{cell("XFD1048576")}</row>')})


def thousands_of_sheets():
    names = "".join(f'<sheet name="s{n}" sheetId="{n}" r:id="rId1"/>' for n in range(1, 10_001))
    relations = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    return packed(**{BOOK: f'<workbook xmlns="{MAIN}" xmlns:r="{relations}"><sheets>{names}</sheets></workbook>'})


def a_million_styles():
    return packed(**{STYLES: f'<styleSheet xmlns="{MAIN}"><cellXfs>{"<xf/>" * 1_000_000}</cellXfs></styleSheet>'})


def deep_nesting():
    return packed(**{SHEET: sheet(HEADER + "<a>" * 2_000_000 + "</a>" * 2_000_000)})


def entities_of_entities():
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    doctype = f'<!DOCTYPE worksheet [<!ENTITY e0 "{"x" * 100}">{entities}]>'
    return packed(**{SHEET: sheet(HEADER + f'<row r="2">{cell("A2", "&e11;")}</row>', doctype)})


def hundreds_of_megabytes_unpacked():
    return packed(**{SHEET: b" " * (UPLOAD_LIMITS.unpacked_bytes + MB)})


def thousands_of_parts():
    return packed(**{f"xl/media/{n}.png": b"" for n in range(MAX_WORKBOOK_PARTS + 1)})


def a_hundred_thousand_columns():
    return as_csv([["first_name", *(f"c{n}" for n in range(100_000))]])


def one_huge_cell():
    return b"first_name,notes\nJane," + b"x" * (40 * MB) + b"\n"


def millions_of_empty_lines():
    return b"first_name,email\n" + b"\n" * (UPLOAD_LIMITS.lines + 1)


def a_quotation_mark_that_never_closes():
    return b'first_name,email\n"Jane,\n' + b"x,y\n" * 1_000_000


REFUSED = [
    (a_column_far_to_the_right, "too large"),
    (a_row_far_below, ""),
    (thousands_of_sheets, f"at most {MAX_SHEETS}"),
    (hundreds_of_megabytes_unpacked, "once unpacked"),
    (thousands_of_parts, "parts"),
    (a_hundred_thousand_columns, f"at most {MAX_COLUMNS}"),
    (millions_of_empty_lines, "lines"),
]
# These files may be read or refused, since the child process stays within its limits either way.
EITHER = [
    a_million_empty_strings,
    a_million_styles,
    deep_nesting,
    entities_of_entities,
    one_huge_cell,
    a_quotation_mark_that_never_closes,
]


@pytest.fixture
def growth():
    """Returns a function for the growth of this process's peak memory, in bytes. This process is the web server."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return lambda: (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024


@pytest.mark.parametrize(("make", "words"), REFUSED)
def test_a_costly_file_is_refused_with_a_sentence(back_office, in_scope, growth, monkeypatch, make, words):
    # A slow machine would refuse a file of many lines earlier, by the time that it takes.
    monkeypatch.setattr(Limits, "message_seconds", 600)
    data = make()
    grown = growth()
    response = upload(back_office("tenant_admin"), data, name="people.xlsx" if data[:2] == b"PK" else "people.csv")
    assert response.status_code == 200
    ((error,),) = response.context["form"].errors.values()
    assert words in error
    assert growth() - grown < MAX_GROWTH_BYTES
    assert not CustomerImport.objects.exists()


@pytest.mark.parametrize("make", EITHER)
def test_a_costly_file_costs_the_server_little(back_office, in_scope, growth, make):
    data = make()
    grown = growth()
    response = upload(back_office("tenant_admin"), data, name="people.xlsx" if data[:2] == b"PK" else "people.csv")
    assert response.status_code == 200
    if response.streaming:
        b"".join(response.streaming_content)
    else:
        assert response.context["form"].errors
    assert growth() - grown < MAX_GROWTH_BYTES
    assert CustomerImport.objects.running().count() == 0


def test_a_business_has_one_run_at_a_time(back_office, in_scope):
    browser = back_office("tenant_admin")
    url = checked(browser)
    CustomerImport.objects.update(last_active_at="2100-01-01T00:00:00Z")
    ((error,),) = upload(browser).context["form"].errors.values()
    assert (
        error == "Another file of your business is being checked or imported. Wait until that is done, and try again."
    )
    CustomerImport.objects.update(last_active_at=None)
    assert browser.get(url).status_code == 200
    assert checked(browser) != url


def test_all_businesses_together_have_few_runs_at_a_time(back_office, in_scope, other_tenant):
    for _ in range(2):
        with tenant_scope(other_tenant):
            CustomerImport.objects.create(file_name="theirs.csv", last_active_at="2100-01-01T00:00:00Z")
    ((error,),) = upload(back_office("tenant_admin")).context["form"].errors.values()
    assert error == "Too many files are being checked or imported at the moment. Try again in a minute."


@pytest.mark.django_db(transaction=True)
def test_others_see_that_a_file_is_being_read(back_office, in_scope):
    """The file is refused in the end, and its row deleted: it is seen only if it is committed before."""
    browser, data = back_office("tenant_admin"), millions_of_empty_lines()

    def send():
        upload(browser, data)
        connection.close()

    sender = threading.Thread(target=send)
    sender.start()
    seen_meanwhile = False
    while sender.is_alive() and not seen_meanwhile:
        seen_meanwhile = CustomerImport.objects.running().exists()
    sender.join()
    assert seen_meanwhile


def test_closing_a_run_ends_its_child_process(in_scope):
    rows = [["first_name", "email"], *(["Jane", f"jane{n}@example.com"] for n in range(5_000))]
    kept = uploads.store_upload(io.BytesIO(as_csv(rows)), name="people.csv", update=False)
    steps = uploads.run_upload(kept, dry_run=False)
    next(steps)
    assert "customers.transfer.child_process" in processes()
    steps.close()
    assert "customers.transfer.child_process" not in processes()
    assert not CustomerImport.objects.running().exists()


def processes():
    """Returns the command lines of this process's children."""
    command = ["ps", "-ww", "-o", "args", "--ppid", str(os.getpid())]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_the_file_of_refused_rows_is_bounded(back_office, in_scope, monkeypatch):
    monkeypatch.setattr("customers.transfer.uploads.MAX_REFUSED_ROWS_BYTES", 1_000)
    browser = back_office("tenant_admin")
    url = checked(browser, as_csv([["first_name", "email"], *(["Jane", "x"] for _ in range(100))]))
    refused = b"".join(browser.get(f"{url}refused.csv").streaming_content)
    assert len(refused) <= 1_000 < MAX_REFUSED_ROWS_BYTES
    assert browser.get(IMPORT).status_code == 200
