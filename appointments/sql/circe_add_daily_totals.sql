-- Adds a statement's changes of a business's appointments to appointments_appointmentdailytotals: the number of
-- appointments of each day, and the revenue of its visits. circe_update_appointment_totals calls it with the old and the
-- new rows.
CREATE OR REPLACE FUNCTION public.circe_add_daily_totals(
    tenant text, old_appointments public.appointments_appointment[], new_appointments public.appointments_appointment[]
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    delta record;
BEGIN
    -- A loop, because Citus takes no INSERT of a query that calls a function in a sub-select.
    FOR delta IN
        SELECT
            appointment_date AS day,
            sum(sign) AS total_appointments,
            coalesce(sum(sign * total_price) FILTER (WHERE status = 'completed'), 0) AS total_revenue
        FROM (
            SELECT 1 AS sign, * FROM unnest(new_appointments)
            UNION ALL
            SELECT -1 AS sign, * FROM unnest(old_appointments)
        ) AS changes
        WHERE tenant_id = tenant
        GROUP BY appointment_date
    LOOP
        CONTINUE WHEN delta.total_appointments = 0 AND delta.total_revenue = 0;
        INSERT INTO public.appointments_appointmentdailytotals AS totals (
            tenant_id, day, shard, total_appointments, total_revenue
        ) VALUES (
            tenant, delta.day, public.circe_lock_free_shard(), delta.total_appointments, delta.total_revenue
        )
        ON CONFLICT (tenant_id, day, shard) DO UPDATE SET
            total_appointments = totals.total_appointments + excluded.total_appointments,
            total_revenue = totals.total_revenue + excluded.total_revenue;
    END LOOP;
END
$$;
