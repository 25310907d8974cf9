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
            sql="""-- Stores for 30 days that a customer was purged, and when. Clients that synchronise read it. It runs with the rights of
-- its owner, since the application may only read the table.
CREATE OR REPLACE FUNCTION public.circe_leave_tombstone() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    purged_at CONSTANT timestamptz := public.circe_change_time();
    purged record;
    purged_id text;
BEGIN
    -- Loops, because Citus allows no transition table in a query on a distributed table.
    FOR purged IN SELECT tenant_id, array_agg(id::text) AS ids FROM changed_rows GROUP BY tenant_id LOOP
        FOREACH purged_id IN ARRAY purged.ids LOOP
            -- A customer who was purged, imported with the same id and purged again has one tombstone.
            INSERT INTO public.customers_tombstone (id, tenant_id, created_at, updated_at)
            VALUES (purged_id, purged.tenant_id, purged_at, purged_at)
            ON CONFLICT (tenant_id, id) DO UPDATE SET updated_at = excluded.updated_at;
        END LOOP;
        DELETE FROM public.customers_tombstone
        WHERE tenant_id = purged.tenant_id AND updated_at < purged_at - interval '30 days';
    END LOOP;
    RETURN NULL;
END
$$;
-- No other role may use it in a trigger: that could report customers as purged who still exist.
REVOKE EXECUTE ON FUNCTION public.circe_leave_tombstone FROM public;

CREATE OR REPLACE TRIGGER circe_leave_tombstone AFTER DELETE ON public.customers_customer
REFERENCING OLD TABLE AS changed_rows
EXECUTE FUNCTION public.circe_leave_tombstone();
""",
            reverse_sql="""DROP TRIGGER circe_leave_tombstone ON public.customers_customer;
DROP FUNCTION public.circe_leave_tombstone;""",
            dependencies=[("tenants", "circe_change_time")],
        ),
    ]
