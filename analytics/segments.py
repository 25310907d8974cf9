"""The segment of each customer now. DEFINITIONS in `statistics` defines the segments.

To find the customers of a segment, the thresholds are computed first. They make a condition on a row of the totals, so that
a page of the list reads little more than it shows.
"""

import datetime as dt
import json

from django.db.models import (
    BigIntegerField,
    Case,
    DateField,
    Expression,
    F,
    Field,
    Func,
    OuterRef,
    Q,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Cast
from django.db.models.lookups import Exact, GreaterThanOrEqual
from django.utils import timezone

from analytics.segment_counts import AT_RISK, COUNT, COUNTING, THRESHOLDS, BusinessSegments, read_businesses
from appointments.models import Appointment
from appointments.models.totals import MAY_BE_VIP, VIP_VISITS
from circe.api.time_zone import local_zone
from circe.db.prepared import PreparedQuery
from tenants.scope import current_tenant

SPENDING_DAYS = 365
SEGMENTS = ("vip", "regular", "new", "at_risk")


def count_segments() -> dict[str, int]:
    """Returns how many customers are in each of SEGMENTS now."""
    businesses = _read_businesses(COUNT, _local_now())
    return {segment: sum(getattr(business, segment) for business in businesses) for segment in SEGMENTS}


def segment_condition_and_count(segment: str) -> tuple[Q, int]:
    """Returns the condition that `segment_condition` returns, and how many customers satisfy it."""
    now = _local_now()
    businesses = _read_businesses(COUNTING[segment], now)
    return _condition(segment, now, businesses), sum(getattr(business, segment) for business in businesses)


def segment_condition(segment: str) -> Q:
    """Returns a condition for CustomerTotals. It keeps the customers who are now in `segment`, one of SEGMENTS."""
    now = _local_now()
    return _condition(segment, now, _read_businesses(AT_RISK if segment == "at_risk" else THRESHOLDS, now))


def segment_conditions() -> dict[str, Q]:
    """Returns by segment the condition that `segment_condition` returns. The thresholds are read once."""
    now = _local_now()
    businesses = _read_businesses(THRESHOLDS, now)
    return {segment: _condition(segment, now, businesses) for segment in SEGMENTS}


def _condition(segment: str, now: dt.datetime, businesses: list[BusinessSegments]) -> Q:
    at_risk_before = _threshold("at_risk_before", DateField(), businesses)
    if segment == "at_risk":
        not_booked = Q(open_date__lt=now.date()) | Q(open_date=now.date(), open_time__lt=now.time())
        return Q(last_visit__lt=at_risk_before) & (Q(open_date__isnull=True) | not_booked)
    booked = Q(open_date__gt=now.date()) | Q(open_date=now.date(), open_time__gte=now.time())
    not_at_risk = Q(last_visit__isnull=True) | Q(last_visit__gte=at_risk_before) | booked
    vip = Q(is_vip=True) | _is_top_spender(now, businesses)
    if segment == "vip":
        if _are_summed(businesses) and all(business.vip_min_visits >= VIP_VISITS for business in businesses):
            # It follows from the rest. With it, PostgreSQL can use an index that has few others.
            vip &= MAY_BE_VIP
        return not_at_risk & vip
    rest = not_at_risk & Q(Exact(Case(When(vip, then=True), default=False), False))
    new_since = _threshold("new_since", DateField(), businesses)
    if segment == "regular":
        return rest & Q(first_visit__lt=new_since)
    # The last visit is compared beside the first, since it has an index.
    return rest & (Q(last_visit__isnull=True) | Q(last_visit__gte=new_since, first_visit__gte=new_since))


def _is_top_spender(now: dt.datetime, businesses: list[BusinessSegments]) -> Q:
    """Returns the condition that a customer has enough visits, and spent enough, to be a VIP without the tag."""
    recent = _spending_since(now)
    min_spent = _threshold("min_spent", BigIntegerField(), businesses)
    has_visits = Q(visits__gte=_threshold("vip_min_visits", BigIntegerField(), businesses))
    # `recent_spent` is what was spent, or more if it includes a visit that is too old by now.
    may_have_spent = Q(recent_spent__gt=0, recent_spent__gte=min_spent)
    if _are_summed(businesses) and all(business.is_current for business in businesses):
        # Without the sub-select below, Django compiles the query in half the time.
        return has_visits & may_have_spent & Q(recent_from__gte=recent)
    visits = Appointment.objects.visits().filter(
        tenant=OuterRef("tenant"), customer=OuterRef("customer_id"), appointment_date__gte=recent
    )
    has_spent = Q(
        GreaterThanOrEqual(Subquery(visits.order_by().values("tenant").values_list(Sum("total_price"))), min_spent)
    )
    if not _are_summed(businesses):
        return has_visits & has_spent
    return has_visits & may_have_spent & (Q(recent_from__gte=recent) | has_spent)


def _threshold(name: str, field: Field, businesses: list[BusinessSegments]) -> Expression:
    """Returns the expression of a threshold: a value if one tenant is in scope, else a look-up by the tenant of the
    row.
    """
    if current_tenant():
        [business] = businesses
        return Value(getattr(business, name))
    by_business = json.dumps({business.tenant_id: str(getattr(business, name)) for business in businesses})
    own = Func(Value(by_business), F("tenant_id"), template="(%(expressions)s)", arg_joiner="::jsonb ->> ")
    return Cast(own, field)


def _are_summed(businesses: list[BusinessSegments]) -> bool:
    return all(business.is_summed for business in businesses)


def _read_businesses(query: PreparedQuery, now: dt.datetime) -> list[BusinessSegments]:
    return read_businesses(query, now, _spending_since(now))


def _local_now() -> dt.datetime:
    return timezone.now().astimezone(local_zone())


def _spending_since(now: dt.datetime) -> dt.date:
    return now.date() - dt.timedelta(days=SPENDING_DAYS)
