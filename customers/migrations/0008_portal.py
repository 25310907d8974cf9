"""What the portal keeps of customers who sign in."""

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
        ("customers", "0007_consents"),
        ("tenants", "0007_staff_names"),
    ]

    operations = [
        migrations.CreateModel(
            name="CustomerSession",
            fields=[
                ("id", circe.db.ids.IdField(primary_key=True, serialize=False)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                ("current_jti", models.CharField(max_length=32)),
                ("previous_jti", models.CharField(max_length=32, null=True)),
                ("rotated_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "customer",
                    circe.db.foreign_keys.TenantForeignKey(
                        db_constraint=False,
                        db_index=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="sessions",
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
                "abstract": False,
                "constraints": [
                    circe.db.row_level_security.RowLevelSecurity(
                        name="customersession_rls", subject_column="customer_id", subject_commands=("SELECT", "UPDATE")
                    ),
                    circe.db.tenant_key.TenantPrimaryKey(name="customersession_tenant_id"),
                    circe.db.foreign_keys.SameTenant(field="customer", name="customersession_customer"),
                ],
            },
        ),
        migrations.CreateModel(
            name="DeletionRequest",
            fields=[
                ("id", circe.db.ids.IdField(primary_key=True, serialize=False)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                ("requested_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("due_at", models.DateTimeField()),
                ("handled_at", models.DateTimeField(null=True)),
                (
                    "customer",
                    circe.db.foreign_keys.TenantForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="deletion_requests",
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
                "ordering": ["-requested_at", "-id"],
                "abstract": False,
                "constraints": [
                    circe.db.audit_trigger.AuditTrigger(name="deletionrequest_audit", subject_column="customer_id"),
                    circe.db.row_level_security.RowLevelSecurity(
                        name="deletionrequest_rls", subject_column="customer_id", subject_commands=("SELECT", "INSERT")
                    ),
                    circe.db.tenant_key.TenantPrimaryKey(name="deletionrequest_tenant_id"),
                    circe.db.foreign_keys.SameTenant(field="customer", name="deletionrequest_customer"),
                    models.UniqueConstraint(
                        condition=models.Q(("handled_at", None)),
                        fields=("tenant", "customer"),
                        name="deletionrequest_open",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="MailedLink",
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
                            ("register", "Register"),
                            ("reset", "Reset"),
                            ("change_email", "Change Email"),
                            ("confirm_marketing", "Confirm Marketing"),
                            ("email_changed", "Email Changed"),
                            ("invitation", "Invitation"),
                            ("staff_reset", "Staff Reset"),
                        ],
                        max_length=20,
                    ),
                ),
                ("email", models.CharField(max_length=254)),
                ("email_key", models.CharField(max_length=254)),
                ("details", models.JSONField(default=dict)),
                (
                    "staff",
                    circe.db.foreign_keys.TenantForeignKey(
                        db_constraint=False,
                        db_index=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="tenants.staff",
                    ),
                ),
                ("client_address", models.GenericIPAddressField(null=True)),
                ("token_hash", models.CharField(max_length=64, null=True)),
                ("bound_to", models.CharField(max_length=64, null=True)),
                ("expires_at", models.DateTimeField(null=True)),
                ("used_at", models.DateTimeField(null=True)),
                (
                    "customer",
                    circe.db.foreign_keys.TenantForeignKey(
                        db_constraint=False,
                        db_index=True,
                        null=True,
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
                "abstract": False,
                "indexes": [
                    models.Index(condition=models.Q(("state", "queued")), fields=["due_at"], name="mailedlink_due"),
                    models.Index(fields=["email_key", "created_at"], name="mailedlink_address"),
                    models.Index(fields=["client_address", "created_at"], name="mailedlink_client"),
                ],
                "constraints": [
                    circe.db.row_level_security.RowLevelSecurity(name="mailedlink_rls"),
                    circe.db.tenant_key.TenantPrimaryKey(name="mailedlink_tenant_id"),
                    circe.db.foreign_keys.SameTenant(field="customer", name="mailedlink_customer"),
                    circe.db.foreign_keys.SameTenant(field="staff", name="mailedlink_staff"),
                    models.UniqueConstraint(fields=("tenant", "token_hash"), name="mailedlink_token"),
                ],
            },
        ),
        django_migrate_sql.operations.CreateSQL(
            name="circe_end_customer_sessions",
            sql="""-- Ends all sessions of a customer in the portal when their password changes or is taken away, by whatever code.
CREATE OR REPLACE FUNCTION public.circe_end_customer_sessions() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    -- Citus takes no volatile function in an UPDATE.
    moment CONSTANT timestamptz := clock_timestamp();
BEGIN
    UPDATE public.customers_customersession SET ended_at = moment
    WHERE tenant_id = NEW.tenant_id AND customer_id = NEW.id AND ended_at IS NULL;
    RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER circe_end_customer_sessions AFTER UPDATE OF password ON public.customers_customer
FOR EACH ROW WHEN (old.password IS DISTINCT FROM new.password)
EXECUTE FUNCTION public.circe_end_customer_sessions();
""",
            reverse_sql="DROP TRIGGER circe_end_customer_sessions ON public.customers_customer;\nDROP FUNCTION public.circe_end_customer_sessions;",
        ),
    ]
