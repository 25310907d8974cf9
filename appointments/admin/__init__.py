"""The back office pages of appointments."""

from appointments.admin.appointments import AppointmentAdmin

__all__ = ["AppointmentAdmin"]
