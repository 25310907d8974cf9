-- Gives a customer who withdraws something an `updated_at` in a later second than before. Clients see whole seconds.
-- So a body with an earlier `updated_at` was read before the withdrawal.
CREATE OR REPLACE FUNCTION public.circe_withdrawal_updated_at() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    NEW.updated_at := greatest(NEW.updated_at, date_trunc('second', OLD.updated_at) + interval '1 second');
    RETURN NEW;
END
$$;
CREATE OR REPLACE TRIGGER circe_withdrawal_updated_at BEFORE UPDATE ON public.customers_customer
FOR EACH ROW WHEN (
    old.accepts_email AND NOT new.accepts_email OR old.accepts_sms AND NOT new.accepts_sms
    OR old.accepts_push AND NOT new.accepts_push OR old.accepts_whatsapp AND NOT new.accepts_whatsapp
    OR old.marketing_consent AND NOT new.marketing_consent
) EXECUTE FUNCTION public.circe_withdrawal_updated_at();
