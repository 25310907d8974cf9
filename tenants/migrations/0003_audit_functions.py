"""What writes the audit trail: with the rights of its owner, since the application may only read it."""

from django.db import migrations

AUDIT = """
CREATE FUNCTION public.circe_audit() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    model CONSTANT text := TG_ARGV[0];
    actor CONSTANT jsonb := nullif(current_setting('circe.actor', true), '')::jsonb;
    -- What the database or every save derives from the rest. Of a password the trail tells no more than that.
    left_out CONSTANT text[] := '{search_text,email_key,updated_at,last_login,tokens_valid_from}';
    old_row jsonb := to_jsonb(OLD);
    new_row jsonb := to_jsonb(NEW);
    either CONSTANT jsonb := coalesce(new_row, old_row);
    action text := CASE TG_OP WHEN 'INSERT' THEN 'created' WHEN 'DELETE' THEN 'deleted' ELSE 'updated' END;
    customer text;
BEGIN
    IF new_row ->> 'password' IS NOT NULL THEN
        new_row := new_row || CASE
            WHEN old_row ->> 'password' <> new_row ->> 'password' THEN '{"password": "changed"}'::jsonb
            ELSE '{"password": "set"}'::jsonb
        END;
    END IF;
    IF old_row ->> 'password' IS NOT NULL THEN
        old_row := old_row || '{"password": "set"}';
    END IF;
    old_row := old_row - left_out;
    new_row := new_row - left_out;
    IF TG_OP = 'UPDATE' THEN
        SELECT jsonb_object_agg(name, old_row -> name), jsonb_object_agg(name, value)
        INTO old_row, new_row
        FROM jsonb_each(new_row) AS became (name, value)
        WHERE value IS DISTINCT FROM old_row -> name;
        IF old_row IS NULL THEN
            RETURN NULL;
        END IF;
        IF new_row -> 'is_deleted' IS NOT NULL THEN
            action := CASE WHEN new_row -> 'is_deleted' = 'true' THEN 'soft_deleted' ELSE 'restored' END;
        END IF;
        -- What was noted about one person does not belong into the history of the next, where it would outlive them.
        IF model = 'appointment' AND new_row ->> 'customer_id' IS NOT NULL THEN
            old_row := old_row - 'notes';
        END IF;
    END IF;

    customer := CASE model
        WHEN 'customer' THEN either ->> 'id'
        ELSE coalesce(either ->> 'customer_id', old_row ->> 'customer_id')
    END;
    -- Whoever is removed for good leaves nothing personal behind, and no appointment tied to them.
    IF model = 'customer' AND TG_OP = 'DELETE' THEN
        UPDATE public.tenants_auditevent
        SET before = CASE WHEN "table" = 'appointment' THEN before - '{customer_id,notes}'::text[] END,
            after = CASE WHEN "table" = 'appointment' THEN after - '{customer_id,notes}'::text[] END,
            customer_id = CASE WHEN "table" <> 'appointment' THEN customer_id END
        WHERE tenant_id = OLD.tenant_id AND customer_id = OLD.id AND tenants_auditevent.action <> 'refused';
        old_row := NULL;
    END IF;

    INSERT INTO public.tenants_auditevent (
        at, tenant_id, action, "table", row_id, customer_id, before, after, actor_id, command, request_id, address
    ) VALUES (
        clock_timestamp(), either ->> CASE model WHEN 'tenant' THEN 'id' ELSE 'tenant_id' END, action, model,
        either ->> 'id', customer, old_row, new_row, actor ->> 'user_id',
        coalesce(actor ->> 'command', nullif(current_setting('application_name'), '')),
        actor ->> 'request_id', (actor ->> 'address')::inet
    );
    RETURN NULL;
END
$$
"""

NOTE = """
CREATE FUNCTION public.circe_note(action text, model text, row_id text, customer text, tenant text, details jsonb)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    actor CONSTANT jsonb := nullif(current_setting('circe.actor', true), '')::jsonb;
BEGIN
    IF action NOT IN ('refused', 'erased') THEN
        RAISE EXCEPTION 'What becomes of rows is recorded by triggers, and by nobody else.';
    END IF;
    INSERT INTO public.tenants_auditevent (
        at, tenant_id, action, "table", row_id, customer_id, after, actor_id, command, request_id, address
    ) VALUES (
        clock_timestamp(), tenant, action, model, row_id, customer, details, actor ->> 'user_id', actor ->> 'command',
        actor ->> 'request_id', (actor ->> 'address')::inet
    );
END
$$
"""


class Migration(migrations.Migration):
    dependencies = [("tenants", "0002_application_role")]
    operations = [
        migrations.RunSQL(AUDIT, "DROP FUNCTION public.circe_audit"),
        migrations.RunSQL(NOTE, "DROP FUNCTION public.circe_note"),
    ]
