"""What is remembered of purged customers."""

import django.db.models.deletion
import django_migrate_sql.operations
from django.db import migrations, models

import circe.db.ids
import circe.db.row_level_security
import circe.db.tenant_key


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("customers", "0008_portal"),
        ("tenants", "0007_staff_names"),
    ]

    operations = [
        migrations.CreateModel(
            name="Tombstone",
            fields=[
                ("id", circe.db.ids.IdField(primary_key=True, serialize=False)),
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
                ("created_at", models.DateTimeField()),
                ("updated_at", models.DateTimeField()),
            ],
            options={
                "indexes": [models.Index(fields=["tenant", "updated_at", "id"], name="tombstone_changes")],
                "constraints": [
                    circe.db.row_level_security.RowLevelSecurity(name="tombstone_rls"),
                    circe.db.tenant_key.TenantPrimaryKey(name="tombstone_tenant_id"),
                ],
            },
        ),
        django_migrate_sql.operations.CreateSQL(
            name="customers_tombstone",
            sql="""-- Only a trigger writes the table.
REVOKE INSERT, UPDATE, DELETE ON customers_tombstone FROM circe_app;
-- When a business is deleted, the constraint deletes its rows. The application itself may not delete them.
ALTER TABLE customers_tombstone
DROP CONSTRAINT IF EXISTS tombstone_tenant,
ADD CONSTRAINT tombstone_tenant FOREIGN KEY (tenant_id) REFERENCES tenants_tenant (id)
ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED;
""",
            reverse_sql="GRANT INSERT, UPDATE, DELETE ON customers_tombstone TO circe_app;",
            dependencies=[("tenants", "application_roles")],
        ),
        django_migrate_sql.operations.CreateSQL(
            name="circe_leave_tombstone",
            sql="""-- Stores for 30 days which rows of a table were deleted, and when. Clients that synchronise read it. The argument of the
-- trigger is the table of the tombstones. The function runs with the rights of its owner, since the application may only
-- read that table.
CREATE OR REPLACE FUNCTION public.circe_leave_tombstone() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    deleted_at CONSTANT timestamptz := public.circe_change_time();
    deleted record;
BEGIN
    -- The ids are first taken into arrays, because Citus allows no transition table in a query on a distributed table.
    FOR deleted IN SELECT tenant_id, array_agg(id::text) AS ids FROM changed_rows GROUP BY tenant_id LOOP
        -- A row that was deleted, stored again with the same id and deleted again has one tombstone.
        EXECUTE format(
            'INSERT INTO public.%I (id, tenant_id, created_at, updated_at) '
            'SELECT id, $2, $3, $3 FROM unnest($1) AS deleted (id) '
            'ON CONFLICT (tenant_id, id) DO UPDATE SET updated_at = excluded.updated_at',
            tg_argv[0]
        ) USING deleted.ids, deleted.tenant_id, deleted_at;
        EXECUTE format('DELETE FROM public.%I WHERE tenant_id = $1 AND updated_at < $2', tg_argv[0])
        USING deleted.tenant_id, deleted_at - interval '30 days';
    END LOOP;
    RETURN NULL;
END
$$;
-- No other role may use it in a trigger: that could report rows as deleted that still exist.
REVOKE EXECUTE ON FUNCTION public.circe_leave_tombstone FROM public;

CREATE OR REPLACE TRIGGER circe_leave_tombstone AFTER DELETE ON public.customers_customer
REFERENCING OLD TABLE AS changed_rows
EXECUTE FUNCTION public.circe_leave_tombstone('customers_tombstone');
""",
            reverse_sql="""DROP TRIGGER circe_leave_tombstone ON public.customers_customer;
DROP FUNCTION public.circe_leave_tombstone;""",
            dependencies=[("tenants", "circe_change_time")],
        ),
    ]
