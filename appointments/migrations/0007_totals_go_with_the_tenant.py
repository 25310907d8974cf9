"""What appointments add up to goes with its tenant: the application may not delete it itself."""

from django.db import migrations

CONSTRAINTS = {
    "appointments_appointmentdailytotals": "appointments_daytally_tenant_id_d91c7adf_fk_tenants_tenant_id",
    "appointments_visitcounts": "appointments_visittally_tenant_id_a7d7c861_fk_tenants_tenant_id",
    "appointments_customertotals": "appointments_custome_tenant_id_fc9b7c67_fk_tenants_t",
}


def replace(table: str, constraint: str, action: str) -> str:
    return f"""
ALTER TABLE {table}
    DROP CONSTRAINT {constraint},
    ADD CONSTRAINT {constraint}
        FOREIGN KEY (tenant_id) REFERENCES tenants_tenant (id) {action} DEFERRABLE INITIALLY DEFERRED
"""


class Migration(migrations.Migration):
    dependencies = [("appointments", "0006_appointment_days")]
    operations = [
        migrations.RunSQL(replace(table, constraint, "ON DELETE CASCADE"), replace(table, constraint, ""))
        for table, constraint in CONSTRAINTS.items()
    ]
