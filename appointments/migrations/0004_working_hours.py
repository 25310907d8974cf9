"""When staff works, and when staff or an outlet is away."""

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
        ("appointments", "0003_totals"),
        ("tenants", "0006_service_staff"),
    ]

    operations = [
        migrations.CreateModel(
            name="TimeOff",
            fields=[
                ("id", circe.db.ids.IdField(primary_key=True, serialize=False)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                ("local_start", circe.db.fields.LocalDateTimeField(verbose_name="start")),
                ("local_end", circe.db.fields.LocalDateTimeField(verbose_name="end")),
                ("reason", models.CharField(blank=True, max_length=200)),
                (
                    "outlet",
                    circe.db.foreign_keys.TenantForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="tenants.outlet",
                    ),
                ),
                (
                    "staff",
                    circe.db.foreign_keys.TenantForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
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
                "verbose_name": "time off",
                "verbose_name_plural": "time off",
                "ordering": ["local_start", "id"],
                "abstract": False,
                "indexes": [
                    models.Index(fields=["id"], name="timeoff_by_id"),
                    models.Index(fields=["tenant", "local_end"], name="timeoff_end"),
                    models.Index(fields=["tenant", "staff", "local_end"], name="timeoff_end_of_staff"),
                    models.Index(fields=["tenant", "outlet", "local_end"], name="timeoff_end_of_outlet"),
                ],
                "constraints": [
                    circe.db.audit_trigger.AuditTrigger(name="timeoff_audit"),
                    circe.db.row_level_security.RowLevelSecurity(name="timeoff_rls"),
                    circe.db.tenant_key.TenantPrimaryKey(name="timeoff_tenant_id"),
                    circe.db.foreign_keys.SameTenant(field="staff", name="timeoff_staff"),
                    circe.db.foreign_keys.SameTenant(field="outlet", name="timeoff_outlet"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("outlet__isnull", False), ("staff", None)),
                            models.Q(("outlet", None), ("staff__isnull", False)),
                            _connector="OR",
                        ),
                        name="timeoff_of_staff_or_outlet",
                        violation_error_message="Time off is of one member of staff or of one outlet.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("local_start__lt", models.F("local_end"))),
                        name="timeoff_has_length",
                        violation_error_message="Time off ends after it starts.",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="WorkingHours",
            fields=[
                ("id", circe.db.ids.IdField(primary_key=True, serialize=False)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "weekday",
                    models.PositiveSmallIntegerField(
                        choices=[
                            (0, "Monday"),
                            (1, "Tuesday"),
                            (2, "Wednesday"),
                            (3, "Thursday"),
                            (4, "Friday"),
                            (5, "Saturday"),
                            (6, "Sunday"),
                        ]
                    ),
                ),
                ("start_time", models.TimeField()),
                ("end_time", models.TimeField()),
                ("valid_from", models.DateField(blank=True, null=True)),
                ("valid_to", models.DateField(blank=True, null=True)),
                (
                    "outlet",
                    circe.db.foreign_keys.TenantForeignKey(
                        db_constraint=False,
                        db_index=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="tenants.outlet",
                    ),
                ),
                (
                    "staff",
                    circe.db.foreign_keys.TenantForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
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
                "verbose_name": "working hours",
                "verbose_name_plural": "working hours",
                "ordering": ["weekday", "start_time", "valid_from", "id"],
                "abstract": False,
                "indexes": [models.Index(fields=["tenant", "staff"], name="workinghours_of_staff")],
                "constraints": [
                    circe.db.audit_trigger.AuditTrigger(name="workinghours_audit"),
                    circe.db.row_level_security.RowLevelSecurity(name="workinghours_rls"),
                    circe.db.tenant_key.TenantPrimaryKey(name="workinghours_tenant_id"),
                    circe.db.foreign_keys.SameTenant(field="staff", name="workinghours_staff"),
                    circe.db.foreign_keys.SameTenant(field="outlet", name="workinghours_outlet"),
                    models.CheckConstraint(
                        condition=models.Q(("start_time", models.F("end_time")), _negated=True),
                        name="workinghours_have_length",
                        violation_error_message="Working hours can't end when they start.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("weekday__range", (0, 6))), name="workinghours_weekday_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("valid_from", None),
                            ("valid_to", None),
                            ("valid_from__lte", models.F("valid_to")),
                            _connector="OR",
                        ),
                        name="workinghours_validity_in_order",
                        violation_error_message="valid_from is after valid_to.",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="StaffWithHours",
            fields=[],
            options={
                "verbose_name": "working hours",
                "verbose_name_plural": "working hours",
                "ordering": ["first_name", "last_name", "id"],
                "proxy": True,
                "indexes": [],
                "constraints": [],
            },
            bases=("tenants.staff",),
        ),
    ]
