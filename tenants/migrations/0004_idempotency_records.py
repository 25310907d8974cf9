"""The stored answers of requests with an Idempotency-Key."""

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import circe.db.fields
import circe.db.ids
import circe.db.row_level_security
import circe.db.tenant_key


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("tenants", "0003_audit_trail"),
    ]

    operations = [
        migrations.CreateModel(
            name="IdempotencyRecord",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "tenant",
                    circe.db.fields.OwningTenantKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="tenants.tenant",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="idempotency_records",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("customer_id", circe.db.ids.IdField(default=None, null=True)),
                ("key", models.CharField(max_length=255)),
                ("fingerprint", models.CharField(max_length=64)),
                ("row_id", circe.db.ids.IdField(db_index=True, default=None, null=True)),
                ("status", models.PositiveSmallIntegerField()),
                ("headers", models.JSONField()),
                ("body", models.TextField()),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                "indexes": [models.Index(fields=["tenant", "created_at"], name="idempotencyrecord_age")],
                "constraints": [
                    circe.db.row_level_security.RowLevelSecurity(
                        name="idempotencyrecord_rls",
                        subject_column="customer_id",
                        subject_commands=("SELECT", "INSERT", "UPDATE", "DELETE"),
                    ),
                    circe.db.tenant_key.TenantPrimaryKey(name="idempotencyrecord_tenant_id"),
                    models.UniqueConstraint(fields=("user", "key", "tenant"), name="idempotencyrecord_user_key"),
                    models.UniqueConstraint(
                        fields=("tenant", "customer_id", "key"), name="idempotencyrecord_customer_key"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("customer_id__isnull", False), ("user", None)),
                            models.Q(("customer_id", None), ("user__isnull", False)),
                            _connector="OR",
                        ),
                        name="idempotencyrecord_of_one",
                    ),
                ],
            },
        ),
    ]
