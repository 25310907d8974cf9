-- Gives each new customer a row in appointments_customertotals.
CREATE OR REPLACE FUNCTION public.circe_add_customer_totals() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO public.appointments_customertotals (tenant_id, customer_id, created_at, is_deleted, is_vip)
    VALUES (NEW.tenant_id, NEW.id, NEW.created_at, NEW.is_deleted, 'vip' = ANY (NEW.tags));
    RETURN NULL;
END
$$;

-- For each row, since Citus allows no transition table in a query on a distributed table.
CREATE OR REPLACE TRIGGER circe_add_customer_totals AFTER INSERT ON public.customers_customer
FOR EACH ROW EXECUTE FUNCTION public.circe_add_customer_totals();
