"""The endpoint of a customer's own consents."""

from django.urls import reverse
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from customers.consents.ledger import consents_of
from customers.models import Consent, Customer
from customers.portal.base import SignedInViewSet
from customers.portal.consents.documentation import OPERATIONS
from customers.portal.consents.serializers import NewOwnConsentSerializer, OwnConsentSerializer
from tenants.accounts.permissions import CUSTOMER
from tenants.idempotency import idempotent_transaction


class OwnConsentViewSet(SignedInViewSet):
    """The ledger of consents of the customer who is signed in."""

    serializer_class = OwnConsentSerializer
    queryset = Consent.objects.all()
    operations = OPERATIONS
    roles = {"list": CUSTOMER, "create": CUSTOMER}

    def list(self, request: Request, **path: str) -> Response:
        """Lists everything that you have granted and withdrawn, the latest first."""
        page = self.paginate_queryset(consents_of(self.customer))
        return self.get_paginated_response(OwnConsentSerializer(page, many=True).data)

    @idempotent_transaction
    def create(self, request: Request, **path: str) -> Response:
        """Records that you grant or withdraw something."""
        customer = Customer.objects.defer("search_text").select_for_update().get(pk=self.customer.pk)
        new = NewOwnConsentSerializer(data=request.data, context={"customer": customer})
        new.is_valid(raise_exception=True)
        headers = {"Location": reverse("own-consents", args=[self.tenant.slug])}
        return Response(OwnConsentSerializer(new.save()).data, status.HTTP_201_CREATED, headers=headers)
