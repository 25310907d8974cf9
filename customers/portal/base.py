"""The base of the portal's viewsets."""

from typing import Any

from django.http import Http404
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework.serializers import Serializer
from rest_framework.viewsets import GenericViewSet

from circe.api.operations import Schema
from customers.models import Customer
from customers.portal.authentication import CustomerAuthentication, SignedInCustomer, find_active_tenant
from tenants.models import Tenant
from tenants.scope import enter_scope

TENANT_SLUG: Schema = {
    "in": "path",
    "name": "tenant_slug",
    "required": True,
    "description": "The short name of the business in URLs. An unknown business and a suspended one are a 404.",
    "schema": {"type": "string", "pattern": "^[-a-zA-Z0-9_]{1,50}$"},
}


class PortalViewSet(GenericViewSet):
    """A viewset of one business's portal, which the URL names by its slug. An unknown or suspended business is a 404."""

    tag = "Portal"
    parameters = (TENANT_SLUG,)
    tenant: Tenant

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Finds the business. Opens its scope for a view without authentication, or that of the signed-in customer."""
        tenant = find_active_tenant(slug=kwargs["tenant_slug"])
        if tenant is None:
            raise Http404
        self.tenant = tenant
        super().initial(request, *args, **kwargs)
        if not self.authentication_classes:
            enter_scope(tenant)

    def validated(self, serializer_class: type[Serializer]) -> dict[str, Any]:
        """Returns the valid values of the body. Raises ValidationError."""
        serializer = serializer_class(data=self.request.data)
        serializer.is_valid(raise_exception=True)
        return serializer.validated_data


class SignedInViewSet(PortalViewSet):
    """A viewset for the customer who is signed in."""

    authentication_classes = (CustomerAuthentication,)

    def perform_authentication(self, request: Request) -> None:
        """Authenticates the request. Raises AuthenticationFailed for a customer of another business."""
        super().perform_authentication(request)
        if isinstance(request.user, SignedInCustomer) and request.user.tenant_id != self.tenant.pk:
            raise AuthenticationFailed("The access token is for another business: sign in here.")

    @property
    def customer(self) -> Customer:
        """The customer who is signed in."""
        return self.request.user.customer
