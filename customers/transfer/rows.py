"""A row of a file as a customer, by the rules of the API."""

import unicodedata
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ValidationError

from customers.models import PREFERRED, Customer
from customers.transfer.columns import TENANT, Column, plain
from customers.transfer.reading import Table
from customers.transfer.tables import Record
from tenants.identity import email_key
from tenants.models import Outlet, Service, Staff
from tenants.scope import current_tenant

FIELDS: dict[str, Any] = {column.attname: column for column in Customer._meta.concrete_fields}
REFERENCES: dict[str, Any] = {
    "preferred_outlet_id": Outlet,
    "preferred_services": Service,
    "preferred_staff_ids": Staff,
}
LISTS = {"tags", "preferred_categories", *PREFERRED}


class Refused(Exception):
    """A row that is not imported: `reasons` by the name of the column, "" where it is none's."""

    def __init__(self, reasons: dict[str, str]) -> None:
        super().__init__(reasons)
        self.reasons = reasons


@dataclass
class Row:
    """A record, and the customer it describes. `given` names the columns about which it says something.

    `reasons` tell what is wrong with its cells; `lacks` tells why it would not do for a new customer.
    """

    record: Record
    customer: Customer
    given: set[str] = field(default_factory=set)
    reasons: dict[str, str] = field(default_factory=dict)
    lacks: dict[str, str] = field(default_factory=dict)


class Reader:
    """Makes rows of a table's records, in the scope of the tenant that they are for."""

    def __init__(self, table: Table) -> None:
        self.columns = table.columns
        self.tenant = current_tenant()
        self.tenant_at = table.header.index(TENANT) if TENANT in table.header else None
        self.has_source = any(column and column.name == "source" for column in table.columns)
        self.known = {name: frozenset(model.objects.values_list("pk", flat=True)) for name, model in REFERENCES.items()}

    def row(self, record: Record) -> Row:
        """The row of a record."""
        row = Row(record, Customer(**{} if self.has_source else {"source": "import"}))
        for name in PREFERRED:
            setattr(row.customer, name, [])
        if record.fault:
            row.reasons[""] = record.fault
            return row
        if self.tenant_at is not None and record.cells[self.tenant_at] not in {"", self.tenant.slug}:
            row.reasons[TENANT] = "This is a customer of another business."
        for column, cell in zip(self.columns, record.cells, strict=True):
            if column:
                self._take(row, column, plain(cell).strip())
        if not row.reasons:
            row.lacks = check(row.customer)
            _delete(row.customer)
        return row

    def _take(self, row: Row, column: Column, text: str) -> None:
        if not text and column.keeps:
            return
        row.given.add(column.name)
        try:
            empty: Any = [] if column.name in LISTS else None
            setattr(row.customer, column.name, self._read(column, text) if text else empty)
        except ValidationError as error:
            row.reasons[column.name] = " ".join(error.messages)

    def _read(self, column: Column, text: str) -> Any:
        if not text.isascii():
            text = unicodedata.normalize("NFC", text)
            if any("\ud800" <= character <= "\udfff" for character in text):
                raise ValidationError("The cell holds bytes that are no text in the file's encoding.")
        if "\0" in text:
            raise ValidationError("The cell holds a null character.")
        value = column.read(text)
        if column.name not in REFERENCES:
            return FIELDS[column.name].clean(value, None)
        if not self.known[column.name].issuperset([value] if isinstance(value, str) else value):
            raise ValidationError(f"There is no {REFERENCES[column.name]._meta.verbose_name} with this id.")
        return value


def _delete(customer: Customer) -> None:
    """Make a customer with a time of deletion a deleted one."""
    if customer.deleted_at:
        customer.is_deleted, customer.was_active, customer.is_active = True, customer.is_active, False


def check(customer: Customer) -> dict[str, str]:
    """Bring the values into canonical form. Returns the reasons why they make no customer, none if they do."""
    try:
        customer.clean()
    except ValidationError as error:
        reasons = {name: " ".join(messages) for name, messages in error.message_dict.items()}
    else:
        reasons = {} if customer.first_name else {"first_name": "A customer needs a first name."}
    customer.email_key = email_key(customer.email) if customer.email else None
    return reasons
