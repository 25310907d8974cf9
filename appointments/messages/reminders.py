"""Queues the reminders of appointments that begin soon."""

import datetime as dt

from django.db.models import Exists, Max, OuterRef, Q, QuerySet, Subquery

from appointments.models import Appointment, Message, MessageKind, Status
from circe.api.local_time import to_local
from customers.models import DeliveryState
from tenants.models import Tenant
from tenants.scope import tenant_scope


def queue_reminders(now: dt.datetime) -> None:
    """Queues a reminder of each confirmed appointment that begins within the business's `reminder_hours`.

    An appointment that was booked or moved within that time gets none, since the customer has just been told. The time of
    a booking is its `created_at`, that of a move is the `created_at` of the message about it.
    """
    for tenant in Tenant.objects.filter(sends_reminders=True, is_active=True):
        with tenant_scope(tenant):
            notice = dt.timedelta(hours=tenant.reminder_hours)
            reminders = [
                Message(
                    customer_id=appointment.customer_id,
                    appointment=appointment,
                    kind=MessageKind.REMINDER,
                    sequence=appointment.sequence,
                    due_at=now,
                )
                for appointment in _find_near(now, notice, tenant)
                if (appointment.told_at or appointment.created_at) <= appointment.instants[0] - notice
            ]
            # Another sender may have found them too.
            Message.objects.bulk_create(reminders, ignore_conflicts=True)


def _find_near(now: dt.datetime, notice: dt.timedelta, tenant: Tenant) -> QuerySet[Appointment]:
    """Returns the confirmed appointments of customers that begin within `notice` from now, and for which no reminder was
    queued.

    `told_at` is when the last message about the appointment's time was queued and not skipped. It is None if there is
    no such message.
    """
    first, last = to_local(now, tenant.zone), to_local(now + notice, tenant.zone)
    messages = Message.objects.filter(appointment=OuterRef("pk"), sequence=OuterRef("sequence"))
    told = messages.exclude(state=DeliveryState.SKIPPED).values("appointment").annotate(at=Max("created_at"))
    return (
        Appointment.objects.filter(
            ~Exists(messages.filter(kind=MessageKind.REMINDER)),
            Q(appointment_date__gt=first.date()) | Q(appointment_date=first.date(), start_time__gt=first.time()),
            Q(appointment_date__lt=last.date()) | Q(appointment_date=last.date(), start_time__lte=last.time()),
            status=Status.CONFIRMED,
            customer__isnull=False,
        )
        .annotate(told_at=Subquery(told.values("at")))
        .select_related("tenant")
    )
