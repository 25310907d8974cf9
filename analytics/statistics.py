"""The figures of the statistics: a function per group of figures. Their queries are over all rows in scope.

A visit is a completed appointment. Soft-deleted customers count as `deleted_customers` and nowhere else; their
appointments and visits still count, as do those of purged customers. DEFINITIONS defines the figures.
"""

import datetime as dt
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import Count, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from analytics.segments import SPENDING_DAYS, count_segments
from appointments.models import Appointment, Status
from appointments.models.totals import AppointmentDailyTotals, CustomerTotals, VisitCounts
from circe.api.parameters import first_instant, last_instant
from circe.api.time_zone import local_today
from customers.models import Customer
from customers.models.monthly_counts import CustomerMonthlyCounts
from tenants.models import Tenant
from tenants.scope import TenantFilter

TOP_LIST_SIZE = 10
# The figures by which customers are ranked. Ties are ordered by the other figure.
MEASURES = ("total_appointments", "total_spent")
# The partial index `customertotals_most` holds the customers with at least this many appointments.
INDEXED_MIN_APPOINTMENTS = 10
# By each of MEASURES, the figures of this many customers in a period give the threshold of `candidate_condition`.
THRESHOLD_SAMPLE_SIZE = 200
THRESHOLD_FIELDS = ("at_risk_after_days", "new_within_days", "vip_min_visits", "vip_top_percent")

DEFINITIONS = {
    "days": (
        "Today, and the days of the period (both ends included; an instant stands for its day), are the tenant's; for "
        "all tenants together they are UTC's. Days ago are counted from today."
    ),
    "visit": "A completed appointment, from the moment it is completed, whatever its date.",
    "new_customers_in_period": "Customers created on the days of the period and not soft-deleted since.",
    "total_appointments": "Appointments of any status dated in the period, those of deleted customers too.",
    "total_revenue": "The prices of the visits dated in the period, those of deleted customers too.",
    "avg_appointments_per_customer": "total_appointments / total_customers, rounded to 1 decimal.",
    "avg_spent_per_customer": "total_revenue / total_customers, rounded down.",
    "retention_rate": (
        "Percent of the customers with a visit in the equally long window just before the period who had a visit in "
        "the period too, rounded to 1 decimal. A period without an end is as long as from its start to today. Without "
        "a start: percent of the customers with a visit in the period who had two or more."
    ),
    "churn_rate": "100 - retention_rate, on the same retention_base of customers; both 0.0 without a base.",
    "top_customers": (
        f"At most {TOP_LIST_SIZE}, by their figures in the period, with more than 0; ties by the other, then by id."
    ),
    "customer_segments": "Each customer as of now, in the first that fits: at_risk, vip, new, regular.",
    "at_risk": "At least one visit, nothing upcoming, and the last visit more than at_risk_after_days ago.",
    "vip": (
        "Tagged vip; or with at least vip_min_visits visits, and in the top vip_top_percent of the tenant's customers "
        f"with a visit by what they spent in visits at most {SPENDING_DAYS} days ago: that is more than 0, and fewer "
        "than so many percent of them spent more."
    ),
    "new": "No visit yet, or the first one at most new_within_days ago.",
    "regular": "All others.",
}


class Period(NamedTuple):
    """Days from `first` to `last`, both included; None leaves that end open."""

    first: dt.date | None = None
    last: dt.date | None = None

    def date_condition(self, field: str) -> Q:
        """Returns the condition that a date lies in the period."""
        return _range_condition(field, self.first, self.last)

    def instant_condition(self, field: str) -> Q:
        """Returns the condition that an instant lies in the period."""
        return _range_condition(field, self.first and first_instant(self.first), self.last and last_instant(self.last))

    def preceding_condition(self, field: str) -> Q:
        """Returns the condition that a date lies in the equally long window just before the period. No date lies in it
        if the period has no start.
        """
        first = self.first or dt.date.min
        # 0 where the period has no end and starts after today.
        days = max(0, ((self.last or local_today()) - first).days + 1)
        window_start = dt.date.fromordinal(max(1, first.toordinal() - days))
        return Q(**{f"{field}__gte": window_start, f"{field}__lt": first})


class CustomerFigures(NamedTuple):
    """The figures of a customer by which top lists are ranked."""

    customer_id: str
    total_appointments: int
    total_spent: int


ALL_TIME = Period()


def _range_condition(field: str, lowest: dt.date | None, highest: dt.date | None) -> Q:
    bounds = {f"{field}__gte": lowest, f"{field}__lte": highest}
    return Q(**{bound: value for bound, value in bounds.items() if value})


def summarize(period: Period) -> dict[str, Any]:
    """Returns every figure of the customers in scope: `{"statistics", "period", "currencies", "definitions"}`."""
    people = count_customers(period)
    total = people["total_customers"]
    bookings, tops = sum_appointments(period), find_top_customers(period)
    tenants = Tenant.objects.filter(TenantFilter("id")).order_by("id")
    return {
        "statistics": {
            **people,
            **bookings,
            "avg_appointments_per_customer": round(bookings["total_appointments"] / total, 1) if total else 0.0,
            "avg_spent_per_customer": bookings["total_revenue"] // total if total else 0,
            **calculate_retention(period),
            "top_customers_by_appointments": tops["total_appointments"],
            "top_customers_by_revenue": tops["total_spent"],
            "customer_segments": count_segments(),
        },
        "period": {"from": period.first, "to": period.last},
        "currencies": sorted({tenant.currency for tenant in tenants}),
        "definitions": DEFINITIONS
        | {
            "thresholds": [
                {"tenant_id": tenant.pk} | {name: getattr(tenant, name) for name in THRESHOLD_FIELDS}
                for tenant in tenants
            ]
        },
    }


def count_customers(period: Period) -> dict[str, int]:
    """Returns how many customers of each kind there are now, and how many were created in the period."""
    numbers = CustomerMonthlyCounts.objects.numbers()
    total = numbers["total_customers"]
    return numbers | {
        "inactive_customers": total - numbers["active_customers"],
        "walk_in_customers": total - numbers["customers_with_password"],
        "new_customers_in_period": total if period == ALL_TIME else count_new_customers(period),
    }


def count_new_customers(period: Period) -> int:
    """Returns the number of customers created in the period. The summary table has whole UTC months; days before
    and after them are counted from the rows.
    """
    created = Customer.objects.undeleted().filter(period.instant_condition("created_at"))
    try:
        first, end = _whole_months(period)
    except OverflowError:  # at an end of the calendar
        return created.count()
    if first and end and first >= end:
        return created.count()
    months = CustomerMonthlyCounts.objects.all()
    months = months.filter(month__gte=first.date()) if first else months
    months = months.filter(month__lt=end.date()) if end else months
    before = created.filter(created_at__lt=first).count() if first else 0
    return before + months.count_undeleted() + (created.filter(created_at__gte=end).count() if end else 0)


def _whole_months(period: Period) -> tuple[dt.datetime | None, dt.datetime | None]:
    """Returns when the first whole UTC month of the period begins and when the last one ends; None for an open end."""
    instant = dt.timedelta(microseconds=1)
    before = first_instant(period.first) - instant if period.first else None
    return (
        _month_start(_month_start(before) + dt.timedelta(days=32)) if before else None,
        _month_start(last_instant(period.last) + instant) if period.last else None,
    )


def _month_start(instant: dt.datetime) -> dt.datetime:
    return instant.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def sum_appointments(period: Period) -> dict[str, int]:
    """Returns the number of appointments of any status in the period, and the revenue of its visits."""
    days = AppointmentDailyTotals.objects.filter(period.date_condition("day"))
    return {
        name: int(total or 0)
        for name, total in days.aggregate(**{name: Sum(name) for name in AppointmentDailyTotals.value_columns}).items()
    }


def calculate_retention(period: Period) -> dict[str, float | int]:
    """Returns `{"retention_rate", "churn_rate", "retention_base"}`: percents of the base with 1 decimal."""
    if period.first:
        # A customer with a visit in the window before is counted once, by the last visit in that window: the next
        # visit is in the period or later, or there is none.
        before = VisitCounts.objects.filter(period.preceding_condition("day"))
        returns = before.filter(kind=VisitCounts.Kind.RETURN, next_day__gte=period.first)
        base = _sum_customers(before.filter(kind=VisitCounts.Kind.LAST)) + _sum_customers(returns)
        retained = _sum_customers(returns.filter(period.date_condition("next_day")))
    else:
        visits = VisitCounts.objects.filter(period.date_condition("day"))
        base, retained = (
            _sum_customers(visits.filter(kind=kind)) for kind in (VisitCounts.Kind.FIRST, VisitCounts.Kind.SECOND)
        )
    rate = round(100 * retained / base, 1) if base else 0.0
    return {
        "retention_rate": rate,
        "churn_rate": round(100 - rate, 1) if base else 0.0,
        "retention_base": base,
    }


def _sum_customers(counts: QuerySet[VisitCounts]) -> int:
    return int(counts.aggregate(total=Sum("customers"))["total"] or 0)


def find_top_customers(period: Period) -> dict[str, list[Customer]]:
    """Returns `{"total_appointments", "total_spent"}`: at most TOP_LIST_SIZE customers by that figure in the period,
    without those who have 0. Each customer has both figures as attributes.
    """
    if period == ALL_TIME:
        return {measure: _load_customers(_top_of_all_time(measure, TOP_LIST_SIZE)) for measure in MEASURES}
    limit = 5 * TOP_LIST_SIZE
    ranked = _top_of_period(period, limit)
    tops = {measure: _load_customers(ranked[measure]) for measure in MEASURES}
    if any(len(tops[measure]) < TOP_LIST_SIZE and len(ranked[measure]) == limit for measure in MEASURES):
        # Too many of the first customers are soft-deleted.
        ranked = _top_of_period(period, None)
        tops = {measure: _load_customers(ranked[measure]) for measure in MEASURES}
    return tops


def _top_of_all_time(measure: str, number: int) -> list[CustomerFigures]:
    """Returns the first `number` customers by a figure of all time."""
    totals = CustomerTotals.objects.filter(is_deleted=False, **{f"{measure}__gt": 0})
    ranked = totals.order_by(*_ranking(measure)).values_list("customer_id", *MEASURES)
    if measure == "total_appointments":
        # The partial index answers this alone, and mostly holds enough customers.
        indexed = list(ranked.filter(total_appointments__gte=INDEXED_MIN_APPOINTMENTS)[:number])
        if len(indexed) == number:
            return [CustomerFigures(*figures) for figures in indexed]
    return [CustomerFigures(*figures) for figures in ranked[:number]]


def _top_of_period(period: Period, limit: int | None) -> dict[str, list[CustomerFigures]]:
    """Returns the first customers by each figure of a period, soft-deleted ones included. One query sums for both."""
    figures, params = _figures_of_period(period, candidate_condition(period)).query.sql_with_params()
    tops = " UNION ALL ".join(
        f"(SELECT '{measure}', * FROM figures WHERE {measure} > 0 "  # noqa: S608
        f"ORDER BY {measure} DESC, {other} DESC, customer_id LIMIT %s)"
        for measure, other in (MEASURES, MEASURES[::-1])
    )
    found: dict[str, list[CustomerFigures]] = {measure: [] for measure in MEASURES}
    with connection.cursor() as cursor:
        sql = f"WITH figures (customer_id, {', '.join(MEASURES)}) AS MATERIALIZED ({figures}) {tops}"
        cursor.execute(sql, [*params, limit, limit])
        for measure, *row in cursor:
            found[measure].append(CustomerFigures(*row))
    return found


def _figures_of_period(period: Period, candidates: Q) -> QuerySet[Appointment, Any]:
    """Returns CustomerFigures as tuples, for each candidate with an appointment in the period."""
    return (
        Appointment.objects.filter(candidates, period.date_condition("appointment_date"), customer__isnull=False)
        .order_by()
        .values("customer_id")
        .annotate(
            # Count("customer_id") would need a column that the index on days does not hold.
            total_appointments=Count("*"),
            total_spent=Coalesce(Sum("total_price", filter=Q(status=Status.COMPLETED)), 0),
        )
        .values_list("customer_id", *MEASURES)
    )


def candidate_condition(period: Period) -> Q:
    """Returns the condition on appointments that their customer may be in a top list of the period.

    A customer's figure of a period is at most their figure of all time. So a customer whose figure of all time is less
    than what TOP_LIST_SIZE others have in the period is not in its top list (a threshold as in Fagin's algorithm).
    Returns no condition where the threshold would exclude hardly anybody, as in a very short period.
    """
    sample = {
        figures.customer_id for measure in MEASURES for figures in _top_of_all_time(measure, THRESHOLD_SAMPLE_SIZE)
    }
    in_period = [CustomerFigures(*figures) for figures in _figures_of_period(period, Q(customer_id__in=sample))]
    if len(in_period) < TOP_LIST_SIZE:
        return Q()
    appointments, spent = (
        sorted((getattr(figures, measure) for figures in in_period), reverse=True)[TOP_LIST_SIZE - 1]
        for measure in MEASURES
    )
    if appointments < INDEXED_MIN_APPOINTMENTS or spent == 0:
        return Q()
    totals = CustomerTotals.objects.filter(is_deleted=False).order_by().values("customer_id")
    return Q(customer_id__in=totals.filter(Q(total_appointments__gte=appointments) | Q(total_spent__gte=spent)))


def _ranking(measure: str) -> tuple[str, ...]:
    other = next(other for other in MEASURES if other != measure)
    return f"-{measure}", f"-{other}", "customer_id"


def _load_customers(ranked: list[CustomerFigures]) -> list[Customer]:
    """Returns the first TOP_LIST_SIZE customers who are not soft-deleted, with their figures as attributes."""
    customers = Customer.objects.undeleted().only("first_name", "last_name", "email")
    by_id = customers.in_bulk([figures.customer_id for figures in ranked])
    top = [(by_id[figures.customer_id], figures) for figures in ranked if figures.customer_id in by_id][:TOP_LIST_SIZE]
    for customer, figures in top:
        customer.total_appointments, customer.total_spent = figures.total_appointments, figures.total_spent
    return [customer for customer, _ in top]
