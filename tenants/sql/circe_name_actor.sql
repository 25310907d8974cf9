-- Copies the acting account's e-mail address and name into each event of the audit trail, and sets the account's has_acted.
-- Whatever inserts an event has the owner's rights. So this function has them too, and finds accounts of any business.
CREATE OR REPLACE FUNCTION public.circe_name_actor() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    has_acted_before boolean;
BEGIN
    SELECT email, btrim(first_name || ' ' || last_name), has_acted
    INTO NEW.actor_email, NEW.actor_name, has_acted_before
    FROM public.tenants_user WHERE id = NEW.actor_id;
    -- On a Citus cluster only the coordinator can write accounts, and the log-in of an account has set has_acted.
    IF NOT has_acted_before AND NOT circe_is_citus_worker() THEN
        UPDATE public.tenants_user SET has_acted = true WHERE id = NEW.actor_id;
    END IF;
    RETURN NEW;
END
$$;
CREATE OR REPLACE TRIGGER auditevent_actor BEFORE INSERT ON public.tenants_auditevent
FOR EACH ROW WHEN (new.actor_id IS NOT NULL) EXECUTE FUNCTION public.circe_name_actor();
