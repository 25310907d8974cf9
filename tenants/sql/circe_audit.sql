-- Writes an audit event for each row that is created, changed or deleted. AuditTrigger (circe/db/audit_trigger.py)
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
