"""Messages about appointments, and their texts."""

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
                    "reasons",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=50), default=list, editable=False, size=None
                    ),
                ),
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
                ("former", models.JSONField(editable=False, null=True)),
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
                    circe.db.row_level_security.RowLevelSecurity(
                        name="message_rls", subject_column="customer_id", subject_commands=("SELECT", "INSERT")
                    ),
                    circe.db.tenant_key.TenantPrimaryKey(name="message_tenant_id"),
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
                    circe.db.tenant_key.TenantPrimaryKey(name="messagetext_tenant_id"),
                    models.UniqueConstraint(
                        fields=("tenant", "kind", "language"),
                        name="messagetext_once",
                        violation_error_message="There is a text of this kind in this language.",
                    ),
                ],
            },
        ),
        django_migrate_sql.operations.CreateSQL(
            name="circe_count_changes",
            sql="""-- Counts in `sequence` each change of an appointment of which its customer has to be told: another time, person, outlet or
-- service, another customer, or that it takes place after all. If a statement itself writes a higher `sequence`, it has
-- counted the change already. A trigger counts, so that changes by raw SQL are counted too.
CREATE OR REPLACE FUNCTION public.circe_count_changes() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    NEW.sequence := OLD.sequence + 1;
    RETURN NEW;
END
$$;
CREATE OR REPLACE TRIGGER circe_count_changes BEFORE UPDATE ON public.appointments_appointment
FOR EACH ROW WHEN (
    new.sequence <= old.sequence
    AND (
        (new.appointment_date, new.start_time, new.end_time, new.staff_id, new.outlet_id, new.service_id)
        IS DISTINCT FROM
        (old.appointment_date, old.start_time, old.end_time, old.staff_id, old.outlet_id, old.service_id)
        OR new.customer_id <> old.customer_id
        OR old.status = 'cancelled' AND new.status IN ('pending', 'confirmed', 'in_progress')
    )
) EXECUTE FUNCTION public.circe_count_changes();
""",
            reverse_sql="DROP TRIGGER circe_count_changes ON public.appointments_appointment;\nDROP FUNCTION public.circe_count_changes;",
        ),
        django_migrate_sql.operations.CreateSQL(
            name="circe_queue_message",
            sql="""-- Queues a message to the customer when an appointment is confirmed, changed or cancelled, if the business sends messages of
-- this kind and the appointment lies in the future. If another customer gets the appointment, the customer who had it is
-- told that it is cancelled. `former` keeps the appointment as this customer knew it, since they must not learn the new
-- time. A trigger queues, so that API, back office, portal and raw SQL do the same. The function has the rights of the
-- role that books, so row-level security limits it too.
CREATE OR REPLACE FUNCTION public.circe_queue_message() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    has_new_customer CONSTANT boolean := TG_OP = 'UPDATE' AND OLD.customer_id IS DISTINCT FROM NEW.customer_id;
    -- A customer is told once that an appointment is confirmed, when it is booked or later. A confirmation is sent again if
    -- a cancelled appointment takes place after all, or if another customer gets it.
    message_kind CONSTANT text := CASE
        WHEN NEW.status = 'cancelled'
            THEN CASE WHEN OLD.status IN ('pending', 'confirmed') AND NOT has_new_customer THEN 'cancellation' END
        WHEN NEW.status <> 'confirmed' THEN NULL
        WHEN TG_OP = 'INSERT' OR OLD.status IN ('pending', 'cancelled') THEN 'confirmation'
        WHEN has_new_customer THEN 'confirmation'
        WHEN OLD.sequence <> NEW.sequence THEN 'change'
    END;
    former_kind CONSTANT text := CASE
        WHEN has_new_customer AND NEW.customer_id IS NOT NULL AND OLD.status IN ('pending', 'confirmed')
            THEN 'cancellation'
    END;
BEGIN
    INSERT INTO public.appointments_message (
        id, tenant_id, customer_id, appointment_id, kind, sequence, former, channel, state, due_at, attempts, reasons,
        created_at, updated_at
    )
    SELECT
        circe_new_id(), NEW.tenant_id, told.customer_id, NEW.id, told.kind, told.sequence, told.former, 'email', 'queued',
        clock_timestamp(), 0, '{}', clock_timestamp(), clock_timestamp()
    FROM public.tenants_tenant AS tenant
    CROSS JOIN (
        VALUES
        (OLD.customer_id, former_kind, OLD.sequence, OLD.appointment_date + OLD.start_time, jsonb_build_object(
            'appointment_date', OLD.appointment_date, 'start_time', OLD.start_time, 'end_time', OLD.end_time,
            'service_id', OLD.service_id, 'staff_id', OLD.staff_id, 'outlet_id', OLD.outlet_id
        )),
        (NEW.customer_id, message_kind, NEW.sequence, NEW.appointment_date + NEW.start_time, NULL)
    ) AS told (customer_id, kind, sequence, starts_at, former)
    WHERE tenant.id = NEW.tenant_id
        AND told.customer_id IS NOT NULL
        AND CASE told.kind
            WHEN 'confirmation' THEN tenant.sends_confirmations
            WHEN 'change' THEN tenant.sends_changes
            WHEN 'cancellation' THEN tenant.sends_cancellations
        END
        AND told.starts_at AT TIME ZONE tenant.time_zone > now()
    ON CONFLICT (tenant_id, appointment_id, kind, sequence) DO NOTHING;
    RETURN NULL;
END
$$;

-- With these conditions the function is not called for rows that are past, nor for walk-ins without a name. The day before
-- current_date counts too, since it may not be over in the time zone of the business.
CREATE OR REPLACE TRIGGER circe_queue_message_insert AFTER INSERT ON public.appointments_appointment
FOR EACH ROW WHEN (
    new.status = 'confirmed' AND new.customer_id IS NOT NULL AND new.appointment_date >= current_date - 1
)
EXECUTE FUNCTION public.circe_queue_message();

CREATE OR REPLACE TRIGGER circe_queue_message_update AFTER UPDATE ON public.appointments_appointment
FOR EACH ROW WHEN (
    new.customer_id IS NOT NULL
    AND greatest(old.appointment_date, new.appointment_date) >= current_date - 1
    AND (
        new.status IN ('confirmed', 'cancelled')
        AND (new.status, new.sequence, new.customer_id) IS DISTINCT FROM (old.status, old.sequence, old.customer_id)
        OR old.customer_id <> new.customer_id
    )
)
EXECUTE FUNCTION public.circe_queue_message();
""",
            reverse_sql="DROP TRIGGER circe_queue_message_insert ON public.appointments_appointment;\nDROP TRIGGER circe_queue_message_update ON public.appointments_appointment;\nDROP FUNCTION public.circe_queue_message;",
            dependencies=[("customers", "circe_new_id")],
        ),
    ]
