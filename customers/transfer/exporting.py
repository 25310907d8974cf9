"""Exporting customers: what `importing` reads unchanged, as CSV or XLSX."""

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Any

from customers.models import CustomerQuerySet
from customers.transfer.columns import COLUMNS, TENANT

BATCH = 2000
CHUNK = 1 << 16
# By this a spreadsheet knows UTF-8.
BOM = "\ufeff"


def header(*, with_tenant: bool) -> list[Any]:
    """The names of the columns, first `tenant` where the customers are not all of one."""
    return [*([TENANT] if with_tenant else []), *(column.name for column in COLUMNS)]


def rows(customers: CustomerQuerySet, *, with_tenant: bool) -> Iterator[list[Any]]:
    """A row a customer, by id: all as they are at one moment, a batch at a time in memory.

    The tenant scope has to stay open until the last is taken, and a transaction, or else the server copies the rows first.
    `with_tenant` puts the slug of each one's tenant in front.
    """
    customers = customers.with_preferred().order_by("pk")
    if with_tenant:
        customers = customers.select_related("tenant")
    for customer in customers.iterator(chunk_size=BATCH):
        tenant = [customer.tenant.slug] if with_tenant else []
        yield [*tenant, *(column.cell(customer) for column in COLUMNS)]


def csv_chunks(table: Iterable[list[Any]]) -> Iterator[bytes]:
    """Rows as CSV (RFC 4180), in pieces of some CHUNK bytes."""
    text = io.StringIO(BOM, newline="")
    text.seek(0, io.SEEK_END)
    writer = csv.writer(text)
    for row in table:
        writer.writerow(str(cell).lower() if isinstance(cell, bool) else cell for cell in row)
        if text.tell() > CHUNK:
            yield text.getvalue().encode()
            text.seek(0)
            text.truncate()
    yield text.getvalue().encode()
