"""The segment of each customer now. DEFINITIONS in `statistics` defines the segments.

To find the customers of a segment, the thresholds are computed first. They make a condition on a row of the totals, so that
a page of the list reads little more than it shows.
"""

import datetime as dt
import json
from typing import Any

from django.db.models import BigIntegerField, DateField, Expression, F, Field, Func, OuterRef, Q, Subquery, Sum, Value
from django.db.models.functions import Cast
from django.utils import timezone

from analytics.segment_counts import AT_RISK, COUNT, COUNTING, THRESHOLDS, BusinessSegments, read_businesses
from appointments.models import Appointment
from appointments.models.totals import MAY_BE_VIP, VIP_VISITS
from circe.api.time_zone import local_zone
from circe.db.prepared import PreparedQuery
from circe.db.sql_condition import SqlCondition
from tenants.scope import current_tenant

SPENDING_DAYS = 365
SEGMENTS = ("vip", "regular", "new", "at_risk")

# The conditions read these columns of the totals, and these thresholds of a business (`segment_counts`). `recent_since` is
# the first day whose spending counts, and `spent` is the sum that a customer has spent since.
COLUMNS = ("visits", "first_visit", "last_visit", "is_vip", "open_date", "open_time", "recent_spent", "recent_from")
THRESHOLD_FIELDS: dict[str, Field] = {
    "at_risk_before": DateField(),
    "new_since": DateField(),
    "vip_min_visits": BigIntegerField(),
    "min_spent": BigIntegerField(),
}
NOT_AT_RISK = (
    "({last_visit} IS NULL OR {last_visit} >= {at_risk_before} OR ({open_date}, {open_time}) >= ({today}, {clock}))"
)
# A VIP without the tag has enough visits, and spent enough: one of the three conditions below.
VIP = "({is_vip} OR ({visits} >= {vip_min_visits} AND {has_spent}))"
# `recent_spent` is what was spent, or more if it includes a visit that is too old by now.
HAS_CURRENT_SPENT = "{recent_spent} > 0 AND {recent_spent} >= {min_spent} AND {recent_from} >= {recent_since}"
HAS_RECENT_SPENT = (
    "{recent_spent} > 0 AND {recent_spent} >= {min_spent} "
    "AND ({recent_from} >= {recent_since} OR {spent} >= {min_spent})"
)
HAS_SPENT = "{spent} >= {min_spent}"
CONDITIONS = {
    "vip": f"{NOT_AT_RISK} AND {VIP}",
    "regular": f"{NOT_AT_RISK} AND {VIP} IS NOT TRUE AND {{first_visit}} < {{new_since}}",
    # The last visit is compared beside the first, since it has an index.
    "new": (
        f"{NOT_AT_RISK} AND {VIP} IS NOT TRUE "
        "AND ({last_visit} IS NULL OR ({last_visit} >= {new_since} AND {first_visit} >= {new_since}))"
    ),
    "at_risk": (
        "{last_visit} < {at_risk_before} AND ({open_date} IS NULL OR ({open_date}, {open_time}) < ({today}, {clock}))"
    ),
}


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
    text = CONDITIONS[segment].replace("{has_spent}", _choose_has_spent(businesses))
    since = _spending_since(now)
    expressions: dict[str, Any] = {
        **{column: F(column) for column in COLUMNS},
        **{name: _threshold(name, field, businesses) for name, field in THRESHOLD_FIELDS.items()},
        "today": Value(now.date()),
        "clock": Value(now.time()),
        "recent_since": Value(since),
    }
    if "{spent}" in text:
        expressions["spent"] = _spent_since(since)
    condition = Q(SqlCondition(text, **expressions))
    if segment == "vip" and _are_summed(businesses) and all(it.vip_min_visits >= VIP_VISITS for it in businesses):
        # It follows from the rest. With it, PostgreSQL can use an index that has few others.
        condition &= MAY_BE_VIP
    return condition


def _choose_has_spent(businesses: list[BusinessSegments]) -> str:
    if not _are_summed(businesses):
        return HAS_SPENT
    return HAS_CURRENT_SPENT if all(business.is_current for business in businesses) else HAS_RECENT_SPENT


def _spent_since(day: dt.date) -> Subquery:
    """Returns the expression of what a customer has spent since the day."""
    visits = Appointment.objects.visits().filter(
        tenant=OuterRef("tenant"), customer=OuterRef("customer_id"), appointment_date__gte=day
    )
    return Subquery(visits.order_by().values("tenant").values_list(Sum("total_price")))


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
