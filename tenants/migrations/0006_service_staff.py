"""Who offers a service."""

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

import circe.db.audit_trigger
import circe.db.fields
import circe.db.foreign_keys
import circe.db.ids
import circe.db.row_level_security
import circe.db.tenant_key


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("tenants", "0005_summary_table_functions"),
    ]

    operations = [
        migrations.CreateModel(
            name="ServiceStaff",
            fields=[
                ("id", circe.db.ids.IdField(primary_key=True, serialize=False)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "service",
                    circe.db.foreign_keys.TenantForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="tenants.service",
                    ),
                ),
                (
                    "staff",
                    circe.db.foreign_keys.TenantForeignKey(
                        db_constraint=False,
                        db_index=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="tenants.staff",
                    ),
                ),
                (
                    "tenant",
                    circe.db.fields.OwningTenantKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="tenants.tenant",
                        verbose_name="business",
                    ),
                ),
            ],
            options={
                "verbose_name": "offered service",
                "abstract": False,
                "constraints": [
                    circe.db.audit_trigger.AuditTrigger(name="servicestaff_audit"),
                    circe.db.row_level_security.RowLevelSecurity(is_public=True, name="servicestaff_rls"),
                    circe.db.tenant_key.TenantPrimaryKey(name="servicestaff_tenant_id"),
                    circe.db.foreign_keys.SameTenant(field="service", name="servicestaff_service"),
                    circe.db.foreign_keys.SameTenant(field="staff", name="servicestaff_staff"),
                    models.UniqueConstraint(fields=("tenant", "service", "staff"), name="servicestaff_once"),
                ],
            },
        ),
    ]
