-- Removes the rows of deleted customers from appointments_customertotals. Its triggers run once for each statement that
-- deletes customers.
CREATE OR REPLACE FUNCTION public.circe_remove_customer_totals() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    removed record;
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        -- In a Citus cluster the trigger also runs for each shard, whose name is longer than the name of the table. Only the
        -- run for the table empties the sums.
        IF TG_TABLE_NAME = 'customers_customer' THEN
            DELETE FROM public.appointments_customertotals;
        END IF;
        RETURN NULL;
    END IF;
    FOR removed IN SELECT tenant_id, array_agg(id) AS ids FROM old_rows GROUP BY tenant_id LOOP
        DELETE FROM public.appointments_customertotals
        WHERE tenant_id = removed.tenant_id AND customer_id = ANY (removed.ids);
    END LOOP;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER circe_remove_customer_totals AFTER DELETE ON public.customers_customer
REFERENCING OLD TABLE AS old_rows
EXECUTE FUNCTION public.circe_remove_customer_totals();

CREATE OR REPLACE TRIGGER circe_remove_customer_totals_truncate AFTER TRUNCATE ON public.customers_customer
EXECUTE FUNCTION public.circe_remove_customer_totals();
