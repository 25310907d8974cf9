-- Stores for 30 days which rows of a table were deleted, and when. Clients that synchronise read it. The argument of the
-- trigger is the table of the tombstones. The function runs with the rights of its owner, since the application may only
-- read that table.
CREATE OR REPLACE FUNCTION public.circe_leave_tombstone() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    deleted_at CONSTANT timestamptz := public.circe_change_time();
    deleted record;
BEGIN
    -- The ids are first taken into arrays, because Citus allows no transition table in a query on a distributed table.
    FOR deleted IN SELECT tenant_id, array_agg(id::text) AS ids FROM changed_rows GROUP BY tenant_id LOOP
        -- A row that was deleted, stored again with the same id and deleted again has one tombstone.
        EXECUTE format(
            'INSERT INTO public.%I (id, tenant_id, created_at, updated_at) '
            'SELECT id, $2, $3, $3 FROM unnest($1) AS deleted (id) '
            'ON CONFLICT (tenant_id, id) DO UPDATE SET updated_at = excluded.updated_at',
            tg_argv[0]
        ) USING deleted.ids, deleted.tenant_id, deleted_at;
        EXECUTE format('DELETE FROM public.%I WHERE tenant_id = $1 AND updated_at < $2', tg_argv[0])
        USING deleted.tenant_id, deleted_at - interval '30 days';
    END LOOP;
    RETURN NULL;
END
$$;
-- No other role may use it in a trigger: that could report rows as deleted that still exist.
REVOKE EXECUTE ON FUNCTION public.circe_leave_tombstone FROM public;

CREATE OR REPLACE TRIGGER circe_leave_tombstone AFTER DELETE ON public.customers_customer
REFERENCING OLD TABLE AS changed_rows
EXECUTE FUNCTION public.circe_leave_tombstone('customers_tombstone');
