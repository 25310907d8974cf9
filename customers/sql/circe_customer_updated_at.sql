-- Sets `updated_at` of a customer in every update that does not set it: a bulk update, plain SQL, or the deletion of a
-- preferred outlet, which sets the reference to NULL. The new value is later than the old one, even if a clock was changed.
CREATE OR REPLACE FUNCTION public.circe_customer_updated_at() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    NEW.updated_at := greatest(clock_timestamp(), OLD.updated_at + interval '1 microsecond');
    RETURN NEW;
END
$$;
CREATE OR REPLACE TRIGGER circe_customer_updated_at BEFORE UPDATE ON public.customers_customer
FOR EACH ROW WHEN (new.updated_at <= old.updated_at) EXECUTE FUNCTION public.circe_customer_updated_at();
