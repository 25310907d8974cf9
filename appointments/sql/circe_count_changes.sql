-- Counts in `sequence` each change of an appointment of which its customer has to be told: another time, person, outlet or
-- service, another customer, or that it takes place after all. If a statement itself writes a higher `sequence`, it has
-- counted the change already. A trigger counts, so that changes by raw SQL are counted too.
CREATE OR REPLACE FUNCTION public.circe_count_changes() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    NEW.sequence := OLD.sequence + 1;
    RETURN NEW;
END
$$;
CREATE OR REPLACE TRIGGER circe_count_changes BEFORE UPDATE ON public.appointments_appointment
FOR EACH ROW WHEN (
    new.sequence <= old.sequence
    AND (
        (new.appointment_date, new.start_time, new.end_time, new.staff_id, new.outlet_id, new.service_id)
        IS DISTINCT FROM
        (old.appointment_date, old.start_time, old.end_time, old.staff_id, old.outlet_id, old.service_id)
        OR new.customer_id <> old.customer_id
        OR old.status = 'cancelled' AND new.status IN ('pending', 'confirmed', 'in_progress')
    )
) EXECUTE FUNCTION public.circe_count_changes();
