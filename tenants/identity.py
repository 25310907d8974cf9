"""Brings e-mail addresses and phone numbers into the one form in which they are compared."""

import re
import unicodedata

import idna
import phonenumbers
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from phonenumbers.phonemetadata import PhoneMetadata

from tenants.characters import has_invisible_character
from tenants.scope import current_tenant

MAX_EMAIL_LENGTH = 254
TOO_LONG = "The e-mail address is too long."
# Inside a character class of a regular expression.
PHONE_SEPARATORS = r"\s\-‐-―−.()/"
_E164 = re.compile(r"\+[0-9]{7,15}\Z")
_TRUNK_ZERO = re.compile(r"(?<=\d)\s*\(0\)")


def clean_email(value: str) -> str:
    """Returns the address as it is shown: in NFKC and trimmed. Raises ValidationError if the value is no address."""
    address, _ = _clean_and_key(value)
    return address


def email_key(value: str) -> str:
    """Returns the address as it is compared: the local part in NFKC and case folded, the domain in its ASCII form
    (`müller.example` is `xn--mller-kva.example`). Raises ValidationError as `clean_email`.
    """
    _, key = _clean_and_key(value)
    return key


def _clean_and_key(value: str) -> tuple[str, str]:
    address = unicodedata.normalize("NFKC", value).strip()
    # Plain spaces, which NFKC makes of most others, are left to `validate_email`.
    if has_invisible_character(address.replace(" ", "")):
        raise ValidationError("The e-mail address holds invisible characters.", code="invalid")
    local, at, domain = address.rpartition("@")
    # The key may be longer than the address. The address is measured first, so that no huge text is encoded.
    if len(address) > MAX_EMAIL_LENGTH:
        raise ValidationError(TOO_LONG, code="max_length")
    key = f"{local.casefold()}{at}{_ascii_domain(domain)}"
    validate_email(key)
    if len(key) > MAX_EMAIL_LENGTH:
        raise ValidationError(TOO_LONG, code="max_length")
    return address, key


def _ascii_domain(domain: str) -> str:
    """Returns the domain in its ASCII form by IDNA 2008 and UTS 46 (non-transitional), in lower case."""
    # IDNA refuses some ASCII names that exist, such as `r3---sn.example`.
    if domain.isascii() and "xn--" not in domain.lower():
        return domain.lower()
    try:
        return idna.encode(domain, uts46=True).decode()
    except UnicodeError as error:
        raise ValidationError("The domain of the e-mail address is none.", code="invalid") from error


def clean_phone(value: str) -> str:
    """Returns the number in E.164: `+` and 7 to 15 digits. The current tenant's region completes a national number.

    Only the shape decides: a number that no numbering plan knows is accepted. Raises ValidationError for another shape.
    """
    text = unicodedata.normalize("NFKC", value).strip()
    number = without_separators(text)
    if not number.startswith("+"):
        number = _with_country_code(number)
    if not _E164.match(number):
        raise ValidationError("A phone number has 7 to 15 digits, such as +6281234567890.", code="invalid")
    return number


def without_separators(text: str) -> str:
    """Returns the digits of the number; an international one begins with `+` and has lost the zero of `+44 (0)20`."""
    number = _TRUNK_ZERO.sub("", text) if text.startswith(("+", "00")) else text
    return re.sub(r"^00", "+", re.sub(f"[{PHONE_SEPARATORS}]+", "", number))


def _with_country_code(number: str) -> str:
    tenant = current_tenant()
    if tenant is None or not (number.isascii() and number.isdigit()):
        return number
    try:
        parsed = phonenumbers.parse(number, tenant.phone_region)
    except phonenumbers.NumberParseException:
        return number
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def validate_phone(value: str) -> None:
    """Raises ValidationError if the value is not a phone number."""
    clean_phone(value)


def validate_email_address(value: str) -> None:
    """Raises ValidationError if the value is not an e-mail address."""
    clean_email(value)


def validate_region(value: str) -> None:
    """Raises ValidationError if `value` is no region with phone numbers, such as `ID` or `NO`."""
    if value not in phonenumbers.SUPPORTED_REGIONS:
        raise ValidationError("The region is a two-letter country code, such as ID or NO.", code="invalid")


def without_trunk_prefix(digits: str) -> tuple[str, str]:
    """Splits the beginning of a national number into the country code and the digits after the trunk prefix.

    `08123456` in Indonesia gives ("62", "8123456"). Without one country or a trunk prefix it gives ("", digits).
    """
    tenant = current_tenant()
    metadata = PhoneMetadata.metadata_for_region(tenant.phone_region) if tenant else None
    prefix = metadata.national_prefix if metadata else "0"
    if not prefix or not digits.startswith(prefix):
        return "", digits
    return str(metadata.country_code) if metadata else "", digits.removeprefix(prefix)
