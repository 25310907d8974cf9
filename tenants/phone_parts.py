"""Reads parts of phone numbers, as they are searched for."""

import re
from collections.abc import Iterator

import phonenumbers
from phonenumbers.phonemetadata import PhoneMetadata

from tenants.identity import OPTIONAL_ZERO, without_separators
from tenants.scope import current_tenant


def phone_fragment(text: str) -> str:
    """Returns the digits of a part of a number, to search for. The beginning of an international number has a `+`."""
    is_international = text.startswith(("+", "(+", "00"))
    number = without_separators(OPTIONAL_ZERO.sub("", text) if is_international else text)
    return re.sub(r"^00", "+", number)


def split_national_number(digits: str) -> tuple[str, str]:
    """Splits the beginning of a national number into the country code and the digits after the trunk prefix.

    `08123456` in Indonesia gives ("62", "8123456"). Digits without a trunk prefix give ("", digits). If all tenants are in
    scope, the country is not known: `08123456` gives ("", "8123456").
    """
    metadata = _current_metadata()
    prefix = metadata.national_prefix if metadata else "0"
    if not prefix or not digits.startswith(prefix):
        return "", digits
    return str(metadata.country_code) if metadata else "", digits.removeprefix(prefix)


def international_beginnings(text: str) -> Iterator[str]:
    """Yields how a number begins in E.164, with `+`, if the text is the beginning of a number that is written with a prefix
    of the region for calls abroad (`0011 62` in Australia), or with a trunk prefix after the country code (`+62 08`).
    """
    digits = without_separators(text)
    number = re.sub(r"^00", "+", digits)
    if metadata := _current_metadata():
        dialled = re.match(metadata.international_prefix or "00", digits)
        if dialled:
            number = f"+{digits[dialled.end() :]}"
            if number != "+":
                yield number
        elif digits.startswith(str(metadata.country_code)):
            number = f"+{digits}"
    for length in (2, 3, 4):
        code = number[1:length]
        if number.startswith("+") and code.isdigit() and int(code) in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
            plan = PhoneMetadata.metadata_for_region(phonenumbers.region_code_for_country_code(int(code)))
            prefix = f"+{code}{plan.national_prefix}" if plan and plan.national_prefix else None
            if prefix and number.startswith(prefix):
                yield f"+{code}{number.removeprefix(prefix)}"


def _current_metadata() -> PhoneMetadata | None:
    """Returns the numbering plan of the current tenant's region, or None if all tenants are in scope."""
    tenant = current_tenant()
    return PhoneMetadata.metadata_for_region(tenant.phone_region) if tenant else None
