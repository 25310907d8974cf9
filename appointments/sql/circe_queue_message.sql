-- Queues a message to the customer when an appointment is confirmed, changed or cancelled, if the business sends messages of
-- this kind and the appointment lies in the future. If another customer gets the appointment, the customer who had it is
-- told that it is cancelled. `former` keeps the appointment as this customer knew it, since they must not learn the new
-- time. A trigger queues, so that API, back office, portal and raw SQL do the same. The function has the rights of the
-- role that books, so row-level security limits it too.
CREATE OR REPLACE FUNCTION public.circe_queue_message() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    has_new_customer CONSTANT boolean := TG_OP = 'UPDATE' AND OLD.customer_id IS DISTINCT FROM NEW.customer_id;
    -- A customer is told once that an appointment is confirmed, when it is booked or later. A confirmation is sent again if
    -- a cancelled appointment takes place after all, or if another customer gets it.
    message_kind CONSTANT text := CASE
        WHEN NEW.status = 'cancelled'
            THEN CASE WHEN OLD.status IN ('pending', 'confirmed') AND NOT has_new_customer THEN 'cancellation' END
        WHEN NEW.status <> 'confirmed' THEN NULL
        WHEN TG_OP = 'INSERT' OR OLD.status IN ('pending', 'cancelled') THEN 'confirmation'
        WHEN has_new_customer THEN 'confirmation'
        WHEN OLD.sequence <> NEW.sequence THEN 'change'
    END;
    former_kind CONSTANT text := CASE
        WHEN has_new_customer AND NEW.customer_id IS NOT NULL AND OLD.status IN ('pending', 'confirmed')
            THEN 'cancellation'
    END;
BEGIN
    INSERT INTO public.appointments_message (
        id, tenant_id, customer_id, appointment_id, kind, sequence, former, channel, state, due_at, attempts, reasons,
        created_at, updated_at
    )
    SELECT
        circe_new_id(), NEW.tenant_id, told.customer_id, NEW.id, told.kind, told.sequence, told.former, 'email', 'queued',
        clock_timestamp(), 0, '{}', clock_timestamp(), clock_timestamp()
    FROM public.tenants_tenant AS tenant
    CROSS JOIN (
        VALUES
        (OLD.customer_id, former_kind, OLD.sequence, OLD.appointment_date + OLD.start_time, jsonb_build_object(
            'appointment_date', OLD.appointment_date, 'start_time', OLD.start_time, 'end_time', OLD.end_time,
            'service_id', OLD.service_id, 'staff_id', OLD.staff_id, 'outlet_id', OLD.outlet_id
        )),
        (NEW.customer_id, message_kind, NEW.sequence, NEW.appointment_date + NEW.start_time, NULL)
    ) AS told (customer_id, kind, sequence, starts_at, former)
    WHERE tenant.id = NEW.tenant_id
        AND told.customer_id IS NOT NULL
        AND CASE told.kind
            WHEN 'confirmation' THEN tenant.sends_confirmations
            WHEN 'change' THEN tenant.sends_changes
            WHEN 'cancellation' THEN tenant.sends_cancellations
        END
        AND told.starts_at AT TIME ZONE tenant.time_zone > now()
    ON CONFLICT (tenant_id, appointment_id, kind, sequence) DO NOTHING;
    RETURN NULL;
END
$$;

-- With these conditions the function is not called for rows that are past, nor for walk-ins without a name. The day before
-- current_date counts too, since it may not be over in the time zone of the business.
CREATE OR REPLACE TRIGGER circe_queue_message_insert AFTER INSERT ON public.appointments_appointment
FOR EACH ROW WHEN (
    new.status = 'confirmed' AND new.customer_id IS NOT NULL AND new.appointment_date >= current_date - 1
)
EXECUTE FUNCTION public.circe_queue_message();

CREATE OR REPLACE TRIGGER circe_queue_message_update AFTER UPDATE ON public.appointments_appointment
FOR EACH ROW WHEN (
    new.customer_id IS NOT NULL
    AND greatest(old.appointment_date, new.appointment_date) >= current_date - 1
    AND (
        new.status IN ('confirmed', 'cancelled')
        AND (new.status, new.sequence, new.customer_id) IS DISTINCT FROM (old.status, old.sequence, old.customer_id)
        OR old.customer_id <> new.customer_id
    )
)
EXECUTE FUNCTION public.circe_queue_message();
