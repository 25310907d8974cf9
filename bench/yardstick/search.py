"""Builds the SQL conditions of a search, for the yardstick's two services. They read Circe's column `search_text`."""

import re
import unicodedata
from functools import cache
from itertools import groupby

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE
from phonenumbers.phonemetadata import PhoneMetadata

SEPARATORS = r"\s\-‐-―−.()/"
IS_PHONE_PART = re.compile(rf"[0-9+{SEPARATORS}]+\Z").match


def condition(text: str, region: str) -> tuple[str, str, dict[str, str]]:
    """Returns two SQL conditions, and their parameters (`:s0`, …).

    The first: names, e-mail or phone contain each word of `text`; a word of one or two letters must begin a word there. The
    second: for each word of `text`, a word of the names begins with it.
    """
    parameters: dict[str, str] = {}

    def bind(value: str) -> str:
        name = f"s{len(parameters)}"
        parameters[name] = value
        return f":{name}"

    def match_word(word: str) -> str:
        parts = [part for part in re.split(r"\W+", word) if part]
        return " AND ".join(f"search_text LIKE circe_word_pattern({bind(part)})" for part in parts) or "false"

    def begins_phone(digits: str) -> str:
        start = bind(f"+{digits.removeprefix('+')}")
        return f"(search_text LIKE circe_word_beginning_pattern({bind(digits)}) AND starts_with(phone, {start}))"

    def phone(number: str) -> str:
        contains = f"(search_text LIKE circe_word_pattern({bind(number)}) AND strpos(phone, {bind(number)}) > 0)"
        code, prefix = numbering(region)
        if not prefix or not number.startswith(prefix):
            return contains if len(number) > 2 else begins_phone(number)
        return f"({contains} OR {begins_phone(code + number.removeprefix(prefix))})"

    words_of_text = list(dict.fromkeys(re.findall(r"\w+", unicodedata.normalize("NFKC", text))))
    begins = (
        " AND ".join(f"search_text LIKE circe_name_beginning_pattern({bind(word)})" for word in words_of_text)
        or "false"
    )
    conditions = []
    for is_phone, group in groupby(
        unicodedata.normalize("NFKC", text).split(), key=lambda word: bool(IS_PHONE_PART(word))
    ):
        words = list(group)
        literally = " AND ".join(map(match_word, dict.fromkeys(words)))
        number = re.sub(f"[{SEPARATORS}]+", "", "".join(words)) if is_phone else ""
        conditions.append(f"({literally} OR {phone(number)})" if number else literally)
    return " AND ".join(conditions), begins, parameters


@cache
def numbering(region: str) -> tuple[str, str]:
    """Returns the country code of a region and the trunk prefix, which precedes a national number, such as ("62", "0")."""
    code = next(code for code, regions in COUNTRY_CODE_TO_REGION_CODE.items() if region in regions)
    return str(code), PhoneMetadata.metadata_for_region(region).national_prefix or ""
