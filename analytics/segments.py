"""The segment of each customer now. DEFINITIONS in `statistics` defines the segments.

To count the segments, the query sums summary tables and reads few rows: the customers who spent most, those tagged vip,
and those who would be at risk but have an appointment. Counts and members use the same conditions.
"""

import datetime as dt
import re
from typing import Any

from django.db import connection
from django.db.models.expressions import RawSQL
from django.utils import timezone

from circe.api.time_zone import local_zone
from tenants.models import Tenant
from tenants.scope import TenantFilter

SPENDING_DAYS = 365
SEGMENTS = ("vip", "regular", "new", "at_risk")
PARAMETER = re.compile(r"%\((\w+)\)s")

# `business` has a row for each business in scope: its thresholds as days, and numbers of its customers.
# `recalculated` has the spending of the customers whose `recent_spent` includes visits that are too old. It has the
# spending of all customers if the database's clock, by which `recent_spent` was summed, is ahead of ours.
# `vip_cutoff` has the least that a customer spent who is in the top percent of VIPs; no row where nobody is.
# `booked_again` has the customers who would be at risk but have an upcoming appointment.
BUSINESSES = """
    business AS MATERIALIZED (
        SELECT id AS tenant_id, vip_min_visits, at_risk_before, new_since, customers, visitors, new_visitors, lapsed,
            ceil(visitors * vip_top_percent / 100.0)::bigint AS vip_quota
        FROM ({businesses}) AS tenant
        CROSS JOIN LATERAL (
            -- A date can't be further back.
            SELECT %(today)s::date - least(at_risk_after_days, 2000000) AS at_risk_before,
                %(today)s::date - least(new_within_days, 2000000) AS new_since
        ) AS limits
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(total_customers), 0)::bigint AS customers
            FROM customers_customermonthlycounts WHERE tenant_id = tenant.id
        ) AS customer_counts
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(customers), 0)::bigint AS visitors,
                coalesce(sum(customers) FILTER (WHERE day >= new_since), 0)::bigint AS new_visitors
            FROM appointments_visitcounts WHERE tenant_id = tenant.id AND kind = 'first'
        ) AS visitor_counts
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(customers), 0)::bigint AS lapsed
            FROM appointments_visitcounts
            WHERE tenant_id = tenant.id AND kind = 'last' AND day < at_risk_before
        ) AS lapsed_counts
    ),
    {recalculated},
    vip_cutoff AS MATERIALIZED (
        SELECT tenant_id, greatest(spent, 1) AS min_spent FROM business CROSS JOIN LATERAL (
            SELECT (
                SELECT spent FROM (
                    (
                        SELECT recent_spent AS spent FROM appointments_customertotals AS totals
                        WHERE totals.tenant_id = business.tenant_id AND {up_to_date}
                        ORDER BY recent_spent DESC LIMIT vip_quota
                    )
                    UNION ALL
                    SELECT spent FROM recalculated WHERE recalculated.tenant_id = business.tenant_id AND spent > 0
                ) AS ranked ORDER BY spent DESC OFFSET vip_quota - 1 LIMIT 1
            ) AS spent
        ) AS last_vip WHERE vip_quota > 0
    ),
    booked_again AS MATERIALIZED (
        SELECT tenant_id, customer_id FROM business JOIN appointments_customertotals USING (tenant_id)
        WHERE NOT is_deleted AND open_date IS NOT NULL AND last_visit < at_risk_before
            AND (open_date, open_time) >= (%(today)s, %(clock)s)
    )
"""

COUNT = """
    WITH {businesses},
    vip AS (
        SELECT tenant_id, customer_id, first_visit, last_visit
        FROM business JOIN vip_cutoff USING (tenant_id) JOIN appointments_customertotals USING (tenant_id)
        WHERE {up_to_date} AND recent_spent >= min_spent AND visits >= vip_min_visits AND NOT is_vip
        UNION ALL
        SELECT tenant_id, customer_id, first_visit, last_visit
        FROM business JOIN vip_cutoff USING (tenant_id) JOIN recalculated USING (tenant_id)
        WHERE spent >= min_spent AND visits >= vip_min_visits AND NOT is_vip
        UNION ALL
        SELECT tenant_id, customer_id, first_visit, last_visit
        FROM business JOIN appointments_customertotals USING (tenant_id) WHERE NOT is_deleted AND is_vip
    )
    SELECT coalesce(sum(vip_count), 0)::bigint,
        coalesce(sum(customers - (lapsed - booked_again_count) - vip_count - new_count), 0)::bigint,
        coalesce(sum(new_count), 0)::bigint,
        coalesce(sum(lapsed - booked_again_count), 0)::bigint
    FROM (
        SELECT *, customers - visitors + new_visitors - new_vip_count - new_and_lapsed AS new_count
        FROM business CROSS JOIN LATERAL (
            SELECT count(*) AS booked_again_count FROM booked_again WHERE booked_again.tenant_id = business.tenant_id
        ) AS booked_again_counts
        CROSS JOIN LATERAL (
            SELECT count(*) AS vip_count,
                count(*) FILTER (WHERE first_visit IS NULL OR first_visit >= new_since) AS new_vip_count
            -- Only lapsed VIPs are joined to booked_again, since most VIPs have not lapsed.
            FROM vip LEFT JOIN booked_again ON booked_again.tenant_id = vip.tenant_id
                AND booked_again.customer_id = CASE WHEN last_visit < at_risk_before THEN vip.customer_id END
            WHERE vip.tenant_id = business.tenant_id
                AND (last_visit IS NULL OR last_visit >= at_risk_before OR booked_again.customer_id IS NOT NULL)
        ) AS vip_counts
        CROSS JOIN LATERAL (
            SELECT count(*) AS new_and_lapsed
            FROM appointments_customertotals AS totals LEFT JOIN booked_again USING (tenant_id, customer_id)
            WHERE totals.tenant_id = business.tenant_id AND NOT is_deleted AND new_since < at_risk_before
                AND first_visit >= new_since AND last_visit < at_risk_before AND booked_again.customer_id IS NULL
        ) AS new_and_lapsed_counts
    ) AS counted
"""

MEMBERS = """
    WITH {businesses}
    SELECT customer_id
    FROM business JOIN appointments_customertotals AS totals USING (tenant_id)
        LEFT JOIN vip_cutoff USING (tenant_id)
        LEFT JOIN recalculated USING (tenant_id, customer_id)
        LEFT JOIN booked_again USING (tenant_id, customer_id)
    WHERE NOT totals.is_deleted AND %(segment)s = CASE
        WHEN totals.last_visit < at_risk_before AND booked_again.customer_id IS NULL THEN 'at_risk'
        WHEN totals.is_vip OR totals.visits >= vip_min_visits AND coalesce(spent, totals.recent_spent) >= min_spent
            THEN 'vip'
        WHEN totals.visits = 0 OR totals.first_visit >= new_since THEN 'new'
        ELSE 'regular'
    END
"""

UP_TO_DATE = "NOT is_deleted AND recent_spent > 0 AND recent_from >= %(recent)s"
# `recent_spent` without the visits that are too old by now.
RECALCULATE_STALE = """
    stale AS MATERIALIZED (
        SELECT tenant_id, customer_id, recent_spent, recent_from, visits, first_visit, last_visit, is_vip
        FROM business JOIN appointments_customertotals USING (tenant_id)
        WHERE NOT is_deleted AND recent_spent > 0 AND recent_from < %(recent)s
    ),
    recalculated AS MATERIALIZED (
        SELECT stale.*, recent_spent - coalesce(expired_spent, 0) AS spent
        FROM stale LEFT JOIN (
            SELECT tenant_id, customer_id, sum(total_price)::bigint AS expired_spent
            FROM stale JOIN appointments_appointment USING (tenant_id, customer_id)
            WHERE status = 'completed' AND appointment_date >= recent_from AND appointment_date < %(recent)s
                AND appointment_date >= (SELECT min(recent_from) FROM stale)
            GROUP BY 1, 2
        ) AS visit USING (tenant_id, customer_id)
    )"""
# The sum of the visits of every customer.
RECALCULATE_ALL = """
    recalculated AS MATERIALIZED (
        SELECT tenant_id, customer_id, visits, first_visit, last_visit, is_vip, sum(total_price)::bigint AS spent
        FROM business JOIN appointments_customertotals USING (tenant_id)
            JOIN appointments_appointment USING (tenant_id, customer_id)
        WHERE NOT is_deleted AND status = 'completed' AND appointment_date >= %(recent)s
        GROUP BY 1, 2, 3, 4, 5, 6
    )"""


def count_segments() -> dict[str, int]:
    """Returns how many customers are in each of SEGMENTS now."""
    with connection.cursor() as cursor:
        cursor.execute(*_build_sql(COUNT))
        return dict(zip(SEGMENTS, cursor.fetchone(), strict=True))


def segment_member_ids(segment: str) -> RawSQL:
    """Returns a subquery of the ids of the customers who are in that one of SEGMENTS now."""
    return RawSQL(*_build_sql(MEMBERS, segment=segment))  # noqa: S611 (its values are parameters)


def _build_sql(template: str, **values: Any) -> tuple[str, list[Any]]:
    """Returns the SQL for the businesses in scope, and its parameters. Date and time are local to the scope."""
    now = timezone.now().astimezone(local_zone())
    recent = now.date() - dt.timedelta(days=SPENDING_DAYS)
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s >= (now() AT TIME ZONE 'UTC')::date - 366", [recent])
        (clocks_agree,) = cursor.fetchone()
    # The subquery gives the tenants in scope; the rest of the SQL joins rows to these tenants only.
    tenants, scope = Tenant.objects.filter(TenantFilter("id")).order_by().query.sql_with_params()
    names = {f"scope_{number}": value for number, value in enumerate(scope)}
    snippets = {
        "up_to_date": UP_TO_DATE if clocks_agree else "false",
        "recalculated": RECALCULATE_STALE if clocks_agree else RECALCULATE_ALL,
    }
    businesses = BUSINESSES.format(businesses=tenants % tuple(f"%({name})s" for name in names), **snippets)
    values |= names | {"today": now.date(), "clock": now.time(), "recent": recent}
    sql = template.format(businesses=businesses, **snippets)
    return PARAMETER.sub("%s", sql), [values[name] for name in PARAMETER.findall(sql)]
