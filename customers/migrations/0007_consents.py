"""The ledger of consents."""

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models
from django_migrate_sql.operations import CreateSQL

import circe.db.audit_trigger
import circe.db.fields
import circe.db.foreign_keys
import circe.db.ids
import circe.db.row_level_security
import circe.db.tenant_key


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
                "ordering": ["-at", "-state", "-id"],
                "abstract": False,
                "indexes": [
                    models.Index(
                        fields=["tenant", "customer", "purpose", "channel", "-at", "-state"], name="consent_latest"
                    )
                ],
                "constraints": [
                    circe.db.audit_trigger.AuditTrigger(name="consent_audit", subject_column="customer_id"),
                    circe.db.row_level_security.RowLevelSecurity(
                        name="consent_rls", subject_column="customer_id", subject_commands=("SELECT", "INSERT")
                    ),
                    circe.db.tenant_key.TenantPrimaryKey(name="consent_tenant_id"),
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
                    circe.db.tenant_key.TenantPrimaryKey(name="marketingblock_tenant_id"),
                    models.UniqueConstraint(fields=("tenant", "address_hash"), name="marketingblock_once"),
                ],
            },
        ),
        CreateSQL(
            name="circe_new_id",
            sql="""-- Returns a new id in the layout of circe/db/ids.py, for rows that triggers write.
CREATE OR REPLACE FUNCTION public.circe_new_id() RETURNS text
LANGUAGE sql VOLATILE SET search_path = pg_catalog AS $$
    SELECT
        lpad(to_hex(extract(EPOCH FROM clock_timestamp())::bigint), 8, '0')
        || right(replace(gen_random_uuid()::text, '-', ''), 16)
$$;
""",
            reverse_sql="""DROP FUNCTION public.circe_new_id;""",
        ),
        CreateSQL(
            name="circe_current_consents",
            sql="""-- Returns the consents of a customer that count now: a row for each purpose and channel. The entry with the latest `at`
-- counts. If a grant and a withdrawal have the same `at`, the withdrawal counts. Without an entry the default of a new
-- customer counts. The parameters are ids.
CREATE OR REPLACE FUNCTION public.circe_current_consents(tenant text, customer text)
RETURNS TABLE (purpose text, channel text, is_granted boolean)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog AS $$
BEGIN
    -- The function is not written in SQL, because Citus does not see the values of the parameters of an SQL function.
    RETURN QUERY
    SELECT kinds.purpose, kinds.channel, coalesce(latest.state = 'granted', kinds.is_granted)
    FROM (VALUES
        ('service', 'email', true), ('service', 'sms', true), ('service', 'push', true), ('service', 'whatsapp', false),
        ('marketing', 'email', false), ('marketing', 'sms', false), ('marketing', 'push', false),
        ('marketing', 'whatsapp', false)
    ) AS kinds (purpose, channel, is_granted)
    LEFT JOIN LATERAL (
        SELECT entries.state
        FROM public.customers_consent AS entries
        WHERE entries.tenant_id = tenant AND entries.customer_id = customer
            AND entries.purpose = kinds.purpose AND entries.channel = kinds.channel
        ORDER BY entries.at DESC, entries.state DESC
        LIMIT 1
    ) AS latest ON true;
END
$$;
""",
            reverse_sql="""DROP FUNCTION public.circe_current_consents;""",
        ),
        CreateSQL(
            name="circe_record_new_consents",
            sql="""-- Writes to the ledger each consent of a new customer that differs from the default. The source is that of the actor, see
-- tenants/audit/context.py.
CREATE OR REPLACE FUNCTION public.circe_record_new_consents() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    actor CONSTANT jsonb := nullif(current_setting('circe.actor', true), '')::jsonb;
    tenant text;
    entries jsonb;
BEGIN
    -- The entries go into a variable first, because Citus allows no transition table in a query on a distributed table.
    FOR tenant, entries IN
        SELECT
            tenant_id,
            jsonb_agg(jsonb_build_object(
                'customer', new_customers.id, 'purpose', consent.purpose, 'channel', consent.channel,
                'state', CASE WHEN consent.is_granted THEN 'granted' ELSE 'withdrawn' END
            ) ORDER BY new_customers.id)
        FROM new_customers
        CROSS JOIN LATERAL (VALUES
            ('service', 'email', accepts_email, true), ('service', 'sms', accepts_sms, true),
            ('service', 'push', accepts_push, true), ('service', 'whatsapp', accepts_whatsapp, false),
            ('marketing', 'email', marketing_consent, false), ('marketing', 'sms', marketing_consent, false),
            ('marketing', 'push', marketing_consent, false), ('marketing', 'whatsapp', marketing_consent, false)
        ) AS consent (purpose, channel, is_granted, is_granted_by_default)
        WHERE consent.is_granted <> consent.is_granted_by_default
        GROUP BY tenant_id
        ORDER BY tenant_id
    LOOP
        INSERT INTO public.customers_consent (
            id, created_at, updated_at, tenant_id, customer_id, purpose, channel, state, source
        )
        SELECT
            circe_new_id(), clock_timestamp(), clock_timestamp(), tenant, entry ->> 'customer',
            entry ->> 'purpose', entry ->> 'channel', entry ->> 'state', coalesce(actor ->> 'source', 'reception')
        FROM jsonb_array_elements(entries) AS entry;
    END LOOP;
    RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER circe_record_new_consents AFTER INSERT ON public.customers_customer
REFERENCING NEW TABLE AS new_customers
EXECUTE FUNCTION public.circe_record_new_consents();
""",
            reverse_sql="""DROP TRIGGER circe_record_new_consents ON public.customers_customer;
DROP FUNCTION public.circe_record_new_consents;""",
            dependencies=[("customers", "circe_new_id")],
        ),
        CreateSQL(
            name="circe_record_changed_consents",
            sql="""-- Writes changed booleans of a customer to the ledger: an entry for each channel on which they differ from what the
-- ledger says. Booleans that circe_project_consents has set are the same as the ledger, so they get no entry. The
-- source is that of the actor, see tenants/audit/context.py.
CREATE OR REPLACE FUNCTION public.circe_record_changed_consents() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    actor CONSTANT jsonb := nullif(current_setting('circe.actor', true), '')::jsonb;
BEGIN
    INSERT INTO public.customers_consent (
        id, created_at, updated_at, tenant_id, customer_id, purpose, channel, state, source
    )
    SELECT
        circe_new_id(), NEW.updated_at, clock_timestamp(), NEW.tenant_id, NEW.id, purpose, channel,
        CASE WHEN is_wanted THEN 'granted' ELSE 'withdrawn' END, coalesce(actor ->> 'source', 'reception')
    FROM (
        SELECT
            purpose, channel, is_granted,
            -- `marketing_consent` is true only if marketing is granted on all channels. If it is granted on one of them,
            -- the boolean is false and still agrees with the ledger. So it changes channels only if it differs from what
            -- the ledger says.
            CASE
                WHEN purpose = 'service' THEN CASE channel
                    WHEN 'email' THEN NEW.accepts_email WHEN 'sms' THEN NEW.accepts_sms
                    WHEN 'push' THEN NEW.accepts_push WHEN 'whatsapp' THEN NEW.accepts_whatsapp
                END
                WHEN NEW.marketing_consent <> bool_and(is_granted) OVER (PARTITION BY purpose) THEN NEW.marketing_consent
                ELSE is_granted
            END AS is_wanted
        FROM circe_current_consents(NEW.tenant_id, NEW.id)
    ) AS consent
    WHERE is_wanted <> is_granted;
    RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER circe_record_changed_consents AFTER UPDATE ON public.customers_customer
FOR EACH ROW WHEN (
    (new.accepts_email, new.accepts_sms, new.accepts_push, new.accepts_whatsapp, new.marketing_consent)
    IS DISTINCT FROM
    (old.accepts_email, old.accepts_sms, old.accepts_push, old.accepts_whatsapp, old.marketing_consent)
) EXECUTE FUNCTION public.circe_record_changed_consents();
""",
            reverse_sql="""DROP TRIGGER circe_record_changed_consents ON public.customers_customer;
DROP FUNCTION public.circe_record_changed_consents;""",
            dependencies=[("customers", "circe_new_id"), ("customers", "circe_current_consents")],
        ),
        CreateSQL(
            name="circe_withdrawal_updated_at",
            sql="""-- Gives a customer who withdraws something an `updated_at` in a later second than before. Clients see whole seconds.
-- So a body with an earlier `updated_at` was read before the withdrawal.
CREATE OR REPLACE FUNCTION public.circe_withdrawal_updated_at() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    NEW.updated_at := greatest(NEW.updated_at, date_trunc('second', OLD.updated_at) + interval '1 second');
    RETURN NEW;
END
$$;
CREATE OR REPLACE TRIGGER circe_withdrawal_updated_at BEFORE UPDATE ON public.customers_customer
FOR EACH ROW WHEN (
    old.accepts_email AND NOT new.accepts_email OR old.accepts_sms AND NOT new.accepts_sms
    OR old.accepts_push AND NOT new.accepts_push OR old.accepts_whatsapp AND NOT new.accepts_whatsapp
    OR old.marketing_consent AND NOT new.marketing_consent
) EXECUTE FUNCTION public.circe_withdrawal_updated_at();
""",
            reverse_sql="""DROP TRIGGER circe_withdrawal_updated_at ON public.customers_customer;
DROP FUNCTION public.circe_withdrawal_updated_at;""",
        ),
        CreateSQL(
            name="circe_prepare_consent",
            sql="""-- Prepares an entry of the ledger. It locks the customer, so that entries of one customer are written one after the
-- other, and each transaction sees the entries before its own. An entry without `at` gets a later one than each
-- entry before it of its purpose and channel has, even if the clock was set back.
CREATE OR REPLACE FUNCTION public.circe_prepare_consent() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    customer_updated_at timestamptz;
    latest record;
BEGIN
    SELECT updated_at INTO customer_updated_at
    FROM public.customers_customer
    WHERE tenant_id = NEW.tenant_id AND id = NEW.customer_id
    FOR NO KEY UPDATE;

    SELECT entries.at, entries.state INTO latest
    FROM public.customers_consent AS entries
    WHERE entries.tenant_id = NEW.tenant_id AND entries.customer_id = NEW.customer_id
        AND entries.purpose = NEW.purpose AND entries.channel = NEW.channel
    ORDER BY entries.at DESC, entries.state DESC
    LIMIT 1;

    IF NEW.source = 'import' AND NEW.state = 'granted' AND latest.state = 'withdrawn' THEN
        RAISE EXCEPTION USING
            ERRCODE = 'check_violation',
            CONSTRAINT = 'consent_import_keeps_withdrawals',
            MESSAGE = 'An import never grants what the customer has withdrawn.';
    END IF;

    NEW.at := coalesce(NEW.at, greatest(clock_timestamp(), latest.at + interval '1 microsecond'));
    NEW.recorded_by := nullif(current_setting('circe.actor', true), '')::jsonb ->> 'user_id';
    -- A withdrawal gets a `created_at` in a later second than the customer's `updated_at`. Then circe_project_consents
    -- raises `updated_at` to it. Clients see whole seconds: so the `updated_at` that a client read before the withdrawal
    -- is earlier. If a trigger on customers writes the entry, circe_withdrawal_updated_at has already done so.
    IF NEW.state = 'withdrawn' AND pg_trigger_depth() = 1 THEN
        NEW.created_at := greatest(clock_timestamp(), date_trunc('second', customer_updated_at) + interval '1 second');
    END IF;
    RETURN NEW;
END
$$;
CREATE OR REPLACE TRIGGER circe_prepare_consent BEFORE INSERT ON public.customers_consent
FOR EACH ROW EXECUTE FUNCTION public.circe_prepare_consent();
""",
            reverse_sql="""DROP TRIGGER circe_prepare_consent ON public.customers_consent;
DROP FUNCTION public.circe_prepare_consent;""",
        ),
        CreateSQL(
            name="circe_project_consents",
            sql="""-- Sets the booleans of customers with new entries to what the ledger says now, and also their `updated_at`. The
-- customers are locked already, see circe_prepare_consent. It does not run for entries that a trigger writes, since
-- these come from the booleans.
CREATE OR REPLACE FUNCTION public.circe_project_consents() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    changed record;
    flags record;
BEGIN
    -- Customers are updated in the order of their ids, so that two such statements never wait for each other.
    FOR changed IN
        SELECT tenant_id, customer_id, max(created_at) AS created_at
        FROM new_entries GROUP BY tenant_id, customer_id ORDER BY tenant_id, customer_id
    LOOP
        -- The result goes into a variable first, because Citus takes no UPDATE from a function that reads tables.
        SELECT
            bool_or(is_granted) FILTER (WHERE purpose = 'service' AND channel = 'email') AS accepts_email,
            bool_or(is_granted) FILTER (WHERE purpose = 'service' AND channel = 'sms') AS accepts_sms,
            bool_or(is_granted) FILTER (WHERE purpose = 'service' AND channel = 'push') AS accepts_push,
            bool_or(is_granted) FILTER (WHERE purpose = 'service' AND channel = 'whatsapp') AS accepts_whatsapp,
            bool_and(is_granted) FILTER (WHERE purpose = 'marketing') AS marketing_consent
        INTO flags
        FROM circe_current_consents(changed.tenant_id, changed.customer_id);
        UPDATE public.customers_customer AS customers
        SET
            accepts_email = flags.accepts_email, accepts_sms = flags.accepts_sms, accepts_push = flags.accepts_push,
            accepts_whatsapp = flags.accepts_whatsapp, marketing_consent = flags.marketing_consent,
            -- Citus takes only immutable functions here, and timestamptz + interval depends on the time zone.
            updated_at = greatest(
                changed.created_at, (customers.updated_at AT TIME ZONE 'UTC' + interval '1 microsecond') AT TIME ZONE 'UTC'
            )
        WHERE customers.tenant_id = changed.tenant_id AND customers.id = changed.customer_id;
    END LOOP;
    RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER circe_project_consents AFTER INSERT ON public.customers_consent
REFERENCING NEW TABLE AS new_entries
WHEN (pg_trigger_depth() = 0)
EXECUTE FUNCTION public.circe_project_consents();
""",
            reverse_sql="""DROP TRIGGER circe_project_consents ON public.customers_consent;
DROP FUNCTION public.circe_project_consents;""",
            dependencies=[("customers", "circe_current_consents")],
        ),
        CreateSQL(
            name="circe_ask_to_confirm_marketing",
            sql="""-- Requests the mail with the link that completes a consent to marketing by e-mail, if the business wants double opt-in.
-- A consent by an import requests none: there could be ten thousand mails. It runs with the rights of its owner, since
-- a customer may not read mailed links.
CREATE OR REPLACE FUNCTION public.circe_ask_to_confirm_marketing() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO public.customers_mailedlink (
        id, created_at, updated_at, tenant_id, customer_id, kind, email, email_key, details, state, reasons, due_at,
        attempts
    )
    SELECT
        circe_new_id(), clock_timestamp(), clock_timestamp(), customers.tenant_id, customers.id, 'confirm_marketing',
        customers.email, customers.email_key, '{}', 'queued', '{}', clock_timestamp(), 0
    FROM public.customers_customer AS customers
    INNER JOIN public.tenants_tenant AS tenants ON customers.tenant_id = tenants.id AND tenants.double_opt_in
    INNER JOIN circe_current_consents(NEW.tenant_id, NEW.customer_id) AS consent
        ON consent.purpose = NEW.purpose AND consent.channel = NEW.channel AND consent.is_granted
    WHERE customers.tenant_id = NEW.tenant_id AND customers.id = NEW.customer_id
        AND customers.email IS NOT NULL AND NOT customers.is_deleted
        -- The customer has opened no link since the last withdrawal.
        AND NOT EXISTS (
            SELECT FROM public.customers_consent AS opened
            WHERE opened.tenant_id = NEW.tenant_id AND opened.customer_id = NEW.customer_id
                AND opened.purpose = NEW.purpose AND opened.channel = NEW.channel
                AND opened.state = 'granted' AND opened.source = 'link'
                AND NOT EXISTS (
                    SELECT FROM public.customers_consent AS withdrawn
                    WHERE withdrawn.tenant_id = NEW.tenant_id AND withdrawn.customer_id = NEW.customer_id
                        AND withdrawn.purpose = NEW.purpose AND withdrawn.channel = NEW.channel
                        AND withdrawn.state = 'withdrawn' AND withdrawn.at >= opened.at
                )
        )
        -- One mail waits at a time, and an address gets at most five an hour.
        AND NOT EXISTS (
            SELECT FROM public.customers_mailedlink AS waiting
            WHERE waiting.tenant_id = NEW.tenant_id AND waiting.customer_id = NEW.customer_id
                AND waiting.kind = 'confirm_marketing' AND waiting.state = 'queued'
        )
        AND (
            SELECT count(*) FROM public.customers_mailedlink AS asked
            WHERE asked.tenant_id = NEW.tenant_id AND asked.email_key = customers.email_key
                AND asked.created_at > clock_timestamp() - interval '1 hour'
        ) < 5;
    RETURN NULL;
END
$$;
REVOKE EXECUTE ON FUNCTION public.circe_ask_to_confirm_marketing FROM public;

CREATE OR REPLACE TRIGGER circe_ask_to_confirm_marketing AFTER INSERT ON public.customers_consent
FOR EACH ROW WHEN (
    new.purpose = 'marketing' AND new.channel = 'email' AND new.state = 'granted' AND new.source NOT IN ('link', 'import')
) EXECUTE FUNCTION public.circe_ask_to_confirm_marketing();
""",
            reverse_sql="""DROP TRIGGER circe_ask_to_confirm_marketing ON public.customers_consent;
DROP FUNCTION public.circe_ask_to_confirm_marketing;""",
            dependencies=[("customers", "circe_new_id"), ("customers", "circe_current_consents")],
        ),
        CreateSQL(
            name="circe_keep_consents",
            sql="""-- Refuses to change or delete an entry of the ledger, whatever the role. Entries are deleted with their customer alone, by
-- the trigger circe_delete_consents: nobody else may create a trigger that could delete them.
CREATE OR REPLACE FUNCTION public.circe_keep_consents() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    IF TG_OP = 'DELETE' AND pg_trigger_depth() > 1 THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION USING
        ERRCODE = 'restrict_violation',
        CONSTRAINT = 'consent_stays',
        MESSAGE = 'An entry of the ledger of consents is neither changed nor deleted.',
        HINT = 'Add an entry that says what holds now.';
END
$$;
CREATE OR REPLACE TRIGGER circe_keep_consents BEFORE UPDATE OR DELETE ON public.customers_consent
FOR EACH ROW EXECUTE FUNCTION public.circe_keep_consents();
""",
            reverse_sql="""DROP TRIGGER circe_keep_consents ON public.customers_consent;
DROP FUNCTION public.circe_keep_consents;""",
        ),
        CreateSQL(
            name="circe_keep_all_consents",
            sql="""-- Refuses to TRUNCATE the ledger of consents. Only the owner of the tables may do so, for databases of tests.
CREATE OR REPLACE FUNCTION public.circe_keep_all_consents() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    IF NOT pg_has_role(
        current_user, (SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'USAGE'
    ) THEN
        RAISE EXCEPTION USING
            ERRCODE = 'restrict_violation',
            CONSTRAINT = 'consent_stays',
            MESSAGE = 'The ledger of consents is not emptied.';
    END IF;
    RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER circe_keep_all_consents BEFORE TRUNCATE ON public.customers_consent
EXECUTE FUNCTION public.circe_keep_all_consents();
""",
            reverse_sql="""DROP TRIGGER circe_keep_all_consents ON public.customers_consent;
DROP FUNCTION public.circe_keep_all_consents;""",
        ),
        CreateSQL(
            name="circe_delete_consents",
            sql="""-- Deletes the entries of the ledger with their customer. It runs with the rights of its owner, since the application may
-- only read entries and add them.
CREATE OR REPLACE FUNCTION public.circe_delete_consents() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    DELETE FROM public.customers_consent WHERE tenant_id = OLD.tenant_id AND customer_id = OLD.id;
    RETURN OLD;
END
$$;
-- No other role may use it in a trigger: that could delete the entries of customers who still exist.
REVOKE EXECUTE ON FUNCTION public.circe_delete_consents FROM public;

CREATE OR REPLACE TRIGGER circe_delete_consents BEFORE DELETE ON public.customers_customer
FOR EACH ROW EXECUTE FUNCTION public.circe_delete_consents();
""",
            reverse_sql="""DROP TRIGGER circe_delete_consents ON public.customers_customer;
DROP FUNCTION public.circe_delete_consents;""",
        ),
        CreateSQL(
            name="customers_consent",
            sql="""-- The application may read entries of the ledger, and add them.
REVOKE UPDATE, DELETE ON customers_consent FROM circe_app;
""",
            reverse_sql="""GRANT UPDATE, DELETE ON customers_consent TO circe_app;""",
            dependencies=[("tenants", "application_roles")],
        ),
    ]
