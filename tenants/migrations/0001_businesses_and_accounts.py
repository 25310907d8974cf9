"""Businesses, the people who sign in, and their sessions; before them the database's roles and the audit function.

The accounts have to be in the first migration: Django's admin depends on it by AUTH_USER_MODEL.
"""

import django.core.validators
import django.db.models.deletion
import django.utils.timezone
import django_migrate_sql.operations
from django.conf import settings
from django.db import migrations, models

import circe.db.audit_trigger
import circe.db.fields
import circe.db.ids
import circe.db.row_level_security


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        django_migrate_sql.operations.CreateSQL(
            name="application_roles",
            sql="""-- Creates the two roles of the database. The application uses circe_app, which owns nothing: it can change neither the
-- schema nor the audit trail. No policy limits circe_rls_bypass (circe/db/row_level_security.py); the owner of the schema is
-- a member of it.
--
-- Roles belong to the whole server. So another database's migration, or an administrator, may have created them already.
DO $$
DECLARE
    role_name text;
    -- The privileges that membership must include: SET ROLE, and the use of the role's rights.
    privileges CONSTANT text[] := CASE
        WHEN current_setting('server_version_num')::int >= 160000 THEN '{SET,USAGE}' ELSE '{MEMBER,USAGE}'
    END;
BEGIN
    FOREACH role_name IN ARRAY '{circe_app,circe_rls_bypass}'::text[] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN', role_name);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                -- Another database's migration created it at the same moment. This transaction has looked for the role
                -- and remembers that there is none, until it locks another table.
                PERFORM FROM pg_tablespace LIMIT 1;
            END;
        END IF;
        IF NOT (pg_has_role(role_name, privileges[1]) AND pg_has_role(role_name, privileges[2])) THEN
            EXECUTE format('GRANT %I TO CURRENT_USER', role_name);
        END IF;
    END LOOP;
EXCEPTION WHEN insufficient_privilege THEN
    RAISE EXCEPTION USING
        MESSAGE = format('%I may not create the role %I.', current_user, role_name),
        HINT = format(
            'As an administrator: CREATE ROLE circe_app; CREATE ROLE circe_rls_bypass; GRANT circe_app, circe_rls_bypass TO %I;',
            current_user
        );
END
$$;

GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO circe_app;
ALTER DEFAULT PRIVILEGES GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO circe_app;
""",
            reverse_sql="""ALTER DEFAULT PRIVILEGES REVOKE SELECT, INSERT, UPDATE, DELETE ON TABLES FROM circe_app;
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM circe_app;""",
        ),
        django_migrate_sql.operations.CreateSQL(
            name="circe_is_citus_worker",
            sql="""-- Returns whether this server is a worker of a Citus cluster. Each node has a copy of the accounts and the businesses, and
-- runs their triggers. A trigger that must write to another table once, and not once on each node, asks this function and
-- writes on the coordinator alone.
CREATE OR REPLACE FUNCTION public.circe_is_citus_worker() RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog AS $$
BEGIN
    IF to_regclass('pg_dist_local_group') IS NULL THEN
        RETURN false;
    END IF;
    RETURN (SELECT groupid <> 0 FROM pg_dist_local_group);
END
$$;
""",
            reverse_sql="DROP FUNCTION public.circe_is_citus_worker;",
        ),
        django_migrate_sql.operations.CreateSQL(
            name="circe_holds_tenant",
            sql="""-- Returns whether this server has the rows of the tenant. In a Citus cluster one node has them. But each node has a copy of
-- the businesses and the accounts, and runs their triggers: the node that has the events of the tenant writes the event.
CREATE OR REPLACE FUNCTION public.circe_holds_tenant(tenant text) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog AS $$
BEGIN
    -- A statement of its own: PostgreSQL plans each statement as a whole, and without Citus there is no pg_dist_partition.
    IF to_regclass('pg_dist_partition') IS NULL THEN
        RETURN true;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_dist_partition WHERE logicalrelid = 'public.tenants_auditevent'::regclass) THEN
        RETURN true;
    END IF;
    RETURN EXISTS (
        SELECT FROM pg_dist_placement JOIN pg_dist_local_group USING (groupid)
        WHERE shardid = get_shard_id_for_distribution_column('public.tenants_auditevent', tenant)
    );
END
$$;
""",
            reverse_sql="DROP FUNCTION public.circe_holds_tenant;",
        ),
        django_migrate_sql.operations.CreateSQL(
            name="circe_audit",
            sql="""-- Writes an audit event for each row that is created, changed or deleted. AuditTrigger (circe/db/audit_trigger.py)
-- creates its trigger on a table, with four arguments: the model's name, the column with the id of the person whose
-- history the event belongs to ('' where there is none), the columns that describe this person, and the columns that stay
-- out of events.
-- The function runs with the rights of its owner, since the application may only read the audit trail.
CREATE OR REPLACE FUNCTION public.circe_audit() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    model CONSTANT text := TG_ARGV[0];
    subject_column CONSTANT text := nullif(TG_ARGV[1], '');
    about_subject CONSTANT text[] := TG_ARGV[2];
    unrecorded_columns CONSTANT text[] := TG_ARGV[3];
    actor CONSTANT jsonb := nullif(current_setting('circe.actor', true), '')::jsonb;
    old_row jsonb := to_jsonb(OLD);
    new_row jsonb := to_jsonb(NEW);
    any_row CONSTANT jsonb := coalesce(new_row, old_row);
    subject CONSTANT text := coalesce(any_row ->> subject_column, old_row ->> subject_column);
    -- The id of the tenant. For an account of no tenant it is NO_TENANT (tenants/scope.py).
    tenant CONSTANT text := coalesce(
        any_row ->> CASE model WHEN 'tenant' THEN 'id' ELSE 'tenant_id' END, '000000000000000000000000'
    );
    action text := CASE TG_OP WHEN 'INSERT' THEN 'created' WHEN 'DELETE' THEN 'deleted' ELSE 'updated' END;
BEGIN
    IF model IN ('tenant', 'user') AND NOT circe_holds_tenant(tenant) THEN
        RETURN NULL;
    END IF;
    -- An event says that a password was set or changed, and never what it is.
    IF new_row ->> 'password' IS NOT NULL THEN
        new_row := new_row || CASE
            WHEN old_row ->> 'password' <> new_row ->> 'password' THEN '{"password": "changed"}'::jsonb
            ELSE '{"password": "set"}'::jsonb
        END;
    END IF;
    IF old_row ->> 'password' IS NOT NULL THEN
        old_row := old_row || '{"password": "set"}';
    END IF;
    -- Every save changes the two times.
    old_row := old_row - unrecorded_columns - '{updated_at,changed_at}'::text[];
    new_row := new_row - unrecorded_columns - '{updated_at,changed_at}'::text[];

    -- An update's event holds the columns that changed. Where none did, there is no event.
    IF TG_OP = 'UPDATE' THEN
        SELECT jsonb_object_agg(name, old_row -> name), jsonb_object_agg(name, value)
        INTO old_row, new_row
        FROM jsonb_each(new_row) AS changed (name, value)
        WHERE value IS DISTINCT FROM old_row -> name;
        IF old_row IS NULL THEN
            RETURN NULL;
        END IF;
        IF new_row -> 'is_deleted' IS NOT NULL THEN
            action := CASE WHEN new_row -> 'is_deleted' = 'true' THEN 'soft_deleted' ELSE 'restored' END;
        END IF;
        -- When a row passes to another person, the event belongs to the history of that person. It leaves out what describes
        -- the first person: there it would stay when the first person is erased.
        IF new_row ->> subject_column IS NOT NULL THEN
            old_row := old_row - about_subject;
        END IF;
    END IF;

    -- An event outlives its row: when the person's own row is deleted, the event holds nothing of it.
    IF TG_OP = 'DELETE' AND subject_column = 'id' THEN
        old_row := NULL;
    END IF;

    INSERT INTO public.tenants_auditevent (
        at, tenant_id, action, "table", row_id, customer_id, before, after, actor_id, command, request_id, address
    ) VALUES (
        clock_timestamp(), tenant, action, model, any_row ->> 'id', subject, old_row, new_row, actor ->> 'user_id',
        coalesce(
            actor ->> 'command', CASE WHEN actor ->> 'user_id' IS NULL THEN actor ->> 'source' END,
            -- The nodes of a cluster connect to each other under names of their own.
            nullif(substring(current_setting('application_name') FROM '^(?!citus_internal ).*'), '')
        ),
        actor ->> 'request_id', (actor ->> 'address')::inet
    );
    RETURN NULL;
END
$$;
-- Only the owner may create a trigger with this function. Others could forge events with it.
REVOKE EXECUTE ON FUNCTION public.circe_audit FROM public;
""",
            reverse_sql="DROP FUNCTION public.circe_audit;",
        ),
        migrations.CreateModel(
            name="Tenant",
            fields=[
                ("id", circe.db.ids.IdField(primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=100)),
                ("slug", models.SlugField(unique=True, verbose_name="short name")),
                ("time_zone", circe.db.fields.ValidatedCharField(max_length=50)),
                ("currency", circe.db.fields.ValidatedCharField(max_length=3)),
                ("phone_region", circe.db.fields.ValidatedCharField(max_length=2)),
                ("language", circe.db.fields.ValidatedCharField(max_length=35)),
                ("is_active", models.BooleanField(default=True, verbose_name="active")),
                ("is_demo", models.BooleanField(default=False, editable=False)),
                (
                    "at_risk_after_days",
                    models.PositiveIntegerField(
                        default=90,
                        help_text="A customer whose last visit is longer ago is at risk.",
                        validators=[django.core.validators.MinValueValidator(1)],
                        verbose_name="at risk after (days)",
                    ),
                ),
                (
                    "new_within_days",
                    models.PositiveIntegerField(
                        default=30,
                        help_text="A customer whose first visit is more recent is new.",
                        validators=[django.core.validators.MinValueValidator(1)],
                        verbose_name="new within (days)",
                    ),
                ),
                (
                    "vip_min_visits",
                    models.PositiveIntegerField(
                        default=5,
                        help_text="A VIP by spending has at least this many visits …",
                        verbose_name="VIP from (visits)",
                    ),
                ),
                (
                    "vip_top_percent",
                    models.PositiveIntegerField(
                        default=10,
                        help_text="… and is among this percentage of customers who spent most.",
                        validators=[django.core.validators.MaxValueValidator(100)],
                        verbose_name="VIP top (percent)",
                    ),
                ),
                ("spending_since", models.DateField(editable=False, null=True)),
                (
                    "slot_minutes",
                    models.PositiveIntegerField(
                        default=15,
                        help_text="Counted from midnight.",
                        validators=[
                            django.core.validators.MinValueValidator(5),
                            django.core.validators.MaxValueValidator(240),
                        ],
                        verbose_name="free times every (minutes)",
                    ),
                ),
                (
                    "rebooking_days",
                    models.PositiveIntegerField(
                        default=42,
                        help_text="When a service is due again, unless the service or the customer's visits say otherwise.",
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(3650),
                        ],
                        verbose_name="due again after (days)",
                    ),
                ),
                (
                    "cancellation_notice_hours",
                    models.PositiveIntegerField(
                        default=24,
                        help_text="Customers can move or cancel an appointment by themselves until this long before it.",
                        validators=[django.core.validators.MaxValueValidator(720)],
                        verbose_name="notice of changes (hours)",
                    ),
                ),
                (
                    "quiet_from",
                    models.TimeField(
                        blank=True,
                        help_text="No message is sent from this time on … Empty: messages are sent at any time.",
                        verbose_name="quiet hours from",
                        null=True,
                    ),
                ),
                (
                    "quiet_until",
                    models.TimeField(
                        blank=True, help_text="… until this time.", null=True, verbose_name="quiet hours until"
                    ),
                ),
                (
                    "double_opt_in",
                    models.BooleanField(
                        default=False,
                        help_text="Consent to marketing by e-mail counts when the customer has opened the link in a mail.",
                        verbose_name="double opt-in",
                    ),
                ),
                (
                    "sends_confirmations",
                    models.BooleanField(default=False, help_text="By e-mail, when an appointment is booked."),
                ),
                (
                    "sends_changes",
                    models.BooleanField(default=False, help_text="By e-mail, when an appointment is moved."),
                ),
                (
                    "sends_cancellations",
                    models.BooleanField(default=False, help_text="By e-mail, when an appointment is cancelled."),
                ),
                ("sends_reminders", models.BooleanField(default=False, help_text="By e-mail, before an appointment.")),
                (
                    "reminder_hours",
                    models.PositiveIntegerField(
                        default=24,
                        help_text="How long before the appointment a reminder is sent.",
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(720),
                        ],
                        verbose_name="reminder before (hours)",
                    ),
                ),
                (
                    "reply_to",
                    circe.db.fields.ValidatedCharField(
                        blank=True,
                        help_text="Where a customer's answer to a message goes.",
                        max_length=254,
                        null=True,
                        verbose_name="address for answers",
                    ),
                ),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("updated_at", models.DateTimeField(auto_now=True)),
            ],
            options={
                "verbose_name": "business",
                "verbose_name_plural": "businesses",
                "ordering": ["name", "id"],
                "constraints": [
                    circe.db.audit_trigger.AuditTrigger(name="tenant_audit"),
                    circe.db.row_level_security.RowLevelSecurity(
                        also_readable="{tenant_setting} LIKE '@%'", column="id", is_public=True, name="tenant_rls"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("quiet_from", None), ("quiet_until", None)),
                            models.Q(
                                ("quiet_from__isnull", False),
                                ("quiet_until__isnull", False),
                                models.Q(("quiet_from", models.F("quiet_until")), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="tenant_quiet_hours_have_both_ends",
                        violation_error_message="Quiet hours need a begin and an end, which differ.",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="User",
            fields=[
                ("password", models.CharField(max_length=128, verbose_name="password")),
                ("last_login", models.DateTimeField(blank=True, null=True, verbose_name="last login")),
                ("id", circe.db.ids.IdField(primary_key=True, serialize=False)),
                (
                    "tenant",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="users",
                        to="tenants.tenant",
                        verbose_name="business",
                    ),
                ),
                (
                    "email",
                    circe.db.fields.ValidatedCharField(
                        error_messages={"unique": "Another account has this e-mail address."},
                        max_length=254,
                        unique=True,
                        verbose_name="e-mail",
                    ),
                ),
                (
                    "role",
                    models.CharField(
                        choices=[
                            ("super_admin", "Super administrator"),
                            ("tenant_admin", "Administrator"),
                            ("outlet_manager", "Outlet manager"),
                            ("staff", "Staff"),
                        ],
                        max_length=20,
                    ),
                ),
                ("first_name", models.CharField(blank=True, max_length=100)),
                ("last_name", models.CharField(blank=True, max_length=100)),
                ("is_active", models.BooleanField(default=True, verbose_name="active")),
                ("has_acted", models.BooleanField(default=False, editable=False)),
                ("tokens_valid_from", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("updated_at", models.DateTimeField(auto_now=True)),
            ],
            options={
                "ordering": ["email"],
                "constraints": [
                    circe.db.audit_trigger.AuditTrigger(
                        name="user_audit", unrecorded_columns=("last_login", "tokens_valid_from", "has_acted")
                    ),
                    circe.db.row_level_security.RowLevelSecurity(
                        also_readable="CASE {tenant_setting} WHEN '@' || id THEN true WHEN '@' || email THEN true ELSE tenant_id IS NULL AND {tenant_setting} ~ '^[0-9a-f]' END",
                        name="user_rls",
                    ),
                    models.UniqueConstraint(fields=("tenant", "id"), name="user_tenant_id"),
                    models.CheckConstraint(
                        condition=models.Q(("role__in", ["super_admin", "tenant_admin", "outlet_manager", "staff"])),
                        name="user_role_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("role", "super_admin"), ("tenant", None)),
                            models.Q(models.Q(("role", "super_admin"), _negated=True), ("tenant__isnull", False)),
                            _connector="OR",
                        ),
                        name="user_tenant_unless_super_admin",
                        violation_error_message="A super admin belongs to no business, everybody else to one.",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Staff",
            fields=[],
            options={
                "verbose_name": "member of staff",
                "verbose_name_plural": "staff",
                "proxy": True,
            },
            bases=("tenants.user",),
        ),
        migrations.CreateModel(
            name="LoginSession",
            fields=[
                ("id", circe.db.ids.IdField(primary_key=True, serialize=False)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="sessions",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("current_jti", models.CharField(max_length=32)),
                ("previous_jti", models.CharField(max_length=32, null=True)),
                ("rotated_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
        ),
        migrations.CreateModel(
            name="LoginFailure",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[("staff", "Staff"), ("customer", "Customer"), ("link", "Link")],
                        default="staff",
                        max_length=10,
                    ),
                ),
                ("account", models.CharField(max_length=279, null=True)),
                ("address", models.GenericIPAddressField()),
                ("failed_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                "indexes": [
                    models.Index(fields=["account", "failed_at"], name="loginfailure_account"),
                    models.Index(fields=["address", "failed_at"], name="loginfailure_address"),
                ],
            },
        ),
        django_migrate_sql.operations.CreateSQL(
            name="circe_keep_account",
            sql="""-- Enforces two rules when an account is written, by whatever code. All its sessions end if its password is changed or
-- disabled, or if tokens_valid_from is set to a later time. And has_acted never becomes false again.
CREATE OR REPLACE FUNCTION public.circe_keep_account() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    NEW.has_acted := NEW.has_acted OR NEW.last_login IS NOT NULL;
    IF TG_OP = 'UPDATE' THEN
        NEW.has_acted := NEW.has_acted OR OLD.has_acted;
        -- A log-in may store a new hash of the same password. It first puts this hash into the setting: no session ends.
        IF NEW.password <> OLD.password
            AND NEW.password IS DISTINCT FROM current_setting('circe.renewed_hash', true)
        THEN
            -- Later than the old value, even if the clocks of two machines differ.
            NEW.tokens_valid_from := greatest(clock_timestamp(), OLD.tokens_valid_from + interval '1 microsecond');
        END IF;
        -- A caller that read the row before the sessions ended writes an older value.
        NEW.tokens_valid_from := greatest(NEW.tokens_valid_from, OLD.tokens_valid_from);
        IF NEW.tokens_valid_from > OLD.tokens_valid_from AND NOT circe_is_citus_worker() THEN
            UPDATE public.tenants_loginsession SET ended_at = NEW.tokens_valid_from
            WHERE user_id = NEW.id AND ended_at IS NULL;
        END IF;
    END IF;
    RETURN NEW;
END
$$;
CREATE OR REPLACE TRIGGER user_keep_account BEFORE INSERT OR UPDATE ON public.tenants_user
FOR EACH ROW EXECUTE FUNCTION public.circe_keep_account();
""",
            reverse_sql="""DROP TRIGGER user_keep_account ON public.tenants_user;
DROP FUNCTION public.circe_keep_account;""",
        ),
        django_migrate_sql.operations.CreateSQL(
            name="circe_refuse_deletion_of_account",
            sql="""-- Refuses to delete an account that has signed in or changed something, since the audit trail names it.
CREATE OR REPLACE FUNCTION public.circe_refuse_deletion_of_account() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RAISE EXCEPTION USING
        ERRCODE = 'restrict_violation',
        CONSTRAINT = 'user_that_acted_stays',
        MESSAGE = format('The account %s has signed in or changed something, and the audit trail names it.', OLD.id),
        HINT = 'Deactivate it instead.';
END
$$;
CREATE OR REPLACE TRIGGER user_that_acted_stays BEFORE DELETE ON public.tenants_user
FOR EACH ROW WHEN (old.has_acted) EXECUTE FUNCTION public.circe_refuse_deletion_of_account();
""",
            reverse_sql="""DROP TRIGGER user_that_acted_stays ON public.tenants_user;
DROP FUNCTION public.circe_refuse_deletion_of_account;""",
        ),
    ]
