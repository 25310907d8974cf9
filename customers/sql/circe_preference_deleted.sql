-- Sets `updated_at` of the customers who lose a preferred service or member of staff. The function has the rights of the
-- role that deletes, so row-level security limits it too.
CREATE OR REPLACE FUNCTION public.circe_preference_deleted() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
    changed_customer record;
    -- Citus takes no volatile function in an UPDATE.
    moment CONSTANT timestamptz := clock_timestamp();
BEGIN
    -- Customers are updated in the order of their ids, so that two such statements never wait for each other.
    FOR changed_customer IN SELECT DISTINCT tenant_id, customer_id FROM old_rows ORDER BY tenant_id, customer_id LOOP
        UPDATE public.customers_customer
        -- Citus takes only immutable functions of a column here, and timestamptz + interval depends on the time zone.
        SET updated_at = greatest(
            moment, (updated_at AT TIME ZONE 'UTC' + interval '1 microsecond') AT TIME ZONE 'UTC'
        )
        WHERE tenant_id = changed_customer.tenant_id AND id = changed_customer.customer_id;
    END LOOP;
    RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER circe_preferredservice_deleted AFTER DELETE ON public.customers_preferredservice
REFERENCING OLD TABLE AS old_rows EXECUTE FUNCTION public.circe_preference_deleted();
CREATE OR REPLACE TRIGGER circe_preferredstaff_deleted AFTER DELETE ON public.customers_preferredstaff
REFERENCING OLD TABLE AS old_rows EXECUTE FUNCTION public.circe_preference_deleted();
