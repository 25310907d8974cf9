"""Reads instants as clients write them: RFC 3339, and the forms of ISO 8601 that libraries print."""

import datetime as dt
import re

# The sign of an offset may be the minus of a text processor, or a space: a URL encodes a space as `+`.
_SIGN = r"[+\-\N{MINUS SIGN} ]"
_INSTANT = re.compile(
    rf"""
    (?P<date> \d{{4}}-\d{{2}}-\d{{2}} | \d{{8}} )
    # After a space instead of T, seconds are required. Without them the text could be a day with an offset.
    (?: [Tt] | [ ] (?=\d{{2}}:\d{{2}}:\d{{2}}) )
    (?P<time> \d{{2}} (?: :?\d{{2}} (?: :?\d{{2}} (?: [.,]\d+ )? )? )? )
    [ ]? (?P<offset> [Zz] | {_SIGN} \d{{2}} (?: :?[0-5]\d (?: :?[0-5]\d )? )? )?
    # The name of the zone (RFC 9557), as Java and JavaScript's Temporal add it. The offset decides.
    (?(offset) (?: \[ [\w/+\-]+ \] )? )
    """,
    re.ASCII | re.VERBOSE,
)
_END_OF_DAY = re.compile(r"24[:0.,]*")
_LEAP_SECOND = re.compile(r"(\d\d:?59:?)60")


def parse_instant(text: str, zone: dt.tzinfo) -> dt.datetime:
    """Returns an ISO 8601 instant in UTC. Without an offset it is in `zone`. Raises ValueError for any other
    text, and OverflowError for an instant outside the calendar.

    Microseconds are kept and further digits are cut off, so that no instant moves into the next second.
    """
    match = _INSTANT.fullmatch(text)
    if match is None:
        raise ValueError("This is no ISO 8601 instant.")
    time, added = match["time"], dt.timedelta()
    if _END_OF_DAY.fullmatch(time):
        time, added = "00", dt.timedelta(days=1)
    leap_second = _LEAP_SECOND.match(time)
    if leap_second:
        # Clocks without leap seconds show the next second instead.
        time, added = f"{leap_second[1]}59{time[leap_second.end() :]}", dt.timedelta(seconds=1)
    offset = re.sub(r"\A ", "+", match["offset"] or "").replace("\N{MINUS SIGN}", "-").upper()
    instant = dt.datetime.fromisoformat(f"{match['date']}T{time}{offset}") + added
    instant = (instant if instant.tzinfo else instant.replace(tzinfo=zone)).astimezone(dt.UTC)
    if leap_second and instant.time().replace(microsecond=0) != dt.time():
        raise ValueError("A leap second ends a day in UTC.")
    return instant
