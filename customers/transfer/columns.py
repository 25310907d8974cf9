"""Defines the columns of a file of customers, for import and export. An import reads an export unchanged."""

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.utils import timezone

from circe.api.parameters import DAY_PATTERN, first_instant, to_boolean, to_day_or_instant
from circe.db.ids import is_id
from customers.models import Customer, Gender
from customers.transfer.tables import header_lookup_names, normalize_header
from customers.validators import validate_date_of_birth, validate_tag

MAX_LIST_ENTRIES = 100
EARLIEST_INSTANT = dt.datetime(1900, 1, 1, tzinfo=dt.UTC)

# Text that a spreadsheet may take for a formula, by the OWASP page on CSV injection. An apostrophe in front of it makes it
# text. Text that has apostrophes in front already gets one more, so that removing one always restores the text.
_FORMULA = re.compile("'*[=+\\-@\t\r\n＝＋－＠]")
# A phone number is harmless, and stays readable.
_PHONE = re.compile(r"\+[0-9]+\Z")

_OBJECT_ID = re.compile(r"(?:ObjectId\([\"']?)?([0-9a-f]{24})(?:[\"']?\))?\Z", re.IGNORECASE)
_SQL_INSTANT = re.compile(r"(\d{4}-\d{2}-\d{2}) (?=\d{2}:)")
_LIST_ENTRY = re.compile(r"(?:[^;\\]|\\.)+", re.DOTALL)
_NOT_ALPHANUMERIC = re.compile(r"[\W_]+")


def escape_formula(text: str) -> str:
    """Returns the text so that no spreadsheet takes it for a formula. `unescape_formula` is the inverse."""
    return f"'{text}" if _FORMULA.match(text) and not _PHONE.match(text) else text


def unescape_formula(text: str) -> str:
    """Returns the text that `escape_formula` was given."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text


# --- parsing cells: each function raises ValidationError ------------------------------------------------------------


def _parse_id(text: str) -> str:
    match = _OBJECT_ID.match(text)
    if match is None:
        raise ValidationError("An id has 24 hex digits; a customer whose id is left empty gets a new one.")
    return match[1].lower()


def _parse_whole_number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 10):
        raise ValidationError("Write a whole number, such as 120.")
    return int(text)


def _parse_date_of_birth(text: str) -> dt.date:
    try:
        day = dt.date.fromisoformat(text if DAY_PATTERN.match(text) else "")
    except ValueError:
        raise ValidationError("Write a day as YYYY-MM-DD.") from None
    # Validated here, because the model field's `clean` would replace the validator's message with its own.
    validate_date_of_birth(day)
    return day


def _parse_instant(text: str) -> dt.datetime:
    instant = first_instant(to_day_or_instant(_SQL_INSTANT.sub(r"\1T", text)))
    if not EARLIEST_INSTANT <= instant <= timezone.now():
        raise ValidationError(f"This lies between {EARLIEST_INSTANT.year} and now.")
    return instant


def _parse_gender(text: str) -> str:
    gender = _NOT_ALPHANUMERIC.sub("_", text.lower())
    if gender not in Gender.values:
        raise ValidationError(f"Write one of {', '.join(Gender.values)}.")
    return gender


def _parse_list(text: str) -> list[str]:
    entries = [re.sub(r"\\(.)", r"\1", entry, flags=re.DOTALL).strip() for entry in _LIST_ENTRY.findall(text)]
    if len(entries) > MAX_LIST_ENTRIES:
        raise ValidationError(f"Name at most {MAX_LIST_ENTRIES}.")
    return [entry for entry in entries if entry]


def _parse_tags(text: str) -> list[str]:
    tags = _parse_list(text.lower().replace(",", ";"))
    for tag in tags:
        validate_tag(tag)
    return tags


def _parse_ids(text: str) -> list[str]:
    ids = list(dict.fromkeys(_parse_list(text.replace(",", ";"))))
    if not all(map(is_id, ids)):
        raise ValidationError("Write ids of 24 lower-case hex digits, separated by semicolons.")
    return ids


# --- the columns ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class CustomerColumn:
    """A column of the file, which has the name of a customer's attribute.

    An empty cell empties the attribute. If `skip_empty` is set, an empty cell is ignored instead: a new customer gets the
    default value, and an existing customer keeps the present one.
    """

    name: str
    # Describes the cells to the user, on the import page of the back office.
    description: str
    parse: Callable[[str], Any] = str
    skip_empty: bool = False
    # Normalized headers that files of other systems have for the column.
    aliases: tuple[str, ...] = ()

    def get_value(self, customer: Customer) -> Any:
        """Returns the customer's value. A deleted customer's `is_active` is the one that restoring brings back."""
        if self.name == "is_active" and customer.is_deleted:
            return bool(customer.was_active)
        return getattr(customer, self.name)

    def format_cell(self, customer: Customer) -> str | int | bool:
        """Returns the cell that an export writes."""
        value = self.get_value(customer)
        if isinstance(value, list):
            value = ";".join(re.sub(r"([;\\])", r"\\\1", entry) for entry in value)
        elif isinstance(value, dt.datetime):
            value = value.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")
        elif isinstance(value, dt.date):
            value = value.isoformat()
        return escape_formula(value or "") if isinstance(value, str | None) else value


def _boolean(name: str, *aliases: str) -> CustomerColumn:
    return CustomerColumn(name=name, description="true or false", parse=to_boolean, skip_empty=True, aliases=aliases)


COLUMNS = [
    CustomerColumn(
        name="id",
        description="24 hex digits, kept; empty: a new customer, or the one with this e-mail or phone",
        parse=_parse_id,
        skip_empty=True,
        aliases=("customerid",),
    ),
    CustomerColumn(
        name="first_name", description="text, needed", aliases=("name", "firstname", "givenname", "forename")
    ),
    CustomerColumn(name="last_name", description="text", aliases=("surname", "familyname")),
    CustomerColumn(
        name="email", description="an address; this or the phone is needed", aliases=("mail", "emailaddress")
    ),
    _boolean("email_verified"),
    CustomerColumn(
        name="phone",
        description="a number; a national one is completed with the country of the business",
        aliases=("phonenumber", "mobile", "mobilenumber", "mobilephone", "telephone", "tel"),
    ),
    _boolean("phone_verified"),
    CustomerColumn(name="gender", description=", ".join(Gender.values), parse=_parse_gender, aliases=("sex",)),
    CustomerColumn(
        name="date_of_birth",
        description="YYYY-MM-DD",
        parse=_parse_date_of_birth,
        aliases=("birthday", "birthdate", "dob"),
    ),
    CustomerColumn(name="address", description="text"),
    CustomerColumn(name="tags", description="separated by semicolons: vip;regular", parse=_parse_tags),
    CustomerColumn(name="source", description="a word such as website; a file without the column: import"),
    CustomerColumn(
        name="loyalty_points",
        description="a whole number",
        parse=_parse_whole_number,
        skip_empty=True,
        aliases=("points",),
    ),
    _boolean("is_active", "active"),
    CustomerColumn(name="language", description="a tag such as en or id", skip_empty=True),
    _boolean("accepts_email", "communicationpreferencesemail"),
    _boolean("accepts_sms", "communicationpreferencessms"),
    _boolean("accepts_push", "pushnotifications", "communicationpreferencespushnotifications"),
    _boolean("accepts_whatsapp", "communicationpreferenceswhatsapp"),
    _boolean("marketing_consent"),
    CustomerColumn(name="preferred_outlet_id", description="the id of an outlet", parse=_parse_id),
    CustomerColumn(name="preferred_services", description="ids of services, separated by semicolons", parse=_parse_ids),
    CustomerColumn(name="preferred_staff_ids", description="ids of staff, separated by semicolons", parse=_parse_ids),
    CustomerColumn(
        name="preferred_categories",
        description="separated by semicolons; \\; for one within a name",
        parse=_parse_list,
    ),
    CustomerColumn(name="accessibility_needs", description="text"),
    CustomerColumn(name="notes", description="text"),
    CustomerColumn(
        name="created_at",
        description="an instant such as 2025-01-15T10:30:00Z, kept; without an offset by the clock of the business",
        parse=_parse_instant,
        skip_empty=True,
        aliases=("created", "createdon", "creationdate"),
    ),
    CustomerColumn(name="deleted_at", description="when a soft-deleted customer was deleted", parse=_parse_instant),
]
COLUMN_BY_NAME = {column.name: column for column in COLUMNS}
# The first column of an export of several businesses: the slug of the customer's business.
TENANT_COLUMN = "tenant"
# The first columns of the file of refused rows. An import ignores them, so that the corrected file can be imported.
REFUSED_ROW_COLUMNS = ["line", "column", "reason"]

COLUMN_BY_HEADER = {normalize_header(header): column for column in COLUMNS for header in (column.name, *column.aliases)}


def find_column(header: str) -> CustomerColumn | None:
    """Returns the column of a header, None for an unknown header. Case, blanks and punctuation don't matter."""
    return next((COLUMN_BY_HEADER[name] for name in header_lookup_names(header) if name in COLUMN_BY_HEADER), None)
