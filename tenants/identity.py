"""Brings e-mail addresses and phone numbers into the one form in which they are compared."""

import re
import unicodedata
from collections.abc import Iterator
from contextlib import suppress

import idna
import phonenumbers
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from phonenumbers.phonemetadata import PhoneMetadata

from tenants.characters import has_invisible_character, without_invisible_marks
from tenants.scope import current_tenant

MAX_EMAIL_LENGTH = 254
TOO_LONG = "The e-mail address is too long."
# Inside a character class of a regular expression.
# As in libphonenumber: a Japanese sound mark is a hyphen, because it lies on the same key, and `8~10` is how Russia dials
# abroad.
PHONE_SEPARATORS = r"\s\-‐-―−ー.()\[\]/~⁓∼"
_E164 = re.compile(r"\+[0-9]{7,15}\Z")
OPTIONAL_ZERO = re.compile(r"(?<=[0-9)])\s*\(0\)")
_INTERNATIONAL = re.compile(r"\+[0-9]+\Z")
MIN_PHONE_DIGITS = 7
MAX_RANGE_DIGITS = 2
MAX_SHOWN_LENGTH = 60
_BETWEEN_DIGITS = re.compile(r"(?<=[0-9])[^0-9]+(?=[0-9])")
# A slash may also follow an area code, as in 030/1234567.
_BETWEEN_NUMBERS = re.compile(r"[/;,|&+\\\n、،]")
_NO_PART_OF_NUMBER = re.compile(rf"[^0-9+{PHONE_SEPARATORS}]+")
# `'0812…` and `="0812…"` are how a spreadsheet keeps a text that looks like a number.
_MARKED_AS_TEXT = re.compile(r"""['‘’`](.*)|="(.*)\"""", re.DOTALL)
# `8.12E+10`: a spreadsheet shows only some digits of this number. Some programs write all digits in this form:
# `9.1234567E7`.
_SHORTENED_NUMBER = re.compile(r"([0-9])(?:[.,]([0-9]+))?[eE]\+?([0-9]{1,2})")
# Prefixes of national numbers that a country has abolished and old lists still have, by country code: Mexico, Ukraine,
# and other countries that once dialled as the Soviet Union did. For any other country some people write a zero.
_FORMER_PREFIXES = {
    52: re.compile(r"\A(?:0?1|04[45]|0)"),
    380: re.compile(r"\A80"),
    **dict.fromkeys([371, 372, 373, 374, 994, 995, 996, 998], re.compile(r"\A[08]")),
}
_ZERO = re.compile(r"\A0")
ARGENTINA = 54
_RANGE_MARK = re.compile(r"[~⁓∼/]|\s[-‐-―−]\s")
_CODE_TWICE = re.compile(r"\A\+([0-9]{1,3})[\s-]*\+(?=\1)")
# A day, as a spreadsheet writes it: in the wrong column, or in place of a number that looked like one.
_DAY = re.compile(r"[0-3]?[0-9]([-/.])[0-3]?[0-9]\1(?:19|20)[0-9]{2}|(?:19|20)[0-9]{2}([-/.])[01]?[0-9]\2[0-3]?[0-9]")
_FLOAT = re.compile(r"[1-9][0-9]{6,}\.[0-9]+")
_WHOLE_FLOAT = re.compile(r"\A(\+?[0-9]{7,15})[.,]0+\Z")


class EmailAddress(str):
    """An e-mail address as it is shown: in NFKC and trimmed. `key` is the address as it is compared: the local part in
    lower case, the domain in its ASCII form (`müller.example` is `xn--mller-kva.example`).
    """

    __slots__ = ("key",)
    key: str


class PhoneNumber(str):
    """A phone number in E.164: `+` and 7 to 15 digits."""

    __slots__ = ()


def clean_email(value: str) -> EmailAddress:
    """Returns the address. Raises ValidationError if the value is no address. An EmailAddress is not read again."""
    return value if isinstance(value, EmailAddress) else _read_email(value)


def email_key(value: str) -> str:
    """Returns the `key` of the address. Raises ValidationError as `clean_email`."""
    return clean_email(value).key


def _read_email(value: str) -> EmailAddress:
    address = unicodedata.normalize("NFKC", value).strip()
    # Plain spaces, which NFKC makes of most others, are left to `validate_email`.
    if has_invisible_character(address.replace(" ", "")):
        raise ValidationError("The e-mail address holds invisible characters.", code="invalid")
    local, at, domain = address.rpartition("@")
    # The key may be longer than the address. The address is measured first, so that no huge text is encoded.
    if len(address) > MAX_EMAIL_LENGTH:
        raise ValidationError(TOO_LONG, code="max_length")
    key = with_ascii_domain(f"{local.lower()}{at}{domain}")
    # Django's pattern has no ASCII flag, so that `ı` passes for an I: but the address is that of somebody else.
    if not (local.isascii() and _is_address(key)):
        raise ValidationError(f"“{_shown(address)}” is not an e-mail address, such as kim@example.com.", code="invalid")
    if len(key) > MAX_EMAIL_LENGTH:
        raise ValidationError(TOO_LONG, code="max_length")
    email = EmailAddress(address)
    email.key = key
    return email


def _is_address(address: str) -> bool:
    try:
        validate_email(address)
    except ValidationError:
        return False
    return True


def with_ascii_domain(address: str) -> str:
    """Returns the address with its domain in the ASCII form, as a mail server takes it. Raises ValidationError if the
    domain has no such form.
    """
    local, at, domain = address.rpartition("@")
    return f"{local}{at}{_ascii_domain(domain)}"


def _ascii_domain(domain: str) -> str:
    """Returns the domain in its ASCII form by IDNA 2008 and UTS 46 (non-transitional), in lower case."""
    # IDNA refuses some ASCII names that exist, such as `r3---sn.example`.
    if domain.isascii() and "xn--" not in domain.lower():
        return domain.lower()
    try:
        return idna.encode(domain, uts46=True).decode()
    except UnicodeError as error:
        raise ValidationError(f"“{_shown(domain)}” is not the domain of an e-mail address.", code="invalid") from error


def clean_phone(value: str) -> PhoneNumber:
    """Returns the number. The current tenant's region completes a national number. A PhoneNumber is not read again.

    The numbering plan of the country drops a trunk prefix after the country code: `+62 0812…` is `+62812…`. A number that
    no plan knows is accepted as it is. Raises ValidationError for two numbers, for a number that a spreadsheet has
    shortened, for a day, and for any other shape.
    """
    if isinstance(value, PhoneNumber):
        return value
    text = _CODE_TWICE.sub("+", _cell_text(normalize_phone_text(value)))
    tenant = current_tenant()
    region = tenant.phone_region if tenant else None
    if text.endswith("+"):
        # In a line that begins at the right, a plus at the end is seen in front.
        plus_first = f"+{text[:-1]}"
        if is_valid_phone(_read(plus_first, region)) or not is_valid_phone(_read(text[:-1], region)):
            text = plus_first
    number = _read(text, region)
    if OPTIONAL_ZERO.search(text) and not is_valid_phone(number):
        # Some people write the (0) also for a country without a trunk prefix.
        number = _read(OPTIONAL_ZERO.sub("", text), region)
    _refuse_two_numbers(text, number, region)
    if seen := _NO_PART_OF_NUMBER.search(text):
        raise ValidationError(
            f"“{_shown(text)}” holds “{_shown(seen[0].strip())}”, which is no part of a phone number. "
            "Enter the number alone, such as +6281234567890.",
            code="invalid",
        )
    if _DAY.fullmatch(text):
        raise ValidationError(
            f"“{text}” looks like a day. If it is a phone number, enter it as digits alone.", code="invalid"
        )
    if _FLOAT.fullmatch(text):
        raise ValidationError(
            f"“{_shown(text)}” has a fraction. If it is a phone number, enter it as digits alone.", code="invalid"
        )
    if not _E164.match(number):
        raise ValidationError(
            f"“{_shown(text)}” is not a phone number. A phone number has 7 to 15 digits, such as +6281234567890.",
            code="invalid",
        )
    return PhoneNumber(number)


def _read(text: str, region: str | None) -> str:
    """Returns the number in E.164 if the text is a number, and otherwise the text without separators. To read the result
    again changes nothing.
    """
    number = without_separators(text)
    if number.isascii() and number.isdigit():
        number = _international(number, region)
    if number.startswith(("+0", "+8")) and not _is_possible(number):
        # A national number with a plus (`+0812…` in Indonesia, `+8 912…` in Russia), or a zero before the country code
        # (`+091…`).
        national = _without_trunk_prefix_of_its_country(_international(number[1:], region))
        readings = (national, f"+{number[1:].lstrip('0')}")
        number = next(filter(is_valid_phone, readings), number)
    if not _INTERNATIONAL.match(number):
        return number
    shorter = _without_trunk_prefix_of_its_country(number)
    # The rest may begin with a prefix again: `+49 00177…`.
    return number if shorter == number else _read(shorter, region)


def _is_possible(number: str) -> bool:
    """Returns whether the number has a country code, and as many digits as numbers of that country have."""
    try:
        return phonenumbers.is_possible_number(phonenumbers.parse(number))
    except phonenumbers.NumberParseException:
        return False


def _shown(text: str) -> str:
    return text if len(text) <= MAX_SHOWN_LENGTH else f"{text[:MAX_SHOWN_LENGTH]}…"


def normalize_phone_text(text: str) -> str:
    """Returns the text as a person sees it: in NFKC, without invisible marks, with ASCII digits for those of any script."""
    if text.isascii():
        return text.strip()
    visible = without_invisible_marks(unicodedata.normalize("NFKC", text))
    return "".join(str(unicodedata.decimal(character, character)) for character in visible).strip()


def without_separators(text: str) -> str:
    """Returns the number without separators such as spaces, hyphens and parentheses."""
    return re.sub(f"[{PHONE_SEPARATORS}]+", "", text)


def is_valid_phone(number: str) -> bool:
    """Returns whether the numbering plan of its country has the number, which begins with `+`."""
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(number))
    except phonenumbers.NumberParseException:
        return False


def _cell_text(text: str) -> str:
    """Returns the text of a spreadsheet's cell without the marks that make it a text, and a number without its `.0`."""
    if marked := _MARKED_AS_TEXT.fullmatch(text):
        text = marked[1] or marked[2] or ""
    if float_parts := _SHORTENED_NUMBER.fullmatch(text):
        first, others, exponent = float_parts.groups("")
        if len(others) == int(exponent):
            return first + others
        raise ValidationError(
            f"A spreadsheet shortened this number to {text} and lost digits. Enter the whole number.", code="shortened"
        )
    return _WHOLE_FLOAT.sub(r"\1", text)


def _refuse_two_numbers(text: str, number: str, region: str | None) -> None:
    # The places where two numbers could meet are found first, since it is slow to parse a part of the text as a number.
    places = list(_BETWEEN_DIGITS.finditer(text))
    is_one_number = bool(places) and is_valid_phone(number)
    for place in places:
        first, others = text[: place.start()], text[place.end() :]
        # `+62 812/3456/7890` is one number.
        is_marked = _BETWEEN_NUMBERS.search(place[0]) and "/" not in first
        is_range = is_one_number and not is_marked and _is_range(place[0], first, others, number, region)
        if is_one_number and not is_marked and not is_range:
            continue
        if _count_national_digits(first, region) < MIN_PHONE_DIGITS:
            continue
        is_second_whole = len(re.findall("[0-9]", others)) >= MIN_PHONE_DIGITS
        # `22334455-56` is how consecutive numbers are written.
        is_separated = not (is_one_number or _NO_PART_OF_NUMBER.search(place[0]))
        is_continued = is_separated and is_valid_phone(_read(first, region))
        if is_range or is_marked or is_second_whole or is_continued:
            raise ValidationError(f"There are two numbers: {_shown(text)}. Enter one of them.", code="two_numbers")


def _is_range(separator: str, first: str, others: str, number: str, region: str | None) -> bool:
    """Returns whether the text means a shorter number, `first`, and the last digits of further numbers, although all its
    digits together are the valid number `number`. An example is `02-123-4567~8`.
    """
    count = len(re.findall("[0-9]", others))
    is_fraction = _FLOAT.fullmatch(f"{first}{separator}{others}") is not None
    if separator.isspace() or count > MAX_RANGE_DIGITS or is_fraction:
        return False
    shorter = _read(first, region)
    if not is_valid_phone(shorter):
        return False
    # `98765-43210-11` in India would be a number of Iran.
    is_elsewhere = phonenumbers.parse(shorter).country_code != phonenumbers.parse(number).country_code
    # In Germany and Austria `089 123456-0` has an extension.
    has_extension = number.startswith(("+49", "+43")) and "/" not in separator
    is_marked = _RANGE_MARK.search(separator) is not None
    return is_elsewhere or (not has_extension and (count == 1 or is_marked))


def _count_national_digits(text: str, region: str | None) -> int:
    """Returns the number of digits after the country code and the trunk prefix."""
    number = _read(OPTIONAL_ZERO.sub("", text), region)
    try:
        return len(phonenumbers.national_significant_number(phonenumbers.parse(number)))
    except phonenumbers.NumberParseException:
        return len(re.findall("[0-9]", text))


def _international(number: str, region: str | None) -> str:
    """Returns a number that was written without `+` as an international one.

    It is international already if it begins with the prefix by which the region dials abroad, or with `00`. It may also
    begin with the country code. Then it must be valid with a `+`, and must not be better read as a national number
    (`_is_national`).
    """
    # `00` is international everywhere. Carriers have prefixes of their own, of which the plan lacks some: 001 and 007 in
    # Indonesia.
    candidates = [f"+{number[2:]}", f"+{number[3:]}"] if number.startswith("00") else []
    try:
        parsed = phonenumbers.parse(number, region, keep_raw_input=True)
    except phonenumbers.NumberParseException:
        pass
    else:
        national = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
        if not candidates and region is not None and not _is_national(number, national, region):
            national, whole = map(_without_trunk_prefix_of_its_country, (national, f"+{number}"))
            if is_valid_phone(whole) and not _is_national(number, national, region):
                return whole
            # `091 98765 43210` in India: a zero before the region's own country code.
            whole = f"+{number[1:]}"
            if number.startswith(f"0{parsed.country_code}") and is_valid_phone(whole) and not is_valid_phone(national):
                return whole
        # The region's own prefix is read before `00`, and `00` before zeros of a national number.
        is_dialled_abroad = parsed.country_code_source == phonenumbers.CountryCodeSource.FROM_NUMBER_WITH_IDD
        candidates.insert(0 if is_dialled_abroad else len(candidates), national)
    valid = [candidate for candidate in candidates if is_valid_phone(candidate)]
    return (valid or candidates or [number])[0]


def _is_national(number: str, national: str, region: str) -> bool:
    """Returns whether the digits are better read as the national number `national` of the region, in E.164.

    `62811…` in Indonesia would have the country code twice, and lacks the zero of a national number. `3901234567` in
    Italy is a whole mobile number, since Italy has no trunk prefix.
    """
    own_code = str(phonenumbers.country_code_for_region(region))
    metadata = PhoneMetadata.metadata_for_region(region)
    has_trunk_prefix = metadata is not None and metadata.national_prefix is not None
    is_code_repeated = national == f"+{own_code}{number}" and number.startswith(own_code)
    return is_valid_phone(national) and not (is_code_repeated and has_trunk_prefix)


def _without_trunk_prefix_of_its_country(number: str) -> str:
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return number
    is_valid = phonenumbers.is_valid_number(parsed)
    without = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    if without != number:
        is_valid_without = is_valid_phone(without)
        # The plan may lack a new range of numbers, but it knows how long they are.
        if is_valid_without or (phonenumbers.is_possible_number(parsed) and not is_valid):
            number, is_valid = without, is_valid_without
    if not is_valid:
        code = parsed.country_code or 0
        readings = (f"+{code}{rest}" for rest in _other_readings(code, number.removeprefix(f"+{code}")))
        number = next(filter(is_valid_phone, readings), number)
    return number


def _other_readings(code: int, rest: str) -> Iterator[str]:
    """Yields other readings of the digits after the country code, if the country's numbering plan has no such number."""
    # The country code twice: a form puts it before a number that has it already.
    once = re.sub(rf"\A0*{code}", "", rest)
    if once != rest:
        yield _without_trunk_prefix_of_its_country(f"+{code}{once}").removeprefix(f"+{code}")
    without_prefix = _FORMER_PREFIXES.get(code, _ZERO).sub("", rest)
    if without_prefix != rest:
        yield without_prefix
    if code == ARGENTINA and rest.startswith("9"):
        # A mobile number is dialled with a 9 from abroad, and with 0 and 15 within the country. This one has all three:
        # `+54 9 011 15 2345-6789`.
        with suppress(phonenumbers.NumberParseException):  # the rest may be a single digit
            domestic = phonenumbers.national_significant_number(phonenumbers.parse(f"+{code}{rest[1:]}"))
            yield f"9{domestic.removeprefix('9')}"


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
