-- Stores for 30 days that a customer was purged, and when. Clients that synchronise read it. It runs with the rights of
-- its owner, since the application may only read the table.
CREATE OR REPLACE FUNCTION public.circe_leave_tombstone() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    purged_at CONSTANT timestamptz := public.circe_change_time();
    purged record;
    purged_id text;
BEGIN
    -- Loops, because Citus allows no transition table in a query on a distributed table.
    FOR purged IN SELECT tenant_id, array_agg(id::text) AS ids FROM changed_rows GROUP BY tenant_id LOOP
        FOREACH purged_id IN ARRAY purged.ids LOOP
            -- A customer who was purged, imported with the same id and purged again has one tombstone.
            INSERT INTO public.customers_tombstone (id, tenant_id, created_at, updated_at)
            VALUES (purged_id, purged.tenant_id, purged_at, purged_at)
            ON CONFLICT (tenant_id, id) DO UPDATE SET updated_at = excluded.updated_at;
        END LOOP;
        DELETE FROM public.customers_tombstone
        WHERE tenant_id = purged.tenant_id AND updated_at < purged_at - interval '30 days';
    END LOOP;
    RETURN NULL;
END
$$;
-- No other role may use it in a trigger: that could report customers as purged who still exist.
REVOKE EXECUTE ON FUNCTION public.circe_leave_tombstone FROM public;

CREATE OR REPLACE TRIGGER circe_leave_tombstone AFTER DELETE ON public.customers_customer
REFERENCING OLD TABLE AS changed_rows
EXECUTE FUNCTION public.circe_leave_tombstone();
