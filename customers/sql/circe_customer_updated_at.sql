-- Changes `updated_at` of a customer with every change of the row that leaves it out: in bulk, by SQL, or where a
-- preferred outlet is deleted, which sets the reference to NULL. It is later than before, whatever the clocks say.
CREATE OR REPLACE FUNCTION public.circe_customer_updated_at() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    NEW.updated_at := greatest(clock_timestamp(), OLD.updated_at + interval '1 microsecond');
    RETURN NEW;
END
$$;
CREATE OR REPLACE TRIGGER circe_customer_updated_at BEFORE UPDATE ON public.customers_customer
FOR EACH ROW WHEN (new.updated_at = old.updated_at) EXECUTE FUNCTION public.circe_customer_updated_at();
