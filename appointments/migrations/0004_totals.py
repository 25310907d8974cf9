"""What appointments add up to by customer, by day and by how customers come back, and the triggers that keep it true.

Whoever changes a customer's appointments, or whether they count, first locks the row of the customer's totals, in order
of the ids, and only then looks at their appointments: so each sees what all before did. Tallies make nobody wait. Bulk
changes of customers lock all these first, those of appointments all of those: they meet at the totals only, in one order.
"""

from typing import Any

import django.db.models.deletion
from django.db import migrations, models

import circe.db.ids
from appointments.models.totals import AppointmentDailyTotals, CustomerTotals, VisitCounts
from circe.db.row_level_security import RowLevelSecurity
from circe.db.summary_tables import on_change, read_only, rebuilt, upsert_counters_sql

DAYS = """
        SELECT tenant_id, appointment_date AS day, sum(sign) AS total_appointments,
            coalesce(sum(sign * total_price) FILTER (WHERE status = 'completed'), 0) AS total_revenue
        FROM ({changes}) AS change GROUP BY 1, 2
        HAVING sum(sign) <> 0 OR coalesce(sum(sign * total_price) FILTER (WHERE status = 'completed'), 0) <> 0"""

# The steps of each customer's visits, which come by `sign`, tenant and customer.
STEPS = """
        step AS (
            SELECT sign, tenant_id, day, lead(day) OVER own AS next_day, row_number() OVER own AS number
            FROM visit WINDOW own AS (PARTITION BY sign, tenant_id, customer_id ORDER BY day)
        )
        SELECT tenant_id, kind, day, next_day, sum(sign) AS customers
        FROM (
            SELECT sign, tenant_id, 'first' AS kind, day, day AS next_day FROM step WHERE number = 1
            UNION ALL SELECT sign, tenant_id, 'second', day, day FROM step WHERE number = 2
            UNION ALL SELECT sign, tenant_id, 'last', day, day FROM step WHERE next_day IS NULL
            UNION ALL SELECT sign, tenant_id, 'return', day, next_day FROM step WHERE next_day IS NOT NULL
        ) AS counted
        GROUP BY 1, 2, 3, 4 HAVING sum(sign) <> 0"""

# Before, there was what is there now, less what the statement brought, and what it took away.
STEPS_OF_APPOINTMENTS = f"""
        WITH person AS (
            SELECT tenant_id, customer_id FROM public.appointments_customertotals
            WHERE (tenant_id, customer_id) IN (SELECT * FROM unnest(businesses, persons)) AND NOT is_deleted
        ), change AS (
            SELECT sign, tenant_id, customer_id, appointment_date AS day
            FROM ({{changes}}) AS change JOIN person USING (tenant_id, customer_id) WHERE status = 'completed'
        ), present AS (
            SELECT tenant_id, customer_id, appointment_date AS day
            FROM person JOIN public.appointments_appointment USING (tenant_id, customer_id) WHERE status = 'completed'
        ), past AS (
            (
                SELECT tenant_id, customer_id, day FROM present
                EXCEPT ALL SELECT tenant_id, customer_id, day FROM change WHERE sign = 1
            )
            UNION ALL SELECT tenant_id, customer_id, day FROM change WHERE sign = -1
        ), visit AS (
            SELECT 1 AS sign, * FROM present UNION ALL SELECT -1, * FROM past
        ), {STEPS}"""  # noqa: S608

STEPS_OF_CUSTOMERS = f"""
        WITH visit AS (
            SELECT sign, change.tenant_id, change.id AS customer_id, appointment_date AS day
            FROM ({{changes}}) AS change JOIN public.appointments_appointment AS appointment
                ON appointment.tenant_id = change.tenant_id AND appointment.customer_id = change.id
            WHERE NOT is_deleted AND status = 'completed'
        ), {STEPS}"""  # noqa: S608


def add_steps(rows: str) -> str:
    return upsert_counters_sql(
        "appointments_visitcounts", key=["kind", "day", "next_day"], sums=["customers"], rows=rows
    )


DAY_TALLY: dict[str, Any] = {
    "table": "appointments_appointmentdailytotals",
    "key": ["day"],
    "sums": ["total_appointments", "total_revenue"],
}
ADD_DAYS = upsert_counters_sql(**DAY_TALLY, rows=DAYS)

# What most statements do: one appointment to come is made. That needs no look at the others.
BOOKED = f"""
    SELECT tenant_id, customer_id, appointment_date AS day, 1 AS total_appointments, 0 AS total_revenue,
        status = 'completed' AS is_visit, count(*) OVER () AS number,
        CASE WHEN status IN ('pending', 'confirmed') THEN appointment_date + least(start_time, '23:59:59.999999') END
            AS open_at
    INTO delta FROM new_rows LIMIT 1;
    IF delta.number = 1 AND NOT delta.is_visit THEN
        {upsert_counters_sql(**DAY_TALLY, rows="SELECT delta.tenant_id, delta.day, delta.total_appointments, delta.total_revenue")}
        UPDATE public.appointments_customertotals SET total_appointments = total_appointments + 1,
            open_date = greatest(open_date + open_time, delta.open_at)::date,
            open_time = greatest(open_date + open_time, delta.open_at)::time
        WHERE tenant_id = delta.tenant_id AND customer_id = delta.customer_id;
        RETURN NULL;
    END IF;"""  # noqa: S608

CHANGED = f"""
    SELECT array_agg(tenant_id), array_agg(customer_id) INTO businesses, persons FROM (
        SELECT DISTINCT tenant_id, customer_id FROM (
            SELECT tenant_id, customer_id FROM ({{changes}}) AS change WHERE customer_id IS NOT NULL
            GROUP BY tenant_id, customer_id, appointment_date, start_time, status, total_price HAVING sum(sign) <> 0
        ) AS changed
    ) AS person;
    IF persons IS NULL THEN
        RETURN NULL;
    END IF;
    PERFORM FROM public.appointments_customertotals
    WHERE (tenant_id, customer_id) IN (SELECT * FROM unnest(businesses, persons))
    ORDER BY tenant_id, customer_id FOR UPDATE;
    IF EXISTS (SELECT FROM ({{changes}}) AS change WHERE status = 'completed') THEN
        {add_steps(STEPS_OF_APPOINTMENTS)}
    END IF;
    UPDATE public.appointments_customertotals AS totals SET
        total_appointments = own.total_appointments, visits = own.visits, total_spent = own.total_spent,
        first_visit = own.first_visit, last_visit = own.last_visit,
        open_date = own.open_at::date, open_time = own.open_at::time,
        recent_spent = own.recent_spent, recent_from = own.recent_from
    FROM unnest(businesses, persons) AS person (tenant_id, customer_id) CROSS JOIN LATERAL (
        SELECT count(*) AS total_appointments,
            count(*) FILTER (WHERE status = 'completed') AS visits,
            coalesce(sum(total_price) FILTER (WHERE status = 'completed'), 0) AS total_spent,
            min(appointment_date) FILTER (WHERE status = 'completed') AS first_visit,
            max(appointment_date) FILTER (WHERE status = 'completed') AS last_visit,
            max(appointment_date + least(start_time, time '23:59:59.999999'))
                FILTER (WHERE status IN ('pending', 'confirmed')) AS open_at,
            coalesce(sum(total_price) FILTER (WHERE status = 'completed' AND appointment_date >= recent), 0)
                AS recent_spent,
            min(appointment_date) FILTER (WHERE status = 'completed' AND appointment_date >= recent) AS recent_from
        FROM public.appointments_appointment AS appointment
        WHERE appointment.tenant_id = person.tenant_id AND appointment.customer_id = person.customer_id
    ) AS own
    WHERE totals.tenant_id = person.tenant_id AND totals.customer_id = person.customer_id;"""  # noqa: S608

CUSTOMERS_CHANGED = f"""
    PERFORM FROM public.appointments_customertotals
    WHERE (tenant_id, customer_id) IN (SELECT tenant_id, id FROM old_rows)
    ORDER BY tenant_id, customer_id FOR UPDATE;
    {add_steps(STEPS_OF_CUSTOMERS)}
    DELETE FROM public.appointments_customertotals AS totals USING old_rows
    WHERE totals.tenant_id = old_rows.tenant_id AND customer_id = old_rows.id
        AND NOT EXISTS (SELECT FROM new_rows WHERE tenant_id = old_rows.tenant_id AND id = old_rows.id);
    INSERT INTO public.appointments_customertotals AS totals (tenant_id, customer_id, is_deleted, is_vip)
    SELECT tenant_id, id, is_deleted, 'vip' = ANY (tags) FROM new_rows ORDER BY tenant_id, id
    ON CONFLICT (tenant_id, customer_id) DO UPDATE
    SET is_deleted = excluded.is_deleted, is_vip = excluded.is_vip
    WHERE (totals.is_deleted, totals.is_vip) <> (excluded.is_deleted, excluded.is_vip);"""  # noqa: S608

CUSTOMERS_ADDED = """
    INSERT INTO public.appointments_customertotals (tenant_id, customer_id, is_deleted, is_vip)
    SELECT tenant_id, id, is_deleted, 'vip' = ANY (tags) FROM new_rows;"""

CUSTOMERS_REMOVED = """
    DELETE FROM public.appointments_customertotals AS totals USING old_rows
    WHERE totals.tenant_id = old_rows.tenant_id AND customer_id = old_rows.id;"""


class Migration(migrations.Migration):
    dependencies = [("appointments", "0003_walls"), ("customers", "0006_customer_tallies")]
    operations = [
        migrations.CreateModel(
            name="AppointmentDailyTotals",
            fields=[
                ("part", models.BigIntegerField()),
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "tenant", "day", "part", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("day", models.DateField()),
                ("total_appointments", models.BigIntegerField()),
                ("total_revenue", models.BigIntegerField()),
                (
                    "tenant",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="tenants.tenant",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="VisitCounts",
            fields=[
                ("part", models.BigIntegerField()),
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "tenant",
                        "kind",
                        "day",
                        "next_day",
                        "part",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[("first", "First"), ("second", "Second"), ("last", "Last"), ("return", "Return")],
                        max_length=6,
                    ),
                ),
                ("day", models.DateField()),
                ("next_day", models.DateField()),
                ("customers", models.BigIntegerField()),
                (
                    "tenant",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="tenants.tenant",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="CustomerTotals",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "tenant", "customer_id", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("customer_id", circe.db.ids.IdField(db_collation="C", default=None, editable=False, max_length=24)),
                ("is_deleted", models.BooleanField()),
                ("is_vip", models.BooleanField()),
                ("total_appointments", models.BigIntegerField(db_default=0)),
                ("visits", models.BigIntegerField(db_default=0)),
                ("total_spent", models.BigIntegerField(db_default=0)),
                ("first_visit", models.DateField(null=True)),
                ("last_visit", models.DateField(null=True)),
                ("open_date", models.DateField(null=True)),
                ("open_time", models.TimeField(null=True)),
                ("recent_spent", models.BigIntegerField(db_default=0)),
                ("recent_from", models.DateField(null=True)),
                (
                    "tenant",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="tenants.tenant",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("is_deleted", False), ("total_appointments__gte", 10)),
                        fields=["tenant", "-total_appointments", "-total_spent", "customer_id"],
                        name="customertotals_most",
                    ),
                    models.Index(
                        condition=models.Q(("is_deleted", False), ("total_spent__gt", 0)),
                        fields=["tenant", "-total_spent", "-total_appointments", "customer_id"],
                        name="customertotals_highest",
                    ),
                    models.Index(
                        condition=models.Q(("is_deleted", False), ("recent_spent__gt", 0)),
                        fields=["tenant", "-recent_spent"],
                        include=("recent_from", "visits", "first_visit", "last_visit", "is_vip", "customer_id"),
                        name="customertotals_recent",
                    ),
                    models.Index(
                        condition=models.Q(("is_deleted", False), ("is_vip", True)),
                        fields=["tenant", "customer_id"],
                        include=("recent_spent", "visits", "first_visit", "last_visit"),
                        name="customertotals_vip",
                    ),
                    models.Index(
                        condition=models.Q(("is_deleted", False), ("open_date__isnull", False)),
                        fields=["tenant", "last_visit"],
                        include=("open_date", "open_time", "customer_id"),
                        name="customertotals_open",
                    ),
                    models.Index(
                        condition=models.Q(("is_deleted", False), ("recent_spent__gt", 0)),
                        fields=["tenant", "recent_from"],
                        name="customertotals_outdated",
                    ),
                ],
            },
        ),
        migrations.AddConstraint("appointmentdailytotals", RowLevelSecurity(name="appointmentdailytotals_rls")),
        migrations.AddConstraint("visitcounts", RowLevelSecurity(name="visitcounts_rls")),
        migrations.AddConstraint("customertotals", RowLevelSecurity(name="customertotals_rls")),
        read_only("appointments_appointmentdailytotals"),
        read_only("appointments_visitcounts"),
        read_only("appointments_customertotals"),
        on_change(
            "appointments_appointment",
            "circe_total_appointments",
            # A day more than are recent anywhere on earth.
            declare="""delta record;
    businesses text[];
    persons text[];
    recent CONSTANT date := (now() AT TIME ZONE 'UTC')::date - 366;""",
            bodies={
                "insert": BOOKED + ADD_DAYS + CHANGED,
                "update": ADD_DAYS + CHANGED,
                "delete": ADD_DAYS + CHANGED,
                "truncate": """
    DELETE FROM public.appointments_appointmentdailytotals;
    DELETE FROM public.appointments_visitcounts;
    UPDATE public.appointments_customertotals SET
        total_appointments = 0, visits = 0, total_spent = 0, first_visit = NULL, last_visit = NULL, open_date = NULL,
        open_time = NULL, recent_spent = 0, recent_from = NULL;""",
            },
        ),
        on_change(
            "customers_customer",
            "circe_total_customers",
            bodies={
                "insert": CUSTOMERS_ADDED,
                "update": CUSTOMERS_CHANGED,
                "delete": CUSTOMERS_REMOVED,
                "truncate": "DELETE FROM public.appointments_customertotals;",
            },
            unless_same=["{row}.tenant_id", "{row}.id", "{row}.is_deleted", "'vip' = ANY ({row}.tags)"],
        ),
        rebuilt(CustomerTotals, AppointmentDailyTotals, VisitCounts),
    ]
