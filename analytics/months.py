"""Figures by month: one query each, over all rows in scope, by the months of the tenant's time zone."""

import datetime as dt
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db.models import Count, DateTimeField, Func, IntegerField, QuerySet, Sum, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import TruncMonth

from analytics.statistics import Period
from appointments.models import Appointment
from circe.api.parameters import first_instant
from circe.api.time_zone import local_today
from customers.models import Customer

# No customer was created before EARLIEST_CREATION. None was created after today, except by a server whose clock was
# ahead by CLOCK_TOLERANCE at most.
EARLIEST_CREATION, CLOCK_TOLERANCE = dt.date(1900, 1, 1), dt.timedelta(days=366)

# By the first day of each month: the figure of the month. The months are in order, and none is left out.
MonthlyFigures = dict[dt.date, int]


def count_new_customers_by_month(period: Period) -> MonthlyFigures:
    """Returns the new customers of each month. Their sum is `new_customers_in_period`.

    Python computes the first instant of each month, since PostgreSQL may not know the time zone, or may read a name such as
    `CET` as a fixed offset.
    """
    created = Customer.objects.undeleted().filter(period.instant_condition("created_at"))
    first = to_month_number(max(period.first or EARLIEST_CREATION, EARLIEST_CREATION))
    last = max(first, to_month_number(min(period.last or dt.date.max, local_today() + CLOCK_TOLERANCE)))
    begins = [first_instant(to_first_day(number)) for number in range(first, last + 1)]
    position = Func(
        "created_at", Value(begins, ArrayField(DateTimeField())), function="width_bucket", output_field=IntegerField()
    )
    found = _by_month(created, position, Count("pk"))
    return _fill_months(period, {to_first_day(first + place - 1): count for place, count in found.items()})


def sum_revenue_by_month(period: Period) -> MonthlyFigures:
    """Returns the revenue of each month. Their sum is `total_revenue`."""
    visits = Appointment.objects.visits().filter(period.date_condition("appointment_date"))
    return _fill_months(period, _by_month(visits, TruncMonth("appointment_date"), Sum("total_price")))


def _by_month(rows: QuerySet, month: Combinable, figure: Combinable) -> dict[Any, int]:
    by_month = rows.order_by().annotate(month=month).values("month").annotate(figure=figure)
    return dict(by_month.values_list("month", "figure"))


def _fill_months(period: Period, found: dict[dt.date, int]) -> MonthlyFigures:
    """Returns the figure of every month of the period, 0 where there are no rows.

    Without a start, the first month is the first one with rows. Without an end, the last month is this month or the last
    one with rows, whichever is later.
    """
    last = period.last or max(local_today(), period.first or local_today())
    first = period.first or min(found, default=last)
    months = [to_month_number(day) for day in (first, last, *found)]
    return {day: found.get(day, 0) for day in map(to_first_day, range(min(months), max(months) + 1))}


def to_month_number(day: dt.date) -> int:
    """Returns the number of months from the year 0 to the month of the day."""
    return 12 * day.year + day.month - 1


def to_first_day(number: int) -> dt.date:
    """Returns the first day of the month with that number."""
    year, month = divmod(number, 12)
    return dt.date(year, month + 1, 1)
