"""What we count: a function per group of figures, each one query over all rows in scope.

A visit is a completed appointment. Soft-deleted customers count as `deleted_customers` and nowhere else; their
appointments and visits still count, as do those of customers removed for good. DEFINITIONS has the rest.
"""

import datetime as dt
from typing import Any, NamedTuple

from django.db.models import (
    Case,
    Count,
    DateField,
    F,
    Func,
    IntegerField,
    Max,
    Min,
    Q,
    QuerySet,
    Sum,
    Value,
    When,
    Window,
)
from django.db.models.functions import Coalesce, CumeDist
from django.utils import timezone

from appointments.models import Appointment, Status, is_upcoming
from customers.models import Customer
from tenants.models import Tenant
from tenants.parameters import first_instant, last_instant, zone
from tenants.scope import InScope

TOP = 10
SPENDING_DAYS = 365
SEGMENTS = ("vip", "regular", "new", "at_risk")
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


def _between(field: str, lowest: dt.date | None, highest: dt.date | None) -> Q:
    bounds = {f"{field}__gte": lowest, f"{field}__lte": highest}
    return Q(**{bound: value for bound, value in bounds.items() if value})


def today() -> dt.date:
    """Today by the tenant's calendar, or UTC's for all tenants together."""
    return timezone.now().astimezone(zone()).date()


def summary(period: Period) -> dict[str, Any]:
    """Every figure of the customers in scope: `{"statistics", "period", "currencies", "definitions"}`."""
    people = customer_figures(period)
    total = people["total_customers"]
    bookings = appointment_figures(period)
    tenants = Tenant.objects.filter(InScope("id")).order_by("id")
    return {
        "statistics": {
            **people,
            **bookings,
            "avg_appointments_per_customer": round(bookings["total_appointments"] / total, 1) if total else 0.0,
            "avg_spent_per_customer": bookings["total_revenue"] // total if total else 0,
            **retention(period),
            "top_customers_by_appointments": top_customers(period, "total_appointments", "total_spent"),
            "top_customers_by_revenue": top_customers(period, "total_spent", "total_appointments"),
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
    here = Q(is_deleted=False)
    return Customer.objects.aggregate(
        total_customers=Count("pk", filter=here),
        active_customers=Count("pk", filter=here & Q(is_active=True)),
        inactive_customers=Count("pk", filter=here & Q(is_active=False)),
        deleted_customers=Count("pk", filter=~here),
        verified_emails=Count("pk", filter=here & Q(email_verified=True)),
        customers_with_password=Count("pk", filter=here & Q(password__isnull=False)),
        walk_in_customers=Count("pk", filter=here & Q(password__isnull=True)),
        new_customers_in_period=Count("pk", filter=here & period.at("created_at")),
        total_loyalty_points=Coalesce(Sum("loyalty_points", filter=here), 0),
    )


def appointment_figures(period: Period) -> dict[str, int]:
    """How many appointments of any status lie in the period, and what its visits brought in."""
    return Appointment.objects.filter(period.on("appointment_date")).aggregate(
        total_appointments=Count("pk"),
        total_revenue=Coalesce(Sum("total_price", filter=Q(status=Status.COMPLETED)), 0),
    )


def retention(period: Period) -> dict[str, float | int]:
    """`{"retention_rate", "churn_rate", "retention_base"}`: percents of the base with 1 decimal, as DEFINITIONS say."""
    visits = Appointment.objects.visits().filter(customer__is_deleted=False).order_by().values("customer")
    during = period.on("appointment_date")
    customers: QuerySet
    if period.first:
        before = period.just_before("appointment_date")
        counted = visits.filter(before | during).annotate(
            before=Count("pk", filter=before), during=Count("pk", filter=during)
        )
        customers, again = counted.filter(before__gt=0), Q(during__gt=0)
    else:
        customers, again = visits.filter(during).annotate(during=Count("pk")), Q(during__gt=1)
    # Counting "pk" here would group by it.
    counts = customers.aggregate(base=Count("customer"), retained=Count("customer", filter=again))
    rate = round(100 * counts["retained"] / counts["base"], 1) if counts["base"] else 0.0
    return {
        "retention_rate": rate,
        "churn_rate": round(100 - rate, 1) if counts["base"] else 0.0,
        "retention_base": counts["base"],
    }


def top_customers(period: Period, measure: str, tie_breaker: str) -> QuerySet[Customer]:
    """The TOP customers with more than 0 of `measure` in the period: `total_appointments` or `total_spent`."""
    return (
        Customer.objects.undeleted()
        .only("first_name", "last_name", "email")
        .filter(period.on("appointments__appointment_date"))
        .annotate(
            total_appointments=Count("appointments"),
            total_spent=Coalesce(Sum("appointments__total_price", filter=Q(appointments__status=Status.COMPLETED)), 0),
        )
        .filter(**{f"{measure}__gt": 0})
        .order_by(f"-{measure}", f"-{tie_breaker}", "id")[:TOP]
    )


def segments() -> dict[str, int]:
    """How many customers are in each of SEGMENTS now, as DEFINITIONS say."""
    return segmented().aggregate(**{name: Count("pk", filter=Q(segment=name)) for name in SEGMENTS})


def segmented() -> QuerySet[Customer]:
    """The customers, each with the `segment` of SEGMENTS that they are in now."""
    visit = Q(appointments__status=Status.COMPLETED)
    recent = visit & Q(appointments__appointment_date__gte=today() - dt.timedelta(days=SPENDING_DAYS))
    customers = (
        Customer.objects.undeleted()
        .annotate(
            visits=Count("appointments", filter=visit),
            upcoming=Count("appointments", filter=is_upcoming("appointments__")),
            days_since_first=_days_since(Min("appointments__appointment_date", filter=visit)),
            days_since_last=_days_since(Max("appointments__appointment_date", filter=visit)),
            spent=Coalesce(Sum("appointments__total_price", filter=recent), 0),
            has_visit=Q(visits__gt=0),
        )
        # How much of the tenant's customers with a visit spent no more.
        .annotate(share=Window(CumeDist(), partition_by=["tenant", "has_visit"], order_by="spent"))
    )
    at_risk = Q(upcoming=0, days_since_last__gt=F("tenant__at_risk_after_days"))
    # The quotients compare exactly: both are the nearest floats of fractions of small integers.
    top = Q(share__gt=(100 - F("tenant__vip_top_percent")) / 100.0, spent__gt=0)
    vip = Q(tags__contains=["vip"]) | top & Q(visits__gte=F("tenant__vip_min_visits"))
    new = Q(has_visit=False) | Q(days_since_first__lte=F("tenant__new_within_days"))
    segment = Case(
        When(at_risk, then=Value("at_risk")),
        When(vip, then=Value("vip")),
        When(new, then=Value("new")),
        default=Value("regular"),
    )
    return customers.annotate(segment=segment)


def _days_since(day: Min | Max) -> Func:
    # In PostgreSQL the difference of two dates is a number of days; Django's would be an interval.
    return Func(
        Value(today(), DateField()), day, template="(%(expressions)s)", arg_joiner=" - ", output_field=IntegerField()
    )
