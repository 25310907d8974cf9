CREATE OR REPLACE TRIGGER circe_appointment_change_times BEFORE INSERT OR UPDATE ON public.appointments_appointment
FOR EACH ROW EXECUTE FUNCTION public.circe_set_change_times();
