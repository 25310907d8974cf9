"""Measures the reading of the most costly files that an upload may have: `python -m bench.uploads`."""

import io
import os
import resource
import sys
import time
from collections.abc import Callable
from tempfile import TemporaryFile

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "circe.settings")
django.setup()

from openpyxl import Workbook  # noqa: E402

from customers.transfer.limits import MB, UPLOAD_LIMITS  # noqa: E402
from customers.transfer.reading import open_table  # noqa: E402
from customers.transfer.tables import UnreadableFile  # noqa: E402
from tenants.scope import ALL_TENANTS, tenant_scope  # noqa: E402

COLUMNS = 20


def workbook(rows: int) -> bytes:
    """Returns a workbook with this number of rows, in which each cell has another text."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet()
    sheet.append(["first_name", "email", *(f"c{number}" for number in range(COLUMNS - 2))])
    for row in range(rows):
        sheet.append([f"cell {row} {column}" for column in range(COLUMNS)])
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def csv(rows: int) -> bytes:
    """Returns a CSV file with this number of rows."""
    header = ",".join(["first_name", "email", *(f"c{number}" for number in range(COLUMNS - 2))])
    lines = (",".join(f"cell {row} {column}" for column in range(COLUMNS)) for row in range(rows))
    return "\n".join([header, *lines]).encode()


def measure(name: str, make: Callable[[int], bytes], rows: int) -> None:
    """Prints the size of the file, the time to read it, and the memory of the child process and of this one."""
    data = make(rows)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with TemporaryFile() as file, tenant_scope(ALL_TENANTS):
        file.write(data)
        begin, read = time.monotonic(), 0
        try:
            with open_table(file) as table:
                read = sum(1 for _ in table.records)
            outcome = "read"
        except UnreadableFile as error:
            outcome = str(error)
        seconds = time.monotonic() - begin
    child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024
    sys.stdout.write(
        f"{name}, {rows:,} rows × {COLUMNS}: {len(data) / MB:.0f} MB, {read:,} rows in {seconds:.1f} s, "
        f"largest child so far {child} MB, this process +{grown} MB: {outcome}\n"
    )


if __name__ == "__main__":
    for size in (10_000, 50_000, 100_000):
        measure("workbook", workbook, size)
    for size in (100_000, UPLOAD_LIMITS.cells // COLUMNS):
        measure("CSV", csv, size)
