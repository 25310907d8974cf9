"""Defines the columns of a file of customers, for import and export. An import reads an export unchanged."""

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.conf.locale import LANG_INFO
from django.core.exceptions import ValidationError
from django.utils import translation

from customers.models import ConsentSource, Customer, Gender
from customers.tags import clean_tags, validate_tag
from customers.transfer.cell_times import read_instant
from customers.transfer.cell_words import fold_word, read_boolean, read_gender, read_whole_number
from customers.transfer.tables import header_lookup_names, normalize_header
from customers.transfer.text_marks import escape_cell, shorten
from customers.validators import validate_date_of_birth, validate_source
from tenants.scope import current_tenant

MAX_LIST_ENTRIES = 100


_OBJECT_ID = re.compile(r"(?:ObjectId\([\"']?)?([0-9a-f]{24})(?:[\"']?\))?\Z", re.IGNORECASE)
_LIST_ENTRY = re.compile(r"(?:[^;\\]|\\.)+", re.DOTALL)
_TAG_SEPARATOR = re.compile(r"[;,|\n]")
_LOCALE = re.compile(
    r"([a-z]{2,3})(?:[-_]([a-z]{4}))?(?:[-_]([a-z]{2}|\d{3}))?(?:\.[a-z0-9_-]+)?(?:@[a-z]+)?\Z",
    re.ASCII | re.IGNORECASE,
)
# Java wrote these languages by their first codes for a long time.
_NEW_LANGUAGE_CODES = {"in": "id", "iw": "he", "ji": "yi"}


# --- parsing cells: each function raises ValidationError ------------------------------------------------------------


def tenant_language_code() -> str:
    """Returns the code of the language of the tenant in scope, such as `en`, without a region."""
    tenant = current_tenant()
    return tenant.language.partition("-")[0] if tenant else ""


def is_object_id(text: str) -> bool:
    """Returns whether the text is an id as Circe and MongoDB write them."""
    return _OBJECT_ID.match(text) is not None


def _parse_id(text: str) -> str:
    match = _OBJECT_ID.match(text)
    if match is None:
        raise ValidationError(
            f"“{shorten(text)}” is no id: an id has 24 hex digits. A customer whose id is left empty gets a new one."
        )
    return match[1].lower()


def _parse_id_or_name(text: str) -> str:
    match = _OBJECT_ID.match(text)
    return match[1].lower() if match else text


def _parse_boolean(text: str) -> bool:
    value = read_boolean(text, tenant_language_code())
    if value is None:
        raise ValidationError(f"“{shorten(text)}” can be read in two ways, or not at all. Write true or false.")
    return value


def _parse_whole_number(text: str) -> int:
    number = read_whole_number(text)
    if number is None:
        raise ValidationError(
            f"“{shorten(text)}” can be read in two ways, or not at all. Write a whole number, such as 120."
        )
    return number


def _parse_date_of_birth(text: str) -> dt.date:
    # `HeaderMapping` has made an ISO date of the cell: the whole column shows whether days or months come first.
    day = dt.date.fromisoformat(text)
    # Validated here, because `clean` of the model's field would replace the message of the validator with its own.
    validate_date_of_birth(day)
    return day


def _parse_gender(text: str) -> str:
    gender = read_gender(text, tenant_language_code())
    if gender is None:
        raise ValidationError(
            f"“{shorten(text)}” can be read in two ways, or not at all. Write one of {', '.join(Gender.values)}."
        )
    return gender


@cache
def _languages_by_name(language: str) -> dict[str, str]:
    """Returns the codes of languages by their names: in English, in the language itself, and in the given language."""
    codes = {"chinese": "zh", "中文": "zh"}
    with translation.override(language):
        for code, info in LANG_INFO.items():
            if "-" not in code and "name" in info:
                names = (info["name"], info["name_local"], translation.gettext(info["name"]))
                codes |= {fold_word(name): "nb" if code == "no" else code for name in names}
    return codes


def _parse_language(text: str) -> str:
    """Returns a locale such as `en_US.UTF-8` as the tag `en-US`, and a language's name such as `Deutsch` as its code."""
    codes = _languages_by_name(tenant_language_code() or "en")
    for name in (text, text.partition("(")[0]):
        if code := codes.get(fold_word(name)):
            return code
    match = _LOCALE.match(text)
    if match is None:
        raise ValidationError(f"“{shorten(text)}” is no language. Write a tag such as en, id or pt-BR.")
    language, script, region = match.groups()
    language = _NEW_LANGUAGE_CODES.get(language.lower(), language.lower())
    return "-".join(filter(None, [language, (script or "").title(), (region or "").upper()]))


def _parse_source(text: str) -> str:
    """Returns the word for a source such as `Google Ads`: `google-ads`."""
    source = "-".join(text.lower().split())
    try:
        validate_source(source)
    except ValidationError:
        raise ValidationError(
            f"“{shorten(text)}” is no source. A source is made of letters from a to z, digits, hyphens and underscores."
        ) from None
    return source


def _parse_consent_source(text: str) -> str:
    source = text.lower()
    if source not in ConsentSource.values:
        raise ValidationError(f"“{shorten(text)}” is none of the ways to consent: {', '.join(ConsentSource.values)}.")
    return source


def _parse_list(text: str) -> list[str]:
    entries = [re.sub(r"\\(.)", r"\1", entry, flags=re.DOTALL).strip() for entry in _LIST_ENTRY.findall(text)]
    if len(entries) > MAX_LIST_ENTRIES:
        raise ValidationError(f"Name at most {MAX_LIST_ENTRIES} entries.")
    return [entry for entry in entries if entry]


def _parse_tags(text: str) -> list[str]:
    """Returns the tags of a cell. The words of a tag such as `hair colour` are joined: `hair-colour`."""
    tags = clean_tags("-".join(tag.strip("\"'").split()) for tag in _TAG_SEPARATOR.split(text))
    tags = [tag for tag in tags if tag]
    for tag in tags:
        validate_tag(tag)
    return tags


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
    is_boolean: bool = False

    def get_value(self, customer: Customer) -> Any:
        """Returns the customer's value. For a deleted customer, `is_active` is the value before the deletion."""
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
        return escape_cell(value or "") if isinstance(value, str | None) else value


def _boolean_column(name: str, *aliases: str) -> CustomerColumn:
    return CustomerColumn(
        name=name,
        description="true or false, yes or no, in any language",
        parse=_parse_boolean,
        skip_empty=True,
        aliases=aliases,
        is_boolean=True,
    )


# The columns that an export writes and an import reads.
COLUMNS = [
    CustomerColumn(
        name="id",
        description="24 hex digits, kept; if empty, the customer with this e-mail or phone, or a new one",
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
    _boolean_column("email_verified"),
    CustomerColumn(
        name="phone",
        description="a number; a national one is completed with the country of the business",
        aliases=("phonenumber", "mobile", "mobilenumber", "mobilephone", "telephone", "tel"),
    ),
    _boolean_column("phone_verified"),
    CustomerColumn(name="gender", description=", ".join(Gender.values), parse=_parse_gender, aliases=("sex",)),
    CustomerColumn(
        name="date_of_birth",
        description="YYYY-MM-DD",
        parse=_parse_date_of_birth,
        aliases=("birthday", "birthdate", "dob"),
    ),
    CustomerColumn(name="address", description="text"),
    CustomerColumn(name="tags", description="separated by semicolons: vip;regular", parse=_parse_tags),
    CustomerColumn(
        name="source", description="a word such as website; without this column it is import", parse=_parse_source
    ),
    CustomerColumn(
        name="loyalty_points",
        description="a whole number",
        parse=_parse_whole_number,
        skip_empty=True,
        aliases=("points",),
    ),
    _boolean_column("is_active", "active"),
    CustomerColumn(
        name="language", description="a tag such as en, id or pt-BR", parse=_parse_language, skip_empty=True
    ),
    _boolean_column("accepts_email", "communicationpreferencesemail"),
    _boolean_column("accepts_sms", "communicationpreferencessms"),
    _boolean_column("accepts_push", "pushnotifications", "communicationpreferencespushnotifications"),
    _boolean_column("accepts_whatsapp", "communicationpreferenceswhatsapp"),
    _boolean_column("marketing_consent"),
    # The aliases are what an export calls the columns of names, which are beside these columns.
    CustomerColumn(
        name="preferred_outlet_id",
        description="the name or the id of an outlet",
        parse=_parse_id_or_name,
        aliases=("preferredoutlet",),
    ),
    CustomerColumn(
        name="preferred_services",
        description="names or ids of services, separated by semicolons",
        parse=_parse_list,
        aliases=("preferredservicenames",),
    ),
    CustomerColumn(
        name="preferred_staff_ids",
        description="names, e-mail addresses or ids of staff, separated by semicolons",
        parse=_parse_list,
        aliases=("preferredstaffnames", "preferredstaff"),
    ),
    CustomerColumn(
        name="preferred_categories",
        description="separated by semicolons; \\; for one within a name",
        parse=_parse_list,
    ),
    CustomerColumn(
        name="preferred_channel",
        description="phone, email, sms or whatsapp",
        aliases=("preferredcontact", "preferredcontactmethod"),
    ),
    CustomerColumn(name="accessibility_needs", description="text"),
    CustomerColumn(name="notes", description="text"),
    CustomerColumn(
        name="created_at",
        description="an instant such as 2025-01-15T10:30:00Z; without an offset it is local time of the business",
        parse=read_instant,
        skip_empty=True,
        aliases=("created", "createdon", "creationdate"),
    ),
    CustomerColumn(name="deleted_at", description="when a soft-deleted customer was deleted", parse=read_instant),
]
# How and when a customer consented to marketing. An import writes these columns to the ledger of consents.
CONSENT_COLUMNS = [
    CustomerColumn(
        name="consent_source",
        description=f"how the customer consented to marketing: {', '.join(ConsentSource.values)}",
        parse=_parse_consent_source,
        skip_empty=True,
    ),
    CustomerColumn(
        name="consent_at",
        description="when; consent is imported for an existing customer only with both columns",
        parse=read_instant,
        skip_empty=True,
        aliases=("consentdate",),
    ),
]
IMPORT_COLUMNS = [*COLUMNS, *CONSENT_COLUMNS]
COLUMN_BY_NAME = {column.name: column for column in IMPORT_COLUMNS}
# The first column of an export of several businesses: the slug of the customer's business.
TENANT_COLUMN = "tenant"
# The first columns of the file of refused rows. An import ignores them, so that the corrected file can be imported.
REFUSED_ROW_COLUMNS = ["line", "column", "reason"]

COLUMN_BY_HEADER = {
    normalize_header(header): column for column in IMPORT_COLUMNS for header in (column.name, *column.aliases)
}


def find_column(header: str) -> CustomerColumn | None:
    """Returns the column of a header, None for an unknown header. Case, blanks and punctuation don't matter."""
    return next((COLUMN_BY_HEADER[name] for name in header_lookup_names(header) if name in COLUMN_BY_HEADER), None)
