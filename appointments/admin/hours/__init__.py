"""The back office pages of working hours and time off."""

from appointments.admin.hours.time_off import TimeOffAdmin
from appointments.admin.hours.week import WorkingHoursAdmin

__all__ = ["TimeOffAdmin", "WorkingHoursAdmin"]
