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
        ("customers", "0009_tombstones"),
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
            sql="""CREATE OR REPLACE TRIGGER circe_leave_appointment_tombstone AFTER DELETE ON public.appointments_appointment
REFERENCING OLD TABLE AS changed_rows
EXECUTE FUNCTION public.circe_leave_tombstone('appointments_appointmenttombstone');
""",
            reverse_sql="DROP TRIGGER circe_leave_appointment_tombstone ON public.appointments_appointment;",
            dependencies=[("customers", "circe_leave_tombstone")],
        ),
    ]
