-- Changes `updated_at` of the customers who lose a preferred service or member of staff, by whatever way. The function
-- has the rights of whoever deletes, and row-level security binds it as elsewhere.
CREATE OR REPLACE FUNCTION public.circe_preference_deleted() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
    deleted record;
BEGIN
    -- One customer after the other, in one order, so that two such statements never wait for each other.
    FOR deleted IN SELECT DISTINCT tenant_id, customer_id FROM old_rows ORDER BY tenant_id, customer_id LOOP
        UPDATE public.customers_customer
        SET updated_at = greatest(clock_timestamp(), updated_at + interval '1 microsecond')
        WHERE tenant_id = deleted.tenant_id AND id = deleted.customer_id;
    END LOOP;
    RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER circe_preferredservice_deleted AFTER DELETE ON public.customers_preferredservice
REFERENCING OLD TABLE AS old_rows EXECUTE FUNCTION public.circe_preference_deleted();
CREATE OR REPLACE TRIGGER circe_preferredstaff_deleted AFTER DELETE ON public.customers_preferredstaff
REFERENCING OLD TABLE AS old_rows EXECUTE FUNCTION public.circe_preference_deleted();
