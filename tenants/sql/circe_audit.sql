-- Writes an audit event for each row that is created, changed or deleted. AuditTrigger (circe/db/audit_trigger.py) puts
-- it on a table, with the model's name as argument. It runs with the rights of its owner, since the application may only
-- read the audit trail.
CREATE OR REPLACE FUNCTION public.circe_audit() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    model CONSTANT text := TG_ARGV[0];
    actor CONSTANT jsonb := nullif(current_setting('circe.actor', true), '')::jsonb;
    -- Columns that the database or every save derives from others.
    left_out CONSTANT text[] := '{search_text,email_key,updated_at,last_login,tokens_valid_from,has_acted}';
    old_row jsonb := to_jsonb(OLD);
    new_row jsonb := to_jsonb(NEW);
    any_row CONSTANT jsonb := coalesce(new_row, old_row);
    action text := CASE TG_OP WHEN 'INSERT' THEN 'created' WHEN 'DELETE' THEN 'deleted' ELSE 'updated' END;
    customer text;
BEGIN
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
    old_row := old_row - left_out;
    new_row := new_row - left_out;

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
        -- Where an appointment passes to another customer, the notes about the first one stay out of the second one's
        -- history: they would outlive the first one's erasure there.
        IF model = 'appointment' AND new_row ->> 'customer_id' IS NOT NULL THEN
            old_row := old_row - 'notes';
        END IF;
    END IF;

    customer := CASE model
        WHEN 'customer' THEN any_row ->> 'id'
        ELSE coalesce(any_row ->> 'customer_id', old_row ->> 'customer_id')
    END;
    -- When a customer's row is deleted, their events lose all personal data, and those of appointments the customer too.
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
        clock_timestamp(), any_row ->> CASE model WHEN 'tenant' THEN 'id' ELSE 'tenant_id' END, action, model,
        any_row ->> 'id', customer, old_row, new_row, actor ->> 'user_id',
        coalesce(actor ->> 'command', nullif(current_setting('application_name'), '')),
        actor ->> 'request_id', (actor ->> 'address')::inet
    );
    RETURN NULL;
END
$$;
