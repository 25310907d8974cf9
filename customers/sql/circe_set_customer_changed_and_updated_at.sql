CREATE OR REPLACE TRIGGER circe_set_customer_changed_and_updated_at
BEFORE INSERT OR UPDATE ON public.customers_customer
FOR EACH ROW EXECUTE FUNCTION public.circe_set_changed_and_updated_at();
