-- Refuses to TRUNCATE the ledger of consents. Only the owner of the tables may do so, for databases of tests.
CREATE OR REPLACE FUNCTION public.circe_keep_all_consents() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    IF NOT pg_has_role(
        current_user, (SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'USAGE'
    ) THEN
        RAISE EXCEPTION USING
            ERRCODE = 'restrict_violation',
            CONSTRAINT = 'consent_stays',
            MESSAGE = 'The ledger of consents is not emptied.';
    END IF;
    RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER circe_keep_all_consents BEFORE TRUNCATE ON public.customers_consent
EXECUTE FUNCTION public.circe_keep_all_consents();
