"""Figures that the dashboard shows beside the summary: of earlier periods, and by person, service, outlet and source."""

import calendar
import datetime as dt
from collections import Counter
from typing import NamedTuple

from django.db.models import Count, Q, Sum
from django.db.models.functions import Coalesce

from analytics.statistics import Period, count_new_customers, sum_appointments
from appointments.models import Appointment, Status
from appointments.models.totals import VisitCounts
from circe.api.time_zone import local_today
from customers.models import Customer

MONTHS_PER_YEAR = 12


class PeriodFigures(NamedTuple):
    """The figures of a period that are compared with those of other periods. `visitors` had a visit in it."""

    new_customers: int
    appointments: int
    revenue: int
    visitors: int


class SubjectFigures(NamedTuple):
    """The figures of one person, service or outlet, whose id is `pk`: its appointments, and the revenue of its visits."""

    pk: str
    appointments: int
    revenue: int


def calculate_figures(period: Period) -> PeriodFigures:
    """Returns the figures of a period. They are read from summary tables; only new customers may be counted from rows."""
    totals = sum_appointments(period)
    return PeriodFigures(
        count_new_customers(period), totals["total_appointments"], totals["total_revenue"], count_visitors(period)
    )


def count_visitors(period: Period) -> int:
    """Returns how many customers had a visit in the period. Soft-deleted customers are not counted.

    Each of them has one last visit in the period. The customer's next visit is after the period, or there is none.
    """
    counts = VisitCounts.objects.filter(period.date_condition("day"))
    is_last = Q(kind=VisitCounts.Kind.LAST)
    if period.last:
        is_last |= Q(kind=VisitCounts.Kind.RETURN, next_day__gt=period.last)
    return int(counts.filter(is_last).aggregate(total=Sum("customers"))["total"] or 0)


def find_earlier_periods(period: Period) -> dict[str, Period]:
    """Returns the periods with which a period is compared, by their names: the period before, and the same days a year
    before. It is empty for a period without a start, for one that has not begun, and at the start of the calendar.

    The period before has the same days of earlier months, if the period begins on the first of a month. Otherwise it
    has as many days, and ends just before the period.
    """
    first, last = period.first, period.last or local_today()
    if first is None or first > last or first.year == dt.MINYEAR:
        return {}
    months = (last.year - first.year) * MONTHS_PER_YEAR + last.month - first.month + 1
    if first.day == 1 and first.year > months // MONTHS_PER_YEAR + 1:
        before = Period(_months_before(first, months), _months_before(last, months))
    else:
        day = dt.timedelta(days=1)
        days = last - first
        if first.toordinal() <= days.days + 1:
            return {}
        before = Period(first - days - day, first - day)
    year_before = Period(_months_before(first, MONTHS_PER_YEAR), _months_before(last, MONTHS_PER_YEAR))
    periods = {"the period before": before, "a year before": year_before}
    return {"a year before": year_before} if before == year_before else periods


def _months_before(day: dt.date, months: int) -> dt.date:
    """Returns the same day `months` months earlier, or the last day of that month if it has no such day.

    The last day of a month becomes the last day of the earlier month.
    """
    year, month = divmod(day.year * MONTHS_PER_YEAR + day.month - 1 - months, MONTHS_PER_YEAR)
    days, own_days = (calendar.monthrange(*one)[1] for one in ((year, month + 1), (day.year, day.month)))
    return dt.date(year, month + 1, days if day.day == own_days else min(day.day, days))


def sum_appointments_by_subject(period: Period) -> dict[str, list[SubjectFigures]]:
    """Returns the figures by `staff`, `service` and `outlet`, the highest revenue first. One query sums for all three."""
    subjects = ("staff", "service", "outlet")
    rows = (
        Appointment.objects.filter(period.date_condition("appointment_date"))
        .order_by()
        .values(*(f"{subject}_id" for subject in subjects))
        .annotate(number=Count("*"), revenue=Coalesce(Sum("total_price", filter=Q(status=Status.COMPLETED)), 0))
    )
    appointments: dict[str, Counter[str]] = {subject: Counter() for subject in subjects}
    revenue: dict[str, Counter[str]] = {subject: Counter() for subject in subjects}
    for row in rows:
        for subject in subjects:
            appointments[subject][row[f"{subject}_id"]] += row["number"]
            revenue[subject][row[f"{subject}_id"]] += row["revenue"]
    return {
        subject: sorted(
            (SubjectFigures(pk, number, revenue[subject][pk]) for pk, number in appointments[subject].items()),
            key=lambda one: (-one.revenue, -one.appointments, one.pk),
        )
        for subject in subjects
    }


def count_new_customers_by_source(period: Period) -> list[tuple[str | None, int]]:
    """Returns the new customers of the period by source, most first."""
    created = Customer.objects.undeleted().filter(period.instant_condition("created_at"))
    counted = created.order_by().values("source").annotate(number=Count("pk"))
    return sorted(counted.values_list("source", "number"), key=lambda one: (-one[1], one[0] or ""))
