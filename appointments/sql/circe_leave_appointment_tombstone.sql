CREATE OR REPLACE TRIGGER circe_leave_appointment_tombstone AFTER DELETE ON public.appointments_appointment
REFERENCING OLD TABLE AS changed_rows
EXECUTE FUNCTION public.circe_leave_tombstone('appointments_appointmenttombstone');
