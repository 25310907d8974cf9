-- Writes changed booleans of a customer to the ledger: an entry for each channel on which they differ from what the
-- ledger says. Booleans that circe_project_consents has set are the same as the ledger, so they get no entry. The
-- source is that of the actor, see tenants/audit/context.py.
CREATE OR REPLACE FUNCTION public.circe_record_changed_consents() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    actor CONSTANT jsonb := nullif(current_setting('circe.actor', true), '')::jsonb;
BEGIN
    INSERT INTO public.customers_consent (
        id, created_at, updated_at, tenant_id, customer_id, purpose, channel, state, source
    )
    SELECT
        circe_new_id(), NEW.updated_at, clock_timestamp(), NEW.tenant_id, NEW.id, purpose, channel,
        CASE WHEN is_wanted THEN 'granted' ELSE 'withdrawn' END, coalesce(actor ->> 'source', 'reception')
    FROM (
        SELECT
            purpose, channel, is_granted,
            -- `marketing_consent` is true only if marketing is granted on all channels. If it is granted on one of them,
            -- the boolean is false and still agrees with the ledger. So it changes channels only if it differs from what
            -- the ledger says.
            CASE
                WHEN purpose = 'service' THEN CASE channel
                    WHEN 'email' THEN NEW.accepts_email WHEN 'sms' THEN NEW.accepts_sms
                    WHEN 'push' THEN NEW.accepts_push WHEN 'whatsapp' THEN NEW.accepts_whatsapp
                END
                WHEN NEW.marketing_consent <> bool_and(is_granted) OVER (PARTITION BY purpose) THEN NEW.marketing_consent
                ELSE is_granted
            END AS is_wanted
        FROM circe_current_consents(NEW.tenant_id, NEW.id)
    ) AS consent
    WHERE is_wanted <> is_granted;
    RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER circe_record_changed_consents AFTER UPDATE ON public.customers_customer
FOR EACH ROW WHEN (
    (new.accepts_email, new.accepts_sms, new.accepts_push, new.accepts_whatsapp, new.marketing_consent)
    IS DISTINCT FROM
    (old.accepts_email, old.accepts_sms, old.accepts_push, old.accepts_whatsapp, old.marketing_consent)
) EXECUTE FUNCTION public.circe_record_changed_consents();
