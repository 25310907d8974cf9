-- Prepares an entry of the ledger. It locks the customer, so that entries of one customer are written one after the
-- other, and each transaction sees the entries before its own. An entry without `at` gets a later one than each
-- entry before it of its purpose and channel has, even if the clock was set back.
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
    -- A withdrawal gets a `created_at` in a later second than the customer's `updated_at`. Then circe_project_consents
    -- raises `updated_at` to it. Clients see whole seconds: so the `updated_at` that a client read before the withdrawal
    -- is earlier. If a trigger on customers writes the entry, circe_withdrawal_updated_at has already done so.
    IF NEW.state = 'withdrawn' AND pg_trigger_depth() = 1 THEN
        NEW.created_at := greatest(clock_timestamp(), date_trunc('second', customer_updated_at) + interval '1 second');
    END IF;
    RETURN NEW;
END
$$;
CREATE OR REPLACE TRIGGER circe_prepare_consent BEFORE INSERT ON public.customers_consent
FOR EACH ROW EXECUTE FUNCTION public.circe_prepare_consent();
