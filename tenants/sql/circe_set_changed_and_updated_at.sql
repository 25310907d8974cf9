-- Sets `changed_at` of a row in every insert and update, and `updated_at` in every update that does not set a later one:
-- a bulk update, plain SQL, or a reference that is set to NULL. A new `updated_at` is later than the old one, even if a
-- clock was changed.
CREATE OR REPLACE FUNCTION public.circe_set_changed_and_updated_at() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    NEW.changed_at := public.circe_change_time();
    IF TG_OP = 'UPDATE' AND NEW.updated_at <= OLD.updated_at THEN
        NEW.updated_at := greatest(NEW.changed_at, OLD.updated_at + interval '1 microsecond');
    END IF;
    RETURN NEW;
END
$$;
