"""Runs the import and export commands in tests, and makes their files."""

import csv
import io
import json
import zipfile
from contextlib import suppress
from tempfile import TemporaryFile
from xml.sax.saxutils import escape

from django.core.management import call_command
from openpyxl import Workbook


class ImportResult:
    """The exit code of `import_customers`, its stderr, and the counts and refused rows of its JSON report."""

    def __init__(self, code, output, stderr):
        answer = json.loads(output)
        self.code, self.stderr = code, stderr
        self.lines = stderr.splitlines()
        self.refused_rows = [(row["line"], row["column"], row["reason"]) for row in answer["rows"]]
        self.counts = {name: number for name, number in answer["totals"].items() if number}


def imported(path, **options):
    """Runs the command on a file for the tenant `lotus`."""
    output, stderr, code = io.StringIO(), io.StringIO(), 0
    tenant = {} if "all_tenants" in options else {"tenant": "lotus"}
    try:
        call_command("import_customers", path, **tenant | {"json": True} | options, stdout=output, stderr=stderr)
    except SystemExit as end:
        code = end.code
    return ImportResult(code, output.getvalue(), stderr.getvalue())


def exported(path, **options):
    """Returns the bytes of the file that `export_customers` writes."""
    with suppress(FileNotFoundError):
        path.unlink()
    call_command("export_customers", **{"tenant": "lotus", "output": path} | options, stdout=io.StringIO())
    return path.read_bytes()


def as_csv(rows, **options):
    """Returns the rows as the bytes of a CSV file."""
    text = io.StringIO(newline="")
    csv.writer(text, **options).writerows(rows)
    return text.getvalue().encode()


def from_csv(data):
    """Returns the rows of a CSV file that Circe wrote."""
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def as_workbook(*sheets):
    """Returns the bytes of an XLSX file. Each sheet is a list of rows."""
    book = Workbook()
    book.remove(book.active)
    for rows in sheets:
        sheet = book.create_sheet()
        for row in rows:
            sheet.append(row)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def as_file(data):
    """Returns a file on disk with these bytes, as `open_table` needs it."""
    file = TemporaryFile()  # noqa: SIM115 (the caller closes it)
    file.write(data)
    return file


WORKBOOK_PARTS = {
    "[Content_Types].xml": (
        '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        '<Override PartName="/xl/workbook.xml" ContentType='
        '"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/></Types>'
    ),
    "_rels/.rels": (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" '
        'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" '
        'Target="xl/workbook.xml"/></Relationships>'
    ),
    # The formats 1 and 2 show a day, and a day with a time.
    "xl/styles.xml": (
        '<styleSheet xmlns="{main}"><cellXfs count="3"><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="22"/></cellXfs>'
        "</styleSheet>"
    ),
    "xl/sharedStrings.xml": '<sst xmlns="{main}">{shared}</sst>',
    "xl/workbook.xml": (
        '<workbook xmlns="{main}" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">'
        '<workbookPr date1904="{date1904}"/><sheets>{sheets}</sheets></workbook>'
    ),
    "xl/_rels/workbook.xml.rels": (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{relations}</Relationships>'
    ),
}
RELATION_TYPE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def as_raw_workbook(*sheets, shared="", date1904=0, states=()):
    """Returns the bytes of an XLSX file. Each sheet is the XML within `worksheet`; `states` are the sheets' states."""
    numbers = range(1, len(sheets) + 1)
    states = [*states, *["visible"] * len(sheets)]
    values = {
        "main": "http://schemas.openxmlformats.org/spreadsheetml/2006/main",
        "shared": shared,
        "date1904": date1904,
        "sheets": "".join(
            f'<sheet name="Sheet{n}" sheetId="{n}" state="{states[n - 1]}" r:id="rId{n}"/>' for n in numbers
        ),
        "relations": "".join(
            f'<Relationship Id="rId{n}" Type="{RELATION_TYPE}/worksheet" Target="worksheets/sheet{n}.xml"/>'
            for n in numbers
        )
        + f'<Relationship Id="rIdA" Type="{RELATION_TYPE}/styles" Target="styles.xml"/>'
        + f'<Relationship Id="rIdB" Type="{RELATION_TYPE}/sharedStrings" Target="sharedStrings.xml"/>',
    }
    parts = {name: text.format(**values) for name, text in WORKBOOK_PARTS.items()}
    parts |= {
        f"xl/worksheets/sheet{n}.xml": f'<worksheet xmlns="{values["main"]}">{sheet}</worksheet>'
        for n, sheet in zip(numbers, sheets, strict=True)
    }
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, f'<?xml version="1.0" encoding="UTF-8"?>{text}')
    return file.getvalue()


def sheet_row(number, *cells, attributes=""):
    """Returns the XML of a row. Each cell is a text, or the XML of a cell with `{at}` for its place."""
    xml = ""
    for index, cell in enumerate(cells):
        at = f"{chr(ord('A') + index)}{number}"
        xml += cell.replace("{at}", at) if cell.startswith("<") else text_cell(cell).replace("{at}", at)
    return f'<row r="{number}" {attributes}>{xml}</row>'


def text_cell(text):
    return f'<c r="{{at}}" t="inlineStr"><is><t>{escape(text)}</t></is></c>' if text else ""


def repacked(data, change):
    """Returns the workbook with its parts changed by `change(name, content)`."""
    source, target = zipfile.ZipFile(io.BytesIO(data)), io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in source.namelist():
            archive.writestr(name, change(name, source.read(name)))
    return target.getvalue()
