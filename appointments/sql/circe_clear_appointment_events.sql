-- Removes from the events of a deleted customer's appointments the id of the customer, the notes and the reasons of a
-- status. The other values of the events stay, as the appointments do. The function runs with the rights of its owner,
-- since the application may only read the audit trail.
CREATE OR REPLACE FUNCTION public.circe_clear_appointment_events() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    appointments CONSTANT text[] := ARRAY(
        SELECT DISTINCT row_id FROM public.tenants_auditevent
        WHERE tenant_id = OLD.tenant_id AND customer_id = OLD.id AND "table" = 'appointment'
    );
BEGIN
    -- A walk-in may have been given to the customer later. Its first events name no customer. The planner may not look them
    -- up by `customer_id IS NULL`, since each purge makes more events that name no customer.
    UPDATE public.tenants_auditevent
    SET before = before - '{notes,status_reason}'::text[],
        after = after - '{notes,status_reason}'::text[]
    WHERE tenant_id = OLD.tenant_id AND row_id = ANY(appointments) AND num_nulls(customer_id) = 1
        AND "table" = 'appointment';
    UPDATE public.tenants_auditevent
    SET before = before - '{customer_id,notes,status_reason}'::text[],
        after = after - '{customer_id,notes,status_reason}'::text[],
        customer_id = NULL
    WHERE tenant_id = OLD.tenant_id AND customer_id = OLD.id AND action <> 'refused' AND "table" = 'appointment';
    RETURN NULL;
END
$$;
-- No other role may use it in a trigger: that could clear the events of customers who still exist.
REVOKE EXECUTE ON FUNCTION public.circe_clear_appointment_events FROM public;

CREATE OR REPLACE TRIGGER circe_clear_appointment_events AFTER DELETE ON public.customers_customer
FOR EACH ROW EXECUTE FUNCTION public.circe_clear_appointment_events();
