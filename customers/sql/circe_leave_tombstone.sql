-- Stores for 30 days that a customer was purged, and when. Clients that synchronise read it. It runs with the rights of
-- its owner, since the application may only read the table.
CREATE OR REPLACE FUNCTION public.circe_leave_tombstone() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    purged_at CONSTANT timestamptz := public.circe_change_time();
BEGIN
    -- A customer who was purged, imported with the same id and purged again has one tombstone.
    INSERT INTO public.customers_tombstone (id, tenant_id, created_at, updated_at)
    VALUES (OLD.id, OLD.tenant_id, purged_at, purged_at)
    ON CONFLICT (tenant_id, id) DO UPDATE SET updated_at = excluded.updated_at;
    DELETE FROM public.customers_tombstone
    WHERE tenant_id = OLD.tenant_id AND updated_at < purged_at - interval '30 days';
    RETURN NULL;
END
$$;
-- No other role may use it in a trigger: that could report customers as purged who still exist.
REVOKE EXECUTE ON FUNCTION public.circe_leave_tombstone FROM public;

CREATE OR REPLACE TRIGGER circe_leave_tombstone AFTER DELETE ON public.customers_customer
FOR EACH ROW EXECUTE FUNCTION public.circe_leave_tombstone();
