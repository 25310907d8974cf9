"""The statistics against the best single pass of SQL over the same rows, and what the totals cost those who write.

    manage.py seed_demo --reset --customers 1000000 --appointments 5000000
    DEMO=1 python bench/totals.py [--runs 5] [--seconds 4] [--tenant lotus]

Both take turns, and must give the same figures. The writers, eight connections, book and change customers of the business
for some seconds with the totals' triggers and without, also in turns; the audit's are off. What they wrote stays.
"""

import datetime as dt
import json
import os
import sys
import time
from argparse import ArgumentParser
from io import StringIO
from pathlib import Path
from random import Random
from statistics import median
from threading import Thread

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "circe.settings")

# ruff: noqa: E402 (settings come first)
import django

django.setup()

import psycopg
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from analytics.statistics import Period, summary, today
from analytics.views import one_snapshot
from circe.database import as_owner
from tenants.ids import new_id
from tenants.models import Tenant
from tenants.scope import tenant_scope

WRITERS = 8
ONE_PASS = """
WITH own AS (
    SELECT customer_id,
        count(*) FILTER (WHERE is_during) AS total_appointments,
        coalesce(sum(total_price) FILTER (WHERE is_during AND is_visit), 0) AS total_spent,
        count(*) FILTER (WHERE is_visit) AS visits,
        count(*) FILTER (WHERE is_visit AND is_during) AS visits_during,
        count(*) FILTER (WHERE is_visit AND appointment_date >= %(before)s AND appointment_date < %(first)s)
            AS visits_before,
        min(appointment_date) FILTER (WHERE is_visit) AS first_visit,
        max(appointment_date) FILTER (WHERE is_visit) AS last_visit,
        coalesce(sum(total_price) FILTER (WHERE is_visit AND appointment_date >= %(recent)s), 0) AS recent,
        bool_or(status IN ('pending', 'confirmed') AND (appointment_date, start_time) >= (%(today)s, %(clock)s)) AS booked
    FROM (
        SELECT *, status = 'completed' AS is_visit,
            appointment_date >= %(first)s AND appointment_date <= %(last)s AS is_during
        FROM appointments_appointment WHERE tenant_id = %(tenant)s
    ) AS appointment GROUP BY 1
),
person AS MATERIALIZED (
    SELECT id, is_deleted, is_active, email_verified, password IS NOT NULL AS has_password, loyalty_points, created_at,
        'vip' = ANY (tags) AS is_vip, coalesce(visits, 0) AS visits, visits_during, visits_before, first_visit, last_visit,
        coalesce(recent, 0) AS recent, coalesce(booked, false) AS booked, total_appointments, total_spent
    FROM customers_customer LEFT JOIN own ON customer_id = id WHERE tenant_id = %(tenant)s
),
ranked AS (
    SELECT *, cume_dist() OVER (PARTITION BY visits > 0 ORDER BY recent) AS share FROM person WHERE NOT is_deleted
),
counted AS (
    SELECT count(*) AS total_customers, count(*) FILTER (WHERE is_active) AS active_customers,
        count(*) FILTER (WHERE email_verified) AS verified_emails,
        count(*) FILTER (WHERE has_password) AS customers_with_password,
        sum(loyalty_points) AS total_loyalty_points,
        count(*) FILTER (WHERE created_at >= %(opening)s AND created_at <= %(closing)s) AS new_customers_in_period,
        count(*) FILTER (WHERE CASE WHEN %(has_start)s THEN visits_before > 0 ELSE visits_during > 0 END) AS base,
        count(*) FILTER (
            WHERE CASE WHEN %(has_start)s THEN visits_before > 0 AND visits_during > 0 ELSE visits_during > 1 END
        ) AS retained,
        count(*) FILTER (WHERE segment = 'vip') AS vip, count(*) FILTER (WHERE segment = 'regular') AS regular,
        count(*) FILTER (WHERE segment = 'new') AS new, count(*) FILTER (WHERE segment = 'at_risk') AS at_risk
    FROM (
        SELECT *, CASE
            WHEN NOT booked AND last_visit < %(today)s::date - %(at_risk_after_days)s THEN 'at_risk'
            WHEN is_vip OR share > (100 - %(vip_top_percent)s) / 100.0 AND recent > 0 AND visits >= %(vip_min_visits)s
                THEN 'vip'
            WHEN visits = 0 OR first_visit >= %(today)s::date - %(new_within_days)s THEN 'new'
            ELSE 'regular' END AS segment
        FROM ranked
    ) AS labelled
)
SELECT row_to_json(counted),
    (SELECT count(*) FROM person WHERE is_deleted),
    (SELECT json_build_array(sum(total_appointments), sum(total_spent)) FROM own),
    (SELECT json_agg(id) FROM (
        SELECT id FROM person WHERE NOT is_deleted AND total_appointments > 0
        ORDER BY total_appointments DESC, total_spent DESC, id LIMIT 10
    ) AS most),
    (SELECT json_agg(id) FROM (
        SELECT id FROM person WHERE NOT is_deleted AND total_spent > 0
        ORDER BY total_spent DESC, total_appointments DESC, id LIMIT 10
    ) AS highest)
FROM counted
"""


def one_pass(tenant: Tenant, period: Period) -> dict:
    """The figures by a single pass over the appointments."""
    now = timezone.now().astimezone(tenant.zone)
    first, last = period.first or dt.date(1, 1, 1), period.last or dt.date(9999, 12, 31)
    days = (last - first).days + 1
    values = {
        "tenant": tenant.pk,
        "today": now.date(),
        "clock": now.time(),
        "recent": now.date() - dt.timedelta(days=365),
        "first": first,
        "last": last,
        "before": first - dt.timedelta(days=days) if period.first else first,
        "opening": dt.datetime.combine(period.first, dt.time(), tenant.zone) if period.first else "-infinity",
        "closing": dt.datetime.combine(period.last, dt.time.max, tenant.zone) if period.last else "infinity",
        "has_start": period.first is not None,
        **{
            name: getattr(tenant, name)
            for name in ("at_risk_after_days", "new_within_days", "vip_min_visits", "vip_top_percent")
        },
    }
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL work_mem = '256MB'")
        cursor.execute(ONE_PASS, values)
        counted, deleted, booked, most, highest = cursor.fetchone()
    return comparable(
        {**counted, "deleted_customers": deleted, "total_appointments": booked[0], "total_revenue": booked[1]},
        most,
        highest,
        base=counted["base"],
    )


def by_totals(period: Period) -> dict:
    """The figures as Circe gives them."""
    figures = summary(period)["statistics"]
    return comparable(
        figures | figures["customer_segments"],
        [customer.pk for customer in figures["top_customers_by_appointments"]],
        [customer.pk for customer in figures["top_customers_by_revenue"]],
        base=figures["retention_base"],
    )


def comparable(figures: dict, most: list, highest: list, base: int) -> dict:
    names = (
        *("total_customers", "active_customers", "deleted_customers", "verified_emails", "customers_with_password"),
        *("total_loyalty_points", "new_customers_in_period", "total_appointments", "total_revenue"),
        *("vip", "regular", "new", "at_risk"),
    )
    return {name: int(figures[name]) for name in names} | {"base": base, "most": most, "highest": highest}


def compare(tenant: Tenant, runs: int) -> None:
    """Print the medians and their ratio, for all time, a year and a month."""
    now = today()
    periods = {
        "all time": Period(),
        "a year": Period(now - dt.timedelta(days=364), now),
        "a month": Period(now - dt.timedelta(days=29), now),
    }
    print(f"{'':10}{'one pass':>12}{'totals':>12}{'ratio':>10}   milliseconds, medians of {runs}")
    for name, period in periods.items():
        taken: dict[str, list[float]] = {"pass": [], "totals": []}
        for _ in range(runs):
            answers = []
            for kind, figures in (("pass", lambda: one_pass(tenant, period)), ("totals", lambda: by_totals(period))):  # noqa: B023
                with one_snapshot():
                    start = time.perf_counter()
                    answers.append(figures())
                    taken[kind].append(1000 * (time.perf_counter() - start))
            assert answers[0] == answers[1], json.dumps(answers, indent=1)
        a, b = median(taken["pass"]), median(taken["totals"])
        print(
            f"{name:10}{a:12.1f}{b:12.1f}{median(x / y for x, y in zip(*taken.values(), strict=True)):10.1f}",
            flush=True,
        )


# --- those who write ------------------------------------------------------------------------------------------------

TRIGGERS = """
SELECT tgrelid::regclass::text, tgname, tgname LIKE '%_audit' FROM pg_trigger
WHERE tgrelid IN ('customers_customer'::regclass, 'appointments_appointment'::regclass) AND NOT tgisinternal
"""
BOOK = """
INSERT INTO appointments_appointment (id, tenant_id, created_at, updated_at, outlet_id, customer_id, staff_id, service_id,
    appointment_date, start_time, end_time, status, total_price, payment_status, paid_amount)
SELECT %(id)s, tenant_id, now(), now(), outlet_id, %(customer)s, %(staff)s, service_id,
    current_date + %(day)s, '10:00', '11:00', 'confirmed', 350000, 'unpaid', 0
FROM appointments_appointment WHERE id = %(like)s
"""
CHANGE = """
UPDATE customers_customer SET notes = %(note)s, loyalty_points = loyalty_points + %(points)s, updated_at = now()
WHERE tenant_id = %(tenant)s AND id = %(customer)s
"""


class Writers:
    """Eight connections that book, or change customers, as fast as they can."""

    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant
        settings = connection.settings_dict
        self.address = {
            "host": settings["HOST"], "port": settings["PORT"] or None, "dbname": settings["NAME"],
            "user": settings["USER"], "password": settings["PASSWORD"] or None,
        }  # fmt: skip
        with psycopg.connect(**self.address) as owner:
            self.customers = [
                pk
                for (pk,) in owner.execute(
                    "SELECT id FROM customers_customer TABLESAMPLE SYSTEM (5) "
                    "WHERE tenant_id = %s AND NOT is_deleted LIMIT 20000",
                    [tenant.pk],
                )
            ]
            self.staff = [
                pk for (pk,) in owner.execute("SELECT id FROM tenants_user WHERE tenant_id = %s", [tenant.pk])
            ]
            # Where nobody has anything yet.
            (self.day,) = owner.execute(
                "SELECT max(appointment_date) - current_date FROM appointments_appointment"
            ).fetchone()
            (self.like,) = owner.execute(
                "SELECT id FROM appointments_appointment WHERE tenant_id = %s LIMIT 1", [tenant.pk]
            ).fetchone()

    def switch(self, *, totals: bool) -> None:
        with psycopg.connect(**self.address) as owner:
            for table, trigger, audits in owner.execute(TRIGGERS).fetchall():
                owner.execute(
                    f"ALTER TABLE {table} {'ENABLE' if totals and not audits else 'DISABLE'} TRIGGER {trigger}"
                )

    def restore(self) -> None:
        with psycopg.connect(**self.address) as owner:
            for table, trigger, _ in owner.execute(TRIGGERS).fetchall():
                owner.execute(f"ALTER TABLE {table} ENABLE TRIGGER {trigger}")

    def rate(self, what: str, seconds: float) -> float:
        """How many a second."""
        done, self.day = [0] * WRITERS, self.day + 500
        until = time.perf_counter() + seconds

        def write(number: int) -> None:
            chance = Random(self.day * WRITERS + number)
            staff = self.staff[number::WRITERS]
            with psycopg.connect(**self.address, autocommit=True) as mine:
                while time.perf_counter() < until:
                    customer = chance.choice(self.customers)
                    if what == "booking":
                        day, person = divmod(done[number], len(staff))
                        with mine.transaction():
                            lock = f"{self.tenant.pk}{staff[person]}"
                            mine.execute("SELECT pg_advisory_xact_lock(3, hashtext(%s))", [lock])
                            values = {"id": new_id(), "customer": customer, "staff": staff[person], "like": self.like}
                            mine.execute(BOOK, values | {"day": self.day + day})
                    else:
                        points = 10 if what == "points earned" else 0
                        values = {"note": new_id(), "tenant": self.tenant.pk, "customer": customer, "points": points}
                        mine.execute(CHANGE, values)
                    done[number] += 1

        threads = [Thread(target=write, args=[number]) for number in range(WRITERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return sum(done) / seconds


def write(tenant: Tenant, runs: int, seconds: float) -> None:
    """Print how many a second without the totals and with them, and the ratio."""
    writers = Writers(tenant)
    print(f"\n{'':18}{'without':>10}{'with':>10}{'ratio':>8}   a second at {WRITERS} writers, medians of {runs}")
    try:
        for what in ("booking", "customer update", "points earned"):
            rates: dict[bool, list[float]] = {False: [], True: []}
            for run in range(runs + 1):
                for totals in (False, True):
                    writers.switch(totals=totals)
                    rate = writers.rate(what, seconds)
                    if run:  # the first warms up
                        rates[totals].append(rate)
            without, with_totals = rates.values()
            ratio = median(b / a for a, b in zip(without, with_totals, strict=True))
            print(f"{what:18}{median(without):10.0f}{median(with_totals):10.0f}{ratio:8.2f}", flush=True)
    finally:
        writers.restore()


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--tenant", default="lotus")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4)
    options = parser.parse_args()
    tenant = Tenant.objects.get(slug=options.tenant)
    with as_owner(), tenant_scope(tenant):
        compare(tenant, options.runs)
    write(tenant, options.runs, options.seconds)
    # What was written without the triggers.
    call_command("check_totals", "--tenant", tenant.slug, "--repair", stdout=StringIO())


if __name__ == "__main__":
    main()
