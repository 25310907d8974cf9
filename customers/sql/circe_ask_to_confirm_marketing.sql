-- Requests the mail with the link that completes a consent to marketing by e-mail, if the business wants double opt-in.
-- A consent by an import requests none: there could be ten thousand mails. It runs with the rights of its owner, since
-- a customer may not read mailed links.
CREATE OR REPLACE FUNCTION public.circe_ask_to_confirm_marketing() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO public.customers_mailedlink (
        id, created_at, updated_at, tenant_id, customer_id, kind, email, email_key, details, state, reasons, due_at,
        attempts
    )
    SELECT
        circe_new_id(), clock_timestamp(), clock_timestamp(), customers.tenant_id, customers.id, 'confirm_marketing',
        customers.email, customers.email_key, '{}', 'queued', '{}', clock_timestamp(), 0
    FROM public.customers_customer AS customers
    INNER JOIN public.tenants_tenant AS tenants ON customers.tenant_id = tenants.id AND tenants.double_opt_in
    INNER JOIN circe_current_consents(NEW.tenant_id, NEW.customer_id) AS consent
        ON consent.purpose = NEW.purpose AND consent.channel = NEW.channel AND consent.is_granted
    WHERE customers.tenant_id = NEW.tenant_id AND customers.id = NEW.customer_id
        AND customers.email IS NOT NULL AND NOT customers.is_deleted
        -- The customer has opened no link since the last withdrawal.
        AND NOT EXISTS (
            SELECT FROM public.customers_consent AS opened
            WHERE opened.tenant_id = NEW.tenant_id AND opened.customer_id = NEW.customer_id
                AND opened.purpose = NEW.purpose AND opened.channel = NEW.channel
                AND opened.state = 'granted' AND opened.source = 'link'
                AND NOT EXISTS (
                    SELECT FROM public.customers_consent AS withdrawn
                    WHERE withdrawn.tenant_id = NEW.tenant_id AND withdrawn.customer_id = NEW.customer_id
                        AND withdrawn.purpose = NEW.purpose AND withdrawn.channel = NEW.channel
                        AND withdrawn.state = 'withdrawn' AND withdrawn.at >= opened.at
                )
        )
        -- One mail waits at a time, and an address gets at most five an hour.
        AND NOT EXISTS (
            SELECT FROM public.customers_mailedlink AS waiting
            WHERE waiting.tenant_id = NEW.tenant_id AND waiting.customer_id = NEW.customer_id
                AND waiting.kind = 'confirm_marketing' AND waiting.state = 'queued'
        )
        AND (
            SELECT count(*) FROM public.customers_mailedlink AS asked
            WHERE asked.tenant_id = NEW.tenant_id AND asked.email_key = customers.email_key
                AND asked.created_at > clock_timestamp() - interval '1 hour'
        ) < 5;
    RETURN NULL;
END
$$;
REVOKE EXECUTE ON FUNCTION public.circe_ask_to_confirm_marketing FROM public;

CREATE OR REPLACE TRIGGER circe_ask_to_confirm_marketing AFTER INSERT ON public.customers_consent
FOR EACH ROW WHEN (
    new.purpose = 'marketing' AND new.channel = 'email' AND new.state = 'granted' AND new.source NOT IN ('link', 'import')
) EXECUTE FUNCTION public.circe_ask_to_confirm_marketing();
