"""Local times and instants, in every time zone."""

import datetime as dt
import zoneinfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from circe.api.local_time import (
    add_minutes,
    find_changing_days,
    is_skipped,
    next_existing,
    to_instant,
    to_local,
)

ZONES = sorted(zoneinfo.available_timezones() - {"localtime"})
MINUTE, HOUR, DAY = dt.timedelta(minutes=1), dt.timedelta(hours=1), dt.timedelta(days=1)


def changes(zone, first, days):
    """The hours in which the offset of the zone changes, of so many days: the days in which it differs, by the hour."""
    found = []
    for day in (first + n * DAY for n in range(days)):
        if day.astimezone(zone).utcoffset() != (day + DAY).astimezone(zone).utcoffset():
            offsets = [(day + n * HOUR).astimezone(zone).utcoffset() for n in range(25)]
            found += [day + n * HOUR for n in range(24) if offsets[n] != offsets[n + 1]]
    return found


ZONE = st.sampled_from(ZONES).map(zoneinfo.ZoneInfo)


@st.composite
def zoned_times(draw):
    """A zone and a local time, of which every other one lies near a change of the clocks, if the zone has one."""
    zone = draw(ZONE)
    year = draw(st.integers(1900, 2999))
    begin = dt.datetime(year, 1, 1, tzinfo=dt.UTC)
    near = changes(zone, begin, 366) if draw(st.booleans()) else []
    if near:
        middle = draw(st.sampled_from(near)).astimezone(zone).replace(tzinfo=None)
        return zone, middle + dt.timedelta(seconds=draw(st.integers(-30 * 3600, 30 * 3600)))
    return zone, begin.replace(tzinfo=None) + dt.timedelta(seconds=draw(st.integers(0, 365 * 86400)))


@given(zoned_times(), st.integers(-90_000, 90_000))
def test_the_order_of_local_times_is_the_order_of_their_instants(zoned, seconds):
    zone, one = zoned
    other = one + dt.timedelta(seconds=seconds)
    first, second = sorted((one, other))
    assert to_instant(first, zone) <= to_instant(second, zone)
    if first != second and not is_skipped(first, zone):
        assert to_instant(first, zone) < to_instant(second, zone)


@given(zoned_times())
def test_a_local_time_that_exists_comes_back_from_its_instant(zoned):
    zone, local = zoned
    instant = to_instant(local, zone)
    back = to_local(instant, zone)
    assert is_skipped(local, zone) is (instant.astimezone(zone).replace(tzinfo=None) != local)
    assert back == next_existing(local, zone)
    assert (back == local) is not is_skipped(local, zone)
    # A clock shows it, for the first time.
    assert back >= local
    assert (instant.astimezone(zone).replace(tzinfo=None), instant.astimezone(zone).fold) == (back, 0)
    # A second before, it has not shown it.
    assert (instant - dt.timedelta(seconds=1)).astimezone(zone).replace(tzinfo=None) < local


@given(zoned_times(), st.integers(0, 999_999))
def test_the_local_time_of_an_instant_is_the_first_one_that_is_not_earlier(zoned, microseconds):
    zone, local = zoned
    instant = local.replace(tzinfo=dt.UTC, microsecond=microseconds)
    found = to_local(instant, zone)
    assert to_instant(found, zone) >= instant
    # The second before it has an earlier instant, or there is no such second.
    assert to_instant(found - dt.timedelta(seconds=1), zone) < instant or is_skipped(
        found - dt.timedelta(seconds=1), zone
    )


@given(zoned_times(), st.integers(0, 2880))
def test_minutes_last_sixty_seconds(zoned, minutes):
    zone, local = zoned
    later = add_minutes(local, minutes, zone)
    wanted = to_instant(local, zone) + minutes * MINUTE
    assert to_instant(later, zone) >= wanted
    assert to_instant(later, zone) == wanted or wanted.astimezone(zone).fold
    days = find_changing_days(local.date(), later.date(), zone)
    if not days & {local.date() + n * DAY for n in range((later.date() - local.date()).days + 1)}:
        assert later == local + minutes * MINUTE


@pytest.mark.slow("looks at a year of every zone")
def test_every_change_of_the_clocks_lies_on_a_day_that_is_found():
    begin, days = dt.datetime(2026, 1, 1, tzinfo=dt.UTC), 365
    first, last = begin.date() - DAY, begin.date() + days * DAY
    for name in ZONES:
        zone = zoneinfo.ZoneInfo(name)
        found, changing = find_changing_days(first, last, zone), changes(zone, begin, days)
        assert {one.astimezone(zone).date() for one in changing} <= found, name
        # With the days around, where a change lies at midnight.
        assert len(found) <= 2 * len(changing), name


OSLO, LORD_HOWE, SANTIAGO = (
    zoneinfo.ZoneInfo(name) for name in ("Europe/Oslo", "Australia/Lord_Howe", "America/Santiago")
)


@pytest.mark.parametrize(
    ("zone", "local", "instant", "back"),
    [
        (OSLO, "2026-03-29 01:59:59", "2026-03-29 00:59:59", "2026-03-29 01:59:59"),
        (OSLO, "2026-03-29 02:00:00", "2026-03-29 01:00:00", "2026-03-29 03:00:00"),
        (OSLO, "2026-03-29 02:59:59", "2026-03-29 01:00:00", "2026-03-29 03:00:00"),
        (OSLO, "2026-03-29 03:00:00", "2026-03-29 01:00:00", "2026-03-29 03:00:00"),
        (OSLO, "2026-10-25 02:30:00", "2026-10-25 00:30:00", "2026-10-25 02:30:00"),
        (OSLO, "2026-10-25 03:00:00", "2026-10-25 02:00:00", "2026-10-25 03:00:00"),
        # Half an hour.
        (LORD_HOWE, "2026-10-04 02:15:00", "2026-10-03 15:30:00", "2026-10-04 02:30:00"),
        (LORD_HOWE, "2026-04-05 01:45:00", "2026-04-04 14:45:00", "2026-04-05 01:45:00"),
        (LORD_HOWE, "2026-04-05 02:00:00", "2026-04-04 15:30:00", "2026-04-05 02:00:00"),
        # At midnight.
        (SANTIAGO, "2026-09-06 00:00:00", "2026-09-06 04:00:00", "2026-09-06 01:00:00"),
        (SANTIAGO, "2026-04-04 23:30:00", "2026-04-05 02:30:00", "2026-04-04 23:30:00"),
        (SANTIAGO, "2026-04-05 00:00:00", "2026-04-05 04:00:00", "2026-04-05 00:00:00"),
        # A whole day.
        (zoneinfo.ZoneInfo("Pacific/Apia"), "2011-12-30 12:00:00", "2011-12-30 10:00:00", "2011-12-31 00:00:00"),
    ],
)
def test_changes_of_the_clocks(zone, local, instant, back):
    found = to_instant(dt.datetime.fromisoformat(local), zone)
    assert found == dt.datetime.fromisoformat(instant).replace(tzinfo=dt.UTC)
    assert to_local(found, zone) == dt.datetime.fromisoformat(back)


def test_the_second_of_two_equal_hours_ends_where_the_next_local_time_begins():
    for minute in (0, 1, 30, 59):
        second = dt.datetime(2026, 10, 25, 1, minute, tzinfo=dt.UTC)
        assert to_local(second, OSLO) == dt.datetime(2026, 10, 25, 3)
    assert to_local(dt.datetime(2026, 4, 4, 15, 0, tzinfo=dt.UTC), LORD_HOWE) == dt.datetime(2026, 4, 5, 2)
    assert to_local(dt.datetime(2026, 4, 5, 3, 30, tzinfo=dt.UTC), SANTIAGO) == dt.datetime(2026, 4, 5)
