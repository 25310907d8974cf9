"""What is remembered of deleted appointments."""

import django.db.models.deletion
import django_migrate_sql.operations
from django.db import migrations, models

import circe.db.ids
import circe.db.row_level_security
import circe.db.tenant_key


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("appointments", "0005_messages"),
        ("tenants", "0008_closed_to_customers"),
    ]

    operations = [
        migrations.CreateModel(
            name="AppointmentTombstone",
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
                "indexes": [models.Index(fields=["tenant", "updated_at", "id"], name="appointment_tombstone_changes")],
                "constraints": [
                    circe.db.row_level_security.RowLevelSecurity(name="appointmenttombstone_rls"),
                    circe.db.tenant_key.TenantPrimaryKey(name="appointmenttombstone_tenant_id"),
                ],
            },
        ),
        django_migrate_sql.operations.CreateSQL(
            name="appointments_appointmenttombstone",
            sql="""-- Only a trigger writes the table.
REVOKE INSERT, UPDATE, DELETE ON appointments_appointmenttombstone FROM circe_app;
-- When a business is deleted, the constraint deletes its rows. The application itself may not delete them.
ALTER TABLE appointments_appointmenttombstone
DROP CONSTRAINT IF EXISTS appointment_tombstone_tenant,
ADD CONSTRAINT appointment_tombstone_tenant FOREIGN KEY (tenant_id) REFERENCES tenants_tenant (id)
ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED;
""",
            reverse_sql="GRANT INSERT, UPDATE, DELETE ON appointments_appointmenttombstone TO circe_app;",
            dependencies=[("tenants", "application_roles")],
        ),
        django_migrate_sql.operations.CreateSQL(
            name="circe_leave_appointment_tombstone",
            sql="""-- Stores for 30 days that an appointment was deleted, and when. Clients that synchronise read it. It runs with the
-- rights of its owner, since the application may only read the table.
CREATE OR REPLACE FUNCTION public.circe_leave_appointment_tombstone() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    deleted_at CONSTANT timestamptz := public.circe_change_time();
    deleted record;
    deleted_id text;
BEGIN
    -- Loops, because Citus allows no transition table in a query on a distributed table.
    FOR deleted IN SELECT tenant_id, array_agg(id::text) AS ids FROM changed_rows GROUP BY tenant_id LOOP
        FOREACH deleted_id IN ARRAY deleted.ids LOOP
            -- One that was deleted, stored again with the same id and deleted again has one tombstone.
            INSERT INTO public.appointments_appointmenttombstone (id, tenant_id, created_at, updated_at)
            VALUES (deleted_id, deleted.tenant_id, deleted_at, deleted_at)
            ON CONFLICT (tenant_id, id) DO UPDATE SET updated_at = excluded.updated_at;
        END LOOP;
        DELETE FROM public.appointments_appointmenttombstone
        WHERE tenant_id = deleted.tenant_id AND updated_at < deleted_at - interval '30 days';
    END LOOP;
    RETURN NULL;
END
$$;
-- No other role may use it in a trigger: that could report appointments as deleted that still exist.
REVOKE EXECUTE ON FUNCTION public.circe_leave_appointment_tombstone FROM public;

CREATE OR REPLACE TRIGGER circe_leave_appointment_tombstone AFTER DELETE ON public.appointments_appointment
REFERENCING OLD TABLE AS changed_rows
EXECUTE FUNCTION public.circe_leave_appointment_tombstone();
""",
            reverse_sql="""DROP TRIGGER circe_leave_appointment_tombstone ON public.appointments_appointment;
DROP FUNCTION public.circe_leave_appointment_tombstone;""",
            dependencies=[("tenants", "circe_change_time")],
        ),
    ]
