-- Deletes the entries of the ledger with their customer. It runs with the rights of its owner, since the application may
-- only read entries and add them.
CREATE OR REPLACE FUNCTION public.circe_delete_consents() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    DELETE FROM public.customers_consent WHERE tenant_id = OLD.tenant_id AND customer_id = OLD.id;
    RETURN OLD;
END
$$;
-- No other role may use it in a trigger: that could delete the entries of customers who still exist.
REVOKE EXECUTE ON FUNCTION public.circe_delete_consents FROM public;

CREATE OR REPLACE TRIGGER circe_delete_consents BEFORE DELETE ON public.customers_customer
FOR EACH ROW EXECUTE FUNCTION public.circe_delete_consents();
