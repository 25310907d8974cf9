"""Customers and their favourites."""

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
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
        ("customers", "0001_search_functions"),
        ("tenants", "0005_summary_table_functions"),
    ]

    operations = [
        migrations.CreateModel(
            name="Customer",
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
                ("first_name", circe.db.fields.ValidatedCharField(max_length=100)),
                ("last_name", circe.db.fields.ValidatedCharField(blank=True, max_length=100, null=True)),
                (
                    "email",
                    circe.db.fields.ValidatedCharField(blank=True, max_length=254, null=True, verbose_name="e-mail"),
                ),
                ("email_key", models.CharField(editable=False, max_length=254, null=True)),
                ("email_verified", models.BooleanField(default=False, verbose_name="e-mail verified")),
                ("phone", circe.db.fields.ValidatedCharField(blank=True, max_length=32, null=True)),
                ("phone_verified", models.BooleanField(default=False)),
                ("pending_phone", models.CharField(editable=False, max_length=32, null=True)),
                ("password", models.CharField(editable=False, max_length=255, null=True)),
                (
                    "gender",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("female", "Female"),
                            ("male", "Male"),
                            ("non_binary", "Non-binary"),
                            ("other", "Other"),
                            ("undisclosed", "Undisclosed"),
                        ],
                        max_length=20,
                        null=True,
                    ),
                ),
                ("date_of_birth", circe.db.fields.ValidatedDateField(blank=True, null=True)),
                ("address", models.CharField(blank=True, max_length=500, null=True)),
                (
                    "tags",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=circe.db.fields.ValidatedCharField(max_length=50), blank=True, default=list, size=50
                    ),
                ),
                ("source", circe.db.fields.ValidatedCharField(blank=True, max_length=50, null=True)),
                (
                    "loyalty_points",
                    models.IntegerField(default=0, validators=[django.core.validators.MinValueValidator(0)]),
                ),
                ("is_active", models.BooleanField(default=True, verbose_name="active")),
                ("is_deleted", models.BooleanField(default=False, editable=False)),
                ("deleted_at", models.DateTimeField(editable=False, null=True)),
                ("deleted_by", models.CharField(editable=False, max_length=24, null=True)),
                ("was_active", models.BooleanField(editable=False, null=True)),
                ("accepts_email", models.BooleanField(default=True, verbose_name="accepts e-mail")),
                ("accepts_sms", models.BooleanField(default=True, verbose_name="accepts SMS")),
                ("accepts_push", models.BooleanField(default=True, verbose_name="accepts push notifications")),
                ("accepts_whatsapp", models.BooleanField(default=False, verbose_name="accepts WhatsApp")),
                ("marketing_consent", models.BooleanField(default=False)),
                ("language", circe.db.fields.ValidatedCharField(max_length=35)),
                (
                    "preferred_outlet",
                    circe.db.foreign_keys.TenantForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="tenants.outlet",
                    ),
                ),
                (
                    "preferred_categories",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=50), blank=True, default=list, size=None
                    ),
                ),
                (
                    "preferred_channel",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("phone", "phone call"),
                            ("email", "e-mail"),
                            ("sms", "SMS"),
                            ("whatsapp", "WhatsApp"),
                        ],
                        max_length=10,
                        null=True,
                        verbose_name="preferred way of contact",
                    ),
                ),
                ("accessibility_needs", models.CharField(blank=True, max_length=500, null=True)),
                ("notes", models.CharField(blank=True, max_length=2000, null=True)),
                ("changed_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "search_text",
                    models.GeneratedField(
                        db_persist=True,
                        expression=models.Func(
                            "first_name", "last_name", "email", "phone", function="circe_search_text"
                        ),
                        output_field=models.TextField(),
                    ),
                ),
            ],
            options={
                "ordering": ["-created_at", "-id"],
                "abstract": False,
                "indexes": [
                    models.Index(fields=["id"], name="customer_by_id"),
                    models.Index(
                        condition=models.Q(("is_deleted", False)),
                        fields=["tenant", "-created_at", "-id"],
                        name="customer_newest",
                    ),
                    models.Index(fields=["tenant", "email_key"], name="customer_any_email"),
                    models.Index(fields=["tenant", "phone"], name="customer_any_phone"),
                    django.contrib.postgres.indexes.GinIndex(
                        fields=["search_text"], name="customer_search", opclasses=["gin_trgm_ops"]
                    ),
                    django.contrib.postgres.indexes.GinIndex(fields=["tags"], name="customer_tags"),
                    models.Index(fields=["tenant", "changed_at", "id"], name="customer_changes"),
                    models.Index(
                        models.F("tenant"),
                        models.Func("first_name", "last_name", function="circe_folded_name"),
                        models.F("id"),
                        condition=models.Q(("is_deleted", False)),
                        name="customer_name",
                    ),
                ],
                "constraints": [
                    circe.db.audit_trigger.AuditTrigger(
                        name="customer_audit", subject_column="id", unrecorded_columns=("email_key", "search_text")
                    ),
                    circe.db.row_level_security.RowLevelSecurity(
                        name="customer_rls", subject_column="id", subject_commands=("SELECT", "UPDATE")
                    ),
                    circe.db.tenant_key.TenantPrimaryKey(name="customer_tenant_id"),
                    circe.db.foreign_keys.SameTenant(field="preferred_outlet", name="customer_preferred_outlet"),
                    models.UniqueConstraint(
                        condition=models.Q(("is_deleted", False)),
                        fields=("tenant", "email_key"),
                        name="customer_email",
                        violation_error_message="Another customer has this e-mail address.",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("is_deleted", False)),
                        fields=("tenant", "phone"),
                        name="customer_phone",
                        violation_error_message="Another customer has this phone number.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("email_key__isnull", False), ("phone__isnull", False), _connector="OR"),
                        name="customer_email_or_phone",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("email__isnull", True), ("email_key__isnull", True)),
                            models.Q(("email__isnull", False), ("email_key__isnull", False)),
                            _connector="OR",
                        ),
                        name="customer_email_has_key",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("phone__regex", "^\\+[0-9]{7,15}$")), name="customer_phone_e164"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("password__isnull", True), ("email_key__isnull", False), _connector="OR"),
                        name="customer_password_needs_email",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("is_deleted", False), ("is_active", False), _connector="OR"),
                        name="customer_deleted_is_inactive",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("first_name", ""), _negated=True), name="customer_first_name"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("preferred_channel__in", ["phone", "email", "sms", "whatsapp"])),
                        name="customer_preferred_channel",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("loyalty_points__gte", 0)), name="customer_loyalty_points"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="PreferredService",
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
                    "customer",
                    circe.db.foreign_keys.TenantForeignKey(
                        db_constraint=False,
                        db_index=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="customers.customer",
                    ),
                ),
                ("position", models.PositiveSmallIntegerField()),
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
            ],
            options={
                "ordering": ["position"],
                "abstract": False,
                "constraints": [
                    circe.db.audit_trigger.AuditTrigger(name="preferredservice_audit", subject_column="customer_id"),
                    circe.db.row_level_security.RowLevelSecurity(
                        name="preferredservice_rls",
                        subject_column="customer_id",
                        subject_commands=("SELECT", "INSERT", "DELETE"),
                    ),
                    circe.db.tenant_key.TenantPrimaryKey(name="preferredservice_tenant_id"),
                    circe.db.foreign_keys.SameTenant(field="customer", name="preferredservice_customer"),
                    circe.db.foreign_keys.SameTenant(field="service", name="preferredservice_service"),
                    models.UniqueConstraint(fields=("tenant", "customer", "service"), name="preferredservice_once"),
                ],
            },
        ),
        migrations.CreateModel(
            name="PreferredStaff",
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
                    "customer",
                    circe.db.foreign_keys.TenantForeignKey(
                        db_constraint=False,
                        db_index=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="customers.customer",
                    ),
                ),
                ("position", models.PositiveSmallIntegerField()),
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
            ],
            options={
                "ordering": ["position"],
                "abstract": False,
                "constraints": [
                    circe.db.audit_trigger.AuditTrigger(name="preferredstaff_audit", subject_column="customer_id"),
                    circe.db.row_level_security.RowLevelSecurity(
                        name="preferredstaff_rls",
                        subject_column="customer_id",
                        subject_commands=("SELECT", "INSERT", "DELETE"),
                    ),
                    circe.db.tenant_key.TenantPrimaryKey(name="preferredstaff_tenant_id"),
                    circe.db.foreign_keys.SameTenant(field="customer", name="preferredstaff_customer"),
                    circe.db.foreign_keys.SameTenant(field="staff", name="preferredstaff_staff"),
                    models.UniqueConstraint(fields=("tenant", "customer", "staff"), name="preferredstaff_once"),
                ],
            },
        ),
        django_migrate_sql.operations.CreateSQL(
            name="circe_set_customer_changed_and_updated_at",
            sql="""CREATE OR REPLACE TRIGGER circe_set_customer_changed_and_updated_at
BEFORE INSERT OR UPDATE ON public.customers_customer
FOR EACH ROW EXECUTE FUNCTION public.circe_set_changed_and_updated_at();
""",
            reverse_sql="""DROP TRIGGER circe_set_customer_changed_and_updated_at ON public.customers_customer;""",
            dependencies=[("tenants", "circe_set_changed_and_updated_at")],
        ),
        django_migrate_sql.operations.CreateSQL(
            name="circe_clear_customer_events",
            sql="""-- Removes all personal data from the audit events of a purged customer, as far as they are about rows of the app
-- customers. It runs with the rights of its owner, since the application may only read the audit trail.
CREATE OR REPLACE FUNCTION public.circe_clear_customer_events() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    UPDATE public.tenants_auditevent
    SET before = NULL, after = NULL
    WHERE tenant_id = OLD.tenant_id AND customer_id = OLD.id AND action <> 'refused'
        AND "table" IN ('customer', 'preferredservice', 'preferredstaff', 'consent', 'deletionrequest');
    RETURN NULL;
END
$$;
-- No other role may use it in a trigger: that could clear the events of customers who still exist.
REVOKE EXECUTE ON FUNCTION public.circe_clear_customer_events FROM public;

CREATE OR REPLACE TRIGGER circe_clear_customer_events AFTER DELETE ON public.customers_customer
FOR EACH ROW EXECUTE FUNCTION public.circe_clear_customer_events();
""",
            reverse_sql="""DROP TRIGGER circe_clear_customer_events ON public.customers_customer;
DROP FUNCTION public.circe_clear_customer_events;""",
        ),
        django_migrate_sql.operations.CreateSQL(
            name="circe_preference_deleted",
            sql="""-- Sets `updated_at` of the customers who lose a preferred service or member of staff. The function has the rights of the
-- role that deletes, so row-level security limits it too.
CREATE OR REPLACE FUNCTION public.circe_preference_deleted() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
    changed_customer record;
    -- Citus takes no volatile function in an UPDATE.
    moment CONSTANT timestamptz := clock_timestamp();
BEGIN
    -- Customers are updated in the order of their ids, so that two such statements never wait for each other.
    FOR changed_customer IN SELECT DISTINCT tenant_id, customer_id FROM old_rows ORDER BY tenant_id, customer_id LOOP
        UPDATE public.customers_customer
        -- Citus takes only immutable functions of a column here, and timestamptz + interval depends on the time zone.
        SET updated_at = greatest(
            moment, (updated_at AT TIME ZONE 'UTC' + interval '1 microsecond') AT TIME ZONE 'UTC'
        )
        WHERE tenant_id = changed_customer.tenant_id AND id = changed_customer.customer_id;
    END LOOP;
    RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER circe_preferredservice_deleted AFTER DELETE ON public.customers_preferredservice
REFERENCING OLD TABLE AS old_rows EXECUTE FUNCTION public.circe_preference_deleted();
CREATE OR REPLACE TRIGGER circe_preferredstaff_deleted AFTER DELETE ON public.customers_preferredstaff
REFERENCING OLD TABLE AS old_rows EXECUTE FUNCTION public.circe_preference_deleted();
""",
            reverse_sql="""DROP TRIGGER circe_preferredservice_deleted ON public.customers_preferredservice;
DROP TRIGGER circe_preferredstaff_deleted ON public.customers_preferredstaff;
DROP FUNCTION public.circe_preference_deleted;""",
        ),
    ]
