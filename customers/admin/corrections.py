"""The rules for changes of a customer's names and contacts, and the cases in which reception may correct them.

In the API and in the back office, managers and administrators may update a customer. A receptionist who has added a
customer may correct the names and contacts for 24 hours, unless the customer has a password: with another address,
another person could get into the account.
"""

import datetime as dt

from django.utils import timezone

from customers.models import Customer
from tenants.models import AuditEvent, Role, User

CORRECTION_TIME = dt.timedelta(hours=24)
CORRECTABLE_FIELDS = ("first_name", "last_name", "email", "phone")
MAX_NAMED = 5


def may_correct(user: User, customer: Customer) -> bool:
    """Returns whether the user may correct the names and contacts: the user added the customer within CORRECTION_TIME,
    and the customer has no password.
    """
    if customer.has_password or customer.created_at < timezone.now() - CORRECTION_TIME:
        return False
    added = AuditEvent.objects.filter(row_id=customer.pk, action=AuditEvent.Action.CREATED)
    return added.filter(actor_id=user.pk).exists()


def name_those_who_may_change(customer: Customer) -> str:
    """Returns a sentence for reception. It says by role and by name who may change what reception may not."""
    # By the alphabet `outlet_manager` comes before `tenant_admin`, so the managers of the outlets are named first.
    managers = User.objects.filter(
        tenant=customer.tenant_id, is_active=True, role__in=[Role.OUTLET_MANAGER, Role.TENANT_ADMIN]
    ).order_by("role", "first_name", "last_name", "pk")
    names = [str(person) for person in managers[: MAX_NAMED + 1]]
    named = ", ".join(names[:MAX_NAMED]) + (" and others" if len(names) > MAX_NAMED else "")
    who = f" Ask {named}." if names else ""
    return f"Names, contacts and tags are changed by outlet managers and administrators.{who}"
