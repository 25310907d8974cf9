-- Prepares an entry of the ledger. It locks the customer, so that entries of one customer are written one after the other,
-- and each transaction sees those of the others. An entry without `at` is later than all before it, even if a clock was
-- changed.
CREATE OR REPLACE FUNCTION public.circe_prepare_consent() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    customer_updated_at timestamptz;
    latest record;
BEGIN
    SELECT updated_at INTO customer_updated_at
    FROM public.customers_customer
    WHERE tenant_id = NEW.tenant_id AND id = NEW.customer_id
    FOR NO KEY UPDATE;

    SELECT entries.at, entries.state INTO latest
    FROM public.customers_consent AS entries
    WHERE entries.tenant_id = NEW.tenant_id AND entries.customer_id = NEW.customer_id
        AND entries.purpose = NEW.purpose AND entries.channel = NEW.channel
    ORDER BY entries.at DESC, entries.state DESC
    LIMIT 1;

    IF NEW.source = 'import' AND NEW.state = 'granted' AND latest.state = 'withdrawn' THEN
        RAISE EXCEPTION USING
            ERRCODE = 'check_violation',
            CONSTRAINT = 'consent_import_keeps_withdrawals',
            MESSAGE = 'An import never grants what the customer has withdrawn.';
    END IF;

    NEW.at := coalesce(NEW.at, greatest(clock_timestamp(), latest.at + interval '1 microsecond'));
    NEW.recorded_by := nullif(current_setting('circe.actor', true), '')::jsonb ->> 'user_id';
    -- `created_at` of a withdrawal is the `updated_at` of the customer from which on it shows. Clients see whole seconds, and
    -- what a client read before has an earlier one. A trigger of the customer has given it already.
    IF NEW.state = 'withdrawn' AND pg_trigger_depth() = 1 THEN
        NEW.created_at := greatest(clock_timestamp(), date_trunc('second', customer_updated_at) + interval '1 second');
    END IF;
    RETURN NEW;
END
$$;
CREATE OR REPLACE TRIGGER circe_prepare_consent BEFORE INSERT ON public.customers_consent
FOR EACH ROW EXECUTE FUNCTION public.circe_prepare_consent();
