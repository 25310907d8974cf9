"""Runs the import and export commands in tests, and makes their files."""

import csv
import io
import json
from contextlib import suppress
from tempfile import TemporaryFile

from django.core.management import call_command
from openpyxl import Workbook


class ImportResult:
    """The exit code of `import_customers`, its stderr, and the counts and refused rows of its JSON report."""

    def __init__(self, code, output, stderr):
        answer = json.loads(output)
        self.code, self.stderr = code, stderr
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
