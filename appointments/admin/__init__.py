"""The back office pages of appointments."""

from appointments.admin.appointments import AppointmentAdmin
from appointments.admin.hours import TimeOffAdmin, WorkingHoursAdmin
from appointments.admin.message_texts import MessageTextAdmin

__all__ = ["AppointmentAdmin", "MessageTextAdmin", "TimeOffAdmin", "WorkingHoursAdmin"]
