"""Every model of appointments."""

from appointments.models.appointment import (
    BLOCKING_STATUSES,
    FIRST_DAY,
    LAST_DAY,
    OPEN_STATUSES,
    Appointment,
    AppointmentQuerySet,
    DoubleBooking,
    local_today_and_time,
    lock_bookings_of,
    upcoming_condition,
)
from appointments.models.choices import Override, PaymentMethod, PaymentStatus, Status
from appointments.models.hours import (
    StaffWithHours,
    TimeOff,
    Weekday,
    WorkingHours,
    find_overlaps,
    outlets_to_work_at,
    replace_working_hours,
)
from appointments.models.messages import PLACEHOLDER_NAMES, PLACEHOLDER_PATTERN, Message, MessageKind, MessageText
from appointments.models.tombstone import AppointmentTombstone
from appointments.models.totals import (
    AppointmentDailyTotals,
    CustomerTotals,
    TenantTotals,
    VisitCounts,
    undeleted_totals,
)

__all__ = [
    "BLOCKING_STATUSES",
    "FIRST_DAY",
    "LAST_DAY",
    "OPEN_STATUSES",
    "PLACEHOLDER_NAMES",
    "PLACEHOLDER_PATTERN",
    "Appointment",
    "AppointmentDailyTotals",
    "AppointmentQuerySet",
    "AppointmentTombstone",
    "CustomerTotals",
    "DoubleBooking",
    "Message",
    "MessageKind",
    "MessageText",
    "Override",
    "PaymentMethod",
    "PaymentStatus",
    "StaffWithHours",
    "Status",
    "TenantTotals",
    "TimeOff",
    "VisitCounts",
    "Weekday",
    "WorkingHours",
    "find_overlaps",
    "local_today_and_time",
    "lock_bookings_of",
    "outlets_to_work_at",
    "replace_working_hours",
    "undeleted_totals",
    "upcoming_condition",
]
