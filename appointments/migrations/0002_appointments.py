"""Appointments."""

import datetime

import django.contrib.postgres.constraints
import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
import django.utils.timezone
import django_migrate_sql.operations
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
        ("appointments", "0001_occupied_function"),
        ("customers", "0002_customers"),
    ]

    operations = [
        migrations.CreateModel(
            name="Appointment",
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
                    "outlet",
                    circe.db.foreign_keys.TenantForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="tenants.outlet",
                    ),
                ),
                (
                    "customer",
                    circe.db.foreign_keys.TenantForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="appointments",
                        to="customers.customer",
                    ),
                ),
                (
                    "staff",
                    circe.db.foreign_keys.TenantForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="tenants.staff",
                    ),
                ),
                (
                    "service",
                    circe.db.foreign_keys.TenantForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="tenants.service",
                    ),
                ),
                (
                    "appointment_date",
                    models.DateField(
                        validators=[
                            django.core.validators.MinValueValidator(datetime.date(1900, 1, 1)),
                            django.core.validators.MaxValueValidator(datetime.date(2999, 12, 31)),
                        ]
                    ),
                ),
                ("start_time", models.TimeField()),
                ("end_time", models.TimeField()),
                ("buffer_minutes", models.PositiveIntegerField(default=0, editable=False)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("pending", "Pending"),
                            ("confirmed", "Confirmed"),
                            ("in_progress", "In progress"),
                            ("completed", "Completed"),
                            ("cancelled", "Cancelled"),
                            ("no_show", "No-show"),
                        ],
                        default="pending",
                        max_length=20,
                    ),
                ),
                (
                    "total_price",
                    models.PositiveBigIntegerField(
                        validators=[django.core.validators.MaxValueValidator(1000000000000)]
                    ),
                ),
                ("notes", models.CharField(blank=True, max_length=2000, null=True)),
                ("status_reason", models.CharField(blank=True, editable=False, max_length=500, null=True)),
                (
                    "payment_status",
                    models.CharField(
                        choices=[
                            ("unpaid", "Unpaid"),
                            ("partially_paid", "Partially paid"),
                            ("paid", "Paid"),
                            ("refunded", "Refunded"),
                        ],
                        default="unpaid",
                        max_length=20,
                    ),
                ),
                (
                    "payment_method",
                    models.CharField(
                        blank=True,
                        choices=[("cash", "Cash"), ("card", "Card"), ("transfer", "Transfer"), ("wallet", "Wallet")],
                        max_length=20,
                        null=True,
                    ),
                ),
                (
                    "paid_amount",
                    models.PositiveBigIntegerField(
                        default=0, validators=[django.core.validators.MaxValueValidator(1000000000000)]
                    ),
                ),
                ("sequence", models.PositiveIntegerField(default=0, editable=False)),
                ("is_walk_in", models.BooleanField(default=False, editable=False)),
                ("arrived_at", models.DateTimeField(editable=False, null=True)),
                ("changed_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "overrides",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(
                            choices=[("hours", "Hours"), ("service", "Service")], max_length=10
                        ),
                        default=list,
                        editable=False,
                        size=None,
                    ),
                ),
            ],
            options={
                "ordering": ["-appointment_date", "-start_time", "-id"],
                "abstract": False,
                "indexes": [
                    models.Index(fields=["id"], name="appointment_by_id"),
                    models.Index(
                        fields=["tenant", "customer", "-appointment_date", "-start_time", "-id"],
                        name="appointment_history",
                    ),
                    models.Index(
                        condition=models.Q(("status__in", ("pending", "confirmed", "in_progress"))),
                        fields=["tenant", "staff", "appointment_date"],
                        include=("start_time", "end_time", "buffer_minutes"),
                        name="appointment_staff_day",
                    ),
                    models.Index(
                        fields=["tenant", "appointment_date"],
                        include=("customer", "status", "total_price"),
                        name="appointment_day",
                    ),
                    models.Index(fields=["tenant", "changed_at", "id"], name="appointment_changes"),
                    models.Index(fields=["tenant", "staff", "appointment_date"], name="appointment_of_staff"),
                    models.Index(fields=["tenant", "outlet", "appointment_date"], name="appointment_of_outlet"),
                    models.Index(fields=["tenant", "service", "appointment_date"], name="appointment_of_service"),
                    models.Index(fields=["tenant", "status", "appointment_date"], name="appointment_of_status"),
                ],
                "constraints": [
                    circe.db.audit_trigger.AuditTrigger(
                        name="appointment_audit",
                        subject_column="customer_id",
                        about_subject=("notes", "status_reason"),
                    ),
                    circe.db.row_level_security.RowLevelSecurity(
                        name="appointment_rls",
                        subject_column="customer_id",
                        subject_commands=("SELECT", "INSERT", "UPDATE"),
                    ),
                    circe.db.tenant_key.TenantPrimaryKey(name="appointment_tenant_id"),
                    circe.db.foreign_keys.SameTenant(field="outlet", name="appointment_outlet"),
                    circe.db.foreign_keys.SameTenant(field="customer", name="appointment_customer"),
                    circe.db.foreign_keys.SameTenant(field="staff", name="appointment_staff"),
                    circe.db.foreign_keys.SameTenant(field="service", name="appointment_service"),
                    models.CheckConstraint(
                        condition=models.Q(("start_time", models.F("end_time")), _negated=True),
                        name="appointment_has_length",
                        violation_error_message="An appointment can't end when it starts.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("appointment_date__range", (datetime.date(1900, 1, 1), datetime.date(2999, 12, 31)))
                        ),
                        name="appointment_day_possible",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("status__in", ["pending", "confirmed", "in_progress", "completed", "cancelled", "no_show"])
                        ),
                        name="appointment_status_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("is_walk_in", False), ("customer", None), _connector="OR"),
                        name="appointment_walk_in_has_no_customer",
                    ),
                    django.contrib.postgres.constraints.ExclusionConstraint(
                        condition=models.Q(("status__in", ("pending", "confirmed", "in_progress"))),
                        expressions=[
                            ("tenant", "="),
                            ("staff", "="),
                            (
                                models.Func(
                                    models.F("appointment_date"),
                                    models.F("start_time"),
                                    models.F("end_time"),
                                    models.F("buffer_minutes"),
                                    function="circe_occupied",
                                ),
                                "&&",
                            ),
                        ],
                        name="appointment_no_double_booking",
                        violation_error_message="This member of staff has another appointment at that time.",
                    ),
                ],
            },
        ),
        django_migrate_sql.operations.CreateSQL(
            name="circe_set_appointment_changed_and_updated_at",
            sql="""CREATE OR REPLACE TRIGGER circe_set_appointment_changed_and_updated_at
BEFORE INSERT OR UPDATE ON public.appointments_appointment
FOR EACH ROW EXECUTE FUNCTION public.circe_set_changed_and_updated_at();
""",
            reverse_sql="""DROP TRIGGER circe_set_appointment_changed_and_updated_at ON public.appointments_appointment;""",
            dependencies=[("tenants", "circe_set_changed_and_updated_at")],
        ),
        django_migrate_sql.operations.CreateSQL(
            name="circe_clear_appointment_events",
            sql="""-- Removes from the events of a deleted customer's appointments the id of the customer, the notes and the reasons of a
-- status. The other values of the events stay, as the appointments do. The function runs with the rights of its owner,
-- since the application may only read the audit trail.
CREATE OR REPLACE FUNCTION public.circe_clear_appointment_events() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    appointments CONSTANT text[] := ARRAY(
        SELECT DISTINCT row_id FROM public.tenants_auditevent
        WHERE tenant_id = OLD.tenant_id AND customer_id = OLD.id AND "table" = 'appointment'
    );
BEGIN
    -- A walk-in may have been given to the customer later. Its first events name no customer. The planner may not look them
    -- up by `customer_id IS NULL`, since each purge makes more events that name no customer.
    UPDATE public.tenants_auditevent
    SET before = before - '{notes,status_reason}'::text[],
        after = after - '{notes,status_reason}'::text[]
    WHERE tenant_id = OLD.tenant_id AND row_id = ANY(appointments) AND num_nulls(customer_id) = 1
        AND "table" = 'appointment';
    UPDATE public.tenants_auditevent
    SET before = before - '{customer_id,notes,status_reason}'::text[],
        after = after - '{customer_id,notes,status_reason}'::text[],
        customer_id = NULL
    WHERE tenant_id = OLD.tenant_id AND customer_id = OLD.id AND action <> 'refused' AND "table" = 'appointment';
    RETURN NULL;
END
$$;
-- No other role may use it in a trigger: that could clear the events of customers who still exist.
REVOKE EXECUTE ON FUNCTION public.circe_clear_appointment_events FROM public;

CREATE OR REPLACE TRIGGER circe_clear_appointment_events AFTER DELETE ON public.customers_customer
FOR EACH ROW EXECUTE FUNCTION public.circe_clear_appointment_events();
""",
            reverse_sql="""DROP TRIGGER circe_clear_appointment_events ON public.customers_customer;
DROP FUNCTION public.circe_clear_appointment_events;""",
        ),
    ]
