-- Gives each new customer a row in appointments_customertotals. The trigger runs once for each statement, not for each
-- row. An import adds a thousand customers by one statement, which takes an eighth longer with a trigger for each row.
CREATE OR REPLACE FUNCTION public.circe_add_customer_totals() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    added record;
BEGIN
    -- The rows are first taken into arrays: Citus allows no transition table in a query on a distributed table.
    FOR added IN
        SELECT
            tenant_id,
            array_agg(id) AS ids,
            array_agg(created_at) AS created_at,
            array_agg(is_deleted) AS are_deleted,
            array_agg('vip' = ANY (tags)) AS are_vip
        FROM new_rows
        GROUP BY tenant_id
    LOOP
        INSERT INTO public.appointments_customertotals (tenant_id, customer_id, created_at, is_deleted, is_vip)
        SELECT added.tenant_id, customer.id, customer.created_at, customer.is_deleted, customer.is_vip
        FROM unnest(added.ids, added.created_at, added.are_deleted, added.are_vip)
            AS customer (id, created_at, is_deleted, is_vip);
    END LOOP;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER circe_add_customer_totals AFTER INSERT ON public.customers_customer
REFERENCING NEW TABLE AS new_rows
EXECUTE FUNCTION public.circe_add_customer_totals();
