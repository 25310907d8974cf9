"""When the staff of a demo business work, are away, and at which outlet.

A day has slots of SLOT_MINUTES, each for one booking with its buffer: five from the opening on, and three from the evening
until after midnight. A cell is a slot of a member of staff, written as the number `slot * staff_count + worker`: cells are
ordered by time.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Sequence
from random import Random
from typing import NamedTuple

SLOT_MINUTES = 120
MINUTES_PER_DAY = 24 * 60
# The slots of the day, and the slots from 19:00 to 01:00.
DAY_SLOTS, NIGHT_SLOTS = range(5), range(5, 8)
NIGHT_BEGINS = 19 * 60
LAST_SLOT = NIGHT_SLOTS[-1]
MON, TUE, WED, THU, FRI, SAT, SUN = range(7)
VACATION_DAYS = 7
# In minutes after midnight, as NIGHT_BEGINS.
ERRAND_BEGINS, ERRAND_ENDS = 14 * 60, 16 * 60
# Days from today on.
RENOVATION_DAYS = range(20, 22)
TIME_OFF_UNTIL = 365


class Shift(NamedTuple):
    """A time of the week: on these weekdays (0 is Monday) from the first to the last slot of `slots`."""

    weekdays: tuple[int, ...]
    slots: range
    # Whether it is at the outlet after the usual one.
    is_elsewhere: bool = False


Week = tuple[Shift, ...]
# Each member of staff works by one of these.
WEEKS: tuple[Week, ...] = (
    # Full time.
    (Shift((TUE, WED, THU, FRI, SAT), DAY_SLOTS),),
    # Full time, at weekends at another outlet.
    (Shift((WED, THU, FRI), DAY_SLOTS), Shift((SAT, SUN), DAY_SLOTS, is_elsewhere=True)),
    # Days split by a long break.
    (Shift((MON, THU, FRI, SAT, SUN), DAY_SLOTS[:2]), Shift((MON, THU, FRI, SAT, SUN), DAY_SLOTS[3:])),
    # Part time, and even less before DAYS_SINCE_HOURS_CHANGED.
    (Shift((FRI, SAT, SUN), DAY_SLOTS),),
    # Nights over midnight.
    (Shift((MON, TUE), DAY_SLOTS), Shift((THU, FRI, SAT, SUN), NIGHT_SLOTS)),
    # Short days.
    (Shift((MON, TUE, WED, SAT, SUN), DAY_SLOTS[1:4]),),
)
EARLIER_WEEKS: dict[int, Week] = {3: (Shift((SAT, SUN), DAY_SLOTS),)}
DAYS_SINCE_HOURS_CHANGED = 60


class Hours(NamedTuple):
    """Working hours. `worker` and `outlet` are positions. `start` and `end` are minutes after the midnight at which the day
    begins, so `end` may be after the next midnight.
    """

    worker: int
    outlet: int
    weekday: int
    start: int
    end: int
    valid_from: dt.date | None
    valid_to: dt.date | None


class Absence(NamedTuple):
    """A time in which a member of staff is away or an outlet is closed. `worker` and `outlet` are positions, and one of them
    is None.
    """

    worker: int | None
    outlet: int | None
    start: dt.datetime
    end: dt.datetime
    reason: str


class Reasons(NamedTuple):
    """The words of a country for time off."""

    vacation: str
    errand: str
    renovation: str


class Roster:
    """The roster of a business for `days`, of which `days[today]` is today. On `holidays` all outlets are closed."""

    def __init__(
        self,
        days: Sequence[dt.date],
        today: int,
        *,
        opens_at: int,
        holidays: dict[dt.date, str],
        staff_count: int,
        outlet_count: int,
        random: Random,
    ) -> None:
        self.days, self.today, self.holidays = days, today, holidays
        self.staff_count, self.outlet_count = staff_count, outlet_count
        # When each slot begins, in minutes after midnight.
        self.starts = [opens_at * 60 + SLOT_MINUTES * slot for slot in DAY_SLOTS]
        self.starts += [NIGHT_BEGINS + SLOT_MINUTES * number for number in range(len(NIGHT_SLOTS))]
        self.hours_changed_day = today - DAYS_SINCE_HOURS_CHANGED
        # By weekday and worker: the position of the outlet.
        self.outlets = [[self._find_outlet(worker, day) for worker in range(staff_count)] for day in range(7)]
        self._cells = {
            is_changed: [self._cells_of_weekday(weekday, is_changed=is_changed) for weekday in range(7)]
            for is_changed in (False, True)
        }
        self._vacations = self._choose_vacations(random)
        self._away: dict[int, set[int]] = defaultdict(set)
        self._blocked: dict[int, set[int]] = defaultdict(set)
        self._mark_absences()

    def bookable_cells(self, day: int) -> list[int]:
        """Returns the cells of a day in which somebody works and is not away, by time. The day must be no holiday."""
        away, blocked, count = self._away.get(day, ()), self._blocked.get(day, ()), self.staff_count
        return [cell for cell in self._cells_in_use(day) if cell % count not in away and cell not in blocked]

    def cells_of_weekday(self, weekday: int) -> list[int]:
        """Returns the cells in which somebody works on that weekday, if nobody is away, by the hours before they changed."""
        return self._cells[False][weekday]

    def fits(self, appointments_per_day: Sequence[int]) -> bool:
        """Returns whether the cells of each day are enough for its appointments."""
        return all(quota <= len(self.bookable_cells(day)) for day, quota in enumerate(appointments_per_day) if quota)

    def working_hours(self) -> Iterator[Hours]:
        """Yields the working hours of everybody. If a person's week has changed, both weeks have a validity."""
        changed_on = self.days[self.hours_changed_day]
        for worker in range(self.staff_count):
            number = worker % len(WEEKS)
            earlier = EARLIER_WEEKS.get(number)
            if earlier:
                yield from self._hours_of(worker, earlier, None, changed_on - dt.timedelta(days=1))
            yield from self._hours_of(worker, WEEKS[number], changed_on if earlier else None, None)

    def time_off(self, reasons: Reasons) -> Iterator[Absence]:
        """Yields vacations and errands of people, and holidays and the renovation of outlets."""
        for worker, vacations in enumerate(self._vacations):
            for first in vacations:
                yield self._absence(first, 0, first + VACATION_DAYS, 0, reasons.vacation, worker=worker)
        for worker, day in self._errands():
            yield self._absence(day, ERRAND_BEGINS, day, ERRAND_ENDS, reasons.errand, worker=worker)
        for date, name in self.holidays.items():
            for outlet in range(self.outlet_count):
                day = (date - self.days[0]).days
                yield self._absence(day, 0, day + 1, 0, name, outlet=outlet)
        first, last = (self.today + day for day in (RENOVATION_DAYS.start, RENOVATION_DAYS.stop))
        yield self._absence(first, 0, last, 0, reasons.renovation, outlet=self.outlet_count - 1)

    def _find_outlet(self, worker: int, weekday: int) -> int:
        usual = worker * self.outlet_count // self.staff_count
        week = WEEKS[worker % len(WEEKS)]
        return (usual + any(shift.is_elsewhere and weekday in shift.weekdays for shift in week)) % self.outlet_count

    def _cells_in_use(self, day: int) -> list[int]:
        return self._cells[day >= self.hours_changed_day][self.days[day].weekday()]

    def _cells_of_weekday(self, weekday: int, *, is_changed: bool) -> list[int]:
        weeks = [week if is_changed else EARLIER_WEEKS.get(number, week) for number, week in enumerate(WEEKS)]
        slots = [{slot for shift in week if weekday in shift.weekdays for slot in shift.slots} for week in weeks]
        return [
            slot * self.staff_count + worker
            for slot in range(LAST_SLOT + 1)
            for worker in range(self.staff_count)
            if slot in slots[worker % len(WEEKS)]
        ]

    def _choose_vacations(self, random: Random) -> list[list[int]]:
        """Returns the first days of everybody's vacations: one in each year, also in the coming one."""
        years = range(0, self.today + TIME_OFF_UNTIL - 364, 365)
        return [
            [year + int(random.random() * (365 - VACATION_DAYS)) for year in years] for _ in range(self.staff_count)
        ]

    def _errands(self) -> Iterator[tuple[int, int]]:
        """Yields members of staff and days on which they are away for two hours: some, in the next ten days."""
        return ((worker, self.today + 1 + worker % 10) for worker in range(2, self.staff_count, 7))

    def _mark_absences(self) -> None:
        count = self.staff_count
        for worker, vacations in enumerate(self._vacations):
            for first in vacations:
                self._blocked[first - 1].add(LAST_SLOT * count + worker)  # It lasts until after midnight.
                for day in range(first, first + VACATION_DAYS):
                    self._away[day].add(worker)
        during_errand = [
            slot
            for slot, start in enumerate(self.starts)
            if start < ERRAND_ENDS and start + SLOT_MINUTES > ERRAND_BEGINS
        ]
        for worker, day in self._errands():
            self._blocked[day].update(slot * count + worker for slot in during_errand)
        for date in self.holidays:
            eve = (date - self.days[0]).days - 1
            self._blocked[eve].update(range(LAST_SLOT * count, (LAST_SLOT + 1) * count))
        for day in (self.today + number for number in RENOVATION_DAYS):
            closed = self.outlet_count - 1
            for number, slots in ((day - 1, {LAST_SLOT}), (day, {*DAY_SLOTS, *NIGHT_SLOTS})):
                weekday = self.days[number].weekday()
                self._blocked[number].update(
                    cell
                    for cell in self._cells_in_use(number)
                    if cell // count in slots and self.outlets[weekday][cell % count] == closed
                )

    def _hours_of(
        self, worker: int, week: Week, valid_from: dt.date | None, valid_to: dt.date | None
    ) -> Iterator[Hours]:
        for shift in week:
            start, end = self.starts[shift.slots[0]], self.starts[shift.slots[-1]] + SLOT_MINUTES
            for weekday in shift.weekdays:
                yield Hours(worker, self.outlets[weekday][worker], weekday, start, end, valid_from, valid_to)

    def _absence(
        self,
        first: int,
        start: int,
        last: int,
        end: int,
        reason: str,
        *,
        worker: int | None = None,
        outlet: int | None = None,
    ) -> Absence:
        """Returns the absence between a minute of one day and a minute of another. The days may lie after `days`."""
        midnight = dt.datetime.combine(self.days[0], dt.time())
        begin, until = (
            midnight + dt.timedelta(days=day, minutes=minute) for day, minute in ((first, start), (last, end))
        )
        return Absence(worker, outlet, begin, until, reason)


def choose_holidays(days: Sequence[dt.date], today: int, names: dict[tuple[int, int], str]) -> dict[dt.date, str]:
    """Returns the holidays from `days[0]` until a year after today, by date. `names` has them by month and day.

    Today is none, so that a demo always shows appointments of today.
    """
    all_days = (days[0] + dt.timedelta(days=day) for day in range(today + TIME_OFF_UNTIL + 1))
    return {day: names[day.month, day.day] for day in all_days if (day.month, day.day) in names and day != days[today]}
