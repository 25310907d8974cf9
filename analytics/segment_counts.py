"""The queries that count the customers of each segment, and find the thresholds of each business.

They sum summary tables, and read few rows: the customers who spent most, and those who would be at risk but have an
appointment.
"""

import datetime as dt
from collections.abc import Callable
from typing import Any, NamedTuple

from django.db.models import DateField, TimeField

from appointments.models.totals import RECENT_FROM_SQL
from circe.db.prepared import Parameter, PreparedQuery, Sql
from tenants.models import Tenant
from tenants.scope import TenantFilter, TenantPlaceholder, current_tenant, scope_spans_nodes, tenant_scope

# `business` has a row for each business in scope: its thresholds as days, and numbers of its customers. Numbers that begin
# with `tagged` count the customers with the tag `vip`. `recent_since` is the first day whose spending counts. `is_summed`
# is whether `recent_spent`, which was summed by the clock of the database, includes all visits since that day. `summed_from`
# is the day of the oldest visit that a `recent_spent` includes. If `is_current`, no spending is too old.
# `in_scope` is a condition on each table of a tenant. It names the tenant in scope, so one node of a Citus cluster can
# answer. The planner can't conclude this condition from `business`.
# `totals` is the view of one business's totals, or the table for all businesses.
# `ranked` adds to `business`: the number of `spenders`, who are the top `vip_top_percent` percent of visitors among those
# whose `recent_spent` is up to date, `vips` and `new_vips` of them, and what the last of them spent (`least_spent`; 1 if
# there are too few). Everybody who spent less is below the top percent, whatever others spent.
# `stale` has the customers who may be in the top percent, and whose `recent_spent` includes visits that are too old by now.
# `expired` has all visits on the days on which a visit of `stale` can be too old, also those of other customers. An index
# holds the visits of these days side by side, so no customer needs to be looked up.
# `recalculated` has the spending of the customers of `stale`. If not `is_summed`, it has the spending of all customers.
# `vip_cutoff` has for each business what a customer must have spent to be among the top `vip_top_percent` percent of
# visitors: at least 1. A business without visitors has no row. `ranked` and `recalculated` together have more spenders than
# the top percent, so those who spent least are skipped.
# `open_date` and `open_time` are the start of a customer's last appointment that is pending or confirmed. It may be past.
# `booked_again` has the number of customers who would be at risk but have an upcoming appointment.
BUSINESSES_SQL = """
    business AS MATERIALIZED (
        SELECT id AS tenant_id, vip_min_visits, at_risk_before, new_since, today, clock, recent_since, is_summed,
            summed_from, coalesce(summed_from >= recent_since, true) AS is_current, customers, tagged, visitors,
            new_visitors, tagged_visitors, new_tagged_visitors, lapsed, tagged_lapsed,
            ceil(visitors * vip_top_percent / 100.0)::bigint AS vip_quota
        FROM ({tenants}) AS tenant
        CROSS JOIN LATERAL (
            SELECT {today} AS today, {clock} AS clock, {recent_since} AS recent_since,
                {recent_since} >= greatest({earliest}, spending_since) AS is_summed,
                -- A date of Python can't be further back.
                greatest({today} - least(at_risk_after_days, 2000000), '0001-01-01') AS at_risk_before,
                greatest({today} - least(new_within_days, 2000000), '0001-01-01') AS new_since
        ) AS limits
        CROSS JOIN LATERAL (
            SELECT min(recent_from) AS summed_from FROM {totals} AS totals
            WHERE {in_scope} AND totals.tenant_id = tenant.id AND NOT is_deleted AND recent_spent > 0
        ) AS oldest_spending
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(total_customers), 0)::bigint AS customers, coalesce(sum(tagged_vip), 0)::bigint AS tagged
            FROM customers_customermonthlycounts WHERE {in_scope} AND tenant_id = tenant.id
        ) AS customer_counts
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(customers) FILTER (WHERE kind = 'first'), 0)::bigint AS visitors,
                coalesce(sum(customers) FILTER (WHERE kind = 'first' AND day >= new_since), 0)::bigint AS new_visitors,
                coalesce(sum(customers) FILTER (WHERE kind = 'vip_first'), 0)::bigint AS tagged_visitors,
                coalesce(sum(customers) FILTER (WHERE kind = 'vip_first' AND day >= new_since), 0)::bigint
                    AS new_tagged_visitors
            FROM appointments_visitcounts
            WHERE {in_scope} AND tenant_id = tenant.id AND kind IN ('first', 'vip_first')
        ) AS visitor_counts
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(customers) FILTER (WHERE kind = 'last'), 0)::bigint AS lapsed,
                coalesce(sum(customers) FILTER (WHERE kind = 'vip_last'), 0)::bigint AS tagged_lapsed
            FROM appointments_visitcounts
            WHERE {in_scope} AND tenant_id = tenant.id AND kind IN ('last', 'vip_last') AND day < at_risk_before
        ) AS lapsed_counts
    ),
    ranked AS MATERIALIZED (
        SELECT business.*, spenders, vips, new_vips,
            CASE WHEN spenders >= vip_quota THEN least_spent ELSE 1 END AS least_spent
        FROM business CROSS JOIN LATERAL (
            SELECT count(*) AS spenders, min(recent_spent) AS least_spent, {count_vips}
            FROM (
                SELECT recent_spent, first_visit, {by_spending} AS by_spending FROM {totals} AS totals
                WHERE {in_scope} AND totals.tenant_id = business.tenant_id AND {up_to_date}
                ORDER BY recent_spent DESC FETCH FIRST (vip_quota) ROWS WITH TIES
            ) AS top
        ) AS top_spenders
    ),
    stale AS MATERIALIZED (
        SELECT tenant_id, customer_id, recent_spent, recent_from, visits, first_visit, last_visit, is_vip, open_date,
            open_time
        FROM ranked JOIN {totals} USING (tenant_id)
        WHERE {in_scope} AND is_summed AND NOT is_deleted AND recent_spent > 0 AND recent_spent >= least_spent
            AND NOT is_current AND recent_from < recent_since
    ),
    expired AS MATERIALIZED (
        SELECT visit.* FROM business CROSS JOIN LATERAL (
            SELECT tenant_id, customer_id, appointment_date, total_price FROM appointments_appointment
            WHERE {in_scope} AND tenant_id = business.tenant_id AND status = 'completed'
                AND appointment_date >= summed_from AND appointment_date < recent_since
        ) AS visit
    ),
    recalculated AS MATERIALIZED (
        SELECT tenant_id, visits, first_visit, last_visit, is_vip, open_date, open_time,
            recent_spent - coalesce(expired_spent, 0) AS spent
        FROM stale LEFT JOIN (
            SELECT tenant_id, customer_id, sum(total_price)::bigint AS expired_spent
            FROM stale JOIN expired USING (tenant_id, customer_id)
            WHERE appointment_date >= recent_from
            GROUP BY 1, 2
        ) AS too_old USING (tenant_id, customer_id)
        UNION ALL
        SELECT everybody.* FROM business CROSS JOIN LATERAL (
            SELECT tenant_id, visits, first_visit, last_visit, is_vip, open_date, open_time,
                sum(total_price)::bigint AS spent
            FROM {totals} AS totals JOIN appointments_appointment USING (tenant_id, customer_id)
            WHERE {in_scope} AND tenant_id = business.tenant_id AND NOT is_summed AND NOT is_deleted
                AND status = 'completed' AND appointment_date >= recent_since
            GROUP BY customer_id, 1, 2, 3, 4, 5, 6, 7
        ) AS everybody
    ),
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
        SELECT tenant_id, booked_again FROM business CROSS JOIN LATERAL (
            SELECT count(*) AS booked_again FROM {totals} AS totals
            WHERE {in_scope} AND totals.tenant_id = business.tenant_id AND NOT is_deleted AND open_date IS NOT NULL
                AND last_visit < at_risk_before AND (open_date, open_time) >= (today, clock)
        ) AS booked_again_count
    )
"""

# `counted` has the thresholds of each business, and how many of its customers are VIPs and new. `outranked` has those of
# `ranked` who spent too little to be a VIP, since customers of `recalculated` spent more. `tagged_again` is the number of
# customers with the tag `vip` who would be at risk but have an upcoming appointment. `new_lapsed` is the number of customers
# who are at risk although their first visit is recent, and `new_tagged_lapsed` is the number of those with the tag. Both are
# 0 unless a customer is new for longer than it takes to be at risk.
COUNTED_SQL = """
    counted AS (
        SELECT ranked.*, coalesce(min_spent, {nobody_spent}) AS min_spent,
            tagged - tagged_lapsed + tagged_again
                + ranked.vips - outranked.vips + recalculated_spenders.vips AS vip_count,
            (customers - visitors + new_visitors - new_lapsed)
                - (tagged - tagged_visitors + new_tagged_visitors - new_tagged_lapsed)
                - (ranked.new_vips - outranked.new_vips + recalculated_spenders.new_vips) AS new_count
        FROM ranked LEFT JOIN vip_cutoff USING (tenant_id)
        CROSS JOIN LATERAL (
            SELECT {count_vips} FROM (
                SELECT first_visit, {by_spending} AS by_spending FROM {totals} AS totals
                WHERE {in_scope} AND totals.tenant_id = ranked.tenant_id AND {up_to_date}
                    AND recent_spent >= least_spent AND recent_spent < min_spent
            ) AS spender
        ) AS outranked
        CROSS JOIN LATERAL (
            SELECT {count_vips} FROM (
                SELECT first_visit, {by_spending} AS by_spending FROM recalculated
                WHERE recalculated.tenant_id = ranked.tenant_id AND spent >= min_spent
            ) AS spender
        ) AS recalculated_spenders
        CROSS JOIN LATERAL (
            SELECT count(*) AS tagged_again FROM {totals} AS totals
            WHERE {in_scope} AND totals.tenant_id = ranked.tenant_id AND NOT is_deleted AND is_vip
                AND open_date IS NOT NULL AND last_visit < at_risk_before AND (open_date, open_time) >= (today, clock)
        ) AS tagged_again_count
        CROSS JOIN LATERAL (
            SELECT count(*) AS new_lapsed, count(*) FILTER (WHERE is_vip) AS new_tagged_lapsed FROM {totals} AS totals
            WHERE {in_scope} AND totals.tenant_id = ranked.tenant_id AND NOT is_deleted
                AND new_since < at_risk_before AND first_visit >= new_since AND last_visit < at_risk_before
                AND (open_date IS NULL OR (open_date, open_time) < (today, clock))
        ) AS new_lapsed_counts
    )
"""
COUNT_VIPS_SQL = """
    count(*) FILTER (WHERE by_spending) AS vips,
        count(*) FILTER (WHERE by_spending AND first_visit >= new_since) AS new_vips
"""
# The condition under which a customer who has spent enough is a VIP, although they have no tag `vip`.
BY_SPENDING_SQL = """
    NOT is_vip AND visits >= vip_min_visits
        AND (last_visit >= at_risk_before OR (open_date, open_time) >= (today, clock))
"""
UP_TO_DATE_SQL = "is_summed AND NOT is_deleted AND recent_spent > 0 AND recent_from >= recent_since"
# The threshold of spending where nobody is in the top percent.
NOBODY_SPENT = 2**63 - 1

# A row for each business: its thresholds, and how many customers are in each of SEGMENTS. PostgreSQL computes no CTE that a
# statement does not read. So a statement that counts fewer segments, and has 0 for the others, costs less.
COUNT_SQL = """
    WITH {businesses}, {counted}
    SELECT tenant_id, is_summed, is_current, at_risk_before, new_since, vip_min_visits, min_spent, vip_count,
        customers - at_risk - vip_count - new_count, new_count, at_risk
    FROM (
        SELECT *, lapsed - booked_again AS at_risk FROM counted JOIN booked_again USING (tenant_id)
    ) AS all_counts
"""
VIP_AND_NEW_SQL = """
    WITH {businesses}, {counted}
    SELECT tenant_id, is_summed, is_current, at_risk_before, new_since, vip_min_visits, min_spent, vip_count, 0, new_count, 0
    FROM counted
"""
THRESHOLDS_SQL = """
    WITH {businesses}
    SELECT tenant_id, is_summed, is_current, at_risk_before, new_since, vip_min_visits,
        coalesce(min_spent, {nobody_spent}), 0, 0, 0, 0
    FROM business LEFT JOIN vip_cutoff USING (tenant_id)
"""
AT_RISK_SQL = """
    WITH {businesses}
    SELECT tenant_id, is_summed, is_current, at_risk_before, new_since, vip_min_visits, {nobody_spent}, 0, 0, 0,
        lapsed - booked_again
    FROM business JOIN booked_again USING (tenant_id)
"""


def _build(text: str) -> Callable[..., Sql]:
    def build(**parameters: Parameter) -> Sql:
        tenant = current_tenant()
        snippets: dict[str, Any] = {
            "tenants": Tenant.objects.filter(TenantFilter("id")).order_by(),
            "in_scope": Sql("tenant_id = {tenant}", tenant=TenantPlaceholder.pk) if tenant else Sql("true"),
            "totals": Sql("appointments_tenanttotals" if tenant else "appointments_customertotals"),
            "count_vips": Sql(COUNT_VIPS_SQL),
            "by_spending": Sql(BY_SPENDING_SQL),
            "up_to_date": Sql(UP_TO_DATE_SQL),
            "earliest": Sql(RECENT_FROM_SQL),
            "nobody_spent": Sql(str(NOBODY_SPENT)),
            **parameters,
        }
        return Sql(
            text,
            businesses=Sql(BUSINESSES_SQL, **snippets),
            counted=Sql(COUNTED_SQL, **snippets),
            nobody_spent=snippets["nobody_spent"],
        )

    return build


COUNT, VIP_AND_NEW, THRESHOLDS, AT_RISK = (
    PreparedQuery(f"segments_{name}", _build(text), today=DateField(), clock=TimeField(), recent_since=DateField())
    for name, text in (
        ("count", COUNT_SQL),
        ("vip_and_new", VIP_AND_NEW_SQL),
        ("thresholds", THRESHOLDS_SQL),
        ("at_risk", AT_RISK_SQL),
    )
)
# By segment: the query that counts its customers.
COUNTING = {"vip": VIP_AND_NEW, "regular": COUNT, "new": VIP_AND_NEW, "at_risk": AT_RISK}


class BusinessSegments(NamedTuple):
    """The thresholds of a business, and how many of its customers are in each segment."""

    tenant_id: str
    is_summed: bool
    is_current: bool
    at_risk_before: dt.date
    new_since: dt.date
    vip_min_visits: int
    min_spent: int
    vip: int
    regular: int
    new: int
    at_risk: int


def read_businesses(query: PreparedQuery, now: dt.datetime, recent_since: dt.date) -> list[BusinessSegments]:
    """Executes the query for the businesses in scope. A Citus cluster executes it for each business, since it can't join
    CTEs over its nodes.
    """
    if scope_spans_nodes():
        businesses: list[BusinessSegments] = []
        for tenant in Tenant.objects.order_by("id"):
            with tenant_scope(tenant):
                businesses += read_businesses(query, now, recent_since)
        return businesses
    rows = query.rows(today=now.date(), clock=now.time(), recent_since=recent_since)
    return [BusinessSegments(*row) for row in rows]
