CREATE OR REPLACE TRIGGER circe_set_appointment_changed_and_updated_at
BEFORE INSERT OR UPDATE ON public.appointments_appointment
FOR EACH ROW EXECUTE FUNCTION public.circe_set_changed_and_updated_at();
