-- Removes all personal data from the audit events of a purged customer, as far as they are about rows of the app
-- customers. It runs with the rights of its owner, since the application may only read the audit trail.
CREATE OR REPLACE FUNCTION public.circe_clear_customer_events() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    UPDATE public.tenants_auditevent
    SET before = NULL, after = NULL
    WHERE tenant_id = OLD.tenant_id AND customer_id = OLD.id AND action <> 'refused'
        AND "table" IN ('customer', 'preferredservice', 'preferredstaff', 'consent', 'deletionrequest');
    RETURN NULL;
END
$$;
-- No other role may use it in a trigger: that could clear the events of customers who still exist.
REVOKE EXECUTE ON FUNCTION public.circe_clear_customer_events FROM public;

CREATE OR REPLACE TRIGGER circe_clear_customer_events AFTER DELETE ON public.customers_customer
FOR EACH ROW EXECUTE FUNCTION public.circe_clear_customer_events();
