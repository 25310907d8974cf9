-- Copies three values of a customer to appointments_customertotals: created_at, is_deleted, and whether they are tagged
-- 'vip'. Subtracts the visits of a customer who is soft-deleted from appointments_visitcounts, and adds them again when the
-- customer is restored. If the tag changes, visits are subtracted and added too, since customers with the tag are counted
-- separately. Its trigger runs once for each UPDATE of customers that changes one of these values, an id or a
-- tenant. It takes the same locks as circe_update_appointment_totals.
CREATE OR REPLACE FUNCTION public.circe_change_customer_totals() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    tenant text;
    old_ids text[];
    old_counted_ids text[];
    old_counted_are_vip boolean[];
    new_ids text[];
    new_counted_ids text[];
    new_counted_are_vip boolean[];
    new_created_at timestamptz[];
    new_are_deleted boolean[];
    new_are_vip boolean[];
    signs int[];
    customer_ids text[];
    are_vip boolean[];
    days date[];
BEGIN
    PERFORM set_config('circe.customer_totals', '', true);
    FOR tenant IN SELECT tenant_id FROM old_rows UNION SELECT tenant_id FROM new_rows ORDER BY 1 LOOP
        -- The rows are first taken into arrays: Citus allows no transition table in a query on a distributed table.
        SELECT
            array_agg(id ORDER BY id),
            array_agg(id ORDER BY id) FILTER (WHERE NOT is_deleted),
            array_agg('vip' = ANY (tags) ORDER BY id) FILTER (WHERE NOT is_deleted)
        INTO old_ids, old_counted_ids, old_counted_are_vip
        FROM old_rows WHERE tenant_id = tenant;
        SELECT
            array_agg(id ORDER BY id),
            array_agg(id ORDER BY id) FILTER (WHERE NOT is_deleted),
            array_agg('vip' = ANY (tags) ORDER BY id) FILTER (WHERE NOT is_deleted),
            array_agg(created_at ORDER BY id),
            array_agg(is_deleted ORDER BY id),
            array_agg('vip' = ANY (tags) ORDER BY id)
        INTO new_ids, new_counted_ids, new_counted_are_vip, new_created_at, new_are_deleted, new_are_vip
        FROM new_rows WHERE tenant_id = tenant;

        PERFORM FROM public.appointments_customertotals
        WHERE tenant_id = tenant AND customer_id = ANY (old_ids)
        ORDER BY customer_id FOR UPDATE;

        IF (old_counted_ids, old_counted_are_vip) IS DISTINCT FROM (new_counted_ids, new_counted_are_vip) THEN
            SELECT
                array_agg(customer.sign), array_agg(customer.id), array_agg(customer.is_vip),
                array_agg(appointment.appointment_date)
            INTO signs, customer_ids, are_vip, days
            FROM (
                SELECT 1 AS sign, id, is_vip FROM unnest(new_counted_ids, new_counted_are_vip) AS new (id, is_vip)
                UNION ALL
                SELECT -1, id, is_vip FROM unnest(old_counted_ids, old_counted_are_vip) AS old (id, is_vip)
            ) AS customer
            JOIN public.appointments_appointment AS appointment
                ON appointment.tenant_id = tenant AND appointment.customer_id = customer.id
            WHERE appointment.status = 'completed';
            PERFORM circe_add_visit_counts(tenant, signs, customer_ids, are_vip, days);
        END IF;

        IF old_ids IS DISTINCT FROM new_ids THEN
            DELETE FROM public.appointments_customertotals
            WHERE tenant_id = tenant AND customer_id = ANY (old_ids) AND customer_id <> ALL (coalesce(new_ids, '{}'));
        END IF;
        INSERT INTO public.appointments_customertotals AS totals (
            tenant_id, customer_id, created_at, is_deleted, is_vip
        )
        SELECT tenant, customer.id, customer.created_at, customer.is_deleted, customer.is_vip
        FROM unnest(new_ids, new_created_at, new_are_deleted, new_are_vip)
            AS customer (id, created_at, is_deleted, is_vip)
        ORDER BY customer.id
        ON CONFLICT (tenant_id, customer_id) DO UPDATE SET
            created_at = excluded.created_at,
            is_deleted = excluded.is_deleted,
            is_vip = excluded.is_vip
        WHERE (totals.created_at, totals.is_deleted, totals.is_vip)
            <> (excluded.created_at, excluded.is_deleted, excluded.is_vip);
    END LOOP;
    RETURN NULL;
END
$$;

-- The function runs only if an update changed one of these columns in some row.
CREATE OR REPLACE TRIGGER circe_change_customer_totals_flag
BEFORE UPDATE OF tenant_id, id, created_at, is_deleted, tags ON public.customers_customer
FOR EACH ROW WHEN (
    (old.tenant_id, old.id, old.created_at, old.is_deleted, 'vip' = ANY(old.tags))
    IS DISTINCT FROM (new.tenant_id, new.id, new.created_at, new.is_deleted, 'vip' = ANY(new.tags))
)
EXECUTE FUNCTION public.circe_flag_change('circe.customer_totals');

CREATE OR REPLACE TRIGGER circe_change_customer_totals AFTER UPDATE ON public.customers_customer
REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
WHEN (current_setting('circe.customer_totals', true) = 'changed')
EXECUTE FUNCTION public.circe_change_customer_totals();
