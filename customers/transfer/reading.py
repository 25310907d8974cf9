"""Reads a file of customers: finds its columns, and makes a customer of each row by the rules of the API."""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Self

from django.core.exceptions import ValidationError

from customers.models import PREFERENCE_MODELS, Channel, Customer
from customers.transfer.cell_words import is_tick
from customers.transfer.child_process import ParseJob
from customers.transfer.columns import (
    COLUMN_BY_HEADER,
    COLUMN_BY_NAME,
    CONSENT_COLUMNS,
    TENANT_COLUMN,
    CustomerColumn,
)
from customers.transfer.csv_reader import get_code_page
from customers.transfer.day_order import DayOrder
from customers.transfer.examination import ColumnExamination, read_examination
from customers.transfer.limits import UPLOAD_LIMITS, Limits
from customers.transfer.mapping.header_mapping import HeaderMapping, OmittedCell, known_names, looks_like_data
from customers.transfer.parent_process import ChildProcess
from customers.transfer.references import REFERENCED_MODELS, References
from customers.transfer.tables import FORMULA_WITHOUT_VALUE, MERGED_CELL, Record, UnreadableFile, column_letters
from customers.transfer.text_marks import is_error_value, is_null, remove_text_mark, shorten
from tenants.characters import without_invisible_marks
from tenants.identity import email_key
from tenants.scope import current_tenant

MAX_LISTED_IGNORED_COLUMNS = 20
MODEL_FIELDS: dict[str, Any] = {model_field.attname: model_field for model_field in Customer._meta.concrete_fields}
LIST_COLUMNS = {"tags", "preferred_categories", *PREFERENCE_MODELS}
# A text of these columns may begin with an apostrophe, as in 't Hooft. In all other columns the apostrophe is a mark
# that keeps the cell a text.
FREE_TEXT_COLUMNS = {"first_name", "last_name", "address", "preferred_categories", "accessibility_needs", "notes"}
CONSENT_NAMES = {column.name for column in CONSENT_COLUMNS}

# Remarks about rows that were imported.
ENDS_EARLY = "The row has fewer cells than the header. The missing ones are taken as not given, and clear nothing."
HIDDEN_ROW = "The row is hidden in the sheet, for example by a filter, and is read like the others."


# --- the file -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class FileDecisions:
    """A person's decisions about a file: the column of Circe by `header_key`, and the order of day and month."""

    columns: Mapping[str, str] = field(default_factory=dict)
    day_order: DayOrder | None = None


NO_DECISIONS = FileDecisions()


class CustomerTable:
    """An open file of customers, with the mapping of its columns. The records can be read once.

    The constructor and `records` raise UnreadableFile. The caller has to close the table, which ends the child process.
    """

    def __init__(
        self, file: BinaryIO, job: ParseJob, decisions: FileDecisions, examination: Sequence[ColumnExamination]
    ) -> None:
        self._process = ChildProcess(file, job)
        self.bytes_read = 0
        try:
            first = next(self._process.messages, {})
            self.header: list[str] = first["header"]
            self.read_as: str = first["read_as"]
            self.size_bytes: int = first["size_bytes"]
            self.notices: list[str] = first["notices"]
            self.is_workbook: bool = first["is_workbook"]
            self.mapping = HeaderMapping(self.header, decisions.columns, decisions.day_order, examination)
            _require_columns(self.mapping)
        except BaseException:
            self.close()
            raise
        # The boolean columns in which people put a mark for yes and leave the other cells empty. None until the first
        # records are read.
        self.tick_columns: set[int] | None = None
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
            records = [Record(*values) for values in message["records"]]
            if self.tick_columns is None:
                self.tick_columns = self._find_tick_columns(records)
            yield from records

    def _find_tick_columns(self, records: list[Record]) -> set[int]:
        """Returns the indexes of the boolean columns that have marks and nothing else in the first records of the file."""
        found = set()
        for index, rule in enumerate(self.mapping.rules):
            if rule.target and COLUMN_BY_NAME[rule.target].is_boolean:
                words = {record.cells[index].strip() for record in records if index < len(record.cells)} - {""}
                if words and all(map(is_tick, words)):
                    found.add(index)
        return found

    @property
    def ignored_headers(self) -> list[str]:
        """The headers that are not imported. If there are more than MAX_LISTED_IGNORED_COLUMNS, the last entry is the
        number of the others.
        """
        ignored = [self.mapping.name_column(index) for index in self.mapping.unmapped_indexes]
        more = len(ignored) - MAX_LISTED_IGNORED_COLUMNS
        return ignored if more <= 0 else [*ignored[:MAX_LISTED_IGNORED_COLUMNS], f"{more:,} more"]


def open_table(
    file: BinaryIO,
    encoding: str | None = None,
    *,
    limits: Limits = UPLOAD_LIMITS,
    decisions: FileDecisions = NO_DECISIONS,
    examination: Sequence[ColumnExamination] = (),
) -> CustomerTable:
    """Returns the table of a CSV or XLSX file on disk. Reading moves the position of the file. Raises UnreadableFile.

    The `examination` of its columns shows in which order dates of birth are written. Without it, a date that could be
    two days is refused.
    """
    return CustomerTable(file, _make_job(file, encoding, limits, decisions), decisions, examination)


@dataclass(frozen=True)
class ExaminedFile:
    """The header of a file, and what the cells of each column have in common."""

    header: list[str]
    columns: list[ColumnExamination]


def examine_file(
    file: BinaryIO,
    encoding: str | None = None,
    *,
    limits: Limits = UPLOAD_LIMITS,
    decisions: FileDecisions = NO_DECISIONS,
) -> ExaminedFile:
    """Reads the whole file once, and returns its header and what its columns hold. Raises UnreadableFile if it can't be
    imported at all.
    """
    process = ChildProcess(file, _make_job(file, encoding, limits, decisions, only_examine=True))
    try:
        first, second = process.messages
    finally:
        process.end()
    header = first["header"]
    if looks_like_data(header) and not HeaderMapping(header, decisions.columns).indexes_by_target:
        raise UnreadableFile(_explain_missing_header(header))
    return ExaminedFile(header, read_examination(second["examination"]))


def _make_job(
    file: BinaryIO, encoding: str | None, limits: Limits, decisions: FileDecisions, *, only_examine: bool = False
) -> ParseJob:
    # The child process reads the file itself, and not what this process still has in its buffer.
    file.flush()
    tenant = current_tenant()
    return ParseJob(
        encoding=encoding,
        code_page=get_code_page(tenant.language if tenant else ""),
        known=[*COLUMN_BY_HEADER, *known_names(), *decisions.columns],
        limits=limits,
        only_examine=only_examine,
    )


def _require_columns(mapping: HeaderMapping) -> None:
    """Raises UnreadableFile if no column of the file is imported."""
    if not mapping.indexes_by_target:
        raise UnreadableFile(_explain_missing_header(mapping.header))


def _explain_missing_header(header: Sequence[str]) -> str:
    return (
        "The first row has to name the columns, such as first_name, email and phone. "
        f"Here it is: {', '.join(header)[:200]}"
    )


# --- its rows -------------------------------------------------------------------------------------------------------


class InvalidRow(Exception):
    """A row can't be imported. `errors` has the reasons by column name, under "" if the reason concerns no column."""

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__(errors)
        self.errors = errors


@dataclass
class ImportRow:
    """A record, and the customer that it describes. `given` has the names of the columns that the row changes: a text
    sets a column, and an empty cell clears it.

    `errors` has the reasons why its cells are invalid, and `errors_if_new` the reasons why it cannot become a new customer.
    `consent` has the values of `consent_source` and `consent_at`. `marketing_channels` are the channels by which marketing
    is granted if `customer.marketing_consent` is true, and refused if it is given and false. `notices` tell how the row was
    read, if it is imported.
    """

    record: Record
    customer: Customer
    given: set[str] = field(default_factory=set)
    consent: dict[str, Any] = field(default_factory=dict)
    marketing_channels: set[Channel] = field(default_factory=set)
    # The columns of which a cell is the NULL of a database. It clears nothing.
    null_columns: set[str] = field(default_factory=set)
    errors: dict[str, str] = field(default_factory=dict)
    errors_if_new: dict[str, str] = field(default_factory=dict)
    # Cells that are not imported, of columns that are imported.
    omitted: list[OmittedCell] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)


class RowReader:
    """Makes rows of the records of a table, for the tenant in scope."""

    def __init__(self, table: CustomerTable) -> None:
        self.table, self.mapping = table, table.mapping
        self.tenant = current_tenant()
        self.tenant_index = table.header.index(TENANT_COLUMN) if TENANT_COLUMN in table.header else len(table.header)
        self.references = {
            name: References(model)
            for name, model in REFERENCED_MODELS.items()
            if name in self.mapping.indexes_by_target
        }

    def read_row(self, record: Record) -> ImportRow:
        has_source = any(index < len(record.cells) for index in self.mapping.indexes_by_target.get("source", ()))
        row = ImportRow(record, Customer(**{} if has_source else {"source": "import"}))
        for name in PREFERENCE_MODELS:
            setattr(row.customer, name, [])
        if record.error:
            row.errors[""] = record.error
            return row
        if record.is_hidden:
            row.notices.append(HIDDEN_ROW)
        if any(rule.target for rule in self.mapping.rules[len(record.cells) :]):
            row.notices.append(ENDS_EARLY)
        if "".join(record.cells[self.tenant_index : self.tenant_index + 1]) not in {"", self.tenant.slug}:
            row.errors[TENANT_COLUMN] = "This is a customer of another business."
        mapped = self.mapping.read_row(self._clean_cells(row))
        row.errors |= mapped.errors
        row.omitted, row.marketing_channels = mapped.omitted, mapped.marketing_channels
        for name, text in mapped.texts.items():
            if not text and name in row.null_columns:
                continue
            try:
                self._set_value(row, COLUMN_BY_NAME[name], text)
            except ValidationError as error:
                row.errors.setdefault(name, " ".join(error.messages))
        if row.customer.marketing_consent and row.marketing_channels != {*Channel}:
            labels = " and ".join(channel.label for channel in Channel if channel in row.marketing_channels)
            row.notices.append(
                f"marketing_consent: it is for marketing by {labels} alone, by the header of the column."
            )
        if not row.errors:
            row.errors_if_new = validate_customer(row.customer)
            _mark_deleted(row.customer)
        return row

    def _clean_cells(self, row: ImportRow) -> list[str]:
        """Returns the cells that are imported without the marks that keep them texts. Adds an error for an error value."""
        cells = row.record.cells
        targets = [rule.target for rule in self.mapping.rules[: len(cells)]]
        filled = [cell for cell, target in zip(cells, targets, strict=False) if target and cell.strip()]
        is_marked_throughout = len(filled) > 1 and all(cell.startswith("'") for cell in filled)
        return [
            self._clean_cell(row, index, cells[index], target, is_marked_throughout=is_marked_throughout)
            if target
            else ""
            for index, target in enumerate(targets)
        ]

    def _clean_cell(self, row: ImportRow, index: int, cell: str, target: str, *, is_marked_throughout: bool) -> str:
        text = remove_text_mark(cell)
        if text == cell:
            if is_error_value(text):
                row.errors[target] = self._explain_error_value(row, index, text)
                return ""
            if is_null(text):
                row.null_columns.add(target)
                row.notices.append(f"{target}: {text.strip()} is read as no value, and clears nothing.")
                return ""
            if text.startswith("'") and (is_marked_throughout or target not in FREE_TEXT_COLUMNS):
                text = text[1:]
        # An invisible character in an address is refused, since it may be meant to deceive.
        if text.isascii() or target in FREE_TEXT_COLUMNS or target == "email":
            return text
        return re.sub(r"[^\S\n]+", " ", without_invisible_marks(text)).strip()

    def _explain_error_value(self, row: ImportRow, index: int, text: str) -> str:
        cell = f"Cell {column_letters(index)}{row.record.line}" if self.table.is_workbook else "The cell"
        if text == MERGED_CELL:
            return f"{cell} is merged with another one. Split them, and fill each."
        if text == FORMULA_WITHOUT_VALUE:
            return f"{cell} has a formula that was not computed. Open the file in a spreadsheet and save it anew."
        return f"{cell} shows the error {shorten(text)} of a spreadsheet, and no value."

    def _set_value(self, row: ImportRow, column: CustomerColumn, text: str) -> None:
        """Sets the value of a column. Raises ValidationError."""
        tick_columns = self.table.tick_columns or set()
        is_tick_column = not tick_columns.isdisjoint(self.mapping.indexes_by_target[column.name])
        if not text and column.skip_empty and not is_tick_column:
            return
        if is_tick_column:
            text = text or "false"
            row.notices.append(f"{column.name}: a mark such as x is read as true, and an empty cell as false.")
        row.given.add(column.name)
        if column.name in CONSENT_NAMES:
            row.consent[column.name] = self._parse_cell(column, text)
            return
        if text.startswith("'") and column.name in FREE_TEXT_COLUMNS:
            row.notices.append(f"{column.name}: the apostrophe at the beginning is kept, as a part of the text.")
        empty: Any = [] if column.name in LIST_COLUMNS else None
        setattr(row.customer, column.name, self._parse_cell(column, text) if text else empty)

    def _parse_cell(self, column: CustomerColumn, text: str) -> Any:
        if not text.isascii():
            text = unicodedata.normalize("NFC", text)
            # A surrogate is half a character of UTF-16, or stands for bytes that could not be decoded.
            if any("\ud800" <= character <= "\udfff" for character in text):
                raise ValidationError("The cell holds bytes that are no text in the file's encoding.")
        if "\0" in text:
            raise ValidationError("The cell holds a null character.")
        value = column.parse(text)
        if column.name in CONSENT_NAMES:
            return value
        if references := self.references.get(column.name):
            return references.find_all(value) if column.name in LIST_COLUMNS else references.find(value)
        return MODEL_FIELDS[column.name].clean(value, None)


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
