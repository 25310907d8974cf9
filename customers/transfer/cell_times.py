"""Reads instants as spreadsheets, databases and programs write them.

A day must begin with the year, since `03/04/2024` is a day of March in one country and of April in another. `put_year_first`
changes such a day by what the whole column shows. A number of 10 or 13 digits is the seconds or the milliseconds since 1970.
"""

import datetime as dt
import re
from email.utils import parsedate_to_datetime

from django.core.exceptions import ValidationError
from django.utils import timezone

from circe.api.parameters import first_instant, to_day_or_instant
from customers.transfer.birthdays import SERIAL_DAY
from customers.transfer.day_order import DayOrder, decide_day_order, normalize_visible_text
from customers.transfer.text_marks import shorten

EARLIEST_INSTANT = dt.datetime(1900, 1, 1, tzinfo=dt.UTC)

# A day that begins with the year. A spreadsheet or a database may have added midnight to it, which is left out.
_DAY = re.compile(
    r"(?P<year>\d{4})(?:([-/.])(?P<month>\d{1,2})\2(?P<day>\d{1,2})|年(?P<cjk_month>\d{1,2})月(?P<cjk_day>\d{1,2})日)"
    r"(?:[ T]0?0:00(?::00(?:[.,]0+)?)?(?:Z|[+-]\d\d(?::?\d\d)?)?)?\Z",
    re.ASCII,
)
# The instants of PostgreSQL, JavaScript, .NET, Go, MongoDB and spreadsheets whose cells begin with the year.
_INSTANT = re.compile(
    r"(?:ISODate\([\"'])?(?P<year>\d{4})([-/])(?P<month>\d\d?)\2(?P<day>\d\d?)[ T]+(?P<hour>\d\d?):(?P<minute>\d\d)"
    r"(?::(?P<second>\d\d)(?:[.,](?P<fraction>\d+))?)?"
    r"\s*(?:(?P<utc>Z|UTC|GMT)|(?P<sign>[+\-−])(?P<offset_hours>\d\d)(?::?(?P<offset_minutes>\d\d))?(?:\s+[A-Z]{2,5})?)?"
    # Go appends the time of a second, monotonic clock.
    r"(?: m=[+-][\d.]+)?"
    r"(?:[\"']\))?\Z",
    re.ASCII | re.IGNORECASE,
)
# `Tue Mar 05 2024 10:30:00 GMT+0700 (Western Indonesia Time)`, as JavaScript writes it.
_JAVASCRIPT_INSTANT = re.compile(
    r"[A-Z][a-z]{2} ([A-Z][a-z]{2}) (\d\d) (\d{4}) ([\d:]{8}) GMT([+-]\d{4})(?: \(.*\))?\Z", re.ASCII
)
_MAIL_INSTANT = re.compile(r"[A-Z][a-z]{2}, \d\d? [A-Z][a-z]{2} \d{4} [\d:]{8} (?:GMT|[+-]\d{4})\Z", re.ASCII)
_YEAR_LAST_INSTANT = re.compile(
    r"(\d\d?)([-/.])(\d\d?)\2(\d{4})(?:(?:T|,? +)(\d\d?)(:\d\d(?::\d\d(?:\.\d+)?)?)(?: ?([AP])\.?M\.?)?)?\Z",
    re.ASCII | re.IGNORECASE,
)
_SINCE_1970 = re.compile(r"\d{10}(\d{3})?\Z", re.ASCII)


def _to_iso_day(text: str) -> str | None:
    match = _DAY.match(text)
    if match is None:
        return None
    month, day = match["month"] or match["cjk_month"], match["day"] or match["cjk_day"]
    return f"{match['year']}-{month:0>2}-{day:0>2}"


def _explain(text: str) -> str:
    if SERIAL_DAY.match(text):
        return f"“{shorten(text)}” is how a spreadsheet stores a day: format its cell as a date."
    if _to_iso_day(text):
        return f"“{shorten(text)}” is no day of the calendar."
    return f"“{shorten(text)}” can be read in two ways, or not at all."


def put_year_first(text: str, order: DayOrder | None) -> str:
    """Rewrites a day or an instant whose year comes last. The result begins with the year and has a clock of 24 hours.

    `order` is that of day and month in the column, for a text that can be read in both orders. Without it such a text is
    returned as it is, and so is any other text.
    """
    visible = normalize_visible_text(text)
    match = _YEAR_LAST_INSTANT.match(visible)
    if match is None:
        return text
    first, mark, second, year, hour, minutes, half = match.groups()
    order = decide_day_order(visible, mark, order)
    if (order is None and first != second) or (half and not 1 <= int(hour) <= 12):
        return text
    day, month = (second, first) if order == DayOrder.MONTH_FIRST else (first, second)
    if half:
        hour = str(int(hour) % 12 + 12 * (half in "Pp"))
    return f"{year}-{month:0>2}-{day:0>2}" + (f" {hour:0>2}{minutes}" if hour else "")


def read_instant(text: str) -> dt.datetime:
    """Returns the instant of a cell. Raises ValidationError for a text that can't be read, and for an instant before
    1900 or after now.
    """
    try:
        instant = first_instant(to_day_or_instant(_to_iso_instant(normalize_visible_text(text))))
    except (ValueError, OverflowError, ValidationError):
        raise ValidationError(
            f"{_explain(text)} Write a day such as 2025-01-31 or an instant such as 2025-01-31T10:30:00Z."
        ) from None
    if not EARLIEST_INSTANT <= instant <= timezone.now():
        raise ValidationError(f"“{shorten(text)}” does not lie between {EARLIEST_INSTANT.year} and now.")
    return instant


def _to_iso_instant(text: str) -> str:
    """Returns the text in ISO 8601, with at most six fractional digits, if it is a day or an instant in a known format.
    Returns any other text unchanged.
    """
    if match := _INSTANT.match(text):
        parts = match.groupdict(default="")
        iso = f"{parts['year']}-{parts['month']:0>2}-{parts['day']:0>2}T{parts['hour']:0>2}:{parts['minute']}"
        iso += f":{parts['second'] or '00'}.{parts['fraction'][:6] or '0'}"
        if parts["utc"]:
            return f"{iso}Z"
        sign = parts["sign"].replace("−", "-")
        return f"{iso}{sign}{parts['offset_hours']}:{parts['offset_minutes'] or '00'}" if sign else iso
    if match := _JAVASCRIPT_INSTANT.match(text):
        month, day, year, clock, offset = match.groups()
        return parsedate_to_datetime(f"{day} {month} {year} {clock} {offset}").isoformat()
    if _MAIL_INSTANT.match(text):
        return parsedate_to_datetime(text.replace("GMT", "+0000")).isoformat()
    if match := _SINCE_1970.match(text):
        unit = dt.timedelta(milliseconds=1) if match[1] else dt.timedelta(seconds=1)
        return (dt.datetime.fromtimestamp(0, dt.UTC) + int(text) * unit).isoformat()
    return _to_iso_day(text) or text
