"""The portal's endpoints for a customer's own profile, preferences and deletion request."""

from typing import Any

import orjson
from django.urls import reverse
from rest_framework import status
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from circe.api.etags import etag
from customers.models import Customer, DeletionRequest
from customers.portal.base import SignedInViewSet
from customers.portal.profile.documentation import (
    DELETION_REQUEST_OPERATIONS,
    PREFERENCES_OPERATIONS,
    PROFILE_OPERATIONS,
)
from customers.portal.profile.serializers import (
    DeletionRequestSerializer,
    OwnPreferencesSerializer,
    OwnProfileSerializer,
)
from tenants.accounts.permissions import CUSTOMER
from tenants.idempotency import idempotent_transaction
from tenants.views import TenantViewSet


class OwnProfileViewSet(SignedInViewSet, TenantViewSet):
    """The profile of the customer who is signed in."""

    serializer_class: type[Any] = OwnProfileSerializer
    queryset = Customer.objects.all()
    operations = PROFILE_OPERATIONS
    roles = {"retrieve": CUSTOMER, "update": CUSTOMER}

    def get_object(self) -> Customer:
        """Returns the customer, locked. Raises PreconditionFailed if `If-Match` differs."""
        customers = Customer.objects.undeleted().select_related("tenant").defer("search_text")
        customer = get_object_or_404(customers.select_for_update(of=("self",)), pk=self.customer.pk)
        self.check_version(customer)
        return customer

    def get_etag(self, customer: Customer) -> str:
        return self._answer()["ETag"]

    def retrieve(self, request: Request, **path: str) -> Response:
        """Returns what the business stores about you, without the notes of its staff."""
        return self._answer()

    @idempotent_transaction
    def update(self, request: Request, **path: str) -> Response:
        """Changes the given keys, and no others."""
        changes = self.serializer_class(self.get_object(), data=request.data, partial=True)
        changes.is_valid(raise_exception=True)
        changes.save()
        return self._answer()

    def _answer(self) -> Response:
        """Returns the response with the customer as they are stored now."""
        customer = get_object_or_404(Customer.objects.undeleted().with_profile(), pk=self.customer.pk)
        shown = self.serializer_class(customer).data
        return Response(shown, headers={"ETag": etag(str(customer.updated_at), orjson.dumps(shown).decode())})


class OwnPreferencesViewSet(OwnProfileViewSet):
    """The preferences of the customer who is signed in."""

    serializer_class = OwnPreferencesSerializer
    operations = PREFERENCES_OPERATIONS

    def retrieve(self, request: Request, **path: str) -> Response:
        """Returns your preferences."""
        return self._answer()


class DeletionRequestViewSet(SignedInViewSet):
    """The deletion request of the customer who is signed in."""

    serializer_class = DeletionRequestSerializer
    queryset = DeletionRequest.objects.filter(handled_at=None)
    operations = DELETION_REQUEST_OPERATIONS
    roles = {"retrieve": CUSTOMER, "create": CUSTOMER}

    def retrieve(self, request: Request, **path: str) -> Response:
        """Returns your open request to be deleted."""
        return Response(DeletionRequestSerializer(get_object_or_404(self.queryset.all())).data)

    @idempotent_transaction
    def create(self, request: Request, **path: str) -> Response:
        """Asks the business to delete you."""
        own, is_new = DeletionRequest.get_or_create_open(self.customer)
        answer = Response(
            DeletionRequestSerializer(own).data, status.HTTP_201_CREATED if is_new else status.HTTP_200_OK
        )
        answer["Location"] = reverse("deletion-request", args=[self.tenant.slug])
        return answer
