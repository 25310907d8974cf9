"""Authenticates a customer by a token of the portal, and opens the scope of this customer."""

import re
from dataclasses import dataclass
from typing import Any

from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request

from circe.api.parameters import get_single_param
from circe.db.ids import is_id
from customers.models import Customer, CustomerSession
from tenants.accounts.authentication import PortalCustomer, TokenAuthentication
from tenants.audit.context import set_audit_source
from tenants.models import Tenant
from tenants.scope import CustomerScope, account_lookup, enter_scope, tenant_scope

_is_id_or_slug = re.compile(r"[-a-zA-Z0-9_]{1,50}\Z").match


@dataclass(frozen=True)
class SignedInCustomer(PortalCustomer):
    """A customer with a live session, and the session."""

    customer: Customer
    session: CustomerSession

    @property
    def pk(self) -> str:
        return self.customer.pk

    @property
    def tenant_id(self) -> str | None:
        return self.customer.tenant_id


class CustomerAuthentication(TokenAuthentication):
    """Authenticates staff as TokenAuthentication does, and customers who have a live session.

    It is for views that customers may use.
    """

    def authenticate_customer(self, claims: dict[str, Any], request: Request) -> SignedInCustomer:
        """Returns the customer of the token, and opens their scope. Only ids are taken from the token: the rest is read
        from the database.

        Raises AuthenticationFailed if the session has ended, or if the customer or the business is no longer active, and
        PermissionDenied if the URL names another business.
        """
        tenant = find_active_tenant(pk=claims.get("tenant_id"))
        customer_id, session_id = claims.get("sub"), claims.get("sid")
        if tenant is None or not (is_id(customer_id) and is_id(session_id)):
            raise AuthenticationFailed("The access token is no longer good: sign in again.")
        scope = CustomerScope(tenant, str(customer_id))
        with tenant_scope(scope):
            session = CustomerSession.objects.live().filter(pk=session_id, customer=customer_id).first()
            customer = Customer.objects.able_to_sign_in().filter(pk=customer_id).defer("search_text").first()
        if session is None or customer is None:
            raise AuthenticationFailed("The access token is no longer good: sign in again.")
        if get_single_param(request, "tenant_id") not in (None, tenant.pk):
            raise PermissionDenied("You can see this business only: leave tenant_id out.")
        customer.tenant = tenant
        set_audit_source("portal")
        enter_scope(scope)
        return SignedInCustomer(customer, session)


def find_active_tenant(**which: Any) -> Tenant | None:
    """Returns the business with this `pk` or `slug`, or None if there is none or it is suspended."""
    # A URL may have a NUL, which PostgreSQL refuses in a text.
    if not all(isinstance(value, str) and _is_id_or_slug(value) for value in which.values()):
        return None
    # The look-up of any account may read the tenants. No account has the id or the e-mail address "-".
    with account_lookup("-"):
        return Tenant.objects.filter(is_active=True, **which).first()
