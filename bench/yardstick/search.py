"""Search as SQL, for both yardsticks: over Circe's folded column and its index."""

import re
import unicodedata
from functools import cache
from itertools import groupby

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE
from phonenumbers.phonemetadata import PhoneMetadata

SEPARATORS = r"\s\-‐-―−.()/"
IS_PHONE_PART = re.compile(rf"[0-9+{SEPARATORS}]+\Z").match


def condition(text: str, region: str) -> tuple[str, dict[str, str]]:
    """SQL and its parameters (`:s0`, …): every word of `text` occurs in a customer's names, e-mail or phone."""
    parameters: dict[str, str] = {}

    def bind(value: str) -> str:
        name = f"s{len(parameters)}"
        parameters[name] = value
        return f":{name}"

    def part(word: str) -> str:
        function = "circe_begins_word" if len(word) < 3 else "circe_contains"
        return f"search_text LIKE {function}({bind(word)})"

    def begins_phone(digits: str) -> str:
        start = bind(f"+{digits.removeprefix('+')}")
        return f"(search_text LIKE circe_begins_word({bind(digits)}) AND starts_with(phone, {start}))"

    def phone(number: str) -> str:
        contains = f"(search_text LIKE circe_contains({bind(number)}) AND strpos(phone, {bind(number)}) > 0)"
        code, prefix = numbering(region)
        if not prefix or not number.startswith(prefix):
            return contains if len(number) > 2 else begins_phone(number)
        return f"({contains} OR {begins_phone(code + number.removeprefix(prefix))})"

    conditions = []
    for is_phone, group in groupby(
        unicodedata.normalize("NFKC", text).split(), key=lambda word: bool(IS_PHONE_PART(word))
    ):
        words = list(dict.fromkeys(group))
        literally = " AND ".join(map(part, words))
        number = re.sub(f"[{SEPARATORS}]+", "", "".join(words)) if is_phone else ""
        conditions.append(f"({literally} OR {phone(number)})" if number else literally)
    return " AND ".join(conditions), parameters


@cache
def numbering(region: str) -> tuple[str, str]:
    """The country code of a region and what is dialled before a national number: ("62", "0")."""
    code = next(code for code, regions in COUNTRY_CODE_TO_REGION_CODE.items() if region in regions)
    return str(code), PhoneMetadata.metadata_for_region(region).national_prefix or ""
