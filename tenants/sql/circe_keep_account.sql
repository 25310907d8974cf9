-- Enforces two rules when an account is written, by whatever code. All its sessions end if its password is changed or
-- disabled, or if tokens_valid_from is set to a later time. And has_acted never becomes false again.
CREATE OR REPLACE FUNCTION public.circe_keep_account() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    NEW.has_acted := NEW.has_acted OR NEW.last_login IS NOT NULL;
    IF TG_OP = 'UPDATE' THEN
        NEW.has_acted := NEW.has_acted OR OLD.has_acted;
        -- A log-in may store a new hash of the same password. It first puts this hash into the setting: no session ends.
        IF NEW.password <> OLD.password
            AND NEW.password IS DISTINCT FROM current_setting('circe.renewed_hash', true)
        THEN
            -- Later than the old value, even if the clocks of two machines differ.
            NEW.tokens_valid_from := greatest(clock_timestamp(), OLD.tokens_valid_from + interval '1 microsecond');
        END IF;
        -- A caller that read the row before the sessions ended writes an older value.
        NEW.tokens_valid_from := greatest(NEW.tokens_valid_from, OLD.tokens_valid_from);
        IF NEW.tokens_valid_from > OLD.tokens_valid_from AND NOT circe_is_citus_worker() THEN
            UPDATE public.tenants_loginsession SET ended_at = NEW.tokens_valid_from
            WHERE user_id = NEW.id AND ended_at IS NULL;
        END IF;
    END IF;
    RETURN NEW;
END
$$;
CREATE OR REPLACE TRIGGER user_keep_account BEFORE INSERT OR UPDATE ON public.tenants_user
FOR EACH ROW EXECUTE FUNCTION public.circe_keep_account();
