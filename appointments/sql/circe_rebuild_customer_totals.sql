-- Computes anew, from the appointments, the rows of these customers of a business in appointments_customertotals. The caller
-- must have locked these rows.
CREATE OR REPLACE FUNCTION public.circe_rebuild_customer_totals(tenant text, customer_ids text[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    -- Visits of the last 365 days are recent, in the time zone where the day begins last: 12 hours after UTC.
    recent_from_day date := ((now() AT TIME ZONE 'UTC') - interval '12 hours')::date - 365;
BEGIN
    -- remove_expired_spending has subtracted earlier visits, as soon as the day had begun for this business.
    SELECT greatest(spending_since, recent_from_day) INTO recent_from_day
    FROM public.tenants_tenant WHERE id = tenant;
    UPDATE public.appointments_customertotals AS totals SET
        total_appointments = own.total_appointments,
        visits = own.visits,
        total_spent = own.total_spent,
        first_visit = own.first_visit,
        last_visit = own.last_visit,
        open_date = own.open_at::date,
        open_time = own.open_at::time,
        recent_spent = own.recent_spent,
        recent_from = own.recent_from
    FROM unnest(customer_ids) AS customer (id) CROSS JOIN LATERAL (
        SELECT
            count(*) AS total_appointments,
            count(*) FILTER (WHERE status = 'completed') AS visits,
            coalesce(sum(total_price) FILTER (WHERE status = 'completed'), 0) AS total_spent,
            min(appointment_date) FILTER (WHERE status = 'completed') AS first_visit,
            max(appointment_date) FILTER (WHERE status = 'completed') AS last_visit,
            max(appointment_date + least(start_time, time '23:59:59.999999'))
                FILTER (WHERE status IN ('pending', 'confirmed')) AS open_at,
            coalesce(sum(total_price) FILTER (WHERE status = 'completed' AND appointment_date >= recent_from_day), 0)
                AS recent_spent,
            min(appointment_date) FILTER (WHERE status = 'completed' AND appointment_date >= recent_from_day)
                AS recent_from
        FROM public.appointments_appointment AS appointment
        WHERE appointment.tenant_id = tenant AND appointment.customer_id = customer.id
    ) AS own
    WHERE totals.tenant_id = tenant AND totals.customer_id = customer.id;
END
$$;
