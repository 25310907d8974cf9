"""What we count: a function per group of figures, each one query over all rows in scope.

A visit is a completed appointment. Soft-deleted customers count as `deleted_customers` and nowhere else; their
appointments and visits still count, as do those of customers removed for good. DEFINITIONS has the rest.
"""

import datetime as dt
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import Count, Q, QuerySet, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from analytics.segments import SPENDING_DAYS, segments
from appointments.models import Appointment, Status
from appointments.models.totals import AppointmentDailyTotals, CustomerTotals, VisitCounts
from circe.api.parameters import first_instant, last_instant
from circe.api.time_zone import local_zone
from customers.models import Customer
from customers.models.monthly_counts import CustomerMonthlyCounts
from tenants.models import Tenant
from tenants.scope import TenantFilter

TOP = 10
# By which customers are ranked; each breaks the other's ties.
MEASURES = ("total_appointments", "total_spent")
# An index has the customers with so many appointments.
MANY = 10
# Of so many with most of all time it is looked at how much they have in a period.
SOME = 200
THRESHOLDS = ("at_risk_after_days", "new_within_days", "vip_min_visits", "vip_top_percent")

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
    "top_customers": f"At most {TOP}, by their figures in the period, with more than 0; ties by the other, then by id.",
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

    def on(self, field: str) -> Q:
        """The condition that a date lies in the period."""
        return _between(field, self.first, self.last)

    def at(self, field: str) -> Q:
        """The condition that an instant lies in the period."""
        return _between(field, self.first and first_instant(self.first), self.last and last_instant(self.last))

    def just_before(self, field: str) -> Q:
        """The condition that a date lies in the equally long window just before. Without a start there is none."""
        first = self.first or dt.date.min
        days = max(0, ((self.last or today()) - first).days + 1)  # none, too, before a start to come with an open end
        opening = dt.date.fromordinal(max(1, first.toordinal() - days))
        return Q(**{f"{field}__gte": opening, f"{field}__lt": first})


class Place(NamedTuple):
    """A customer's figures."""

    customer_id: str
    total_appointments: int
    total_spent: int


ALL_TIME = Period()


def _between(field: str, lowest: dt.date | None, highest: dt.date | None) -> Q:
    bounds = {f"{field}__gte": lowest, f"{field}__lte": highest}
    return Q(**{bound: value for bound, value in bounds.items() if value})


def today() -> dt.date:
    """Today by the tenant's calendar, or UTC's for all tenants together."""
    return timezone.now().astimezone(local_zone()).date()


def summary(period: Period) -> dict[str, Any]:
    """Every figure of the customers in scope: `{"statistics", "period", "currencies", "definitions"}`."""
    people = customer_figures(period)
    total = people["total_customers"]
    bookings, tops = appointment_figures(period), top_customers(period)
    tenants = Tenant.objects.filter(TenantFilter("id")).order_by("id")
    return {
        "statistics": {
            **people,
            **bookings,
            "avg_appointments_per_customer": round(bookings["total_appointments"] / total, 1) if total else 0.0,
            "avg_spent_per_customer": bookings["total_revenue"] // total if total else 0,
            **retention(period),
            "top_customers_by_appointments": tops["total_appointments"],
            "top_customers_by_revenue": tops["total_spent"],
            "customer_segments": segments(),
        },
        "period": {"from": period.first, "to": period.last},
        "currencies": sorted({tenant.currency for tenant in tenants}),
        "definitions": DEFINITIONS
        | {
            "thresholds": [
                {"tenant_id": tenant.pk} | {name: getattr(tenant, name) for name in THRESHOLDS} for tenant in tenants
            ]
        },
    }


def customer_figures(period: Period) -> dict[str, int]:
    """How many customers of each kind there are now, and how many were created in the period."""
    numbers = CustomerMonthlyCounts.objects.numbers()
    total = numbers["total_customers"]
    return numbers | {
        "inactive_customers": total - numbers["active_customers"],
        "walk_in_customers": total - numbers["customers_with_password"],
        "new_customers_in_period": total if period == ALL_TIME else new_customers(period),
    }


def new_customers(period: Period) -> int:
    """Customers created in the period: by tallies in the whole months of UTC's that it has, one by one in the rest."""
    created = Customer.objects.undeleted().filter(period.at("created_at"))
    try:
        first, end = _months(period)
    except OverflowError:  # at an end of the calendar
        return created.count()
    if first and end and first >= end:
        return created.count()
    months = CustomerMonthlyCounts.objects.all()
    months = months.filter(month__gte=first.date()) if first else months
    months = months.filter(month__lt=end.date()) if end else months
    before = created.filter(created_at__lt=first).count() if first else 0
    return before + months.undeleted() + (created.filter(created_at__gte=end).count() if end else 0)


def _months(period: Period) -> tuple[dt.datetime | None, dt.datetime | None]:
    """Where the first whole month of UTC's in the period begins, and where the last one ends; None at an open end."""
    instant = dt.timedelta(microseconds=1)
    before = first_instant(period.first) - instant if period.first else None
    return (
        _month(_month(before) + dt.timedelta(days=32)) if before else None,
        _month(last_instant(period.last) + instant) if period.last else None,
    )


def _month(instant: dt.datetime) -> dt.datetime:
    return instant.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def appointment_figures(period: Period) -> dict[str, int]:
    """How many appointments of any status lie in the period, and what its visits brought in."""
    days = AppointmentDailyTotals.objects.filter(period.on("day"))
    return {
        name: int(total or 0)
        for name, total in days.aggregate(**{name: Sum(name) for name in AppointmentDailyTotals.sums}).items()
    }


def retention(period: Period) -> dict[str, float | int]:
    """`{"retention_rate", "churn_rate", "retention_base"}`: percents of the base with 1 decimal, as DEFINITIONS say."""
    if period.first:
        # Whoever had a visit in the window before had a last one there. The next one, if any, came in the period or later.
        before = VisitCounts.objects.filter(period.just_before("day"))
        returns = before.filter(kind=VisitCounts.Kind.RETURN, next_day__gte=period.first)
        base = _customers(before.filter(kind=VisitCounts.Kind.LAST)) + _customers(returns)
        retained = _customers(returns.filter(period.on("next_day")))
    else:
        visits = VisitCounts.objects.filter(period.on("day"))
        base, retained = (
            _customers(visits.filter(kind=kind)) for kind in (VisitCounts.Kind.FIRST, VisitCounts.Kind.SECOND)
        )
    rate = round(100 * retained / base, 1) if base else 0.0
    return {
        "retention_rate": rate,
        "churn_rate": round(100 - rate, 1) if base else 0.0,
        "retention_base": base,
    }


def _customers(tallies: QuerySet[VisitCounts]) -> int:
    return int(tallies.aggregate(total=Sum("customers"))["total"] or 0)


def top_customers(period: Period) -> dict[str, list[Customer]]:
    """`{"total_appointments", "total_spent"}`: at most TOP customers each, by that figure in the period, with more than 0.
    Each has both figures.
    """
    if period == ALL_TIME:
        return {measure: _named(_most(measure, TOP), TOP) for measure in MEASURES}
    limit = 5 * TOP
    found = _most_in(period, limit)
    tops = {measure: _named(places, TOP) for measure, places in found.items()}
    if any(len(tops[measure]) < TOP and len(found[measure]) == limit for measure in MEASURES):
        # Too many of the first ones have been deleted.
        tops = {measure: _named(places, TOP) for measure, places in _most_in(period, None).items()}
    return tops


def _most(measure: str, number: int) -> list[Place]:
    """The first customers by a figure of all time."""
    totals = CustomerTotals.objects.filter(is_deleted=False, **{f"{measure}__gt": 0})
    places = totals.order_by(*_order(measure)).values_list("customer_id", *MEASURES)
    # The index has those with many appointments only; mostly they are enough.
    many = list(places.filter(total_appointments__gte=MANY)[:number]) if measure == "total_appointments" else []
    return [Place(*place) for place in (many if len(many) == number else places[:number])]


def _most_in(period: Period, limit: int | None) -> dict[str, list[Place]]:
    """The first customers by each figure of a period, maybe deleted ones among them; the appointments are added up once."""
    figures, params = _figures_in(period, _candidates(period)).query.sql_with_params()
    tops = " UNION ALL ".join(
        f"(SELECT '{measure}', * FROM figures WHERE {measure} > 0 "  # noqa: S608
        f"ORDER BY {measure} DESC, {other} DESC, customer_id LIMIT %s)"
        for measure, other in (MEASURES, MEASURES[::-1])
    )
    found: dict[str, list[Place]] = {measure: [] for measure in MEASURES}
    with connection.cursor() as cursor:
        sql = f"WITH figures (customer_id, {', '.join(MEASURES)}) AS MATERIALIZED ({figures}) {tops}"
        cursor.execute(sql, [*params, limit, limit])
        for measure, *place in cursor:
            found[measure].append(Place(*place))
    return found


def _figures_in(period: Period, candidates: Q) -> QuerySet[Appointment, Any]:
    """What Place has, of each of the candidates with an appointment in the period."""
    return (
        Appointment.objects.filter(candidates, period.on("appointment_date"), customer__isnull=False)
        .order_by()
        .values("customer_id")
        .annotate(
            # Not by a column that the index on days leaves out.
            total_appointments=Count("*"),
            total_spent=Coalesce(Sum("total_price", filter=Q(status=Status.COMPLETED)), 0),
        )
        .values_list("customer_id", *MEASURES)
    )


def _candidates(period: Period) -> Q:
    """The condition on appointments that their customer may be among the first TOP of the period.

    Nobody has more in a period than of all time. So whoever has less of all time than the last of TOP others have in the
    period isn't among its first (a threshold as in Fagin's algorithm). Of a period so short that nearly everybody has as
    much, all appointments are looked at.
    """
    some = {place.customer_id for measure in MEASURES for place in _most(measure, SOME)}
    places = [Place(*place) for place in _figures_in(period, Q(customer_id__in=some))]
    if len(places) < TOP:
        return Q()
    appointments, spent = (sorted(figures, reverse=True)[TOP - 1] for figures in list(zip(*places, strict=True))[1:])
    if appointments < MANY or spent == 0:
        return Q()
    totals = CustomerTotals.objects.filter(is_deleted=False).order_by().values("customer_id")
    return Q(customer_id__in=totals.filter(Q(total_appointments__gte=appointments) | Q(total_spent__gte=spent)))


def _order(measure: str) -> tuple[str, ...]:
    other = next(other for other in MEASURES if other != measure)
    return f"-{measure}", f"-{other}", "customer_id"


def _named(places: list[Place], number: int) -> list[Customer]:
    """The first so many customers of those places who are not deleted, with their figures."""
    customers = Customer.objects.undeleted().only("first_name", "last_name", "email")
    found = customers.in_bulk([place.customer_id for place in places])
    named = [(found[place.customer_id], place) for place in places if place.customer_id in found][:number]
    for customer, place in named:
        customer.total_appointments, customer.total_spent = place.total_appointments, place.total_spent
    return [customer for customer, _ in named]
