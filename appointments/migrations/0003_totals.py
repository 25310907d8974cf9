"""What appointments add up to: by day, by customer and by how customers return."""

import django.db.models.deletion
import django_migrate_sql.operations
from django.db import migrations, models

import circe.db.ids
import circe.db.row_level_security


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("appointments", "0002_appointments"),
        ("customers", "0005_monthly_counts"),
    ]

    operations = [
        migrations.CreateModel(
            name="AppointmentDailyTotals",
            fields=[
                ("shard", models.BigIntegerField(db_default=0)),
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "tenant", "day", "shard", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="tenants.tenant",
                    ),
                ),
                ("day", models.DateField()),
                ("total_appointments", models.BigIntegerField()),
                ("total_revenue", models.BigIntegerField()),
            ],
            options={
                "abstract": False,
                "constraints": [circe.db.row_level_security.RowLevelSecurity(name="appointmentdailytotals_rls")],
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
                (
                    "tenant",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="tenants.tenant",
                    ),
                ),
                ("customer_id", circe.db.ids.IdField(default=None)),
                ("created_at", models.DateTimeField()),
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
            ],
            options={
                "abstract": False,
                "indexes": [
                    models.Index(
                        condition=models.Q(("is_deleted", False)),
                        fields=["tenant", "-created_at", "-customer_id"],
                        include=(
                            "visits",
                            "first_visit",
                            "last_visit",
                            "is_vip",
                            "recent_spent",
                            "recent_from",
                            "open_date",
                            "open_time",
                        ),
                        name="customertotals_newest",
                    ),
                    models.Index(
                        condition=models.Q(("is_deleted", False)),
                        fields=["tenant", "last_visit", "customer_id"],
                        name="customertotals_last_visit",
                    ),
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
                        include=(
                            "recent_from",
                            "visits",
                            "first_visit",
                            "last_visit",
                            "is_vip",
                            "open_date",
                            "open_time",
                        ),
                        name="customertotals_recent",
                    ),
                    models.Index(
                        condition=models.Q(
                            ("is_deleted", False),
                            models.Q(
                                ("is_vip", True),
                                models.Q(("recent_spent__gt", 0), ("visits__gte", 5)),
                                _connector="OR",
                            ),
                        ),
                        fields=["tenant", "-created_at", "-customer_id"],
                        include=(
                            "visits",
                            "last_visit",
                            "is_vip",
                            "recent_spent",
                            "recent_from",
                            "open_date",
                            "open_time",
                        ),
                        name="customertotals_may_be_vip",
                    ),
                    models.Index(
                        condition=models.Q(("is_deleted", False), ("is_vip", True), ("open_date__isnull", False)),
                        fields=["tenant", "last_visit"],
                        include=("open_date", "open_time"),
                        name="customertotals_open_vip",
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
                "constraints": [
                    circe.db.row_level_security.RowLevelSecurity(
                        name="customertotals_rls", subject_column="customer_id", subject_commands=("SELECT",)
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="VisitCounts",
            fields=[
                ("shard", models.BigIntegerField(db_default=0)),
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "tenant",
                        "kind",
                        "day",
                        "next_day",
                        "shard",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="tenants.tenant",
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("first", "First"),
                            ("second", "Second"),
                            ("last", "Last"),
                            ("return", "Return"),
                            ("vip_first", "Vip First"),
                            ("vip_last", "Vip Last"),
                        ],
                        max_length=9,
                    ),
                ),
                ("day", models.DateField()),
                ("next_day", models.DateField()),
                ("customers", models.BigIntegerField()),
            ],
            options={
                "abstract": False,
                "indexes": [
                    models.Index(
                        condition=models.Q(("kind__in", ["first", "last", "vip_first", "vip_last"])),
                        fields=["tenant", "kind", "day"],
                        include=("customers",),
                        name="visitcounts_first_and_last",
                    ),
                ],
                "constraints": [circe.db.row_level_security.RowLevelSecurity(name="visitcounts_rls")],
            },
        ),
        django_migrate_sql.operations.CreateSQL(
            name="appointments_appointmentdailytotals",
            sql="""-- Only triggers write the table. 30 % of each page stays free, for new versions of the rows of the page.
REVOKE INSERT, UPDATE, DELETE ON appointments_appointmentdailytotals FROM circe_app;
ALTER TABLE appointments_appointmentdailytotals SET (fillfactor = 70);
-- When a business is deleted, the constraint deletes its rows. The application itself may not delete them.
ALTER TABLE appointments_appointmentdailytotals
DROP CONSTRAINT IF EXISTS appointmentdailytotals_tenant,
ADD CONSTRAINT appointmentdailytotals_tenant FOREIGN KEY (tenant_id) REFERENCES tenants_tenant (id)
ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED;
""",
            reverse_sql="""GRANT INSERT, UPDATE, DELETE ON appointments_appointmentdailytotals TO circe_app;
ALTER TABLE appointments_appointmentdailytotals RESET (fillfactor);""",
            dependencies=[("tenants", "application_roles")],
        ),
        django_migrate_sql.operations.CreateSQL(
            name="appointments_customertotals",
            sql="""-- Only triggers write the table. 30 % of each page stays free, for new versions of the rows of the page.
REVOKE INSERT, UPDATE, DELETE ON appointments_customertotals FROM circe_app;
ALTER TABLE appointments_customertotals SET (fillfactor = 70);
-- When a business is deleted, the constraint deletes its rows. The application itself may not delete them.
ALTER TABLE appointments_customertotals
DROP CONSTRAINT IF EXISTS customertotals_tenant,
ADD CONSTRAINT customertotals_tenant FOREIGN KEY (tenant_id) REFERENCES tenants_tenant (id)
ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED;
""",
            reverse_sql="""GRANT INSERT, UPDATE, DELETE ON appointments_customertotals TO circe_app;
ALTER TABLE appointments_customertotals RESET (fillfactor);""",
            dependencies=[("tenants", "application_roles")],
        ),
        django_migrate_sql.operations.CreateSQL(
            name="appointments_visitcounts",
            sql="""-- Only triggers write the table. 30 % of each page stays free, for new versions of the rows of the page.
REVOKE INSERT, UPDATE, DELETE ON appointments_visitcounts FROM circe_app;
ALTER TABLE appointments_visitcounts SET (fillfactor = 70);
-- When a business is deleted, the constraint deletes its rows. The application itself may not delete them.
ALTER TABLE appointments_visitcounts
DROP CONSTRAINT IF EXISTS visitcounts_tenant,
ADD CONSTRAINT visitcounts_tenant FOREIGN KEY (tenant_id) REFERENCES tenants_tenant (id)
ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED;
""",
            reverse_sql="""GRANT INSERT, UPDATE, DELETE ON appointments_visitcounts TO circe_app;
ALTER TABLE appointments_visitcounts RESET (fillfactor);""",
            dependencies=[("tenants", "application_roles")],
        ),
        django_migrate_sql.operations.CreateSQL(
            name="appointments_tenanttotals",
            sql="""-- Shows the rows of appointments_customertotals of the tenant in scope, faster than the table does under its policy. The
-- view reads the table with the rights of its owner, to whom no policy applies. PostgreSQL uses the condition of the view as
-- a condition of the index, so a scan reads the setting once. Under the policy PostgreSQL reads the setting for each row,
-- and the scan of an index takes twice as long. In the scope of all tenants, or of one customer, the view shows nothing.
CREATE OR REPLACE VIEW appointments_tenanttotals AS
SELECT
    tenant_id,
    customer_id,
    created_at,
    is_deleted,
    is_vip,
    total_appointments,
    visits,
    total_spent,
    first_visit,
    last_visit,
    open_date,
    open_time,
    recent_spent,
    recent_from
FROM appointments_customertotals
WHERE tenant_id = current_setting('circe.tenant', true);

REVOKE ALL ON appointments_tenanttotals FROM circe_app;
GRANT SELECT ON appointments_tenanttotals TO circe_app;
""",
            reverse_sql="DROP VIEW appointments_tenanttotals;",
            dependencies=[("tenants", "application_roles")],
        ),
        migrations.CreateModel(
            name="TenantTotals",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "tenant", "customer_id", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("customer_id", circe.db.ids.IdField(default=None)),
                ("created_at", models.DateTimeField()),
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
            ],
            options={
                "db_table": "appointments_tenanttotals",
                "managed": False,
            },
        ),
        django_migrate_sql.operations.CreateSQL(
            name="circe_add_daily_totals",
            sql="""-- Adds a statement's changes of a business's appointments to appointments_appointmentdailytotals: the number of
-- appointments of each day, and the revenue of its visits. circe_update_appointment_totals calls it with the old and the
-- new rows.
CREATE OR REPLACE FUNCTION public.circe_add_daily_totals(
    tenant text, old_appointments public.appointments_appointment[], new_appointments public.appointments_appointment[]
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    delta record;
BEGIN
    -- A loop, because Citus takes no INSERT of a query that calls a function in a sub-select.
    FOR delta IN
        SELECT
            appointment_date AS day,
            sum(sign) AS total_appointments,
            coalesce(sum(sign * total_price) FILTER (WHERE status = 'completed'), 0) AS total_revenue
        FROM (
            SELECT 1 AS sign, * FROM unnest(new_appointments)
            UNION ALL
            SELECT -1 AS sign, * FROM unnest(old_appointments)
        ) AS changes
        WHERE tenant_id = tenant
        GROUP BY appointment_date
    LOOP
        CONTINUE WHEN delta.total_appointments = 0 AND delta.total_revenue = 0;
        INSERT INTO public.appointments_appointmentdailytotals AS totals (
            tenant_id, day, shard, total_appointments, total_revenue
        ) VALUES (
            tenant, delta.day, public.circe_lock_free_shard(), delta.total_appointments, delta.total_revenue
        )
        ON CONFLICT (tenant_id, day, shard) DO UPDATE SET
            total_appointments = totals.total_appointments + excluded.total_appointments,
            total_revenue = totals.total_revenue + excluded.total_revenue;
    END LOOP;
END
$$;
""",
            reverse_sql="DROP FUNCTION public.circe_add_daily_totals;",
            dependencies=[("tenants", "circe_lock_free_shard")],
        ),
        django_migrate_sql.operations.CreateSQL(
            name="circe_add_visit_counts",
            sql="""-- Adds visits of a business's customers to appointments_visitcounts: the numbers of customers by the days of their first,
-- second and last visit, and by pairs of successive visits. Customers with the tag `vip` are also counted separately, by the
-- days of their first and last visit. The arrays have the same length. An entry is a visit that exists now (sign 1), or
-- one that existed before the statement (sign -1), and whether its customer had the tag at that time. If a customer has an
-- entry, the arrays must have all visits of this customer: those that exist now and those that existed before the statement.
CREATE OR REPLACE FUNCTION public.circe_add_visit_counts(
    tenant text, signs int[], customer_ids text[], are_vip boolean[], days date[]
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    step record;
BEGIN
    -- A loop, because Citus takes no INSERT of a query that calls a function in a sub-select.
    FOR step IN
        WITH visit AS (
            SELECT
                sign,
                is_vip,
                day,
                lead(day) OVER of_customer AS next_day,
                row_number() OVER of_customer AS number
            FROM unnest(signs, customer_ids, are_vip, days) AS visit (sign, customer_id, is_vip, day)
            WINDOW of_customer AS (PARTITION BY sign, customer_id ORDER BY day)
        )
        SELECT kind, day, next_day, sum(sign) AS customers
        FROM (
            SELECT sign, 'first' AS kind, day, day AS next_day FROM visit WHERE number = 1
            UNION ALL SELECT sign, 'second', day, day FROM visit WHERE number = 2
            UNION ALL SELECT sign, 'last', day, day FROM visit WHERE next_day IS NULL
            UNION ALL SELECT sign, 'return', day, next_day FROM visit WHERE next_day IS NOT NULL
            UNION ALL SELECT sign, 'vip_first', day, day FROM visit WHERE number = 1 AND is_vip
            UNION ALL SELECT sign, 'vip_last', day, day FROM visit WHERE next_day IS NULL AND is_vip
        ) AS every_step
        GROUP BY kind, day, next_day
        HAVING sum(sign) <> 0
    LOOP
        INSERT INTO public.appointments_visitcounts AS counts (tenant_id, kind, day, next_day, shard, customers)
        VALUES (tenant, step.kind, step.day, step.next_day, public.circe_lock_free_shard(), step.customers)
        ON CONFLICT (tenant_id, kind, day, next_day, shard) DO UPDATE SET
            customers = counts.customers + excluded.customers;
    END LOOP;
END
$$;
""",
            reverse_sql="DROP FUNCTION public.circe_add_visit_counts;",
            dependencies=[("tenants", "circe_lock_free_shard")],
        ),
        django_migrate_sql.operations.CreateSQL(
            name="circe_rebuild_customer_totals",
            sql="""-- Computes anew, from the appointments, the rows of these customers of a business in appointments_customertotals. The caller
-- must have locked these rows.
CREATE OR REPLACE FUNCTION public.circe_rebuild_customer_totals(tenant text, customer_ids text[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    -- Visits of the last 365 days are recent, in the time zone where the day begins last: 12 hours after UTC.
    recent_from_day date := ((now() AT TIME ZONE 'UTC') - interval '12 hours')::date - 365;
BEGIN
    -- remove_expired_spending has subtracted earlier visits, as soon as the day had begun for this business.
    SELECT greatest(spending_since, recent_from_day) INTO recent_from_day
    FROM public.tenants_tenant WHERE id = tenant;
    UPDATE public.appointments_customertotals AS totals SET
        total_appointments = own.total_appointments,
        visits = own.visits,
        total_spent = own.total_spent,
        first_visit = own.first_visit,
        last_visit = own.last_visit,
        open_date = own.open_at::date,
        open_time = own.open_at::time,
        recent_spent = own.recent_spent,
        recent_from = own.recent_from
    FROM unnest(customer_ids) AS customer (id) CROSS JOIN LATERAL (
        SELECT
            count(*) AS total_appointments,
            count(*) FILTER (WHERE status = 'completed') AS visits,
            coalesce(sum(total_price) FILTER (WHERE status = 'completed'), 0) AS total_spent,
            min(appointment_date) FILTER (WHERE status = 'completed') AS first_visit,
            max(appointment_date) FILTER (WHERE status = 'completed') AS last_visit,
            max(appointment_date + least(start_time, time '23:59:59.999999'))
                FILTER (WHERE status IN ('pending', 'confirmed')) AS open_at,
            coalesce(sum(total_price) FILTER (WHERE status = 'completed' AND appointment_date >= recent_from_day), 0)
                AS recent_spent,
            min(appointment_date) FILTER (WHERE status = 'completed' AND appointment_date >= recent_from_day)
                AS recent_from
        FROM public.appointments_appointment AS appointment
        WHERE appointment.tenant_id = tenant AND appointment.customer_id = customer.id
    ) AS own
    WHERE totals.tenant_id = tenant AND totals.customer_id = customer.id;
END
$$;
""",
            reverse_sql="DROP FUNCTION public.circe_rebuild_customer_totals;",
        ),
        django_migrate_sql.operations.CreateSQL(
            name="circe_update_appointment_totals",
            sql="""-- Updates the three summary tables of appointments: daily totals, customer totals and visit counts. Its triggers run once
-- for each statement that writes appointments.
--
-- Locks: a transaction that changes a customer's appointments, or whether they are counted, first locks the customer's row
-- in appointments_customertotals, and then reads the appointments. So it sees the changes of all earlier transactions. The
-- rows of several customers are locked in the order of their ids, so there is no deadlock. The sharded counters need no
-- lock.
CREATE OR REPLACE FUNCTION public.circe_update_appointment_totals() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    -- The old and the new rows of the statement. They are arrays, because Citus allows no transition table in a query on a
    -- distributed table.
    old_appointments public.appointments_appointment[];
    new_appointments public.appointments_appointment[];
    booked public.appointments_appointment;
    tenant text;
    changed_customers text[];
    visits_changed boolean;
    counted_customers text[];
    counted_are_vip boolean[];
    signs int[];
    customer_ids text[];
    are_vip boolean[];
    days date[];
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        -- In a Citus cluster the trigger also runs for each shard, whose name is longer than the name of the table. Only the
        -- run for the table empties the sums.
        IF TG_TABLE_NAME = 'appointments_appointment' THEN
            DELETE FROM public.appointments_appointmentdailytotals;
            DELETE FROM public.appointments_visitcounts;
            UPDATE public.appointments_customertotals SET
                total_appointments = 0, visits = 0, total_spent = 0, first_visit = NULL, last_visit = NULL,
                open_date = NULL, open_time = NULL, recent_spent = 0, recent_from = NULL;
        END IF;
        RETURN NULL;
    END IF;
    IF TG_OP <> 'INSERT' THEN
        old_appointments := ARRAY(SELECT ROW(old_rows.*)::public.appointments_appointment FROM old_rows);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        new_appointments := ARRAY(SELECT ROW(new_rows.*)::public.appointments_appointment FROM new_rows);
    END IF;

    -- Most statements book one appointment. It is added to the totals without reading the customer's other appointments.
    booked := new_appointments[1];
    IF TG_OP = 'INSERT' AND cardinality(new_appointments) = 1 AND booked.status <> 'completed' THEN
        INSERT INTO public.appointments_appointmentdailytotals AS totals (
            tenant_id, day, shard, total_appointments, total_revenue
        )
        VALUES (booked.tenant_id, booked.appointment_date, circe_lock_free_shard(), 1, 0)
        ON CONFLICT (tenant_id, day, shard) DO UPDATE SET total_appointments = totals.total_appointments + 1;
        UPDATE public.appointments_customertotals AS totals SET
            total_appointments = totals.total_appointments + 1,
            open_date = greatest(totals.open_date + totals.open_time, open_at)::date,
            open_time = greatest(totals.open_date + totals.open_time, open_at)::time
        FROM (SELECT CASE
            WHEN booked.status IN ('pending', 'confirmed')
            THEN booked.appointment_date + least(booked.start_time, time '23:59:59.999999')
        END AS open_at) AS booking
        WHERE totals.tenant_id = booked.tenant_id AND totals.customer_id = booked.customer_id;
        RETURN NULL;
    END IF;

    FOR tenant IN SELECT DISTINCT tenant_id FROM unnest(old_appointments || new_appointments) ORDER BY tenant_id LOOP
        PERFORM circe_add_daily_totals(tenant, old_appointments, new_appointments);

        -- The customers with a change in a column that the totals use. A change of the notes, for example, does not count.
        SELECT array_agg(DISTINCT customer_id), bool_or(status = 'completed')
        INTO changed_customers, visits_changed
        FROM (
            SELECT customer_id, status FROM (
                SELECT 1 AS sign, * FROM unnest(new_appointments)
                UNION ALL
                SELECT -1 AS sign, * FROM unnest(old_appointments)
            ) AS changes
            WHERE tenant_id = tenant AND customer_id IS NOT NULL
            GROUP BY customer_id, appointment_date, start_time, status, total_price
            HAVING sum(sign) <> 0
        ) AS changed;
        CONTINUE WHEN changed_customers IS NULL;

        -- Visits of soft-deleted customers are not counted.
        SELECT
            array_agg(customer_id) FILTER (WHERE NOT is_deleted),
            array_agg(is_vip) FILTER (WHERE NOT is_deleted)
        INTO counted_customers, counted_are_vip
        FROM (
            SELECT customer_id, is_deleted, is_vip FROM public.appointments_customertotals
            WHERE tenant_id = tenant AND customer_id = ANY (changed_customers)
            ORDER BY customer_id FOR UPDATE
        ) AS locked;

        IF visits_changed THEN
            -- The visits before the statement are the present visits without the added visits, and the removed visits.
            WITH present AS (
                SELECT customer_id, appointment_date FROM public.appointments_appointment
                WHERE tenant_id = tenant AND customer_id = ANY (counted_customers) AND status = 'completed'
            ), added AS (
                SELECT customer_id, appointment_date FROM unnest(new_appointments)
                WHERE tenant_id = tenant AND customer_id = ANY (counted_customers) AND status = 'completed'
            ), removed AS (
                SELECT customer_id, appointment_date FROM unnest(old_appointments)
                WHERE tenant_id = tenant AND customer_id = ANY (counted_customers) AND status = 'completed'
            ), visit AS (
                SELECT 1 AS sign, customer_id, appointment_date FROM present
                UNION ALL
                SELECT -1, customer_id, appointment_date FROM (TABLE present EXCEPT ALL TABLE added) AS unchanged
                UNION ALL
                SELECT -1, customer_id, appointment_date FROM removed
            )
            SELECT array_agg(sign), array_agg(customer_id), array_agg(is_vip), array_agg(appointment_date)
            INTO signs, customer_ids, are_vip, days
            FROM visit JOIN unnest(counted_customers, counted_are_vip) AS counted (customer_id, is_vip)
                USING (customer_id);
            PERFORM circe_add_visit_counts(tenant, signs, customer_ids, are_vip, days);
        END IF;

        PERFORM circe_rebuild_customer_totals(tenant, changed_customers);
    END LOOP;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER circe_update_appointment_totals_insert AFTER INSERT ON public.appointments_appointment
REFERENCING NEW TABLE AS new_rows
EXECUTE FUNCTION public.circe_update_appointment_totals();

CREATE OR REPLACE TRIGGER circe_update_appointment_totals_update AFTER UPDATE ON public.appointments_appointment
REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
EXECUTE FUNCTION public.circe_update_appointment_totals();

CREATE OR REPLACE TRIGGER circe_update_appointment_totals_delete AFTER DELETE ON public.appointments_appointment
REFERENCING OLD TABLE AS old_rows
EXECUTE FUNCTION public.circe_update_appointment_totals();

CREATE OR REPLACE TRIGGER circe_update_appointment_totals_truncate AFTER TRUNCATE ON public.appointments_appointment
EXECUTE FUNCTION public.circe_update_appointment_totals();
""",
            reverse_sql="""DROP TRIGGER circe_update_appointment_totals_insert ON public.appointments_appointment;
DROP TRIGGER circe_update_appointment_totals_update ON public.appointments_appointment;
DROP TRIGGER circe_update_appointment_totals_delete ON public.appointments_appointment;
DROP TRIGGER circe_update_appointment_totals_truncate ON public.appointments_appointment;
DROP FUNCTION public.circe_update_appointment_totals;""",
            dependencies=[
                ("appointments", "circe_add_daily_totals"),
                ("appointments", "circe_add_visit_counts"),
                ("appointments", "circe_rebuild_customer_totals"),
            ],
        ),
        django_migrate_sql.operations.CreateSQL(
            name="circe_add_customer_totals",
            sql="""-- Gives each new customer a row in appointments_customertotals. The trigger runs once for each statement, not for each
-- row. An import adds a thousand customers by one statement, which takes an eighth longer with a trigger for each row.
CREATE OR REPLACE FUNCTION public.circe_add_customer_totals() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    added record;
BEGIN
    -- The rows are first taken into arrays: Citus allows no transition table in a query on a distributed table.
    FOR added IN
        SELECT
            tenant_id,
            array_agg(id) AS ids,
            array_agg(created_at) AS created_at,
            array_agg(is_deleted) AS are_deleted,
            array_agg('vip' = ANY (tags)) AS are_vip
        FROM new_rows
        GROUP BY tenant_id
    LOOP
        INSERT INTO public.appointments_customertotals (tenant_id, customer_id, created_at, is_deleted, is_vip)
        SELECT added.tenant_id, customer.id, customer.created_at, customer.is_deleted, customer.is_vip
        FROM unnest(added.ids, added.created_at, added.are_deleted, added.are_vip)
            AS customer (id, created_at, is_deleted, is_vip);
    END LOOP;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER circe_add_customer_totals AFTER INSERT ON public.customers_customer
REFERENCING NEW TABLE AS new_rows
EXECUTE FUNCTION public.circe_add_customer_totals();
""",
            reverse_sql="""DROP TRIGGER circe_add_customer_totals ON public.customers_customer;
DROP FUNCTION public.circe_add_customer_totals;""",
        ),
        django_migrate_sql.operations.CreateSQL(
            name="circe_change_customer_totals",
            sql="""-- Copies three values of a customer to appointments_customertotals: created_at, is_deleted, and whether they are tagged
-- 'vip'. Subtracts the visits of a customer who is soft-deleted from appointments_visitcounts, and adds them again when the
-- customer is restored. If the tag changes, visits are subtracted and added too, since customers with the tag are counted
-- separately. Its trigger runs once for each UPDATE of customers that changes one of these values, an id or a
-- tenant. It takes the same locks as circe_update_appointment_totals.
CREATE OR REPLACE FUNCTION public.circe_change_customer_totals() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    tenant text;
    old_ids text[];
    old_counted_ids text[];
    old_counted_are_vip boolean[];
    new_ids text[];
    new_counted_ids text[];
    new_counted_are_vip boolean[];
    new_created_at timestamptz[];
    new_are_deleted boolean[];
    new_are_vip boolean[];
    signs int[];
    customer_ids text[];
    are_vip boolean[];
    days date[];
BEGIN
    PERFORM set_config('circe.customer_totals', '', true);
    FOR tenant IN SELECT tenant_id FROM old_rows UNION SELECT tenant_id FROM new_rows ORDER BY 1 LOOP
        -- The rows are first taken into arrays: Citus allows no transition table in a query on a distributed table.
        SELECT
            array_agg(id ORDER BY id),
            array_agg(id ORDER BY id) FILTER (WHERE NOT is_deleted),
            array_agg('vip' = ANY (tags) ORDER BY id) FILTER (WHERE NOT is_deleted)
        INTO old_ids, old_counted_ids, old_counted_are_vip
        FROM old_rows WHERE tenant_id = tenant;
        SELECT
            array_agg(id ORDER BY id),
            array_agg(id ORDER BY id) FILTER (WHERE NOT is_deleted),
            array_agg('vip' = ANY (tags) ORDER BY id) FILTER (WHERE NOT is_deleted),
            array_agg(created_at ORDER BY id),
            array_agg(is_deleted ORDER BY id),
            array_agg('vip' = ANY (tags) ORDER BY id)
        INTO new_ids, new_counted_ids, new_counted_are_vip, new_created_at, new_are_deleted, new_are_vip
        FROM new_rows WHERE tenant_id = tenant;

        PERFORM FROM public.appointments_customertotals
        WHERE tenant_id = tenant AND customer_id = ANY (old_ids)
        ORDER BY customer_id FOR UPDATE;

        IF (old_counted_ids, old_counted_are_vip) IS DISTINCT FROM (new_counted_ids, new_counted_are_vip) THEN
            SELECT
                array_agg(customer.sign), array_agg(customer.id), array_agg(customer.is_vip),
                array_agg(appointment.appointment_date)
            INTO signs, customer_ids, are_vip, days
            FROM (
                SELECT 1 AS sign, id, is_vip FROM unnest(new_counted_ids, new_counted_are_vip) AS new (id, is_vip)
                UNION ALL
                SELECT -1, id, is_vip FROM unnest(old_counted_ids, old_counted_are_vip) AS old (id, is_vip)
            ) AS customer
            JOIN public.appointments_appointment AS appointment
                ON appointment.tenant_id = tenant AND appointment.customer_id = customer.id
            WHERE appointment.status = 'completed';
            PERFORM circe_add_visit_counts(tenant, signs, customer_ids, are_vip, days);
        END IF;

        IF old_ids IS DISTINCT FROM new_ids THEN
            DELETE FROM public.appointments_customertotals
            WHERE tenant_id = tenant AND customer_id = ANY (old_ids) AND customer_id <> ALL (coalesce(new_ids, '{}'));
        END IF;
        INSERT INTO public.appointments_customertotals AS totals (
            tenant_id, customer_id, created_at, is_deleted, is_vip
        )
        SELECT tenant, customer.id, customer.created_at, customer.is_deleted, customer.is_vip
        FROM unnest(new_ids, new_created_at, new_are_deleted, new_are_vip)
            AS customer (id, created_at, is_deleted, is_vip)
        ORDER BY customer.id
        ON CONFLICT (tenant_id, customer_id) DO UPDATE SET
            created_at = excluded.created_at,
            is_deleted = excluded.is_deleted,
            is_vip = excluded.is_vip
        WHERE (totals.created_at, totals.is_deleted, totals.is_vip)
            <> (excluded.created_at, excluded.is_deleted, excluded.is_vip);
    END LOOP;
    RETURN NULL;
END
$$;

-- The function runs only if an update changed one of these columns in some row.
CREATE OR REPLACE TRIGGER circe_change_customer_totals_flag
BEFORE UPDATE OF tenant_id, id, created_at, is_deleted, tags ON public.customers_customer
FOR EACH ROW WHEN (
    (old.tenant_id, old.id, old.created_at, old.is_deleted, 'vip' = ANY(old.tags))
    IS DISTINCT FROM (new.tenant_id, new.id, new.created_at, new.is_deleted, 'vip' = ANY(new.tags))
)
EXECUTE FUNCTION public.circe_flag_change('circe.customer_totals');

CREATE OR REPLACE TRIGGER circe_change_customer_totals AFTER UPDATE ON public.customers_customer
REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
WHEN (current_setting('circe.customer_totals', true) = 'changed')
EXECUTE FUNCTION public.circe_change_customer_totals();
""",
            reverse_sql="""DROP TRIGGER circe_change_customer_totals_flag ON public.customers_customer;
DROP TRIGGER circe_change_customer_totals ON public.customers_customer;
DROP FUNCTION public.circe_change_customer_totals;""",
            dependencies=[("tenants", "circe_flag_change"), ("appointments", "circe_add_visit_counts")],
        ),
        django_migrate_sql.operations.CreateSQL(
            name="circe_remove_customer_totals",
            sql="""-- Removes the rows of deleted customers from appointments_customertotals. Its triggers run once for each statement that
-- deletes customers.
CREATE OR REPLACE FUNCTION public.circe_remove_customer_totals() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    removed record;
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        -- In a Citus cluster the trigger also runs for each shard, whose name is longer than the name of the table. Only the
        -- run for the table empties the sums.
        IF TG_TABLE_NAME = 'customers_customer' THEN
            DELETE FROM public.appointments_customertotals;
        END IF;
        RETURN NULL;
    END IF;
    FOR removed IN SELECT tenant_id, array_agg(id) AS ids FROM old_rows GROUP BY tenant_id LOOP
        DELETE FROM public.appointments_customertotals
        WHERE tenant_id = removed.tenant_id AND customer_id = ANY (removed.ids);
    END LOOP;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER circe_remove_customer_totals AFTER DELETE ON public.customers_customer
REFERENCING OLD TABLE AS old_rows
EXECUTE FUNCTION public.circe_remove_customer_totals();

CREATE OR REPLACE TRIGGER circe_remove_customer_totals_truncate AFTER TRUNCATE ON public.customers_customer
EXECUTE FUNCTION public.circe_remove_customer_totals();
""",
            reverse_sql="""DROP TRIGGER circe_remove_customer_totals ON public.customers_customer;
DROP TRIGGER circe_remove_customer_totals_truncate ON public.customers_customer;
DROP FUNCTION public.circe_remove_customer_totals;""",
        ),
    ]
