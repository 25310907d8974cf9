-- Stores for 30 days that an appointment was deleted, and when. Clients that synchronise read it. It runs with the
-- rights of its owner, since the application may only read the table.
CREATE OR REPLACE FUNCTION public.circe_leave_appointment_tombstone() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    deleted_at CONSTANT timestamptz := public.circe_change_time();
    deleted record;
    deleted_id text;
BEGIN
    -- Loops, because Citus allows no transition table in a query on a distributed table.
    FOR deleted IN SELECT tenant_id, array_agg(id::text) AS ids FROM changed_rows GROUP BY tenant_id LOOP
        FOREACH deleted_id IN ARRAY deleted.ids LOOP
            -- One that was deleted, stored again with the same id and deleted again has one tombstone.
            INSERT INTO public.appointments_appointmenttombstone (id, tenant_id, created_at, updated_at)
            VALUES (deleted_id, deleted.tenant_id, deleted_at, deleted_at)
            ON CONFLICT (tenant_id, id) DO UPDATE SET updated_at = excluded.updated_at;
        END LOOP;
        DELETE FROM public.appointments_appointmenttombstone
        WHERE tenant_id = deleted.tenant_id AND updated_at < deleted_at - interval '30 days';
    END LOOP;
    RETURN NULL;
END
$$;
-- No other role may use it in a trigger: that could report appointments as deleted that still exist.
REVOKE EXECUTE ON FUNCTION public.circe_leave_appointment_tombstone FROM public;

CREATE OR REPLACE TRIGGER circe_leave_appointment_tombstone AFTER DELETE ON public.appointments_appointment
REFERENCING OLD TABLE AS changed_rows
EXECUTE FUNCTION public.circe_leave_appointment_tombstone();
