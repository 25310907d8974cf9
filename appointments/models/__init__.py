"""Every model of appointments."""

from appointments.models.appointment import (
    BLOCKING_STATUSES,
    Appointment,
    AppointmentQuerySet,
    DoubleBooking,
    PaymentMethod,
    PaymentStatus,
    Status,
    local_now,
)
from appointments.models.totals import AppointmentDailyTotals, CustomerTotals, VisitCounts

__all__ = [
    "BLOCKING_STATUSES",
    "Appointment",
    "AppointmentDailyTotals",
    "AppointmentQuerySet",
    "CustomerTotals",
    "DoubleBooking",
    "PaymentMethod",
    "PaymentStatus",
    "Status",
    "VisitCounts",
    "local_now",
]
