"""Messages about appointments, and their texts."""

import django.contrib.postgres.fields
import django.core.validators
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
        ("appointments", "0004_working_hours"),
        ("customers", "0008_portal"),
        ("tenants", "0007_staff_names"),
    ]

    operations = [
        migrations.CreateModel(
            name="Message",
            fields=[
                ("id", circe.db.ids.IdField(primary_key=True, serialize=False)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("queued", "Queued"),
                            ("sending", "Sending"),
                            ("sent", "Sent"),
                            ("skipped", "Skipped"),
                            ("failed", "Failed"),
                            ("unknown", "Unknown"),
                        ],
                        default="queued",
                        editable=False,
                        max_length=10,
                    ),
                ),
                ("due_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("attempts", models.PositiveSmallIntegerField(default=0, editable=False)),
                ("claimed_at", models.DateTimeField(editable=False, null=True)),
                ("sent_at", models.DateTimeField(editable=False, null=True)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("confirmation", "Confirmation"),
                            ("change", "Change"),
                            ("cancellation", "Cancellation"),
                            ("reminder", "Reminder"),
                        ],
                        max_length=20,
                    ),
                ),
                ("sequence", models.PositiveIntegerField()),
                (
                    "channel",
                    models.CharField(
                        choices=[
                            ("email", "e-mail"),
                            ("sms", "SMS"),
                            ("push", "push notification"),
                            ("whatsapp", "WhatsApp"),
                        ],
                        default="email",
                        max_length=10,
                    ),
                ),
                ("language", models.CharField(editable=False, max_length=35, null=True)),
                (
                    "reasons",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=50), default=list, editable=False, size=None
                    ),
                ),
                (
                    "appointment",
                    circe.db.foreign_keys.TenantForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="appointments.appointment",
                    ),
                ),
                (
                    "customer",
                    circe.db.foreign_keys.TenantForeignKey(
                        db_constraint=False,
                        db_index=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
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
                "ordering": ["-created_at", "-id"],
                "abstract": False,
                "indexes": [
                    models.Index(condition=models.Q(("state", "queued")), fields=["due_at"], name="message_due"),
                    models.Index(fields=["tenant", "-created_at", "-id"], name="message_newest"),
                ],
                "constraints": [
                    circe.db.audit_trigger.AuditTrigger(name="message_audit", subject_column="customer_id"),
                    circe.db.row_level_security.RowLevelSecurity(
                        name="message_rls", subject_column="customer_id", subject_commands=("SELECT", "INSERT")
                    ),
                    models.UniqueConstraint(fields=("tenant", "id"), name="message_tenant_id"),
                    circe.db.foreign_keys.SameTenant(field="customer", name="message_customer"),
                    circe.db.foreign_keys.SameTenant(field="appointment", name="message_appointment"),
                    models.UniqueConstraint(
                        fields=("tenant", "appointment", "kind", "sequence"), name="message_at_most_once"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="MessageText",
            fields=[
                ("id", circe.db.ids.IdField(primary_key=True, serialize=False)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("confirmation", "Confirmation"),
                            ("change", "Change"),
                            ("cancellation", "Cancellation"),
                            ("reminder", "Reminder"),
                        ],
                        max_length=20,
                    ),
                ),
                (
                    "language",
                    models.CharField(
                        max_length=35,
                        validators=[
                            django.core.validators.RegexValidator(
                                "\\A[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}\\Z",
                                "A language is a tag such as en, id or pt-BR.",
                                code="invalid",
                            )
                        ],
                    ),
                ),
                ("subject", models.CharField(max_length=200)),
                ("body", models.TextField(max_length=5000)),
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
                "ordering": ["kind", "language"],
                "abstract": False,
                "constraints": [
                    circe.db.audit_trigger.AuditTrigger(name="messagetext_audit"),
                    circe.db.row_level_security.RowLevelSecurity(name="messagetext_rls"),
                    models.UniqueConstraint(fields=("tenant", "id"), name="messagetext_tenant_id"),
                    models.UniqueConstraint(
                        fields=("tenant", "kind", "language"),
                        name="messagetext_once",
                        violation_error_message="There is a text of this kind in this language.",
                    ),
                ],
            },
        ),
    ]
