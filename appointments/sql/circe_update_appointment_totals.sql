-- Updates the three summary tables of appointments: daily totals, customer totals and visit counts. Its triggers run once
-- for each statement that writes appointments.
--
-- Locks: a transaction that changes a customer's appointments, or whether they are counted, first locks the customer's row
-- in appointments_customertotals, and then reads the appointments. So it sees the changes of all earlier transactions. The
-- rows of several customers are locked in the order of their ids, so there is no deadlock. The sharded counters need no
-- lock.
CREATE OR REPLACE FUNCTION public.circe_update_appointment_totals() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    -- The old and the new rows of the statement. They are arrays, because Citus allows no transition table in a query on a
    -- distributed table.
    old_appointments public.appointments_appointment[];
    new_appointments public.appointments_appointment[];
    booked public.appointments_appointment;
    tenant text;
    changed_customers text[];
    visits_changed boolean;
    counted_customers text[];
    counted_are_vip boolean[];
    signs int[];
    customer_ids text[];
    are_vip boolean[];
    days date[];
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        -- In a Citus cluster the trigger also runs for each shard, whose name is longer than the name of the table. Only the
        -- run for the table empties the sums.
        IF TG_TABLE_NAME = 'appointments_appointment' THEN
            DELETE FROM public.appointments_appointmentdailytotals;
            DELETE FROM public.appointments_visitcounts;
            UPDATE public.appointments_customertotals SET
                total_appointments = 0, visits = 0, total_spent = 0, first_visit = NULL, last_visit = NULL,
                open_date = NULL, open_time = NULL, recent_spent = 0, recent_from = NULL;
        END IF;
        RETURN NULL;
    END IF;
    IF TG_OP <> 'INSERT' THEN
        old_appointments := ARRAY(SELECT ROW(old_rows.*)::public.appointments_appointment FROM old_rows);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        new_appointments := ARRAY(SELECT ROW(new_rows.*)::public.appointments_appointment FROM new_rows);
    END IF;

    -- Most statements book one appointment. It is added to the totals without reading the customer's other appointments.
    booked := new_appointments[1];
    IF TG_OP = 'INSERT' AND cardinality(new_appointments) = 1 AND booked.status <> 'completed' THEN
        INSERT INTO public.appointments_appointmentdailytotals AS totals (
            tenant_id, day, shard, total_appointments, total_revenue
        )
        VALUES (booked.tenant_id, booked.appointment_date, circe_lock_free_shard(), 1, 0)
        ON CONFLICT (tenant_id, day, shard) DO UPDATE SET total_appointments = totals.total_appointments + 1;
        UPDATE public.appointments_customertotals AS totals SET
            total_appointments = totals.total_appointments + 1,
            open_date = greatest(totals.open_date + totals.open_time, open_at)::date,
            open_time = greatest(totals.open_date + totals.open_time, open_at)::time
        FROM (SELECT CASE
            WHEN booked.status IN ('pending', 'confirmed')
            THEN booked.appointment_date + least(booked.start_time, time '23:59:59.999999')
        END AS open_at) AS booking
        WHERE totals.tenant_id = booked.tenant_id AND totals.customer_id = booked.customer_id;
        RETURN NULL;
    END IF;

    FOR tenant IN SELECT DISTINCT tenant_id FROM unnest(old_appointments || new_appointments) ORDER BY tenant_id LOOP
        PERFORM circe_add_daily_totals(tenant, old_appointments, new_appointments);

        -- The customers with a change in a column that the totals use. A change of the notes, for example, does not count.
        SELECT array_agg(DISTINCT customer_id), bool_or(status = 'completed')
        INTO changed_customers, visits_changed
        FROM (
            SELECT customer_id, status FROM (
                SELECT 1 AS sign, * FROM unnest(new_appointments)
                UNION ALL
                SELECT -1 AS sign, * FROM unnest(old_appointments)
            ) AS changes
            WHERE tenant_id = tenant AND customer_id IS NOT NULL
            GROUP BY customer_id, appointment_date, start_time, status, total_price
            HAVING sum(sign) <> 0
        ) AS changed;
        CONTINUE WHEN changed_customers IS NULL;

        -- Visits of soft-deleted customers are not counted.
        SELECT
            array_agg(customer_id) FILTER (WHERE NOT is_deleted),
            array_agg(is_vip) FILTER (WHERE NOT is_deleted)
        INTO counted_customers, counted_are_vip
        FROM (
            SELECT customer_id, is_deleted, is_vip FROM public.appointments_customertotals
            WHERE tenant_id = tenant AND customer_id = ANY (changed_customers)
            ORDER BY customer_id FOR UPDATE
        ) AS locked;

        IF visits_changed THEN
            -- The visits before the statement are the present visits without the added visits, and the removed visits.
            WITH present AS (
                SELECT customer_id, appointment_date FROM public.appointments_appointment
                WHERE tenant_id = tenant AND customer_id = ANY (counted_customers) AND status = 'completed'
            ), added AS (
                SELECT customer_id, appointment_date FROM unnest(new_appointments)
                WHERE tenant_id = tenant AND customer_id = ANY (counted_customers) AND status = 'completed'
            ), removed AS (
                SELECT customer_id, appointment_date FROM unnest(old_appointments)
                WHERE tenant_id = tenant AND customer_id = ANY (counted_customers) AND status = 'completed'
            ), visit AS (
                SELECT 1 AS sign, customer_id, appointment_date FROM present
                UNION ALL
                SELECT -1, customer_id, appointment_date FROM (TABLE present EXCEPT ALL TABLE added) AS unchanged
                UNION ALL
                SELECT -1, customer_id, appointment_date FROM removed
            )
            SELECT array_agg(sign), array_agg(customer_id), array_agg(is_vip), array_agg(appointment_date)
            INTO signs, customer_ids, are_vip, days
            FROM visit JOIN unnest(counted_customers, counted_are_vip) AS counted (customer_id, is_vip)
                USING (customer_id);
            PERFORM circe_add_visit_counts(tenant, signs, customer_ids, are_vip, days);
        END IF;

        PERFORM circe_rebuild_customer_totals(tenant, changed_customers);
    END LOOP;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER circe_update_appointment_totals_insert AFTER INSERT ON public.appointments_appointment
REFERENCING NEW TABLE AS new_rows
EXECUTE FUNCTION public.circe_update_appointment_totals();

CREATE OR REPLACE TRIGGER circe_update_appointment_totals_update AFTER UPDATE ON public.appointments_appointment
REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
EXECUTE FUNCTION public.circe_update_appointment_totals();

CREATE OR REPLACE TRIGGER circe_update_appointment_totals_delete AFTER DELETE ON public.appointments_appointment
REFERENCING OLD TABLE AS old_rows
EXECUTE FUNCTION public.circe_update_appointment_totals();

CREATE OR REPLACE TRIGGER circe_update_appointment_totals_truncate AFTER TRUNCATE ON public.appointments_appointment
EXECUTE FUNCTION public.circe_update_appointment_totals();
