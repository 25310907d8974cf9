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
from tenants.scope import TenantFilter, current_tenant, current_tenant_id, scope_spans_nodes, tenant_scope

SPENDING_DAYS = 365
SEGMENTS = ("vip", "regular", "new", "at_risk")
PARAMETER = re.compile(r"%\((\w+)\)s")

# `business` has a row for each business in scope: its thresholds as days, and numbers of its customers.
# `in_scope` is a condition on each table of a tenant. It names the tenant in scope, so one node of a Citus cluster can
# answer. The planner can't conclude this condition from `business`.
# `totals` is the view of one business's totals, or the table for all businesses.
# `ranked` adds to `business`: the number of `spenders`, who are the top `vip_top_percent` percent of visitors among those
# whose `recent_spent` is up to date, `vips` and `new_vips` of them, and what the last of them spent (`least_spent`; 1 if
# there are too few). Everybody who spent less is below the top percent, whatever others spent.
# `stale` has the customers who may be in the top percent, and whose `recent_spent` includes visits that are too old by now.
# `expired` has all visits on the days on which a visit of `stale` can be too old, also those of other customers. An index
# holds the visits of these days side by side, so no customer needs to be looked up.
# `recalculated` has the spending of the customers of `stale`. If the clock of the database is ahead of ours, it has
# the spending of all customers, since `recent_spent` was summed by that clock.
# `vip_cutoff` has for each business what a customer must have spent to be among the top `vip_top_percent` percent of
# visitors: at least 1. A business without visitors has no row. `ranked` and `recalculated` together have more spenders than
# the top percent, so those who spent least are skipped.
# `open_date` and `open_time` are the start of a customer's last appointment that is pending or confirmed. It may be past.
# `booked_again` has the number of customers who would be at risk but have an upcoming appointment.
BUSINESSES_SQL = """
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
    ranked AS MATERIALIZED (
        SELECT business.*, spenders, vips, new_vips,
            CASE WHEN spenders >= vip_quota THEN least_spent ELSE 1 END AS least_spent
        FROM business CROSS JOIN LATERAL (
            SELECT count(*) AS spenders, min(recent_spent) AS least_spent, count(*) FILTER (WHERE is_counted) AS vips,
                count(*) FILTER (WHERE is_counted AND first_visit >= new_since) AS new_vips
            FROM (
                SELECT recent_spent, first_visit, {visited_enough} AS is_counted FROM {totals} AS totals
                WHERE {in_scope} AND totals.tenant_id = business.tenant_id AND {up_to_date}
                ORDER BY recent_spent DESC FETCH FIRST (vip_quota) ROWS WITH TIES
            ) AS top
        ) AS top_spenders
    ),
    {recalculated},
    vip_cutoff AS MATERIALIZED (
        SELECT tenant_id, coalesce(spent, 1) AS min_spent
        FROM ranked CROSS JOIN LATERAL (
            SELECT greatest(spenders + count(*) - vip_quota, 0) AS skipped
            FROM recalculated WHERE recalculated.tenant_id = ranked.tenant_id AND spent >= least_spent
        ) AS too_many CROSS JOIN LATERAL (
            SELECT (
                SELECT spent FROM (
                    (
                        SELECT recent_spent AS spent FROM {totals} AS totals
                        WHERE {in_scope} AND totals.tenant_id = ranked.tenant_id AND {up_to_date}
                            AND recent_spent >= least_spent
                        ORDER BY recent_spent LIMIT skipped + 1
                    )
                    UNION ALL
                    SELECT spent FROM recalculated
                    WHERE recalculated.tenant_id = ranked.tenant_id AND spent >= least_spent
                ) AS last_ranked ORDER BY spent OFFSET skipped LIMIT 1
            ) AS spent
        ) AS last_vip WHERE vip_quota > 0
    ),
    booked_again AS MATERIALIZED (
        SELECT tenant_id, count(*) AS booked_again
        FROM business JOIN {totals} USING (tenant_id)
        WHERE {in_scope} AND NOT is_deleted AND open_date IS NOT NULL AND last_visit < at_risk_before
            AND (open_date, open_time) >= (%(today)s, %(clock)s)
        GROUP BY tenant_id
    )
"""

# `counted` has the thresholds of each business, and how many of its customers are VIPs and new. Each kind of VIP is counted
# by a query of its own: to collect the rows of all kinds first takes longer. `outranked` has those of `ranked` who spent too
# little to be a VIP, since customers of `recalculated` spent more.
COUNTED_SQL = """
    counted AS (
        SELECT ranked.*, coalesce(min_spent, {nobody_spent}) AS min_spent,
            ranked.vips - outranked.vips + recalculated_spenders.vips + tagged.vips AS vip_count,
            customers - visitors + new_visitors - new_and_lapsed
                - (ranked.new_vips - outranked.new_vips + recalculated_spenders.new_vips + tagged.new_vips) AS new_count
        FROM ranked LEFT JOIN vip_cutoff USING (tenant_id)
        CROSS JOIN LATERAL (
            SELECT {vips} FROM {totals} AS totals
            WHERE {in_scope} AND totals.tenant_id = ranked.tenant_id AND {up_to_date}
                AND recent_spent >= least_spent AND recent_spent < min_spent AND {visited_enough}
        ) AS outranked
        CROSS JOIN LATERAL (
            SELECT {vips} FROM recalculated
            WHERE recalculated.tenant_id = ranked.tenant_id AND spent >= min_spent AND {visited_enough}
        ) AS recalculated_spenders
        CROSS JOIN LATERAL (
            SELECT {vips} FROM {totals} AS totals
            WHERE {in_scope} AND totals.tenant_id = ranked.tenant_id AND NOT is_deleted AND is_vip AND {not_at_risk}
        ) AS tagged
        CROSS JOIN LATERAL (
            SELECT count(*) AS new_and_lapsed
            FROM {totals} AS totals
            WHERE {in_scope} AND totals.tenant_id = ranked.tenant_id AND NOT is_deleted
                AND new_since < at_risk_before AND first_visit >= new_since AND last_visit < at_risk_before
                AND (open_date IS NULL OR (open_date, open_time) < (%(today)s, %(clock)s))
        ) AS new_and_lapsed_counts
    )
"""
VIPS_SQL = "count(*) AS vips, count(*) FILTER (WHERE first_visit IS NULL OR first_visit >= new_since) AS new_vips"
NOT_AT_RISK_SQL = (
    "(last_visit IS NULL OR last_visit >= at_risk_before OR (open_date, open_time) >= (%(today)s, %(clock)s))"
)
# The condition under which a customer who has spent enough is a VIP, although they have no tag `vip`.
VISITED_ENOUGH_SQL = f"NOT is_vip AND visits >= vip_min_visits AND {NOT_AT_RISK_SQL}"

# A row for each business: its thresholds, and how many customers are in each of SEGMENTS. PostgreSQL computes no CTE that a
# statement does not read. So a statement that counts fewer segments, and has 0 for the others, costs less.
COUNT_SQL = """
    WITH {businesses}, {counted}
    SELECT tenant_id, at_risk_before, new_since, vip_min_visits, min_spent, vip_count,
        customers - at_risk - vip_count - new_count, new_count, at_risk
    FROM (
        SELECT *, lapsed - coalesce(booked_again, 0) AS at_risk FROM counted LEFT JOIN booked_again USING (tenant_id)
    ) AS all_counts
"""
VIP_AND_NEW_SQL = """
    WITH {businesses}, {counted}
    SELECT tenant_id, at_risk_before, new_since, vip_min_visits, min_spent, vip_count, 0, new_count, 0 FROM counted
"""
THRESHOLDS_SQL = """
    WITH {businesses}
    SELECT tenant_id, at_risk_before, new_since, vip_min_visits, coalesce(min_spent, {nobody_spent}), 0, 0, 0, 0
    FROM business LEFT JOIN vip_cutoff USING (tenant_id)
"""
AT_RISK_SQL = """
    WITH {businesses}
    SELECT tenant_id, at_risk_before, new_since, vip_min_visits, {nobody_spent}, 0, 0, 0,
        lapsed - coalesce(booked_again, 0)
    FROM business LEFT JOIN booked_again USING (tenant_id)
"""
# By segment: the statement that counts its customers.
COUNTING_SQL = {"vip": VIP_AND_NEW_SQL, "regular": COUNT_SQL, "new": VIP_AND_NEW_SQL, "at_risk": AT_RISK_SQL}
# The threshold of spending where nobody is in the top percent.
NOBODY_SPENT = 2**63 - 1

UP_TO_DATE_SQL = "NOT is_deleted AND recent_spent > 0 AND recent_from >= %(recent)s"
# `recent_spent` without the visits that are too old by now.
RECALCULATE_STALE_SQL = """
    stale AS MATERIALIZED (
        SELECT tenant_id, customer_id, recent_spent, recent_from, visits, first_visit, last_visit, is_vip, open_date,
            open_time
        FROM ranked JOIN {totals} USING (tenant_id)
        WHERE {in_scope} AND NOT is_deleted AND recent_spent > 0 AND recent_spent >= least_spent
            AND recent_from < %(recent)s
    ),
    expired AS MATERIALIZED (
        SELECT visit.* FROM business CROSS JOIN LATERAL (
            SELECT tenant_id, customer_id, appointment_date, total_price FROM appointments_appointment
            WHERE {in_scope} AND tenant_id = business.tenant_id AND status = 'completed'
                AND appointment_date >= (SELECT min(recent_from) FROM stale) AND appointment_date < %(recent)s
        ) AS visit
    ),
    recalculated AS MATERIALIZED (
        SELECT stale.*, recent_spent - coalesce(expired_spent, 0) AS spent
        FROM stale LEFT JOIN (
            SELECT tenant_id, customer_id, sum(total_price)::bigint AS expired_spent
            FROM stale JOIN expired USING (tenant_id, customer_id)
            WHERE appointment_date >= recent_from
            GROUP BY 1, 2
        ) AS too_old USING (tenant_id, customer_id)
    )"""
# The sum of the visits of every customer.
RECALCULATE_ALL_SQL = """
    recalculated AS MATERIALIZED (
        SELECT tenant_id, customer_id, visits, first_visit, last_visit, is_vip, open_date, open_time,
            sum(total_price)::bigint AS spent
        FROM business JOIN {totals} USING (tenant_id)
            JOIN appointments_appointment USING (tenant_id, customer_id)
        WHERE {in_scope} AND NOT is_deleted AND status = 'completed' AND appointment_date >= %(recent)s
        GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
    )"""


class BusinessSegments(NamedTuple):
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
    businesses = _read_businesses(COUNT_SQL, _local_now())
    return {segment: sum(getattr(business, segment) for business in businesses) for segment in SEGMENTS}


def segment_condition_and_count(segment: str) -> tuple[Q, int]:
    """Returns the condition that `segment_condition` returns, and how many customers satisfy it."""
    now = _local_now()
    businesses = _read_businesses(COUNTING_SQL[segment], now)
    return _condition(segment, now, businesses), sum(getattr(business, segment) for business in businesses)


def segment_condition(segment: str) -> Q:
    """Returns a condition for CustomerTotals. It keeps the customers who are now in `segment`, one of SEGMENTS."""
    now = _local_now()
    return _condition(segment, now, _read_businesses(AT_RISK_SQL if segment == "at_risk" else THRESHOLDS_SQL, now))


def segment_conditions() -> dict[str, Q]:
    """Returns by segment the condition that `segment_condition` returns. The thresholds are read once."""
    now = _local_now()
    businesses = _read_businesses(THRESHOLDS_SQL, now)
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
    visits = Appointment.objects.visits().filter(
        tenant=OuterRef("tenant"), customer=OuterRef("customer_id"), appointment_date__gte=recent
    )
    has_spent = Q(
        GreaterThanOrEqual(Subquery(visits.order_by().values("tenant").values_list(Sum("total_price"))), min_spent)
    )
    if not _clocks_agree(recent):
        return has_visits & has_spent
    # `recent_spent` is what was spent, or more if it includes a visit that is too old by now.
    may_have_spent = Q(recent_spent__gt=0, recent_spent__gte=min_spent)
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


def _read_businesses(template: str, now: dt.datetime) -> list[BusinessSegments]:
    """Runs the SQL of `template` for the businesses in scope. A Citus cluster runs it for each business, since it can't
    join CTEs over its nodes.
    """
    if scope_spans_nodes():
        businesses: list[BusinessSegments] = []
        for tenant in Tenant.objects.order_by("id"):
            with tenant_scope(tenant):
                businesses += _read_businesses(template, now)
        return businesses
    with connection.cursor() as cursor:
        cursor.execute(*_build_sql(template, now))
        return [BusinessSegments(*row) for row in cursor]


def _local_now() -> dt.datetime:
    return timezone.now().astimezone(local_zone())


def _spending_since(now: dt.datetime) -> dt.date:
    return now.date() - dt.timedelta(days=SPENDING_DAYS)


def _clocks_agree(recent: dt.date) -> bool:
    """Returns whether `recent_spent`, which was summed by the clock of the database, includes all visits since `recent`."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s >= (now() AT TIME ZONE 'UTC')::date - 366", [recent])
        (agree,) = cursor.fetchone()
    return agree


def _build_sql(template: str, now: dt.datetime) -> tuple[str, list[Any]]:
    """Returns the SQL for the businesses in scope, and its parameters. Date and time are local to the scope."""
    recent = _spending_since(now)
    # The subquery gives the tenants in scope; the rest of the SQL joins rows to these tenants only.
    tenants, scope = Tenant.objects.filter(TenantFilter("id")).order_by().query.sql_with_params()
    names = {f"scope_{number}": value for number, value in enumerate(scope)}
    tenant = current_tenant_id()
    in_scope = "tenant_id = %(tenant)s" if tenant else "true"
    totals = "appointments_tenanttotals" if tenant else "appointments_customertotals"
    clocks_agree = _clocks_agree(recent)
    snippets = {
        "up_to_date": UP_TO_DATE_SQL if clocks_agree else "false",
        "nobody_spent": NOBODY_SPENT,
        "vips": VIPS_SQL,
        "not_at_risk": NOT_AT_RISK_SQL,
        "visited_enough": VISITED_ENOUGH_SQL,
        "recalculated": (RECALCULATE_STALE_SQL if clocks_agree else RECALCULATE_ALL_SQL).format(
            in_scope=in_scope, totals=totals
        ),
        "in_scope": in_scope,
        "totals": totals,
    }
    snippets["counted"] = COUNTED_SQL.format(**snippets)
    businesses = BUSINESSES_SQL.format(businesses=tenants % tuple(f"%({name})s" for name in names), **snippets)
    values = names | {"today": now.date(), "clock": now.time(), "recent": recent, "tenant": tenant}
    sql = template.format(businesses=businesses, **snippets)
    return PARAMETER.sub("%s", sql), [values[name] for name in PARAMETER.findall(sql)]
