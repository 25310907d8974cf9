"""Reads dates of birth as other systems write them, and refuses those that can be read in two ways."""

import datetime as dt
import re

from customers.transfer.cell_words import fold_word, fold_words, means_unknown
from customers.transfer.day_order import (
    MAX_DAY,
    TIME_OF_DAY,
    YEAR_LAST,
    DayOrder,
    decide_day_order,
    normalize_visible_text,
)
from customers.transfer.month_words import MONTHS, MONTHS_BY_LANGUAGE, WEEKDAYS

EARLIEST_YEAR = 1900
# The Buddhist year 2523 of Thailand is 1980.
BUDDHIST_YEAR_OFFSET = 543
# The year that Apple and Google write for a birthday without a year.
PLACEHOLDER_YEAR = "1604"
# Dates that systems write where there is none: SQL Server 1753, Excel and Access 1899 (their day 0), Outlook 4501. .NET
# and Go write 1 January of year 1, see `_make_day`.
PLACEHOLDER_DATES = {dt.date(1753, 1, 1), dt.date(1899, 12, 30), dt.date(1899, 12, 31), dt.date(4501, 1, 1)}
MAX_BIRTHDAY_CHARACTERS = 40

# How a spreadsheet stores a day of 1900 to 2100, with the time as a fraction.
SERIAL_DAY = re.compile(r"\d{1,5}(?:[.,]\d+)?\Z", re.ASCII)
# The midnight that a spreadsheet or a database adds to a day.
_MIDNIGHT = re.compile(
    r"(?:T| +)(?:00?:00(?::00(?:[.,]0+)?)?(?:Z|(?: ?[+-]\d\d(?::?\d\d)?)?(?: UTC)?)?|12:00(?::00)? ?AM)\Z",
    re.IGNORECASE | re.ASCII,
)
_YEAR_FIRST = re.compile(r"(\d{4})([-/.]) ?(\d{1,2})\2 ?(\d{1,2})\.?\Z", re.ASCII)
# Eight digits that end with the year, such as 03041990, are refused: they would have 19 or 20 for the month.
_COMPACT = re.compile(r"(\d{4})(\d\d)(\d\d)\Z", re.ASCII)
_EAST_ASIAN_WEEKDAY = r"(?: ?\(?(?:星期|週|周)?[一二三四五六天日月火水木金土월화수목금토일](?:曜日?|요일)?\)?)?"
_EAST_ASIAN = re.compile(rf"(\d{{4}})[年년] ?(\d{{1,2}})[月월] ?(\d{{1,2}})[日일]{_EAST_ASIAN_WEEKDAY}\Z", re.ASCII)
# The eras of Japan and of the Republic of China: the year before the first one, and the number of the last one, if any.
_ERAS = {
    **dict.fromkeys(("明治", "M"), (1867, 45)),
    **dict.fromkeys(("大正", "T"), (1911, 15)),
    **dict.fromkeys(("昭和", "S"), (1925, 64)),
    **dict.fromkeys(("平成", "H"), (1988, 31)),
    **dict.fromkeys(("令和", "R"), (2018, None)),
    **dict.fromkeys(("民國", "民国"), (1911, None)),
}
_YEAR_OF_ERA = re.compile(
    rf"({'|'.join(_ERAS)})\.? ?(\d{{1,3}}|元)[年./-] ?(\d{{1,2}})[月./-] ?(\d{{1,2}})日?{_EAST_ASIAN_WEEKDAY}\Z",
    re.ASCII,
)
_INCOMPLETE_DATE = re.compile(r"(--)?\d{1,2}[-/.]?\d{1,2}\.?\Z", re.ASCII)
_NAMED_MONTH_FORMATS = ("%d %B %Y", "%B %d %Y", "%Y %B %d", "%Y %d %B")
_ORDINAL = re.compile(r"(?<=\d)(?:st|nd|rd|th|er|re|[eoaη])\b", re.IGNORECASE)
# The separators of the parts of a date. A dot within a word, as in the Thai `ม.ค.`, is no separator.
_BETWEEN_WORDS = re.compile(r"[,،၊\-/\s]+|(?<=\d)\.|\.(?=\s|\d|\Z)|\b[Dd]['’]")
# Days of the week, and words such as `of`, `day` and `year`, which many languages write in a day.
_WORDS_WITHOUT_MEANING = WEEKDAYS | fold_words("of the de del di den ngày năm tahun gada m d r г р ж թ ค.ศ พ.ศ")
_SHORT_YEAR = re.compile(r" (\d\d)\Z", re.ASCII)


class UnreadableBirthday(ValueError):
    """The text is no date, or could be two dates. The message quotes the text, and says what to write instead."""


def read_birthday(text: str, order: DayOrder | None, today: dt.date, language: str = "") -> dt.date | None:
    """Returns the day, or None for a text without a year or one that stands for no day. Raises UnreadableBirthday.

    A text that could be two days is read in the given `order`. Without `order` it is refused. `language` is that of the
    business. It decides about a few names that mean different months in different languages, such as `listopad`.
    """
    text = _MIDNIGHT.sub("", normalize_visible_text(text))[:MAX_BIRTHDAY_CHARACTERS]
    day = _read_day(text, order, today, language)
    if day and not EARLIEST_YEAR <= day.year <= today.year:
        raise UnreadableBirthday(f"“{text}” does not lie between {EARLIEST_YEAR} and today: write a day as YYYY-MM-DD.")
    return day


def _read_day(text: str, order: DayOrder | None, today: dt.date, language: str) -> dt.date | None:
    if parts := _YEAR_FIRST.match(text):
        return _make_day(text, int(parts[1]), int(parts[3]), int(parts[4]), today)
    if parts := _COMPACT.match(text):
        return _make_day(text, int(parts[1]), int(parts[2]), int(parts[3]), today)
    if parts := _EAST_ASIAN.match(text):
        return _make_day(text, int(parts[1]), int(parts[2]), int(parts[3]), today)
    if parts := _YEAR_OF_ERA.match(text):
        return _make_day(text, _year_of_era(text, parts[1], parts[2]), int(parts[3]), int(parts[4]), today)
    if parts := YEAR_LAST.match(text):
        return _read_year_last(text, parts, order, today)
    # `--04-12`, `04-12` and `12.4.` have no year, `1985` is only a year, and `N/A` and `-` mean that it is not known.
    if _INCOMPLETE_DATE.match(text) or means_unknown(text):
        return None
    return _read_named_month(text, today, language)


def _read_year_last(text: str, parts: re.Match[str], order: DayOrder | None, today: dt.date) -> dt.date | None:
    first, second = int(parts[1]), int(parts[3])
    if not (first and second) or parts[4] in {"0000", PLACEHOLDER_YEAR}:
        return None
    order = decide_day_order(text, parts[2], order)
    if order is None and first != second and max(first, second) <= 12:
        year = _full_year(text, parts[4], today)
        raise UnreadableBirthday(
            f"“{text}” can be {first} {_month_name(second)} or {second} {_month_name(first)}: write it as "
            f"{year:04}-{second:02}-{first:02} or {year:04}-{first:02}-{second:02}."
        )
    day, month = (second, first) if order == DayOrder.MONTH_FIRST else (first, second)
    return _make_day(text, _full_year(text, parts[4], today), month, day, today)


def _year_of_era(text: str, era: str, year: str) -> int:
    """Returns the year. Raises UnreadableBirthday if the era has fewer years. The day on which it ended is not checked."""
    before_first, last = _ERAS[era]
    number = 1 if year == "元" else int(year)
    if last and number > last:
        raise UnreadableBirthday(f"The era of “{text}” has {last} years: write a day as YYYY-MM-DD.")
    return before_first + number


def _full_year(text: str, year: str, today: dt.date) -> int:
    """Returns a year of four digits. Raises UnreadableBirthday if two digits can be two years."""
    if len(year) == 4:
        return int(year)
    years = [century + int(year) for century in (1900, 2000) if century + int(year) <= today.year]
    if len(years) > 1:
        raise UnreadableBirthday(f"The year of “{text}” can be {years[0]} or {years[1]}: write all four digits.")
    if int(year) <= MAX_DAY:
        raise UnreadableBirthday(
            f"“{text}” can end with the year {years[0]}, or begin with the year: write all four digits of the year."
        )
    return years[0]


def _make_day(text: str, year: int, month: int, day: int, today: dt.date) -> dt.date | None:
    if EARLIEST_YEAR <= year - BUDDHIST_YEAR_OFFSET <= today.year:
        year -= BUDDHIST_YEAR_OFFSET
    if not (month and day) or year in {0, 1, int(PLACEHOLDER_YEAR)}:
        return None
    try:
        date = dt.date(year, month, day)
        return None if date in PLACEHOLDER_DATES else date
    except ValueError:
        raise UnreadableBirthday(f"There is no day “{text}”: write a day as YYYY-MM-DD.") from None


def _in_english(text: str, language: str) -> str:
    """Returns the text with the month's name in English, and without the weekday and words such as `of` and `year`."""
    own_months = MONTHS_BY_LANGUAGE.get(language, {})
    words = [fold_word(word) for word in _BETWEEN_WORDS.split(_ORDINAL.sub("", text))]
    words = [word for word in words if word and word not in _WORDS_WITHOUT_MEANING]
    # Some names have two words, such as `tháng 5`.
    for count in (2, 1):
        for start in range(len(words) - count + 1):
            # In Hebrew the month of a day begins with a preposition of one letter.
            name = "-".join(words[start : start + count]).removeprefix("ב")
            if month := own_months.get(name) or MONTHS.get(name):
                words[start : start + count] = [_month_name(month)]
                return " ".join(words)
    return " ".join(words)


def _read_named_month(text: str, today: dt.date, language: str) -> dt.date | None:
    words = _in_english(text, language)
    short_year = _SHORT_YEAR.search(words)
    for pattern in _NAMED_MONTH_FORMATS:
        # `3 Apr` has no year, and `3 Apr 90` one of two digits. Both are parsed with 2000, a leap year, so that 29
        # February is found.
        if day := _parse(words, pattern):
            return _make_day(text, day.year, day.month, day.day, today)
        if short_year and (day := _parse(f"{words[: short_year.start()]} 2000", pattern)):
            return _make_day(text, _full_year(text, short_year[1], today), day.month, day.day, today)
        if _parse(f"{words} 2000", pattern):
            return None
    if SERIAL_DAY.match(text):
        raise UnreadableBirthday(
            f"“{text}” is how a spreadsheet stores a day: format its cell as a date, or write a day as YYYY-MM-DD."
        )
    if TIME_OF_DAY.search(text):
        raise UnreadableBirthday(
            f"“{text}” has a time, and the day may be another one elsewhere: write a day as YYYY-MM-DD."
        )
    raise UnreadableBirthday(f"“{text}” is no day: write a day as YYYY-MM-DD.")


def _parse(words: str, pattern: str) -> dt.datetime | None:
    try:
        return dt.datetime.strptime(words, pattern).replace(tzinfo=dt.UTC)
    except ValueError:
        return None


def _month_name(month: int) -> str:
    return f"{dt.date(EARLIEST_YEAR, month, 1):%B}"
