"""The signed link by which a customer without an account manages one appointment."""

from urllib.parse import urlencode

from django.conf import settings
from django.core import signing

from appointments.models import Appointment


def manage_url(appointment: Appointment) -> str:
    """Returns the address of the page of the appointment."""
    token = signing.dumps([appointment.tenant_id, appointment.pk], salt="appointments.manage")
    return f"{settings.PUBLIC_URL}/portal/{appointment.tenant.slug}/appointment?{urlencode({'token': token})}"
