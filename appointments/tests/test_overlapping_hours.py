"""Overlaps of a person's working hours: the rule of the model against an oracle that writes out every day."""

import datetime as dt
from itertools import combinations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from appointments.models import WorkingHours, find_overlaps

MONDAY = dt.date(2026, 3, 2)
# Without a business, a new row would ask for the one in scope.
UNSAVED = {"tenant_id": "507f1f77bcf86cd799439010"}
DAYS_AROUND = 30


def entry(weekday, hours, valid="-"):
    """Returns working hours such as `entry(0, "09:00-17:00", "2026-03-01-…")`. `valid` has days of March 2026: `2-9`."""
    start, end = (dt.time.fromisoformat(clock) for clock in hours.split("-"))
    first, last = (MONDAY.replace(day=int(day)) if day else None for day in valid.split("-"))
    return WorkingHours(**UNSAVED, weekday=weekday, start_time=start, end_time=end, valid_from=first, valid_to=last)


MON, TUE, WED, THU, FRI, SAT, SUN = range(7)


@pytest.mark.parametrize(
    ("one", "other", "overlap"),
    [
        # The 2nd of March 2026 is a Monday.
        (entry(MON, "09:00-17:00"), entry(MON, "16:59-20:00"), True),
        (entry(MON, "09:00-12:00"), entry(MON, "12:00-17:00"), False),
        (entry(MON, "09:00-17:00"), entry(TUE, "09:00-17:00"), False),
        # Nights over midnight, and over the end of the week.
        (entry(MON, "22:00-06:00"), entry(TUE, "05:59-12:00"), True),
        (entry(MON, "22:00-06:00"), entry(TUE, "06:00-12:00"), False),
        (entry(MON, "22:00-06:00"), entry(MON, "05:00-08:00"), False),
        (entry(MON, "09:00-00:00"), entry(TUE, "00:00-08:00"), False),
        (entry(SUN, "22:00-06:00"), entry(MON, "05:00-12:00"), True),
        (entry(SUN, "22:00-06:00"), entry(MON, "06:00-12:00"), False),
        (entry(MON, "22:00-21:00"), entry(TUE, "22:00-21:00"), False),
        (entry(MON, "22:00-21:00"), entry(TUE, "20:59-21:30"), True),
        # Validity: the last day of one is before the first day of the other.
        (entry(MON, "09:00-17:00", "-15"), entry(MON, "09:00-17:00", "16-"), False),
        (entry(MON, "09:00-17:00", "-16"), entry(MON, "09:00-17:00", "16-"), True),
        # No Monday lies within both.
        (entry(MON, "09:00-17:00", "-15"), entry(MON, "09:00-17:00", "10-"), False),
        # A night that begins on the last day lasts into the first day of the other.
        (entry(SUN, "22:00-06:00", "-15"), entry(MON, "05:00-12:00", "16-"), True),
        (entry(SUN, "22:00-06:00", "-14"), entry(MON, "05:00-12:00", "16-"), False),
        (entry(SUN, "22:00-06:00", "15-"), entry(MON, "05:00-12:00", "-15"), False),
        (entry(SUN, "22:00-06:00", "15-15"), entry(MON, "05:00-12:00", "16-16"), True),
        # It never begins, since no Monday is valid.
        (entry(MON, "09:00-17:00", "3-8"), entry(MON, "09:00-17:00"), False),
    ],
    ids=str,
)
def test_two_entries_overlap_or_not(one, other, overlap):
    assert (one.overlaps(other), other.overlaps(one)) == (overlap, overlap)


def test_the_first_and_the_last_day_of_the_calendar_are_days_like_others():
    first, last = dt.date.min, dt.date.max
    one = WorkingHours(**UNSAVED, weekday=first.weekday(), start_time=dt.time(22), end_time=dt.time(6), valid_to=first)
    other = WorkingHours(**UNSAVED, weekday=(first.weekday() + 1) % 7, start_time=dt.time(5), end_time=dt.time(7))
    assert one.overlaps(other)
    one = WorkingHours(**UNSAVED, weekday=last.weekday(), start_time=dt.time(22), end_time=dt.time(6), valid_from=last)
    other = WorkingHours(**UNSAVED, weekday=(last.weekday() + 1) % 7, start_time=dt.time(5), end_time=dt.time(7))
    assert not one.overlaps(other)


def test_each_entry_names_the_first_other_one():
    hours = [entry(MON, "09:00-12:00"), entry(TUE, "09:00-12:00"), entry(MON, "11:00-14:00"), entry(MON, "11:30-13:00")]
    assert find_overlaps(hours) == {0: 2, 2: 0, 3: 0}
    assert find_overlaps([]) == find_overlaps(hours[:2]) == {}


def written_out(hours):
    """Yields the times of working hours on each day around March 2026."""
    for offset in range(-DAYS_AROUND, 31 + DAYS_AROUND):
        day = MONDAY + dt.timedelta(days=offset)
        if day.weekday() != hours.weekday:
            continue
        if (hours.valid_from and day < hours.valid_from) or (hours.valid_to and day > hours.valid_to):
            continue
        end_day = day if hours.end_time > hours.start_time else day + dt.timedelta(days=1)
        yield dt.datetime.combine(day, hours.start_time), dt.datetime.combine(end_day, hours.end_time)


clocks = st.sampled_from([dt.time(hour, minute) for hour in (0, 1, 5, 6, 9, 12, 21, 22, 23) for minute in (0, 1, 59)])
days = st.none() | st.integers(0, 25).map(lambda offset: MONDAY + dt.timedelta(days=offset))


@st.composite
def entries(draw):
    start = draw(clocks)
    end = draw(clocks.filter(lambda clock: clock != start))
    first, last = draw(days), draw(days)
    if first and last and first > last:
        first, last = last, first
    return WorkingHours(
        **UNSAVED, weekday=draw(st.integers(0, 6)), start_time=start, end_time=end, valid_from=first, valid_to=last
    )


@given(st.lists(entries(), min_size=2, max_size=6))
@example([entry(SUN, "22:00-06:00", "15-15"), entry(MON, "05:00-12:00", "16-16")])
def test_overlaps_are_those_that_a_calendar_shows(hours):
    times = [list(written_out(one)) for one in hours]
    expected = {}
    for one, other in combinations(range(len(hours)), 2):
        if any(
            begin < other_end and other_begin < end
            for begin, end in times[one]
            for other_begin, other_end in times[other]
        ):
            expected.setdefault(one, other)
            expected.setdefault(other, one)
    assert find_overlaps(hours) == expected
