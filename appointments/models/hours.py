"""When staff works, and when a member of staff or an outlet is away."""

import datetime as dt
from collections.abc import Sequence
from itertools import combinations
from typing import Any, Self

from django.core.exceptions import PermissionDenied
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.formats import date_format

from appointments.models.appointment import FIRST_DAY, LAST_DAY
from circe.api.local_time import to_instant
from circe.backoffice.regional import format_clock, format_time_range
from circe.db.fields import LocalDateTimeField
from circe.db.foreign_keys import SameTenant, TenantForeignKey
from tenants.accounts.permissions import MANAGERS
from tenants.models import Outlet, Staff, TenantModel
from tenants.scope import TenantManager

DAY = dt.timedelta(days=1)
MAX_ENTRIES_PER_PERSON = 200
# Every time off lies between these local times.
FIRST_TIME, LAST_TIME = (dt.datetime.combine(day, dt.time()) for day in (FIRST_DAY, LAST_DAY + DAY))


class Weekday(models.IntegerChoices):
    """The days of the week, numbered as `datetime.date.weekday` does."""

    MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY, SATURDAY, SUNDAY = range(7)


class WorkingHours(TenantModel):
    """A time of the week in which a member of staff works at an outlet, in the tenant's local time.

    `weekday` is 0 for Monday. An end before the start is on the next day. `valid_from` and `valid_to` are the first and the
    last day on which it begins; None is no limit. The working hours of a person never overlap.
    """

    staff = TenantForeignKey(Staff, models.CASCADE, related_name="+")
    outlet = TenantForeignKey(Outlet, models.CASCADE, db_index=True, related_name="+")
    weekday = models.PositiveSmallIntegerField(choices=Weekday)
    start_time = models.TimeField()
    end_time = models.TimeField()
    valid_from = models.DateField(null=True, blank=True)
    valid_to = models.DateField(null=True, blank=True)

    # Two rows of a person with the same values in these columns are the same working hours.
    VALUES = ("outlet_id", "weekday", "start_time", "end_time", "valid_from", "valid_to")

    class Meta(TenantModel.Meta):
        verbose_name = verbose_name_plural = "working hours"
        ordering = ["weekday", "start_time", "valid_from", "id"]
        constraints = [
            *TenantModel.Meta.constraints,
            SameTenant(field="staff", name="%(class)s_staff"),
            SameTenant(field="outlet", name="%(class)s_outlet"),
            models.CheckConstraint(
                condition=~Q(start_time=F("end_time")),
                name="workinghours_have_length",
                violation_error_message="Working hours can't end when they start.",
            ),
            models.CheckConstraint(condition=Q(weekday__range=(0, 6)), name="workinghours_weekday_known"),
            models.CheckConstraint(
                condition=Q(valid_from=None) | Q(valid_to=None) | Q(valid_from__lte=F("valid_to")),
                name="workinghours_validity_in_order",
                violation_error_message="valid_from is after valid_to.",
            ),
        ]
        indexes = [models.Index(fields=["tenant", "staff"], name="workinghours_of_staff")]

    def __str__(self) -> str:
        return f"{self.get_weekday_display()} {format_time_range(self.start_time, self.end_time)}"

    @property
    def values(self) -> tuple[Any, ...]:
        """The values of the columns VALUES."""
        return tuple(getattr(self, name) for name in self.VALUES)

    def overlaps(self, other: Self) -> bool:
        """Returns whether there is a time at which both rows say that the person works.

        A row lasts less than a day, so two rows can only overlap if they begin on the same day or on neighbouring days.
        """
        return any(self._overlaps_when_other_begins(other, days_later) for days_later in (-1, 0, 1))

    def _overlaps_when_other_begins(self, other: Self, days_later: int) -> bool:
        """Returns whether `other` ever begins `days_later` days after this row and then overlaps it."""
        if (other.weekday - self.weekday - days_later) % 7:
            return False
        (begin, end), (other_begin, other_end), shift = self._span, other._span, days_later * DAY
        if end <= other_begin + shift or other_end + shift <= begin:
            return False
        (first, last), (other_first, other_last) = self._valid_days, other._valid_days
        first, last = max(first, other_first - days_later), min(last, other_last - days_later)
        # The first day from `first` on with this row's weekday. Day 1 of Python's calendar is a Monday.
        return first + (self.weekday - first + 1) % 7 <= last

    @property
    def _span(self) -> tuple[dt.timedelta, dt.timedelta]:
        """The start and the end of the row, as times since midnight of the day on which it begins."""
        begin, end = (
            dt.timedelta(hours=time.hour, minutes=time.minute, seconds=time.second)
            for time in (self.start_time, self.end_time)
        )
        return begin, end if begin < end else end + DAY

    @property
    def _valid_days(self) -> tuple[int, int]:
        """The ordinal numbers of the first and the last day on which the row can begin."""
        return (self.valid_from or dt.date.min).toordinal(), (self.valid_to or dt.date.max).toordinal()


class StaffWithHours(Staff):
    """A member of staff on the pages of working hours."""

    class Meta:
        proxy = True
        ordering = ["first_name", "last_name", "id"]
        verbose_name = verbose_name_plural = "working hours"


def find_overlaps(hours: Sequence[WorkingHours]) -> dict[int, int]:
    """Returns which rows of one person overlap: by the index of each, the index of the first other that it overlaps."""
    overlaps: dict[int, int] = {}
    for (index, one), (other_index, other) in combinations(enumerate(hours), 2):
        if one.overlaps(other):
            overlaps.setdefault(index, other_index)
            overlaps.setdefault(other_index, index)
    return overlaps


def outlets_to_work_at(staff: Staff) -> models.QuerySet[Outlet]:
    """Returns the outlets that working hours of the person may name: the active ones, and those that they name already."""
    named = WorkingHours.objects.filter(staff=staff).order_by().values("outlet")
    return Outlet.objects.filter(Q(is_active=True) | Q(pk__in=named), tenant=staff.tenant_id)


def replace_working_hours(staff: Staff, hours: Sequence[WorkingHours]) -> None:
    """Stores `hours` in place of the person's working hours. Rows that say the same as before stay as they are.

    The rows must not overlap. The caller has locked the person in a transaction, so that two lists that are stored at
    once are not mixed.
    """
    stored = {row.values: row.pk for row in WorkingHours.objects.filter(staff=staff)}
    wanted = {row.values: row for row in hours}
    WorkingHours.objects.filter(pk__in=[stored[values] for values in stored.keys() - wanted.keys()]).delete()
    for values in wanted.keys() - stored.keys():
        wanted[values].staff_id, wanted[values].tenant_id = staff.pk, staff.tenant_id
    WorkingHours.objects.bulk_create(row for values, row in wanted.items() if values not in stored)


class TimeOffOfOthersRefused(PermissionDenied):
    """The user may not enter, change or delete time off that is not their own."""

    detail = "You can enter and delete your own time off only."


class TimeOffQuerySet(models.QuerySet):
    """Queries for time off."""

    def overlapping_days(self, first: dt.date | None = None, last: dt.date | None = None) -> Self:
        """Keeps what lasts for a part of the days from `first` to `last`. None is no limit."""
        found = self
        if first is not None:
            found = found.filter(local_end__gt=dt.datetime.combine(first, dt.time()))
        if last is not None and last < dt.date.max:
            found = found.filter(local_start__lt=dt.datetime.combine(last + DAY, dt.time()))
        return found


class TimeOff(TenantModel):
    """A time in which a member of staff is away or an outlet is closed: one of `staff` and `outlet` is set.

    It is stored in local time, so that a closing day stays the same day if the business changes its time zone.
    """

    staff = TenantForeignKey(Staff, models.CASCADE, null=True, blank=True, related_name="+")
    outlet = TenantForeignKey(Outlet, models.CASCADE, null=True, blank=True, related_name="+")
    local_start = LocalDateTimeField("start", validators=[MinValueValidator(FIRST_TIME), MaxValueValidator(LAST_TIME)])
    local_end = LocalDateTimeField("end", validators=[MinValueValidator(FIRST_TIME), MaxValueValidator(LAST_TIME)])
    reason = models.CharField(max_length=200, blank=True)

    objects = TenantManager.from_queryset(TimeOffQuerySet)()

    class Meta(TenantModel.Meta):
        verbose_name = verbose_name_plural = "time off"
        ordering = ["local_start", "id"]
        constraints = [
            *TenantModel.Meta.constraints,
            SameTenant(field="staff", name="%(class)s_staff"),
            SameTenant(field="outlet", name="%(class)s_outlet"),
            models.CheckConstraint(
                condition=Q(staff=None, outlet__isnull=False) | Q(staff__isnull=False, outlet=None),
                name="timeoff_of_staff_or_outlet",
                violation_error_message="Time off is of one member of staff or of one outlet.",
            ),
            models.CheckConstraint(
                condition=Q(local_start__lt=F("local_end")),
                name="timeoff_has_length",
                violation_error_message="Time off ends after it starts.",
            ),
        ]
        indexes = [
            # A super_admin looks for a time off by its id alone, in all businesses.
            models.Index(fields=["id"], name="timeoff_by_id"),
            models.Index(fields=["tenant", "local_end"], name="timeoff_end"),
            # The query of free times looks up what is not over yet, for each person and for each outlet.
            models.Index(fields=["tenant", "staff", "local_end"], name="timeoff_end_of_staff"),
            models.Index(fields=["tenant", "outlet", "local_end"], name="timeoff_end_of_outlet"),
        ]

    def __str__(self) -> str:
        return f"{self.staff or self.outlet}, {self.describe_time()}"

    def describe_time(self) -> str:
        """Returns the time for people to read, such as `6 July 2026 – 8 July 2026` or `6 July 2026, 09:00 – 12:00`."""
        first, last = date_format(self.first_day), date_format(self.last_day)
        start, end = (format_clock(clock) if clock else "" for clock in (self.start_time, self.end_time))
        if self.first_day != self.last_day:
            return " – ".join(f"{day}, {clock}".rstrip(", ") for day, clock in ((first, start), (last, end)))
        clocks = f"{start} – {end}" if start and end else f"from {start}" if start else f"until {end}" if end else ""
        return f"{first}, {clocks}".rstrip(", ")

    @property
    def first_day(self) -> dt.date:
        return self.local_start.date()

    @property
    def start_time(self) -> dt.time | None:
        """The clock time of the start, None where that is the beginning of the day."""
        return _clock_time(self.local_start)

    @property
    def last_day(self) -> dt.date:
        """The last day that is off, as a whole or in part."""
        return (self.local_end if self.end_time else self.local_end - DAY).date()

    @property
    def end_time(self) -> dt.time | None:
        """The clock time of the end, None where that is the end of the last day."""
        return _clock_time(self.local_end)

    def set_time(
        self, *, first_day: dt.date, start_time: dt.time | None, last_day: dt.date | None, end_time: dt.time | None
    ) -> None:
        """Sets start and end. Without a clock time, the first or the last day is off as a whole.

        Without a last day, the time off ends on the first day, or on the day after it if its end would not be after its
        start.
        """
        self.local_start = dt.datetime.combine(first_day, start_time or dt.time())
        if last_day is None:
            last_day = first_day + DAY if end_time is not None and end_time <= self.local_start.time() else first_day
        end_of_day = dt.datetime.combine(last_day, dt.time()) + DAY
        self.local_end = end_of_day if end_time is None else dt.datetime.combine(last_day, end_time)

    @property
    def starts_at(self) -> dt.datetime:
        return to_instant(self.local_start, self.tenant.zone)

    @property
    def ends_at(self) -> dt.datetime:
        return to_instant(self.local_end, self.tenant.zone)

    @staticmethod
    def may_write(user: Any, *, staff_id: Any, outlet_id: Any) -> bool:
        """Returns whether the user may enter, change and delete time off of that person or outlet.

        Managers may for everybody, all others for themselves. True also if both ids are None: the validation refuses
        that.
        """
        return user.role in MANAGERS or (outlet_id is None and staff_id in (None, user.pk))

    @classmethod
    def check_may_write(cls, user: Any, *, staff_id: Any, outlet_id: Any) -> None:
        """Raises TimeOffOfOthersRefused unless `may_write` allows it."""
        if not cls.may_write(user, staff_id=staff_id, outlet_id=outlet_id):
            raise TimeOffOfOthersRefused


def _clock_time(moment: dt.datetime) -> dt.time | None:
    """Returns the clock time, None for midnight."""
    return None if moment.time() == dt.time() else moment.time()
