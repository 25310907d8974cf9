"""Reads a file of customers: finds its columns, and makes a customer of each row by the rules of the API."""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Self

from django.core.exceptions import ValidationError

from customers.models import PREFERENCE_MODELS, Customer
from customers.transfer.child_process import ChildProcess, ParseJob
from customers.transfer.columns import (
    COLUMN_BY_HEADER,
    REFUSED_ROW_COLUMNS,
    TENANT_COLUMN,
    CustomerColumn,
    find_column,
    unescape_formula,
)
from customers.transfer.csv_reader import get_code_page
from customers.transfer.limits import UPLOAD, Limits
from customers.transfer.tables import Record, UnreadableFile
from tenants.identity import email_key
from tenants.models import Outlet, Service, Staff
from tenants.scope import current_tenant

MAX_LISTED_IGNORED_COLUMNS = 20
MODEL_FIELDS: dict[str, Any] = {model_field.attname: model_field for model_field in Customer._meta.concrete_fields}
REFERENCED_MODELS: dict[str, Any] = {
    "preferred_outlet_id": Outlet,
    "preferred_services": Service,
    "preferred_staff_ids": Staff,
}
LIST_COLUMNS = {"tags", "preferred_categories", *PREFERENCE_MODELS}


# --- the file -------------------------------------------------------------------------------------------------------


class CustomerTable:
    """An open file of customers. `columns` has a column, or None, for each header; the records can be read once.

    The constructor and `records` raise UnreadableFile. The caller has to close the table, which ends the child process.
    """

    def __init__(self, file: BinaryIO, job: ParseJob) -> None:
        self._process = ChildProcess(file, job)
        self.bytes_read = 0
        try:
            first = next(self._process.messages, {})
            self.header: list[str] = first["header"]
            self.read_as: str = first["read_as"]
            self.size_bytes: int = first["size_bytes"]
            self.columns = _find_columns(self.header)
        except BaseException:
            self.close()
            raise
        self.records = self._read_records()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._process.end()

    def _read_records(self) -> Iterator[Record]:
        for message in self._process.messages:
            self.bytes_read = message["bytes_read"]
            for line, cells, error in message["records"]:
                yield Record(line, cells, error)

    @property
    def ignored_headers(self) -> list[str]:
        """The headers that name no column. If there are very many, the first of them and the number of the others."""
        pairs = zip(self.header, self.columns, strict=True)
        not_reported = {*REFUSED_ROW_COLUMNS, TENANT_COLUMN}
        ignored = [name[:50] for name, column in pairs if not column and name and name.lower() not in not_reported]
        more = len(ignored) - MAX_LISTED_IGNORED_COLUMNS
        return ignored if more <= 0 else [*ignored[:MAX_LISTED_IGNORED_COLUMNS], f"{more:,} more"]


def open_table(
    file: BinaryIO, encoding: str | None = None, *, limits: Limits = UPLOAD, only_check: bool = False
) -> CustomerTable:
    """Returns the table of a CSV or XLSX file on disk, whose position moves. Raises UnreadableFile.

    With `only_check` the table yields no records: the child process only tries to parse them within the limits.
    """
    tenant = current_tenant()
    job = ParseJob(
        encoding=encoding,
        code_page=get_code_page(tenant.language if tenant else ""),
        known=list(COLUMN_BY_HEADER),
        limits=limits,
        only_check=only_check,
    )
    # The child process reads the file itself, and not what this process still has in its buffer.
    file.flush()
    return CustomerTable(file, job)


def check_readable(file: BinaryIO) -> None:
    """Raises UnreadableFile if an uploaded file can't be imported at all."""
    with open_table(file, only_check=True) as table:
        for _ in table.records:
            pass


def _find_columns(header: list[str]) -> list[CustomerColumn | None]:
    """Returns the column, or None, of each header. Raises UnreadableFile if there is no column, or one appears twice."""
    columns = [find_column(name) for name in header]
    found = [column for column in columns if column]
    if not found:
        raise UnreadableFile(
            "The first row has to name the columns, such as first_name, email and phone. "
            f"Here it is: {', '.join(header)[:200]}"
        )
    for column in found:
        if found.count(column) > 1:
            same = [name[:50] for name, other in zip(header, columns, strict=True) if other is column]
            raise UnreadableFile(
                f"Each of the columns {' and '.join(same[:5])} would be the {column.name}: leave one out."
            )
    return columns


# --- its rows -------------------------------------------------------------------------------------------------------


class InvalidRow(Exception):
    """A row can't be imported. `errors` has the reasons by column name, under "" if the reason concerns no column."""

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__(errors)
        self.errors = errors


@dataclass
class ImportRow:
    """A record, and the customer that it describes. `given` has the names of the columns for which it has a value.

    `errors` has the reasons why its cells are invalid, and `errors_if_new` the reasons why it cannot become a new customer.
    """

    record: Record
    customer: Customer
    given: set[str] = field(default_factory=set)
    errors: dict[str, str] = field(default_factory=dict)
    errors_if_new: dict[str, str] = field(default_factory=dict)


class RowReader:
    """Makes rows of the records of a table, for the tenant in scope."""

    def __init__(self, table: CustomerTable) -> None:
        self.columns = table.columns
        self.tenant = current_tenant()
        self.tenant_index = table.header.index(TENANT_COLUMN) if TENANT_COLUMN in table.header else None
        self.has_source = any(column and column.name == "source" for column in table.columns)
        self.existing_ids = {
            name: frozenset(model.objects.values_list("pk", flat=True)) for name, model in REFERENCED_MODELS.items()
        }

    def read_row(self, record: Record) -> ImportRow:
        row = ImportRow(record, Customer(**{} if self.has_source else {"source": "import"}))
        for name in PREFERENCE_MODELS:
            setattr(row.customer, name, [])
        if record.error:
            row.errors[""] = record.error
            return row
        if self.tenant_index is not None and record.cells[self.tenant_index] not in {"", self.tenant.slug}:
            row.errors[TENANT_COLUMN] = "This is a customer of another business."
        for column, cell in zip(self.columns, record.cells, strict=True):
            if column:
                self._set_value(row, column, unescape_formula(cell).strip())
        if not row.errors:
            row.errors_if_new = validate_customer(row.customer)
            _mark_deleted(row.customer)
        return row

    def _set_value(self, row: ImportRow, column: CustomerColumn, text: str) -> None:
        if not text and column.skip_empty:
            return
        row.given.add(column.name)
        try:
            empty: Any = [] if column.name in LIST_COLUMNS else None
            setattr(row.customer, column.name, self._parse_cell(column, text) if text else empty)
        except ValidationError as error:
            row.errors[column.name] = " ".join(error.messages)

    def _parse_cell(self, column: CustomerColumn, text: str) -> Any:
        if not text.isascii():
            text = unicodedata.normalize("NFC", text)
            # A surrogate is half a character of UTF-16, or stands for bytes that could not be decoded.
            if any("\ud800" <= character <= "\udfff" for character in text):
                raise ValidationError("The cell holds bytes that are no text in the file's encoding.")
        if "\0" in text:
            raise ValidationError("The cell holds a null character.")
        value = column.parse(text)
        if column.name not in REFERENCED_MODELS:
            return MODEL_FIELDS[column.name].clean(value, None)
        if not self.existing_ids[column.name].issuperset([value] if isinstance(value, str) else value):
            raise ValidationError(f"There is no {REFERENCED_MODELS[column.name]._meta.verbose_name} with this id.")
        return value


def validate_customer(customer: Customer) -> dict[str, str]:
    """Normalizes the customer's values. Returns the errors by attribute, an empty dict if the customer is valid."""
    try:
        customer.clean()
    except ValidationError as error:
        errors = {name: " ".join(messages) for name, messages in error.message_dict.items()}
    else:
        errors = {} if customer.first_name else {"first_name": "A customer needs a first name."}
    customer.email_key = email_key(customer.email) if customer.email else None
    return errors


def _mark_deleted(customer: Customer) -> None:
    """Soft-deletes a customer who has a time of deletion."""
    if customer.deleted_at:
        customer.is_deleted, customer.was_active, customer.is_active = True, customer.is_active, False
