"""How many customers of each kind there are, by the month of their creation."""

import django.db.models.deletion
import django_migrate_sql.operations
from django.db import migrations, models

import circe.db.row_level_security


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("customers", "0004_searchable_view"),
        ("tenants", "0005_summary_table_functions"),
    ]

    operations = [
        migrations.CreateModel(
            name="CustomerMonthlyCounts",
            fields=[
                ("shard", models.BigIntegerField(db_default=0)),
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "tenant", "month", "shard", blank=True, editable=False, primary_key=True, serialize=False
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
                ("month", models.DateField()),
                ("total_customers", models.BigIntegerField()),
                ("active_customers", models.BigIntegerField()),
                ("deleted_customers", models.BigIntegerField()),
                ("verified_emails", models.BigIntegerField()),
                ("customers_with_password", models.BigIntegerField()),
                ("total_loyalty_points", models.BigIntegerField()),
                ("tagged_vip", models.BigIntegerField()),
            ],
            options={
                "abstract": False,
                "constraints": [circe.db.row_level_security.RowLevelSecurity(name="customermonthlycounts_rls")],
            },
        ),
        django_migrate_sql.operations.CreateSQL(
            name="customers_customermonthlycounts",
            sql="""-- Only triggers write the table. 30 % of each page stays free, for new versions of the rows of the page.
REVOKE INSERT, UPDATE, DELETE ON customers_customermonthlycounts FROM circe_app;
ALTER TABLE customers_customermonthlycounts SET (fillfactor = 70);
-- When a business is deleted, the constraint deletes its rows. The application itself may not delete them.
ALTER TABLE customers_customermonthlycounts
DROP CONSTRAINT IF EXISTS customermonthlycounts_tenant,
ADD CONSTRAINT customermonthlycounts_tenant FOREIGN KEY (tenant_id) REFERENCES tenants_tenant (id)
ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED;
""",
            reverse_sql="""GRANT INSERT, UPDATE, DELETE ON customers_customermonthlycounts TO circe_app;
ALTER TABLE customers_customermonthlycounts RESET (fillfactor);""",
            dependencies=[("tenants", "application_roles")],
        ),
        django_migrate_sql.operations.CreateSQL(
            name="circe_count_customers",
            sql="""-- Updates customers_customermonthlycounts: the numbers of customers of each kind that a business has, by the month (UTC) of
-- their creation. Its triggers run once for each statement that writes customers. Their argument is the sign: new rows are
-- added (1), old rows are subtracted (-1). An update does both.
CREATE OR REPLACE FUNCTION public.circe_count_customers() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    sign CONSTANT int := TG_ARGV[0];
    delta record;
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        -- In a Citus cluster the trigger also runs for each shard, and the name of a shard is longer. Only the run for
        -- the table empties the sums.
        IF TG_TABLE_NAME = 'customers_customer' THEN
            DELETE FROM public.customers_customermonthlycounts;
        END IF;
        RETURN NULL;
    END IF;

    -- A loop over months, because Citus allows no transition table in a query on a distributed table.
    FOR delta IN
        SELECT
            tenant_id,
            date_trunc('month', created_at AT TIME ZONE 'UTC')::date AS month,
            sign * count(*) FILTER (WHERE NOT is_deleted) AS total_customers,
            sign * count(*) FILTER (WHERE NOT is_deleted AND is_active) AS active_customers,
            sign * count(*) FILTER (WHERE is_deleted) AS deleted_customers,
            sign * count(*) FILTER (WHERE NOT is_deleted AND email_verified) AS verified_emails,
            sign * count(*) FILTER (WHERE NOT is_deleted AND password IS NOT NULL) AS customers_with_password,
            sign * coalesce(sum(loyalty_points) FILTER (WHERE NOT is_deleted), 0) AS total_loyalty_points,
            sign * count(*) FILTER (WHERE NOT is_deleted AND 'vip' = ANY (tags)) AS tagged_vip
        FROM changed_rows
        GROUP BY 1, 2
    LOOP
        INSERT INTO public.customers_customermonthlycounts AS counts (
            tenant_id, month, shard, total_customers, active_customers, deleted_customers, verified_emails,
            customers_with_password, total_loyalty_points, tagged_vip
        ) VALUES (
            delta.tenant_id, delta.month, circe_lock_free_shard(), delta.total_customers, delta.active_customers,
            delta.deleted_customers, delta.verified_emails, delta.customers_with_password, delta.total_loyalty_points,
            delta.tagged_vip
        )
        ON CONFLICT (tenant_id, month, shard) DO UPDATE SET
            total_customers = counts.total_customers + excluded.total_customers,
            active_customers = counts.active_customers + excluded.active_customers,
            deleted_customers = counts.deleted_customers + excluded.deleted_customers,
            verified_emails = counts.verified_emails + excluded.verified_emails,
            customers_with_password = counts.customers_with_password + excluded.customers_with_password,
            total_loyalty_points = counts.total_loyalty_points + excluded.total_loyalty_points,
            tagged_vip = counts.tagged_vip + excluded.tagged_vip;
    END LOOP;

    IF TG_OP = 'UPDATE' AND sign = 1 THEN
        PERFORM set_config('circe.customer_counts', '', true);
    END IF;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER circe_count_customers_insert AFTER INSERT ON public.customers_customer
REFERENCING NEW TABLE AS changed_rows
EXECUTE FUNCTION public.circe_count_customers('1');

CREATE OR REPLACE TRIGGER circe_count_customers_delete AFTER DELETE ON public.customers_customer
REFERENCING OLD TABLE AS changed_rows
EXECUTE FUNCTION public.circe_count_customers('-1');

CREATE OR REPLACE TRIGGER circe_count_customers_truncate AFTER TRUNCATE ON public.customers_customer
EXECUTE FUNCTION public.circe_count_customers();

-- The function runs only if an update changed one of these columns in some row. PostgreSQL runs triggers in the order of
-- their names: the last of these three resets the flag.
CREATE OR REPLACE TRIGGER circe_count_customers_update_flag
BEFORE UPDATE OF tenant_id, created_at, is_deleted, is_active, email_verified, password, loyalty_points, tags
ON public.customers_customer
FOR EACH ROW WHEN (
    (
        old.tenant_id, old.created_at, old.is_deleted, old.is_active, old.email_verified, old.password IS NULL,
        old.loyalty_points, 'vip' = ANY(old.tags)
    ) IS DISTINCT FROM (
        new.tenant_id, new.created_at, new.is_deleted, new.is_active, new.email_verified, new.password IS NULL,
        new.loyalty_points, 'vip' = ANY(new.tags)
    )
)
EXECUTE FUNCTION public.circe_flag_change('circe.customer_counts');

CREATE OR REPLACE TRIGGER circe_count_customers_update_1_old AFTER UPDATE ON public.customers_customer
REFERENCING OLD TABLE AS changed_rows
WHEN (current_setting('circe.customer_counts', true) = 'changed')
EXECUTE FUNCTION public.circe_count_customers('-1');

CREATE OR REPLACE TRIGGER circe_count_customers_update_2_new AFTER UPDATE ON public.customers_customer
REFERENCING NEW TABLE AS changed_rows
WHEN (current_setting('circe.customer_counts', true) = 'changed')
EXECUTE FUNCTION public.circe_count_customers('1');
""",
            reverse_sql="""DROP TRIGGER circe_count_customers_insert ON public.customers_customer;
DROP TRIGGER circe_count_customers_delete ON public.customers_customer;
DROP TRIGGER circe_count_customers_truncate ON public.customers_customer;
DROP TRIGGER circe_count_customers_update_flag ON public.customers_customer;
DROP TRIGGER circe_count_customers_update_1_old ON public.customers_customer;
DROP TRIGGER circe_count_customers_update_2_new ON public.customers_customer;
DROP FUNCTION public.circe_count_customers;""",
            dependencies=[("tenants", "circe_lock_free_shard"), ("tenants", "circe_flag_change")],
        ),
    ]
