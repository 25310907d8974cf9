"""Figures by month: each series is one query over all rows in scope, by the months of the tenant's time zone."""

import datetime as dt

from django.db.models import Count, DateField, QuerySet, Sum
from django.db.models.expressions import Combinable
from django.db.models.functions import TruncMonth

from analytics.statistics import Period, local_today
from appointments.models import Appointment
from circe.api.time_zone import local_zone
from customers.models import Customer

# The figure of each month, by the month's first day: in order, without a gap.
Series = dict[dt.date, int]


def count_new_customers_by_month(period: Period) -> Series:
    """Returns the new customers of each month. Their sum is `new_customers_in_period`."""
    created = Customer.objects.undeleted().filter(period.instant_condition("created_at"))
    month = TruncMonth("created_at", output_field=DateField(), tzinfo=local_zone())
    return _fill_months(period, created, month, Count("pk"))


def sum_revenue_by_month(period: Period) -> Series:
    """Returns the revenue of each month. Their sum is `total_revenue`."""
    visits = Appointment.objects.visits().filter(period.date_condition("appointment_date"))
    return _fill_months(period, visits, TruncMonth("appointment_date"), Sum("total_price"))


def _fill_months(period: Period, rows: QuerySet, month: Combinable, figure: Combinable) -> Series:
    """Returns the figure of every month of the period, 0 where there are no rows. A period without a start begins with
    the first month that has rows; one without an end ends this month, or with the last month that has rows.
    """
    found = dict(
        rows.order_by().annotate(month=month).values("month").annotate(figure=figure).values_list("month", "figure")
    )
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
