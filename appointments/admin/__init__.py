"""The back office pages of appointments."""

from appointments.admin.appointments import AppointmentAdmin
from appointments.admin.hours import TimeOffAdmin, WorkingHoursAdmin

__all__ = ["AppointmentAdmin", "TimeOffAdmin", "WorkingHoursAdmin"]
