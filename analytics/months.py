"""What we count month by month: each series is one query over all rows in scope, by the months of the tenant's clock."""

import datetime as dt

from django.db.models import Count, DateField, QuerySet, Sum
from django.db.models.expressions import Combinable
from django.db.models.functions import TruncMonth

from analytics.statistics import Period, today
from appointments.models import Appointment
from circe.api.time_zone import local_zone
from customers.models import Customer

# What was counted in each month, named by its first day; in order, without a gap.
Series = dict[dt.date, int]


def new_customers_by_month(period: Period) -> Series:
    """The months of `new_customers_in_period`, which is their sum."""
    created = Customer.objects.undeleted().filter(period.at("created_at"))
    month = TruncMonth("created_at", output_field=DateField(), tzinfo=local_zone())
    return _every_month(period, created, month, Count("pk"))


def revenue_by_month(period: Period) -> Series:
    """The months of `total_revenue`, which is their sum."""
    visits = Appointment.objects.visits().filter(period.on("appointment_date"))
    return _every_month(period, visits, TruncMonth("appointment_date"), Sum("total_price"))


def _every_month(period: Period, rows: QuerySet, month: Combinable, figure: Combinable) -> Series:
    """From the first month of the period to its last; an open start is the first month with something, an open end is now
    or whatever lies ahead.
    """
    found = dict(
        rows.order_by().annotate(month=month).values("month").annotate(figure=figure).values_list("month", "figure")
    )
    last = period.last or max(today(), period.first or today())
    first = period.first or min(found, default=last)
    months = [month_number(day) for day in (first, last, *found)]
    return {day: found.get(day, 0) for day in map(first_day, range(min(months), max(months) + 1))}


def month_number(day: dt.date) -> int:
    """The months from the year 0 to that of the day."""
    return 12 * day.year + day.month - 1


def first_day(number: int) -> dt.date:
    """The first day of the month of that number."""
    year, month = divmod(number, 12)
    return dt.date(year, month + 1, 1)
