"""Search: finds customers by parts of words, in any order, without case and accents, and by any spelling of a phone number.

`Customer.search_text` is a generated column with a folded text: a space, then names, e-mail and phone, then the words
inside them, each after a space. So the pattern `% an%` finds the start of a word. A trigram index serves these patterns; a
pattern without three letters in a row would read the whole index.
"""

import re
import unicodedata
from contextlib import suppress
from itertools import groupby

from django.core.exceptions import ValidationError
from django.db.models import Lookup, Q, TextField

from tenants.identity import PHONE_SEPARATORS, clean_phone, phone_fragment, visible_phone, without_trunk_prefix

MAX_LENGTH = 100
_PHONE_PART = re.compile(rf"[0-9+{PHONE_SEPARATORS}]+\Z")


class FoldedPattern(Lookup):
    """Compares by LIKE with a pattern that the SQL function `function` makes of a word: folded, with escaped wildcards."""

    function: str

    def as_sql(self, compiler, connection):  # noqa: ANN001, ANN201
        left, left_params = self.process_lhs(compiler, connection)
        right, right_params = self.process_rhs(compiler, connection)
        return f"{left} LIKE {self.function}({right})", [*left_params, *right_params]


@TextField.register_lookup
class HasPart(FoldedPattern):
    """The text contains the word."""

    lookup_name = "has_part"
    function = "circe_contains"


@TextField.register_lookup
class HasBeginning(FoldedPattern):
    """A word of the text begins with the word."""

    lookup_name = "has_beginning"
    function = "circe_begins_word"


def matching(text: str) -> Q:
    """Returns the condition that every word of `text` occurs in a customer's names, e-mail or phone."""
    condition = Q()
    normalized = unicodedata.normalize("NFKC", text)
    may_have_phone = re.search(r"[\d+]", normalized) is not None
    for is_phone, words in groupby(normalized.split(), key=lambda word: may_have_phone and _is_phone_part(word)):
        group = list(words)
        literally = Q(*(_part(word) for word in dict.fromkeys(group)))
        condition &= (literally | _phone(visible_phone("".join(group)))) if is_phone else literally
    return condition


def _is_phone_part(word: str) -> bool:
    return _PHONE_PART.match(visible_phone(word)) is not None


def _phone(text: str) -> Q:
    number = phone_fragment(text)
    if not number:
        return Q(pk__in=[])
    country, rest = without_trunk_prefix(number)
    found = _begins_phone(number) if len(number) < 3 else _in_phone(number)
    if country:
        found |= _begins_phone(country + rest)
    elif len(rest) >= 3:
        found |= _in_phone(rest)
    # A whole number is found however it is written: what creates a customer finds that customer.
    with suppress(ValidationError):
        found |= _in_phone(clean_phone(text))
    return found


# The index holds the folded text. The second condition makes sure that the digits are those of the phone number.
def _in_phone(digits: str) -> Q:
    return _contains(digits) & Q(phone__contains=digits)


def _begins_phone(digits: str) -> Q:
    return _begins_word(digits) & Q(phone__startswith=f"+{digits.removeprefix('+')}")


def _part(word: str) -> Q:
    return _begins_word(word) if len(word) < 3 else _contains(word)


def _contains(word: str) -> Q:
    return Q(search_text__has_part=word)


def _begins_word(word: str) -> Q:
    return Q(search_text__has_beginning=word)
