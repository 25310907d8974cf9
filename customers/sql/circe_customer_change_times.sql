CREATE OR REPLACE TRIGGER circe_customer_change_times BEFORE INSERT OR UPDATE ON public.customers_customer
FOR EACH ROW EXECUTE FUNCTION public.circe_set_change_times();
