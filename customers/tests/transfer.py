"""Importing and exporting in tests, through the commands."""

import csv
import io
import json
from contextlib import suppress

from django.core.management import call_command
from openpyxl import Workbook


class Imported:
    """What `import_customers` said: its exit code, and the figures and refusals of its JSON."""

    def __init__(self, code, output, told):
        answer = json.loads(output)
        self.code, self.told = code, told
        self.refusals = [(row["line"], row["column"], row["reason"]) for row in answer["rows"]]
        self.counts = {name: number for name, number in answer["totals"].items() if number}


def imported(path, **options):
    """Run the command on a file for our tenant."""
    output, told, code = io.StringIO(), io.StringIO(), 0
    whose = {} if "all_tenants" in options else {"tenant": "lotus"}
    try:
        call_command("import_customers", path, **whose | {"json": True} | options, stdout=output, stderr=told)
    except SystemExit as end:
        code = end.code
    return Imported(code, output.getvalue(), told.getvalue())


def exported(path, **options):
    """The bytes of the file that `export_customers` writes."""
    with suppress(FileNotFoundError):
        path.unlink()
    call_command("export_customers", **{"tenant": "lotus", "output": path} | options, stdout=io.StringIO())
    return path.read_bytes()


def as_csv(rows, **options):
    """Rows as the bytes of a CSV."""
    text = io.StringIO(newline="")
    csv.writer(text, **options).writerows(rows)
    return text.getvalue().encode()


def from_csv(data):
    """The rows of a CSV of ours."""
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def as_workbook(*sheets):
    """The bytes of an XLSX of sheets of rows."""
    book = Workbook()
    book.remove(book.active)
    for rows in sheets:
        sheet = book.create_sheet()
        for row in rows:
            sheet.append(row)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()
