"""The columns of a customer in a file: what an export writes, an import reads unchanged."""

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
from customers.transfer.headers import letters_of, spellings
from customers.validators import validate_date_of_birth, validate_tag

MAX_ENTRIES = 100
FIRST = dt.datetime(1900, 1, 1, tzinfo=dt.UTC)

# What a spreadsheet may take for a formula, by the OWASP page on CSV injection. An apostrophe in front of it makes it
# text; where apostrophes stand there already, it is one more, so that taking one away always gives back what was.
_FORMULA = re.compile("'*[=+\\-@\t\r\n＝＋－＠]")
# A telephone number is harmless, and stays readable.
_PHONE = re.compile(r"\+[0-9]+\Z")

_OBJECT_ID = re.compile(r"(?:ObjectId\([\"']?)?([0-9a-f]{24})(?:[\"']?\))?\Z", re.IGNORECASE)
_SQL_INSTANT = re.compile(r"(\d{4}-\d{2}-\d{2}) (?=\d{2}:)")
_ENTRY = re.compile(r"(?:[^;\\]|\\.)+", re.DOTALL)
_NOT_A_LETTER = re.compile(r"[\W_]+")


def neutral(text: str) -> str:
    """`text` as no spreadsheet takes it for a formula; `plain` gives it back."""
    return f"'{text}" if _FORMULA.match(text) and not _PHONE.match(text) else text


def plain(text: str) -> str:
    """What `neutral` was given."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text


# --- from text: each raises ValidationError -------------------------------------------------------------------------


def _id(text: str) -> str:
    match = _OBJECT_ID.match(text)
    if match is None:
        raise ValidationError("An id has 24 hex digits; a customer whose id is left empty gets a new one.")
    return match[1].lower()


def _whole_number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 10):
        raise ValidationError("Write a whole number, such as 120.")
    return int(text)


def _birthday(text: str) -> dt.date:
    try:
        day = dt.date.fromisoformat(text if DAY_PATTERN.match(text) else "")
    except ValueError:
        raise ValidationError("Write a day as YYYY-MM-DD.") from None
    # Here, since the field would put a sentence of its own in the place of the validator's.
    validate_date_of_birth(day)
    return day


def _instant(text: str) -> dt.datetime:
    instant = first_instant(to_day_or_instant(_SQL_INSTANT.sub(r"\1T", text)))
    if not FIRST <= instant <= timezone.now():
        raise ValidationError(f"This lies between {FIRST.year} and now.")
    return instant


def _gender(text: str) -> str:
    gender = _NOT_A_LETTER.sub("_", text.lower())
    if gender not in Gender.values:
        raise ValidationError(f"Write one of {', '.join(Gender.values)}.")
    return gender


def _entries(text: str) -> list[str]:
    entries = [re.sub(r"\\(.)", r"\1", entry, flags=re.DOTALL).strip() for entry in _ENTRY.findall(text)]
    if len(entries) > MAX_ENTRIES:
        raise ValidationError(f"Name at most {MAX_ENTRIES}.")
    return [entry for entry in entries if entry]


def _tags(text: str) -> list[str]:
    tags = _entries(text.lower().replace(",", ";"))
    for tag in tags:
        validate_tag(tag)
    return tags


def _ids(text: str) -> list[str]:
    ids = list(dict.fromkeys(_entries(text.replace(",", ";"))))
    if not all(map(is_id, ids)):
        raise ValidationError("Write ids of 24 lower-case hex digits, separated by semicolons.")
    return ids


# --- the table ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column. An empty cell empties the value, or where `keeps` is set says nothing: a new customer gets the default
    then, and one who is there keeps what they have.
    """

    name: str
    holds: str
    read: Callable[[str], Any] = str
    keeps: bool = False
    # Other headers, by which files of other systems call it, without blanks and in lower case.
    also: tuple[str, ...] = ()

    def value(self, customer: Customer) -> Any:
        """What the customer has. Whether a deleted one is active tells what they will be once restored."""
        if self.name == "is_active" and customer.is_deleted:
            return bool(customer.was_active)
        return getattr(customer, self.name)

    def cell(self, customer: Customer) -> str | int | bool:
        """What an export writes."""
        value = self.value(customer)
        if isinstance(value, list):
            value = ";".join(re.sub(r"([;\\])", r"\\\1", entry) for entry in value)
        elif isinstance(value, dt.datetime):
            value = value.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")
        elif isinstance(value, dt.date):
            value = value.isoformat()
        return neutral(value or "") if isinstance(value, str | None) else value


def _yes_no(name: str, *also: str) -> Column:
    return Column(name=name, holds="true or false", read=to_boolean, keeps=True, also=also)


COLUMNS = [
    Column(
        name="id",
        holds="24 hex digits, kept; empty: a new customer, or the one with this e-mail or phone",
        read=_id,
        keeps=True,
        also=("customerid",),
    ),
    Column(name="first_name", holds="text, needed", also=("name", "firstname", "givenname", "forename")),
    Column(name="last_name", holds="text", also=("surname", "familyname")),
    Column(name="email", holds="an address; this or the phone is needed", also=("mail", "emailaddress")),
    _yes_no("email_verified"),
    Column(
        name="phone",
        holds="a number; a national one is completed with the country of the business",
        also=("phonenumber", "mobile", "mobilenumber", "mobilephone", "telephone", "tel"),
    ),
    _yes_no("phone_verified"),
    Column(name="gender", holds=", ".join(Gender.values), read=_gender, also=("sex",)),
    Column(name="date_of_birth", holds="YYYY-MM-DD", read=_birthday, also=("birthday", "birthdate", "dob")),
    Column(name="address", holds="text"),
    Column(name="tags", holds="separated by semicolons: vip;regular", read=_tags),
    Column(name="source", holds="a word such as website; a file without the column: import"),
    Column(name="loyalty_points", holds="a whole number", read=_whole_number, keeps=True, also=("points",)),
    _yes_no("is_active", "active"),
    Column(name="language", holds="a tag such as en or id", keeps=True),
    _yes_no("accepts_email", "communicationpreferencesemail"),
    _yes_no("accepts_sms", "communicationpreferencessms"),
    _yes_no("accepts_push", "pushnotifications", "communicationpreferencespushnotifications"),
    _yes_no("accepts_whatsapp", "communicationpreferenceswhatsapp"),
    _yes_no("marketing_consent"),
    Column(name="preferred_outlet_id", holds="the id of an outlet", read=_id),
    Column(name="preferred_services", holds="ids of services, separated by semicolons", read=_ids),
    Column(name="preferred_staff_ids", holds="ids of staff, separated by semicolons", read=_ids),
    Column(name="preferred_categories", holds="separated by semicolons; \\; for one within a name", read=_entries),
    Column(name="accessibility_needs", holds="text"),
    Column(name="notes", holds="text"),
    Column(
        name="created_at",
        holds="an instant such as 2025-01-15T10:30:00Z, kept; without an offset by the clock of the business",
        read=_instant,
        keeps=True,
        also=("created", "createdon", "creationdate"),
    ),
    Column(name="deleted_at", holds="when a soft-deleted customer was deleted", read=_instant),
]
BY_NAME = {column.name: column for column in COLUMNS}
# Of an export of several businesses: the slug of each customer's.
TENANT = "tenant"
# Those of the file of refused rows, which can be corrected and imported as it is.
REFUSAL = ["line", "column", "reason"]

# By the header as `letters_of` writes it.
BY_HEADER = {letters_of(header): column for column in COLUMNS for header in (column.name, *column.also)}


def column_called(header: str) -> Column | None:
    """The column of a header, None for an unknown one. Case, blanks and punctuation don't matter."""
    return next((BY_HEADER[name] for name in spellings(header) if name in BY_HEADER), None)
