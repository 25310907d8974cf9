-- Adds a statement's changes of a business's appointments to appointments_appointmentdailytotals: the number of
-- appointments of each day, and the revenue of its visits. circe_update_appointment_totals calls it with the old and the new rows.
CREATE OR REPLACE FUNCTION public.circe_add_daily_totals(
    business text, old_appointments public.appointments_appointment[], new_appointments public.appointments_appointment[]
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO public.appointments_appointmentdailytotals AS totals (
        tenant_id, day, shard, total_appointments, total_revenue
    )
    SELECT business, day, (SELECT public.circe_lock_free_shard()), total_appointments, total_revenue
    FROM (
        SELECT
            appointment_date AS day,
            sum(sign) AS total_appointments,
            coalesce(sum(sign * total_price) FILTER (WHERE status = 'completed'), 0) AS total_revenue
        FROM (
            SELECT 1 AS sign, * FROM unnest(new_appointments)
            UNION ALL
            SELECT -1 AS sign, * FROM unnest(old_appointments)
        ) AS changes
        WHERE tenant_id = business
        GROUP BY appointment_date
    ) AS delta
    WHERE total_appointments <> 0 OR total_revenue <> 0
    ON CONFLICT (tenant_id, day, shard) DO UPDATE SET
        total_appointments = totals.total_appointments + excluded.total_appointments,
        total_revenue = totals.total_revenue + excluded.total_revenue;
END
$$;
