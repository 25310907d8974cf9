-- Sets the booleans of customers with new entries to what the ledger says now, and also their `updated_at`. The
-- customers are locked already, see circe_prepare_consent. It does not run for entries that a trigger writes, since
-- these come from the booleans.
CREATE OR REPLACE FUNCTION public.circe_project_consents() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    changed record;
    flags record;
BEGIN
    -- Customers are updated in the order of their ids, so that two such statements never wait for each other.
    FOR changed IN
        SELECT tenant_id, customer_id, max(created_at) AS created_at
        FROM new_entries GROUP BY tenant_id, customer_id ORDER BY tenant_id, customer_id
    LOOP
        -- The result goes into a variable first, because Citus takes no UPDATE from a function that reads tables.
        SELECT
            bool_or(is_granted) FILTER (WHERE purpose = 'service' AND channel = 'email') AS accepts_email,
            bool_or(is_granted) FILTER (WHERE purpose = 'service' AND channel = 'sms') AS accepts_sms,
            bool_or(is_granted) FILTER (WHERE purpose = 'service' AND channel = 'push') AS accepts_push,
            bool_or(is_granted) FILTER (WHERE purpose = 'service' AND channel = 'whatsapp') AS accepts_whatsapp,
            bool_and(is_granted) FILTER (WHERE purpose = 'marketing') AS marketing_consent
        INTO flags
        FROM circe_current_consents(changed.tenant_id, changed.customer_id);
        UPDATE public.customers_customer AS customers
        SET
            accepts_email = flags.accepts_email, accepts_sms = flags.accepts_sms, accepts_push = flags.accepts_push,
            accepts_whatsapp = flags.accepts_whatsapp, marketing_consent = flags.marketing_consent,
            -- Citus takes only immutable functions here, and timestamptz + interval depends on the time zone.
            updated_at = greatest(
                changed.created_at, (customers.updated_at AT TIME ZONE 'UTC' + interval '1 microsecond') AT TIME ZONE 'UTC'
            )
        WHERE customers.tenant_id = changed.tenant_id AND customers.id = changed.customer_id;
    END LOOP;
    RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER circe_project_consents AFTER INSERT ON public.customers_consent
REFERENCING NEW TABLE AS new_entries
WHEN (pg_trigger_depth() = 0)
EXECUTE FUNCTION public.circe_project_consents();
