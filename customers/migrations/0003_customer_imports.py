"""Files that are uploaded to be imported."""

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

import circe.db.fields
import circe.db.foreign_keys
import circe.db.ids
import circe.db.row_level_security
import circe.db.tenant_key


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("customers", "0002_customers"),
    ]

    operations = [
        migrations.CreateModel(
            name="CustomerImport",
            fields=[
                ("id", circe.db.ids.IdField(primary_key=True, serialize=False)),
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
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                ("file_name", models.CharField(max_length=255)),
                (
                    "update",
                    models.BooleanField(default=False, verbose_name="also change customers who are there already"),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("uploaded", "Uploaded"),
                            ("checked", "Checked"),
                            ("importing", "Importing"),
                            ("done", "Done"),
                        ],
                        default="uploaded",
                        max_length=20,
                    ),
                ),
                ("summary", models.JSONField(null=True)),
                ("header", models.JSONField(default=list)),
                ("examination", models.JSONField(default=list)),
                ("columns", models.JSONField(default=dict)),
                ("day_order", models.CharField(blank=True, max_length=20)),
                ("needs_columns", models.BooleanField(default=False)),
                ("last_active_at", models.DateTimeField(null=True)),
            ],
            options={
                "abstract": False,
                "constraints": [
                    circe.db.row_level_security.RowLevelSecurity(name="customerimport_rls"),
                    circe.db.tenant_key.TenantPrimaryKey(name="customerimport_tenant_id"),
                ],
            },
        ),
        migrations.CreateModel(
            name="ImportPart",
            fields=[
                ("id", circe.db.ids.IdField(primary_key=True, serialize=False)),
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
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "upload",
                    circe.db.foreign_keys.TenantForeignKey(
                        db_constraint=False,
                        db_index=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="customers.customerimport",
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[("file", "File"), ("refused", "Refused"), ("omitted", "Omitted")], max_length=10
                    ),
                ),
                ("position", models.PositiveIntegerField()),
                ("data", models.BinaryField()),
            ],
            options={
                "ordering": ["position"],
                "abstract": False,
                "constraints": [
                    circe.db.row_level_security.RowLevelSecurity(name="importpart_rls"),
                    circe.db.tenant_key.TenantPrimaryKey(name="importpart_tenant_id"),
                    models.UniqueConstraint(fields=("tenant", "upload", "kind", "position"), name="importpart_once"),
                    circe.db.foreign_keys.SameTenant(field="upload", name="importpart_upload"),
                ],
            },
        ),
        migrations.CreateModel(
            name="ColumnMapping",
            fields=[
                ("id", circe.db.ids.IdField(primary_key=True, serialize=False)),
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
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                ("header_digest", models.CharField(max_length=64)),
                ("columns", models.JSONField(default=dict)),
                ("day_order", models.CharField(blank=True, max_length=20)),
            ],
            options={
                "abstract": False,
                "constraints": [
                    circe.db.row_level_security.RowLevelSecurity(name="columnmapping_rls"),
                    circe.db.tenant_key.TenantPrimaryKey(name="columnmapping_tenant_id"),
                    models.UniqueConstraint(fields=("tenant", "header_digest"), name="columnmapping_header"),
                ],
            },
        ),
    ]
