"""Finds out whether the day or the month comes first in a date.

The child process that parses imported files imports this module, so it uses no Django.
"""

import re
import unicodedata
from enum import StrEnum

MAX_DAY = 31

YEAR_LAST = re.compile(r"(\d{1,2}) ?([-/.]) ?(\d{1,2}) ?\2 ?(\d{4}|\d{2})(?: ?г)?\.?\Z", re.ASCII)
TIME_OF_DAY = re.compile(r"(?<=\d)(?:T|,? +)\d\d?:\d\d.*", re.ASCII | re.DOTALL)
_DASH = re.compile("[\u2010-\u2015\u2212]")


class DayOrder(StrEnum):
    """Whether `03/04/1990` is 3 April or 4 March."""

    DAY_FIRST = "day_first"
    MONTH_FIRST = "month_first"


def find_day_order(text: str) -> DayOrder | None:
    """Returns the order of day and month in a text that can be read in only one order. A time after the date is ignored.
    Returns None for other texts, and for a text with dots, since it tells nothing about the other texts of a column.
    """
    text = text if text.isascii() else normalize_visible_text(text)
    parts = YEAR_LAST.match(TIME_OF_DAY.sub("", text) if ":" in text else text)
    if parts is None or parts[2] == ".":
        return None
    first, second = int(parts[1]), int(parts[3])
    # `90/04/30` begins with the year.
    if MAX_DAY >= first > 12 >= second > 0:
        return DayOrder.DAY_FIRST
    return DayOrder.MONTH_FIRST if MAX_DAY >= second > 12 >= first > 0 else None


def decide_day_order(text: str, separator: str, order: DayOrder | None) -> DayOrder | None:
    """Returns the order of day and month in a text whose year comes last: it is `order` if the text does not
    show it. With dots the day comes first, as everybody writes it.
    """
    return DayOrder.DAY_FIRST if separator == "." else find_day_order(text) or order


def normalize_visible_text(text: str) -> str:
    """Returns the text in NFKC, with ASCII digits and hyphens, without the invisible marks that come with a copied date."""
    # Imported here because its patterns take long to compile, and most files have no such cell.
    from tenants.characters import without_invisible_marks

    visible = _DASH.sub("-", without_invisible_marks(unicodedata.normalize("NFKC", text)).strip())
    return "".join(str(unicodedata.decimal(character, character)) for character in visible)
