-- Ends all sessions of a customer in the portal when their password changes or is taken away, by whatever code.
CREATE OR REPLACE FUNCTION public.circe_end_customer_sessions() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    -- Citus takes no volatile function in an UPDATE.
    moment CONSTANT timestamptz := clock_timestamp();
BEGIN
    UPDATE public.customers_customersession SET ended_at = moment
    WHERE tenant_id = NEW.tenant_id AND customer_id = NEW.id AND ended_at IS NULL;
    RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER circe_end_customer_sessions AFTER UPDATE OF password ON public.customers_customer
FOR EACH ROW WHEN (old.password IS DISTINCT FROM new.password)
EXECUTE FUNCTION public.circe_end_customer_sessions();
