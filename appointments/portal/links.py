"""The signed link by which a customer, registered or not, manages one appointment."""

from typing import NamedTuple

from appointments.models import Appointment
from customers.portal.signed_links import read_signed_facts, signed_url
from tenants.models import Tenant

MANAGE_SALT = "appointments.manage"


class ManageLink(NamedTuple):
    """The ids in a manage link. The link is good as long as the appointment is this customer's."""

    appointment_id: str
    customer_id: str


def manage_url(appointment: Appointment) -> str:
    """Returns the address of the page on which the customer of the appointment moves or cancels it."""
    facts = [appointment.tenant_id, appointment.pk, appointment.customer_id]
    return signed_url(appointment.tenant, "appointment", facts, salt=MANAGE_SALT)


def read_manage_token(tenant: Tenant, token: str) -> ManageLink:
    """Returns what the token of a manage link says. Raises LinkInvalid."""
    return ManageLink(*read_signed_facts(tenant, token, salt=MANAGE_SALT))
