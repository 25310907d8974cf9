"""How the name of a column is compared: without case, blanks and punctuation."""

import re
from collections.abc import Collection, Iterable, Iterator

_NOT_A_LETTER = re.compile(r"[\W_]+")


def letters_of(header: str) -> str:
    """The letters and digits of a header, in lower case."""
    return _NOT_A_LETTER.sub("", header.lower())


def spellings(header: str) -> Iterator[str]:
    """The names under which a header is looked up, the first that is known counts."""
    letters = letters_of(header)
    yield letters
    yield letters.removeprefix("preferences")


def count_known(headers: Iterable[str], known: Collection[str]) -> int:
    """How many of the headers are among the known names, which are written as `letters_of` does."""
    return sum(any(name in known for name in spellings(header)) for header in headers)
