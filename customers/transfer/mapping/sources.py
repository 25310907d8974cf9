"""Defines how the cells of one column of a file are read: to which column of Circe they go, and as which values."""

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

_MARK_BEFORE_NUMBER = re.compile(r"\A'(?=[+\d])")

ValuesOfCell = Callable[[str], list[str]]


def whole_cell(text: str) -> list[str]:
    """Returns the text as the only value, none for an empty text."""
    return [text] if text else []


def unmarked_cell(text: str) -> list[str]:
    """Returns the text without the apostrophe by which other systems keep a spreadsheet from reading a number."""
    return whole_cell(_MARK_BEFORE_NUMBER.sub("", text))


def separated_by(separator: str) -> ValuesOfCell:
    """Returns a function that splits a cell into its values."""

    def split(text: str) -> list[str]:
        return [value.strip() for value in text.split(separator) if value.strip()]

    return split


def words(meanings: Mapping[str, str]) -> ValuesOfCell:
    """Returns a function that replaces a whole cell by what it means. Another cell stays as it is."""

    def translate(text: str) -> list[str]:
        return whole_cell(meanings.get(text.lower(), text))

    return translate


def labels(separator: str) -> ValuesOfCell:
    """Returns a function that makes tags of labels: `* myContacts ::: Hair & Nails` becomes `hair-nails`.

    Labels with an asterisk are those that Google gives by itself.
    """
    split = separated_by(separator)

    def make_tags(text: str) -> list[str]:
        tags = [_make_tag(label) for label in split(text) if not label.startswith("*")]
        return [tag for tag in tags if tag]

    return make_tags


def _make_tag(label: str) -> str:
    letters = (c if unicodedata.category(c)[0] in "LMN" or c == "_" else "-" for c in label.lower())
    return re.sub("-+", "-", "".join(letters)).strip("-_")


@dataclass(frozen=True, kw_only=True)
class Source:
    """The destination of a column of a file.

    `target` is the name of a column of Circe, or NOT_IMPORTED. Where several columns have one target, a lower `preference`
    comes first. A `fallback` is used where all other columns of the target are empty, such as a full name.
    """

    target: str
    values: ValuesOfCell = field(default=whole_cell)
    preference: int = 0
    fallback: bool = False


NOT_IMPORTED = ""
IGNORED = Source(target=NOT_IMPORTED)
