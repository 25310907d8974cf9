"""Figures of a customer's appointments for the profile, and the step of a purge that detaches the appointments."""

from collections.abc import Collection, Mapping

from django.db.models import Count, OuterRef, Subquery
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce

from appointments.models import Appointment, CustomerTotals
from customers.models import Customer
from tenants.models import IdempotencyRecord


def appointment_figures() -> Mapping[str, Combinable]:
    """Returns the figures of a customer's appointments that the profile shows."""
    own = CustomerTotals.objects.filter(tenant=OuterRef("tenant"), customer_id=OuterRef("pk"))
    return {
        "total_appointments": Coalesce(Subquery(own.values("total_appointments")), 0),
        "total_spent": Coalesce(Subquery(own.values("total_spent")), 0),
        "last_appointment_date": Subquery(own.values("last_visit")),
    }


def detach_appointments(customers: Collection[Customer]) -> dict[str, int]:
    """Removes the customers, the notes and the reasons of a status from the appointments, and deletes the stored
    answers of their bookings. Returns the number of appointments by the id of the customer.
    """
    ids, tenants = [customer.pk for customer in customers], {customer.tenant_id for customer in customers}
    appointments = Appointment.objects.filter(tenant__in=tenants, customer__in=ids).order_by()
    numbers = dict(appointments.values_list("customer").annotate(Count("pk")))
    # The stored answers of bookings name the customer too.
    IdempotencyRecord.objects.filter(tenant__in=tenants, row_id__in=appointments.values("pk")).delete()
    appointments.update(customer=None, notes=None, status_reason=None)
    return numbers
