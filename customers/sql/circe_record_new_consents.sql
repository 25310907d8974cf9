-- Writes to the ledger each consent of a new customer that differs from the default. The source is that of the actor, see
-- tenants/audit/context.py.
CREATE OR REPLACE FUNCTION public.circe_record_new_consents() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    actor CONSTANT jsonb := nullif(current_setting('circe.actor', true), '')::jsonb;
    tenant text;
    entries jsonb;
BEGIN
    -- The entries go into a variable first, because Citus allows no transition table in a query on a distributed table.
    FOR tenant, entries IN
        SELECT
            tenant_id,
            jsonb_agg(jsonb_build_object(
                'customer', new_customers.id, 'purpose', consent.purpose, 'channel', consent.channel,
                'state', CASE WHEN consent.is_granted THEN 'granted' ELSE 'withdrawn' END
            ) ORDER BY new_customers.id)
        FROM new_customers
        CROSS JOIN LATERAL (VALUES
            ('service', 'email', accepts_email, true), ('service', 'sms', accepts_sms, true),
            ('service', 'push', accepts_push, true), ('service', 'whatsapp', accepts_whatsapp, false),
            ('marketing', 'email', marketing_consent, false), ('marketing', 'sms', marketing_consent, false),
            ('marketing', 'push', marketing_consent, false), ('marketing', 'whatsapp', marketing_consent, false)
        ) AS consent (purpose, channel, is_granted, is_granted_by_default)
        WHERE consent.is_granted <> consent.is_granted_by_default
        GROUP BY tenant_id
        ORDER BY tenant_id
    LOOP
        INSERT INTO public.customers_consent (
            id, created_at, updated_at, tenant_id, customer_id, purpose, channel, state, source
        )
        SELECT
            circe_new_id(), clock_timestamp(), clock_timestamp(), tenant, entry ->> 'customer',
            entry ->> 'purpose', entry ->> 'channel', entry ->> 'state', coalesce(actor ->> 'source', 'reception')
        FROM jsonb_array_elements(entries) AS entry;
    END LOOP;
    RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER circe_record_new_consents AFTER INSERT ON public.customers_customer
REFERENCING NEW TABLE AS new_customers
EXECUTE FUNCTION public.circe_record_new_consents();
