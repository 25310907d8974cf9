"""Computes Circe's statistics in one SQL statement, without summary tables. It reads each row of the tenant once."""

import datetime as dt
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from bench.floor import UPCOMING

THRESHOLDS = ("at_risk_after_days", "new_within_days", "vip_min_visits", "vip_top_percent")

_DURING = "appointment_date BETWEEN :first AND :last"
_BEFORE = "appointment_date >= :opening AND appointment_date < :first"


def _top(measure: str, other: str) -> str:
    return f"""(SELECT coalesce(json_agg(json_build_object(
        'customer_id', id, 'full_name', btrim(first_name || ' ' || coalesce(last_name, '')), 'email', email,
        'total_appointments', booked, 'total_spent', spent)), '[]')
    FROM (SELECT * FROM people WHERE {measure} > 0 ORDER BY {measure} DESC, {other} DESC, id LIMIT 10) top)"""


ONE_PASS = f"""
WITH history AS MATERIALIZED (
    SELECT customer_id,
           count(*) FILTER (WHERE {_DURING}) AS booked,
           coalesce(sum(total_price) FILTER (WHERE status = 'completed' AND {_DURING}), 0)::bigint AS spent,
           count(*) FILTER (WHERE status = 'completed') AS visits,
           count(*) FILTER (WHERE status = 'completed' AND {_DURING}) AS visits_during,
           count(*) FILTER (WHERE status = 'completed' AND {_BEFORE}) AS visits_before,
           min(appointment_date) FILTER (WHERE status = 'completed') AS first_visit,
           max(appointment_date) FILTER (WHERE status = 'completed') AS last_visit,
           coalesce(sum(total_price) FILTER (WHERE status = 'completed' AND appointment_date >= :today - 365), 0)
               AS spent_lately,
           count(*) FILTER (WHERE {UPCOMING}) AS upcoming
    FROM appointments_appointment WHERE tenant_id = :tenant GROUP BY customer_id
), people AS MATERIALIZED (
    SELECT id, first_name, last_name, email, is_active, email_verified, password IS NOT NULL AS registered, tags,
           created_at, loyalty_points, coalesce(visits, 0) AS visits, coalesce(upcoming, 0) AS upcoming,
           coalesce(booked, 0) AS booked, coalesce(spent, 0) AS spent, coalesce(visits_during, 0) AS visits_during,
           coalesce(visits_before, 0) AS visits_before, first_visit, last_visit,
           coalesce(spent_lately, 0) AS spent_lately
    FROM customers_customer LEFT JOIN history ON customer_id = id
    WHERE tenant_id = :tenant AND NOT is_deleted
), segments AS (
    SELECT CASE
        WHEN visits > 0 AND upcoming = 0 AND :today - last_visit > :at_risk_after_days THEN 'at_risk'
        WHEN tags @> '{{vip}}' OR visits >= :vip_min_visits AND spent_lately > 0
             AND share > (100 - :vip_top_percent) / 100.0 THEN 'vip'
        WHEN visits = 0 OR :today - first_visit <= :new_within_days THEN 'new'
        ELSE 'regular' END AS segment
    FROM (SELECT *, cume_dist() OVER (PARTITION BY visits > 0 ORDER BY spent_lately) AS share FROM people) shares
)
SELECT json_build_object(
    'people', (SELECT json_build_object(
        'total_customers', count(*), 'active_customers', count(*) FILTER (WHERE is_active),
        'inactive_customers', count(*) FILTER (WHERE NOT is_active),
        'verified_emails', count(*) FILTER (WHERE email_verified),
        'customers_with_password', count(*) FILTER (WHERE registered),
        'walk_in_customers', count(*) FILTER (WHERE NOT registered),
        'new_customers_in_period', count(*) FILTER (WHERE created_at >= :from_instant AND created_at < :to_instant),
        'total_loyalty_points', coalesce(sum(loyalty_points), 0)) FROM people),
    'deleted_customers', (SELECT count(*) FROM customers_customer WHERE tenant_id = :tenant AND is_deleted),
    'bookings', (SELECT json_build_object(
        'total_appointments', coalesce(sum(booked), 0), 'total_revenue', coalesce(sum(spent), 0)) FROM history),
    'retention', (SELECT CASE WHEN :has_no_start
        THEN json_build_array(count(*) FILTER (WHERE visits_during > 0), count(*) FILTER (WHERE visits_during > 1))
        ELSE json_build_array(count(*) FILTER (WHERE visits_before > 0),
                              count(*) FILTER (WHERE visits_before > 0 AND visits_during > 0)) END FROM people),
    'top_customers_by_appointments', {_top("booked", "spent")},
    'top_customers_by_revenue', {_top("spent", "booked")},
    'customer_segments', (SELECT json_build_object(
        'vip', count(*) FILTER (WHERE segment = 'vip'), 'regular', count(*) FILTER (WHERE segment = 'regular'),
        'new', count(*) FILTER (WHERE segment = 'new'), 'at_risk', count(*) FILTER (WHERE segment = 'at_risk'))
        FROM segments))"""


class Business(NamedTuple):
    """The columns of a tenant on which the statistics depend."""

    id: str
    time_zone: str
    currency: str
    at_risk_after_days: int
    new_within_days: int
    vip_min_visits: int
    vip_top_percent: int


def parameters(business: Business, first: dt.date | None, last: dt.date | None) -> dict[str, Any]:
    """Returns the parameters of ONE_PASS for a period. None leaves an end of the period open."""
    zone = ZoneInfo(business.time_zone)
    now = dt.datetime.now(zone)
    start, end = first or dt.date(1, 1, 2), last or dt.date(9999, 12, 30)
    days = max(0, ((last or now.date()) - start).days + 1)
    return {
        "tenant": business.id,
        "today": now.date(),
        "clock": now.time(),
        "first": start,
        "last": end,
        "opening": dt.date.fromordinal(max(1, start.toordinal() - days)),
        "from_instant": dt.datetime.combine(start, dt.time(), zone),
        "to_instant": dt.datetime.combine(end + dt.timedelta(days=1), dt.time(), zone),
        "has_no_start": first is None,
        **{name: getattr(business, name) for name in THRESHOLDS},
    }


def summary(found: dict[str, Any], business: Business, first: dt.date | None, last: dt.date | None) -> dict[str, Any]:
    """Returns the endpoint's answer, without its `definitions`, from the result of ONE_PASS."""
    people, bookings, (base, retained) = found["people"], found["bookings"], found["retention"]
    total = people["total_customers"]
    rate = round(100 * retained / base, 1) if base else 0.0
    return {
        "statistics": {
            **people,
            "deleted_customers": found["deleted_customers"],
            **bookings,
            "avg_appointments_per_customer": round(bookings["total_appointments"] / total, 1) if total else 0.0,
            "avg_spent_per_customer": bookings["total_revenue"] // total if total else 0,
            "retention_rate": rate,
            "churn_rate": round(100 - rate, 1) if base else 0.0,
            "retention_base": base,
            **{name: found[name] for name in found if name.startswith(("top_", "customer_segments"))},
        },
        "period": {"from": first and first.isoformat(), "to": last and last.isoformat()},
        "currencies": [business.currency],
        "generated_at": dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
