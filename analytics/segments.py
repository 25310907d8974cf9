"""The segment of each customer now. DEFINITIONS in `statistics` defines the segments.

To count the segments, the query sums summary tables and reads few rows: the customers who spent most, those tagged vip,
and those who would be at risk but have an appointment. To find the customers of a segment, the thresholds are computed
first. They make a condition on a row of the totals, so that a page of the list reads little more than it shows.
"""

import datetime as dt
import json
import re
from typing import Any, NamedTuple

from django.db import connection
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

from appointments.models import Appointment
from circe.api.time_zone import local_zone
from tenants.models import Tenant
from tenants.scope import TenantFilter, current_tenant, current_tenant_id

SPENDING_DAYS = 365
SEGMENTS = ("vip", "regular", "new", "at_risk")
PARAMETER = re.compile(r"%\((\w+)\)s")

# `in_scope` is a condition on each table of a tenant: it names the tenant in scope, so that one node of a cluster of Citus
# can answer. The planner could not conclude it from `business`.
# `business` has a row for each business in scope: its thresholds as days, and numbers of its customers.
# `level` has a row for each sum that customers spent, from the highest on, as far as the top percent of VIPs goes: how many
# customers spent it, and how many of them are VIPs and new VIPs if the sum is enough. So these customers are read once.
# Customers whose `recent_spent` includes visits that are too old are not in it. Of them, those matter who may have spent as
# much as the top percent of the others (`least_cutoff`): `recalculated` has their spending. It has the spending of all
# customers if the database's clock, by which `recent_spent` was summed, is ahead of ours.
# `spending` has both. `vip_cutoff` has the least that a customer spent who is in the top percent of VIPs; there is no row
# where nobody is.
# `booked_again` has the number of customers who would be at risk but have an upcoming appointment.
BUSINESSES = """
    business AS MATERIALIZED (
        SELECT id AS tenant_id, vip_min_visits, at_risk_before, new_since, customers, visitors, new_visitors, lapsed,
            ceil(visitors * vip_top_percent / 100.0)::bigint AS vip_quota
        FROM ({businesses}) AS tenant
        CROSS JOIN LATERAL (
            -- A date of Python can't be further back.
            SELECT greatest(%(today)s::date - least(at_risk_after_days, 2000000), '0001-01-01') AS at_risk_before,
                greatest(%(today)s::date - least(new_within_days, 2000000), '0001-01-01') AS new_since
        ) AS limits
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(total_customers), 0)::bigint AS customers
            FROM customers_customermonthlycounts WHERE {in_scope} AND tenant_id = tenant.id
        ) AS customer_counts
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(customers), 0)::bigint AS visitors,
                coalesce(sum(customers) FILTER (WHERE day >= new_since), 0)::bigint AS new_visitors
            FROM appointments_visitcounts WHERE {in_scope} AND tenant_id = tenant.id AND kind = 'first'
        ) AS visitor_counts
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(customers), 0)::bigint AS lapsed
            FROM appointments_visitcounts
            WHERE {in_scope} AND tenant_id = tenant.id AND kind = 'last' AND day < at_risk_before
        ) AS lapsed_counts
    ),
    level AS MATERIALIZED (
        SELECT tenant_id, level.* FROM business CROSS JOIN LATERAL (
            SELECT recent_spent AS spent, {level_counts}
            FROM (
                SELECT recent_spent, visits, first_visit, last_visit, is_vip, open_date, open_time
                FROM appointments_customertotals AS totals
                WHERE {in_scope} AND totals.tenant_id = business.tenant_id AND {up_to_date}
                ORDER BY recent_spent DESC FETCH FIRST (vip_quota) ROWS WITH TIES
            ) AS top GROUP BY recent_spent
        ) AS level
    ),
    least_cutoff AS MATERIALIZED ({cutoff_of_levels}),
    {recalculated},
    spending AS MATERIALIZED (
        SELECT * FROM level
        UNION ALL
        SELECT tenant_id, spent, {one_customer}
        FROM business JOIN recalculated USING (tenant_id) WHERE spent > 0
    ),
    vip_cutoff AS MATERIALIZED ({cutoff}),
    booked_again AS MATERIALIZED (
        SELECT tenant_id, count(*) AS booked_again
        FROM business JOIN appointments_customertotals USING (tenant_id)
        WHERE {in_scope} AND NOT is_deleted AND open_date IS NOT NULL AND last_visit < at_risk_before
            AND (open_date, open_time) >= (%(today)s, %(clock)s)
        GROUP BY tenant_id
    )
"""

# A row for each business: its thresholds, and how many customers are in each of SEGMENTS. PostgreSQL computes no CTE that a
# statement does not read. So THRESHOLDS and AT_RISK cost less than COUNT, and AT_RISK least, since it needs no `vip_cutoff`.
COUNT = """
    WITH {businesses}
    SELECT tenant_id, at_risk_before, new_since, vip_min_visits, coalesce(min_spent, {nobody_spent}), vip_count,
        customers - at_risk - vip_count - new_count, new_count, at_risk
    FROM (
        SELECT *, customers - visitors + new_visitors - new_vip_count - new_and_lapsed AS new_count,
            lapsed - coalesce(booked_again, 0) AS at_risk
        FROM business LEFT JOIN booked_again USING (tenant_id)
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(vips), 0)::bigint AS vip_count, coalesce(sum(new_vips), 0)::bigint AS new_vip_count
            FROM (
                SELECT vips, new_vips FROM spending JOIN vip_cutoff USING (tenant_id)
                WHERE spending.tenant_id = business.tenant_id AND spent >= min_spent
                UNION ALL
                SELECT count(*), count(*) FILTER (WHERE {is_new})
                FROM appointments_customertotals AS totals
                WHERE {in_scope} AND totals.tenant_id = business.tenant_id AND NOT is_deleted AND is_vip
                    AND {not_at_risk}
            ) AS vip
        ) AS vip_counts
        CROSS JOIN LATERAL (
            SELECT count(*) AS new_and_lapsed
            FROM appointments_customertotals AS totals
            WHERE {in_scope} AND totals.tenant_id = business.tenant_id AND NOT is_deleted
                AND new_since < at_risk_before AND first_visit >= new_since AND last_visit < at_risk_before
                AND (open_date IS NULL OR (open_date, open_time) < (%(today)s, %(clock)s))
        ) AS new_and_lapsed_counts
    ) AS counted LEFT JOIN vip_cutoff USING (tenant_id)
"""

THRESHOLDS = """
    WITH {businesses}
    SELECT tenant_id, at_risk_before, new_since, vip_min_visits, coalesce(min_spent, {nobody_spent}), 0, 0, 0, 0
    FROM business LEFT JOIN vip_cutoff USING (tenant_id)
"""
AT_RISK = """
    WITH {businesses}
    SELECT tenant_id, at_risk_before, new_since, vip_min_visits, {nobody_spent}, 0, 0, 0,
        lapsed - coalesce(booked_again, 0)
    FROM business LEFT JOIN booked_again USING (tenant_id)
"""
# The threshold of spending where nobody is in the top percent.
NOBODY_SPENT = 2**63 - 1

NOT_AT_RISK = "(last_visit IS NULL OR last_visit >= at_risk_before OR (open_date, open_time) >= (%(today)s, %(clock)s))"
IS_NEW = "(first_visit IS NULL OR first_visit >= new_since)"
# How many customers a row of `level` and of `recalculated` stands for. The thresholds alone need only the first number.
IS_VIP_BY_SPENDING = f"visits >= vip_min_visits AND NOT is_vip AND {NOT_AT_RISK}"
LEVEL_COUNTS = "count(*) AS customers"
LEVEL_COUNTS_WITH_VIPS = f"""{LEVEL_COUNTS}, count(*) FILTER (WHERE {IS_VIP_BY_SPENDING}) AS vips,
                count(*) FILTER (WHERE {IS_VIP_BY_SPENDING} AND {IS_NEW}) AS new_vips"""
ONE_CUSTOMER = "1"
ONE_CUSTOMER_WITH_VIPS = f"1, ({IS_VIP_BY_SPENDING})::int, ({IS_VIP_BY_SPENDING} AND {IS_NEW})::int"
CUTOFF = """
        SELECT tenant_id, coalesce(max(spent) FILTER (WHERE ranked.customers >= vip_quota), 1) AS min_spent
        FROM business LEFT JOIN (
            SELECT tenant_id, spent, sum(customers) OVER (PARTITION BY tenant_id ORDER BY spent DESC) AS customers
            FROM {levels}
        ) AS ranked USING (tenant_id)
        WHERE vip_quota > 0 GROUP BY tenant_id
    """
UP_TO_DATE = "NOT is_deleted AND recent_spent > 0 AND recent_from >= %(recent)s"
# `recent_spent` without the visits that are too old by now.
RECALCULATE_STALE = """
    stale AS MATERIALIZED (
        SELECT tenant_id, customer_id, recent_spent, recent_from, visits, first_visit, last_visit, is_vip, open_date,
            open_time
        FROM least_cutoff JOIN appointments_customertotals USING (tenant_id)
        WHERE {in_scope} AND NOT is_deleted AND recent_spent > 0 AND recent_from < %(recent)s AND recent_spent >= min_spent
    ),
    recalculated AS MATERIALIZED (
        SELECT stale.*, recent_spent - coalesce(expired_spent, 0) AS spent
        FROM stale LEFT JOIN (
            SELECT tenant_id, customer_id, sum(total_price)::bigint AS expired_spent
            FROM stale JOIN appointments_appointment USING (tenant_id, customer_id)
            WHERE {in_scope} AND status = 'completed' AND appointment_date >= recent_from
                AND appointment_date < %(recent)s AND appointment_date >= (SELECT min(recent_from) FROM stale)
            GROUP BY 1, 2
        ) AS visit USING (tenant_id, customer_id)
    )"""
# The sum of the visits of every customer.
RECALCULATE_ALL = """
    recalculated AS MATERIALIZED (
        SELECT tenant_id, customer_id, visits, first_visit, last_visit, is_vip, open_date, open_time,
            sum(total_price)::bigint AS spent
        FROM business JOIN appointments_customertotals USING (tenant_id)
            JOIN appointments_appointment USING (tenant_id, customer_id)
        WHERE {in_scope} AND NOT is_deleted AND status = 'completed' AND appointment_date >= %(recent)s
        GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
    )"""


class Business(NamedTuple):
    """The thresholds of a business, and how many of its customers are in each of SEGMENTS, in their order."""

    tenant_id: str
    at_risk_before: dt.date
    new_since: dt.date
    vip_min_visits: int
    min_spent: int
    vip: int
    regular: int
    new: int
    at_risk: int


def count_segments() -> dict[str, int]:
    """Returns how many customers are in each of SEGMENTS now."""
    businesses = _read(COUNT, _local_now())
    return {segment: sum(getattr(business, segment) for business in businesses) for segment in SEGMENTS}


def find_segment(segment: str) -> tuple[Q, int]:
    """Returns `segment_condition`, and how many customers satisfy it."""
    now = _local_now()
    businesses = _read(AT_RISK if segment == "at_risk" else COUNT, now)
    return _condition(segment, now, businesses), sum(getattr(business, segment) for business in businesses)


def segment_condition(segment: str) -> Q:
    """Returns the condition on a row of CustomerTotals that the customer is in that one of SEGMENTS now."""
    now = _local_now()
    return _condition(segment, now, _read(AT_RISK if segment == "at_risk" else THRESHOLDS, now))


def segment_conditions() -> dict[str, Q]:
    """Returns `segment_condition` of each of SEGMENTS. The thresholds are read once."""
    now = _local_now()
    businesses = _read(THRESHOLDS, now)
    return {segment: _condition(segment, now, businesses) for segment in SEGMENTS}


def _condition(segment: str, now: dt.datetime, businesses: list[Business]) -> Q:
    at_risk_before = _threshold("at_risk_before", DateField(), businesses)
    if segment == "at_risk":
        not_booked = Q(open_date__lt=now.date()) | Q(open_date=now.date(), open_time__lt=now.time())
        return Q(last_visit__lt=at_risk_before) & (Q(open_date__isnull=True) | not_booked)
    booked = Q(open_date__gt=now.date()) | Q(open_date=now.date(), open_time__gte=now.time())
    not_at_risk = Q(last_visit__isnull=True) | Q(last_visit__gte=at_risk_before) | booked
    vip = Q(is_vip=True) | _is_top_spender(now, businesses)
    if segment == "vip":
        return not_at_risk & vip
    rest = not_at_risk & Q(Exact(Case(When(vip, then=True), default=False), False))
    new_since = _threshold("new_since", DateField(), businesses)
    if segment == "regular":
        return rest & Q(first_visit__lt=new_since)
    # The last visit is compared beside the first, since it has an index.
    return rest & (Q(last_visit__isnull=True) | Q(last_visit__gte=new_since, first_visit__gte=new_since))


def _is_top_spender(now: dt.datetime, businesses: list[Business]) -> Q:
    """Returns the condition that a customer has enough visits, and is in the top percent of VIPs."""
    recent = _recent_from(now)
    min_spent = _threshold("min_spent", BigIntegerField(), businesses)
    has_visits = Q(visits__gte=_threshold("vip_min_visits", BigIntegerField(), businesses))
    visits = Appointment.objects.visits().filter(
        tenant=OuterRef("tenant"), customer=OuterRef("customer_id"), appointment_date__gte=recent
    )
    has_spent = Q(
        GreaterThanOrEqual(Subquery(visits.order_by().values("tenant").values_list(Sum("total_price"))), min_spent)
    )
    if not _clocks_agree(recent):
        return has_visits & has_spent
    # `recent_spent` is at least what was spent. It is that, if it includes no visit that is too old by now.
    may_have_spent = Q(recent_spent__gt=0, recent_spent__gte=min_spent)
    return has_visits & may_have_spent & (Q(recent_from__gte=recent) | has_spent)


def _threshold(name: str, field: Field, businesses: list[Business]) -> Expression:
    """Returns a threshold: that of the only business, or an expression that looks up the business of the row."""
    if current_tenant():
        [business] = businesses
        return Value(getattr(business, name))
    by_business = json.dumps({business.tenant_id: str(getattr(business, name)) for business in businesses})
    own = Func(Value(by_business), F("tenant_id"), template="(%(expressions)s)", arg_joiner="::jsonb ->> ")
    return Cast(own, field)


def _read(template: str, now: dt.datetime) -> list[Business]:
    with connection.cursor() as cursor:
        cursor.execute(*_build_sql(template, now))
        return [Business(*row) for row in cursor]


def _local_now() -> dt.datetime:
    return timezone.now().astimezone(local_zone())


def _recent_from(now: dt.datetime) -> dt.date:
    return now.date() - dt.timedelta(days=SPENDING_DAYS)


def _clocks_agree(recent: dt.date) -> bool:
    """Returns whether `recent_spent`, which was summed by the clock of the database, includes all visits since `recent`."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s >= (now() AT TIME ZONE 'UTC')::date - 366", [recent])
        (agree,) = cursor.fetchone()
    return agree


def _build_sql(template: str, now: dt.datetime) -> tuple[str, list[Any]]:
    """Returns the SQL for the businesses in scope, and its parameters. Date and time are local to the scope."""
    recent = _recent_from(now)
    # The subquery gives the tenants in scope; the rest of the SQL joins rows to these tenants only.
    tenants, scope = Tenant.objects.filter(TenantFilter("id")).order_by().query.sql_with_params()
    names = {f"scope_{number}": value for number, value in enumerate(scope)}
    tenant = current_tenant_id()
    in_scope = "tenant_id = %(tenant)s" if tenant else "true"
    clocks_agree = _clocks_agree(recent)
    snippets = {
        "up_to_date": UP_TO_DATE if clocks_agree else "false",
        "nobody_spent": NOBODY_SPENT,
        "level_counts": LEVEL_COUNTS_WITH_VIPS if template is COUNT else LEVEL_COUNTS,
        "one_customer": ONE_CUSTOMER_WITH_VIPS if template is COUNT else ONE_CUSTOMER,
        "cutoff_of_levels": CUTOFF.format(levels="level"),
        "cutoff": CUTOFF.format(levels="spending"),
        "not_at_risk": NOT_AT_RISK,
        "is_new": IS_NEW,
        "recalculated": (RECALCULATE_STALE if clocks_agree else RECALCULATE_ALL).format(in_scope=in_scope),
        "in_scope": in_scope,
    }
    businesses = BUSINESSES.format(businesses=tenants % tuple(f"%({name})s" for name in names), **snippets)
    values = names | {"today": now.date(), "clock": now.time(), "recent": recent, "tenant": tenant}
    sql = template.format(businesses=businesses, **snippets)
    return PARAMETER.sub("%s", sql), [values[name] for name in PARAMETER.findall(sql)]
