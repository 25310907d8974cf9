"""Signs customers in to the portal, and changes their passwords. Both count wrong passwords."""

from contextlib import suppress

from django.core.exceptions import ValidationError
from django.db import transaction

from customers.models import Customer, CustomerSession
from customers.portal.links import validated_password
from tenants.accounts.throttling import Kind, check_password_with_limits
from tenants.audit.events import record_event
from tenants.models import Tenant, portal_failure_account
from tenants.scope import whole_business


def sign_in(tenant: Tenant, *, email_key: str, password: str, client_address: str) -> CustomerSession | None:
    """Checks the address and the password. Returns a new session, or None if they are wrong. Raises what
    `check_password_with_limits` raises.
    """
    customer = authenticate_with_limits(tenant, email_key=email_key, password=password, client_address=client_address)
    # `start` raises DoesNotExist if the password has changed since it was checked.
    with suppress(Customer.DoesNotExist):
        return CustomerSession.start(customer) if customer else None
    return None


def change_password(customer: Customer, *, password: str, new_password: str, client_address: str) -> CustomerSession:
    """Sets a new password of the customer in scope. This ends all their sessions. Returns a new session. Raises
    ValidationError, by field, if `password` is not the present one or the new one is too weak. Raises what
    `check_password_with_limits` raises.
    """
    # In the scope of a customer the database lets the application insert neither failures nor sessions.
    with whole_business():
        checked = authenticate_with_limits(
            customer.tenant, email_key=str(customer.email_key), password=password, client_address=client_address
        )
    wrong = ValidationError({"password": ValidationError("This is not your password.", code="password_incorrect")})
    if checked is None:
        raise wrong
    new_password = validated_password(new_password, field="new_password")
    with transaction.atomic():
        # Another request may have changed the password since it was checked.
        same = Customer.objects.filter(password=checked.password).select_for_update(no_key=True)
        own = same.filter(pk=checked.pk).defer("search_text").first()
        if own is None:
            raise wrong
        own.change({"password": new_password})
        with whole_business():
            return CustomerSession.start(own)


def authenticate_with_limits(tenant: Tenant, *, email_key: str, password: str, client_address: str) -> Customer | None:
    """Returns the customer who may sign in with this address and password. Otherwise counts a failure and returns None."""
    return check_password_with_limits(
        lambda: Customer.objects.find_by_credentials(email_key=email_key, password=password),
        kind=Kind.CUSTOMER,
        account=portal_failure_account(tenant.pk, email_key),
        address=client_address,
        record_refusal=lambda: _record_refusal(tenant, email_key),
    )


def _record_refusal(tenant: Tenant, email_key: str) -> None:
    # The audit trail does not get an unknown e-mail address: it may be a password that was typed into the wrong field.
    known = Customer.objects.undeleted().filter(email_key=email_key).values_list("pk", flat=True).first()
    record_event("refused", table="login", row_id=known, customer_id=known, tenant_id=tenant.pk)
