"""Search: finds customers by parts of words, in any order, without case, accents and punctuation, and by any spelling of a
phone number.

`Customer.search_text` is a generated column with folded words: a line of the names, and a line of e-mail and phone. Each
word has a space before it, so the pattern `% an%` finds the start of a word. A trigram index finds the texts of these
patterns. A pattern without three letters in a row would read the whole index.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import reduce
from itertools import groupby
from operator import or_

import idna
import regex
from django.core.exceptions import ValidationError
from django.db.models import Lookup, Q, TextField

from tenants.identity import PHONE_SEPARATORS, clean_phone, normalize_phone_text
from tenants.phone_parts import international_beginnings, phone_fragment, split_national_number

MAX_SEARCH_LENGTH = 100
# Only a search of at most this many words is also looked for with two neighbouring words joined to one.
MAX_JOINED_WORDS = 5
# Letters that are written as apostrophes (ʻ, ʼ) or tones are punctuation, see circe_punctuation. A combining mark alone is
# a word only if there is no other word. Folding leaves nothing of an accent, so it finds nobody.
_WORD = regex.compile(
    r"[[\p{L}\p{M}\p{N}\p{Co}]--[\u02B9-\u02FF\u0559\u07F4\u07F5\uA717-\uA721\uA788-\uA78C]]+", regex.V1
)
_MARKS = regex.compile(r"\p{M}+")
_PICTURES = regex.compile(r"\p{So}+")
# Invisible characters inside a word, but not ZERO WIDTH NON-JOINER, which stands where Persian has half a space.
_INVISIBLE = regex.compile(r"[[\p{Default_Ignorable_Code_Point}\p{Cf}]--\u200C]+", regex.V1)
# An accent that stands alone beside a letter, as in `O´Brien`. NFKC would make a space and a combining accent of it.
_ACCENT_AS_QUOTE = regex.compile(r"(?<=[\p{L}\p{M}\p{N}])\p{Sk}|\p{Sk}(?=[\p{L}\p{N}])")
# Voicing marks of kana that are typed after it. They are joined to it, as in circe_fold.
_VOICING_MARKS = str.maketrans("゛゜", "\u3099\u309a")
_AROUND_EMAIL = re.compile(r"""[<>()\[\]{}"“”„«»‹›,;:|/\\]+""")
# Separates a name and a number: `Jane,0812 3456`.
_BETWEEN_NAME_AND_NUMBER = regex.compile(r"(?<=\p{L})[,;:|/](?=[(+]*\p{Nd})|(?<=\p{Nd})[,;:|/](?=\p{L})")
# The scheme at the beginning of a copied link.
_LINK_SCHEME = re.compile(r"\b(?:mailto|tel|sms):", re.IGNORECASE)
_AROUND = regex.compile(r"\A[\p{P}\p{S}]+|[\p{P}\p{S}]+\Z")
_AROUND_PHONE = regex.compile(r"\A[[\p{P}\p{S}]--[+(]]+|[[\p{P}\p{S}]--[)]]+\Z", regex.V1)
# A number as a spreadsheet writes it: `91234567,00`, `9.1234567E7`.
_FLOAT = re.compile(r"\s*[0-9]+[.,][0-9]+(?:[eE]\+?[0-9]+)?\s*\Z")
_PHONE_PART = re.compile(rf"[0-9+{PHONE_SEPARATORS}]+\Z")


class FoldedPattern(Lookup):
    """Compares by LIKE with the pattern that the SQL function `function` makes of a text."""

    function: str

    def as_sql(self, compiler, connection):  # noqa: ANN001, ANN201
        left, left_params = self.process_lhs(compiler, connection)
        right, right_params = self.process_rhs(compiler, connection)
        return f"{left} LIKE {self.function}({right})", [*left_params, *right_params]


@TextField.register_lookup
class HasPart(FoldedPattern):
    """Finds texts that contain the word. If the word has one or two letters, finds texts in which a word begins with
    it.
    """

    lookup_name = "has_part"
    function = "circe_word_pattern"


@TextField.register_lookup
class HasEmailPart(FoldedPattern):
    """Finds texts that contain the e-mail address, or the part of an address with an `@`."""

    lookup_name = "has_email_part"
    function = "circe_email_pattern"


def search_words(text: str) -> list[str]:
    """Returns the words of a search, each once, without punctuation. SQL folds them (`circe_fold`)."""
    return _split_into_unique_words(_split_into_chunks(text))


def name_beginnings(text: str) -> list[list[str]]:
    """Returns the words of a search, and further lists in which neighbouring words are joined, as Anne Marie may be stored
    as Annemarie.
    """
    chunks = _split_into_chunks(text)
    return [_split_into_unique_words(chunks), *_joined_words(chunks, max_shorter=MAX_SEARCH_LENGTH)]


def search_condition(text: str) -> Q:
    """Returns the condition that every word of `text` occurs in a customer's names, e-mail or phone.

    Words are compared without punctuation. A text of punctuation alone matches nobody; a text of spaces matches everybody.
    """
    phrases = _split_into_phrases(text)
    if phrases:
        return Q(*map(_phrase_condition, phrases)) | _spreadsheet_number_condition(text)
    typed = unicodedata.normalize("NFKC", text).strip()
    return _phone_condition("+") if typed == "+" else _word_condition("") if typed else Q()


def _split_into_chunks(text: str) -> list[str]:
    return [chunk for phrase in _split_into_phrases(text) for chunk in phrase]


def _split_into_phrases(text: str) -> list[list[str]]:
    """Splits a text at `%`, `_` and `\\` into phrases, and each phrase at its spaces into chunks. A text with an `@` is also
    split at the marks that are written around an e-mail address.

    Returns the list of chunks of each phrase. Words of two phrases are never joined: `Pla\\in` does not find `Plain`.
    """
    quoted = _ACCENT_AS_QUOTE.sub("'", text.translate(_VOICING_MARKS))
    visible = _INVISIBLE.sub("", unicodedata.normalize("NFKC", quoted))
    visible = _BETWEEN_NAME_AND_NUMBER.sub(" ", _LINK_SCHEME.sub(" ", visible))
    if "@" in visible:
        visible = _AROUND_EMAIL.sub(" ", visible)
    phrases = [
        [chunk for chunk in phrase.split() if _split_into_words(chunk)] for phrase in re.split(r"[%_\\]", visible)
    ]
    without_marks = [[chunk for chunk in phrase if not _is_only_marks(chunk)] for phrase in phrases]
    return [phrase for phrase in (without_marks if any(without_marks) else phrases) if phrase]


def _phrase_condition(chunks: list[str]) -> Q:
    may_have_phone = re.search(r"\d", "".join(chunks)) is not None
    condition, others = Q(), []
    for is_phone, group in groupby(chunks, key=lambda chunk: may_have_phone and bool(_read_phone_part(chunk))):
        parts = list(group)
        if is_phone:
            condition &= Q(*map(_word_condition, _split_into_unique_words(parts))) | _phone_condition(
                "".join(map(_read_phone_part, parts))
            )
        else:
            others += parts
    return condition & _any_spelling_condition(others)


def _any_spelling_condition(chunks: list[str]) -> Q:
    """Returns the condition that finds the words as they are typed, or joined if a name may be stored as one word:
    `O'Brien`, `Mary Jo`. The condition of each spelling is a conjunction, for which one scan of the index is enough.
    Two neighbouring words are joined only if one of them has fewer than three letters: longer words are found as parts
    of the joined word anyway.
    """
    found = Q(*(condition for chunk in dict.fromkeys(chunks) for condition in _chunk_conditions(chunk)))
    for words in _joined_words(chunks, max_shorter=2):
        found |= Q(*map(_word_condition, words))
    return found


def _joined_words(chunks: list[str], *, max_shorter: int) -> Iterator[list[str]]:
    """Yields the words of the chunks with some of them joined: those of each chunk, or two neighbours of which the shorter
    one has at most `max_shorter` letters.
    """
    words = _split_into_unique_words(chunks)
    joined = list(dict.fromkeys("".join(_split_into_words(chunk)) for chunk in chunks))
    if joined != words:
        yield joined
    if len(words) <= MAX_JOINED_WORDS and not any(map(_is_email_part, chunks)):
        for at in range(1, len(words)):
            first, second = words[at - 1 : at + 1]
            if min(len(first), len(second)) <= max_shorter and len(first + second) >= 3:
                yield [*words[: at - 1], first + second, *words[at + 1 :]]


def _chunk_conditions(chunk: str) -> list[Q]:
    if not _is_email_part(chunk):
        return [_word_condition(word) for word in _split_into_words(chunk)]
    return [reduce(or_, (Q(search_text__has_email_part=spelling) for spelling in _email_spellings(chunk)))]


def _email_spellings(email: str) -> set[str]:
    """Returns the address. If its domain is an internationalised one, also returns the address with the domain in the
    other form, Unicode or ASCII.
    """
    local, at, domain = email.rpartition("@")
    spellings = {email}
    with suppress(UnicodeError):
        if not domain.isascii():
            spellings.add(local + at + idna.encode(domain, uts46=True).decode())
        elif "xn--" in domain.lower():
            spellings.add(local + at + idna.decode(domain))
    return spellings


def _is_email_part(chunk: str) -> bool:
    return "@" in _AROUND.sub("", chunk)


def _split_into_unique_words(chunks: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(word for chunk in chunks for word in _split_into_words(chunk)))


def _split_into_words(chunk: str) -> list[str]:
    """Returns the words between the punctuation. Pictures such as emojis, and marks without a letter, are words only if
    there are no other words.
    """
    words = _WORD.findall(chunk)
    return [word for word in words if not _MARKS.fullmatch(word)] or words or _PICTURES.findall(chunk)


def _is_only_marks(chunk: str) -> bool:
    return all(map(_MARKS.fullmatch, _split_into_words(chunk)))


def _read_phone_part(chunk: str) -> str:
    """Returns the text as a part of a phone number, without quotes and other marks around it. Returns "" if it is no
    such part.
    """
    visible = _AROUND_PHONE.sub("", normalize_phone_text(chunk))
    return visible if _PHONE_PART.match(visible) else ""


def _phone_condition(text: str) -> Q:
    """Returns the condition that a phone number has these digits, however it is written. One or two digits must be its
    first ones.
    """
    number = phone_fragment(text)
    country, rest = split_national_number(number)
    found = _phone_begins_with(number) if len(number) < 3 else _phone_contains(number)
    if country:
        found |= _phone_begins_with(country + rest)
    elif len(rest) >= 3:
        found |= _phone_contains(rest)
    for beginning in {*international_beginnings(text)} - {number}:
        found |= _phone_begins_with(beginning)
    # A complete phone number is found in every spelling in which a customer can be created with it.
    with suppress(ValidationError):
        found |= _phone_contains(clean_phone(text))
    return found


# The first condition uses the index of the folded text, which also has digits of names and e-mail addresses. The
# second makes sure that the digits are those of the phone number.
def _phone_contains(number: str) -> Q:
    if number.startswith("+"):
        return _phone_begins_with(number)
    return Q(search_text__contains=number, phone__contains=number)


def _phone_begins_with(number: str) -> Q:
    digits = number.removeprefix("+")
    return Q(search_text__contains=f" {digits}", phone__startswith=f"+{digits}")


def _spreadsheet_number_condition(text: str) -> Q:
    """Returns the condition for a phone number that a spreadsheet wrote as a number with a fraction. For another text
    the condition is empty.
    """
    if _FLOAT.match(text):
        with suppress(ValidationError):
            return _phone_contains(clean_phone(text))
    return Q()


def _word_condition(word: str) -> Q:
    return Q(search_text__has_part=word)
