-- Writes an audit event that no change of a row can record: something was refused, or a person was erased. It runs with the
-- rights of its owner, since the application may only read the audit trail.
CREATE OR REPLACE FUNCTION public.circe_record_event(
    action text, table_or_url text, row_id text, customer text, tenant text, details jsonb
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    actor CONSTANT jsonb := nullif(current_setting('circe.actor', true), '')::jsonb;
BEGIN
    -- Otherwise the application could forge the event of a row.
    IF action NOT IN ('refused', 'erased') THEN
        RAISE EXCEPTION 'Changes of rows are recorded by triggers alone.';
    END IF;
    INSERT INTO public.tenants_auditevent (
        at, tenant_id, action, "table", row_id, customer_id, after, actor_id, command, request_id, address
    ) VALUES (
        clock_timestamp(), tenant, action, table_or_url, row_id, customer, details, actor ->> 'user_id', actor ->> 'command',
        actor ->> 'request_id', (actor ->> 'address')::inet
    );
END
$$;
