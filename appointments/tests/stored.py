"""Reads the stored rows of appointments, for comparisons."""

from appointments.models import Appointment


def read_appointments():
    """Returns the columns of all appointments, except the times of their last change."""
    return [
        {name: value for name, value in row.items() if name not in {"updated_at", "changed_at"}}
        for row in Appointment.objects.order_by("pk").values()
    ]
