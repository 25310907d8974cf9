-- Refuses to delete an account that has signed in or changed something, since the audit trail names it.
CREATE OR REPLACE FUNCTION public.circe_refuse_deletion_of_account() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RAISE EXCEPTION USING
        ERRCODE = 'restrict_violation',
        CONSTRAINT = 'user_that_acted_stays',
        MESSAGE = format('The account %s has signed in or changed something, and the audit trail names it.', OLD.id),
        HINT = 'Deactivate it instead.';
END
$$;
CREATE OR REPLACE TRIGGER user_that_acted_stays BEFORE DELETE ON public.tenants_user
FOR EACH ROW WHEN (old.has_acted) EXECUTE FUNCTION public.circe_refuse_deletion_of_account();
