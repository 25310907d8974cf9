"""What a business offers, and where."""

import django.core.validators
import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

import circe.db.audit_trigger
import circe.db.fields
import circe.db.ids
import circe.db.row_level_security
import circe.db.tenant_key


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("tenants", "0001_businesses_and_accounts"),
    ]

    operations = [
        migrations.CreateModel(
            name="Outlet",
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
                ("name", circe.db.fields.ValidatedCharField(max_length=100)),
                ("address", models.CharField(blank=True, max_length=500)),
                ("is_active", models.BooleanField(default=True, verbose_name="active")),
            ],
            options={
                "ordering": ["name", "id"],
                "abstract": False,
                "indexes": [models.Index(fields=["id"], name="outlet_by_id")],
                "constraints": [
                    circe.db.audit_trigger.AuditTrigger(name="outlet_audit"),
                    circe.db.row_level_security.RowLevelSecurity(is_public=True, name="outlet_rls"),
                    circe.db.tenant_key.TenantPrimaryKey(name="outlet_tenant_id"),
                    models.UniqueConstraint(
                        condition=models.Q(("is_active", True)),
                        fields=("tenant", "name"),
                        name="outlet_name",
                        violation_error_message="Another active outlet has this name.",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Service",
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
                ("name", circe.db.fields.ValidatedCharField(max_length=100)),
                ("category", models.CharField(blank=True, max_length=50)),
                (
                    "duration_minutes",
                    models.PositiveIntegerField(
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(1439),
                        ]
                    ),
                ),
                (
                    "buffer_minutes",
                    models.PositiveIntegerField(
                        default=0,
                        help_text="Kept free after each appointment, for example to clean up.",
                        validators=[django.core.validators.MaxValueValidator(1439)],
                    ),
                ),
                (
                    "rebooking_days",
                    models.PositiveIntegerField(
                        blank=True,
                        help_text="It is due again after so many days. Empty: as the business says for all services.",
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(3650),
                        ],
                    ),
                ),
                (
                    "price",
                    models.PositiveBigIntegerField(
                        validators=[django.core.validators.MaxValueValidator(1000000000000)]
                    ),
                ),
                ("is_active", models.BooleanField(default=True, verbose_name="active")),
            ],
            options={
                "ordering": ["category", "name", "id"],
                "abstract": False,
                "indexes": [models.Index(fields=["id"], name="service_by_id")],
                "constraints": [
                    circe.db.audit_trigger.AuditTrigger(name="service_audit"),
                    circe.db.row_level_security.RowLevelSecurity(is_public=True, name="service_rls"),
                    circe.db.tenant_key.TenantPrimaryKey(name="service_tenant_id"),
                    models.UniqueConstraint(
                        condition=models.Q(("is_active", True)),
                        fields=("tenant", "name"),
                        name="service_name",
                        violation_error_message="Another active service has this name.",
                    ),
                ],
            },
        ),
    ]
