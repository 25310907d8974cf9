-- Refuses to change or delete an entry of the ledger, whatever the role. Entries are deleted with their customer alone, by
-- the trigger circe_delete_consents: nobody else may create a trigger that could delete them.
CREATE OR REPLACE FUNCTION public.circe_keep_consents() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    IF TG_OP = 'DELETE' AND pg_trigger_depth() > 1 THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION USING
        ERRCODE = 'restrict_violation',
        CONSTRAINT = 'consent_stays',
        MESSAGE = 'An entry of the ledger of consents is neither changed nor deleted.',
        HINT = 'Add an entry that says what holds now.';
END
$$;
CREATE OR REPLACE TRIGGER circe_keep_consents BEFORE UPDATE OR DELETE ON public.customers_consent
FOR EACH ROW EXECUTE FUNCTION public.circe_keep_consents();
