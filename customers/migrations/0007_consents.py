"""The ledger of consents."""

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

import circe.db.audit_trigger
import circe.db.fields
import circe.db.foreign_keys
import circe.db.ids
import circe.db.row_level_security


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("customers", "0006_name_keys"),
        ("tenants", "0007_staff_names"),
    ]

    operations = [
        migrations.CreateModel(
            name="Consent",
            fields=[
                ("id", circe.db.ids.IdField(primary_key=True, serialize=False)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "channel",
                    models.CharField(
                        choices=[
                            ("email", "e-mail"),
                            ("sms", "SMS"),
                            ("push", "push notification"),
                            ("whatsapp", "WhatsApp"),
                        ],
                        max_length=10,
                    ),
                ),
                (
                    "purpose",
                    models.CharField(choices=[("service", "Service"), ("marketing", "Marketing")], max_length=10),
                ),
                (
                    "state",
                    models.CharField(choices=[("granted", "Granted"), ("withdrawn", "Withdrawn")], max_length=10),
                ),
                (
                    "source",
                    models.CharField(
                        choices=[
                            ("reception", "Reception"),
                            ("portal", "Portal"),
                            ("import", "Import"),
                            ("link", "Link"),
                            ("paper", "Paper"),
                        ],
                        max_length=10,
                    ),
                ),
                ("text_version", models.CharField(blank=True, max_length=50, null=True)),
                ("evidence", models.CharField(blank=True, max_length=500, null=True)),
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
                ("recorded_by", models.CharField(editable=False, max_length=24, null=True)),
                (
                    "customer",
                    circe.db.foreign_keys.TenantForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="consents",
                        to="customers.customer",
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
                "ordering": ["-at", "-id"],
                "abstract": False,
                "indexes": [
                    models.Index(
                        fields=["tenant", "customer", "purpose", "channel", "-at", "-id"], name="consent_latest"
                    )
                ],
                "constraints": [
                    circe.db.audit_trigger.AuditTrigger(name="consent_audit", subject_column="customer_id"),
                    circe.db.row_level_security.RowLevelSecurity(
                        name="consent_rls", subject_column="customer_id", subject_commands=("SELECT", "INSERT")
                    ),
                    models.UniqueConstraint(fields=("tenant", "id"), name="consent_tenant_id"),
                    circe.db.foreign_keys.SameTenant(field="customer", name="consent_customer"),
                    models.CheckConstraint(
                        condition=models.Q(("channel__in", ["email", "sms", "push", "whatsapp"])),
                        name="consent_channel_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("purpose__in", ["service", "marketing"])), name="consent_purpose_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["granted", "withdrawn"])), name="consent_state_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("source__in", ["reception", "portal", "import", "link", "paper"])),
                        name="consent_source_known",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="MarketingBlock",
            fields=[
                ("id", circe.db.ids.IdField(primary_key=True, serialize=False)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                ("address_hash", models.CharField(max_length=64)),
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
                "abstract": False,
                "constraints": [
                    circe.db.row_level_security.RowLevelSecurity(name="marketingblock_rls"),
                    models.UniqueConstraint(fields=("tenant", "id"), name="marketingblock_tenant_id"),
                    models.UniqueConstraint(fields=("tenant", "address_hash"), name="marketingblock_once"),
                ],
            },
        ),
    ]
