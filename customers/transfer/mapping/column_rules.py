"""Defines how the cells of one column of a file are read: to which column of Circe they go, and as which values."""

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

_MARK_BEFORE_NUMBER = re.compile(r"\A'(?=[+\d])")

ValuesOfCell = Callable[[str], list[str]]


def whole_cell(text: str) -> list[str]:
    """Returns a list with the text, or an empty list for an empty text."""
    return [text] if text else []


def unmarked_cell(text: str) -> list[str]:
    """Returns the text as the only value, without an apostrophe before a digit or `+`. Other systems write that
    apostrophe so that a spreadsheet keeps the cell as text.
    """
    return whole_cell(_MARK_BEFORE_NUMBER.sub("", text))


def separated_by(separator: str) -> ValuesOfCell:
    """Returns a function that splits a cell into its values."""

    def split(text: str) -> list[str]:
        return [value.strip() for value in text.split(separator) if value.strip()]

    return split


def translated_by(meanings: Mapping[str, str]) -> ValuesOfCell:
    """Returns a function that replaces a cell by its value in `meanings`, whose keys are in lower case. A cell that is
    no key stays as it is.
    """

    def translate(text: str) -> list[str]:
        return whole_cell(meanings.get(text.lower(), text))

    return translate


def tags_from_labels(separator: str) -> ValuesOfCell:
    """Returns a function that splits a cell into labels and makes tags of them: `* myContacts ::: Hair & Nails` becomes
    `hair-nails`.

    Labels that begin with an asterisk are left out: Google adds them itself.
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
class ColumnRule:
    """How one column of a file is imported: its target, and how its cells are read.

    `target` is the name of a column of Circe, or NOT_IMPORTED. `values` returns the values of a cell. If several columns
    have the same target, those with a lower `rank` come first. A fallback, such as a full name, is read only if all other
    columns of its target are empty in the row.
    """

    target: str
    values: ValuesOfCell = field(default=whole_cell)
    rank: int = 0
    is_fallback: bool = False


NOT_IMPORTED = ""
UNMAPPED = ColumnRule(target=NOT_IMPORTED)
