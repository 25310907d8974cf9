"""The endpoint of a customer's consents, for staff."""

from django.db.models import QuerySet
from django.urls import reverse
from rest_framework import status
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response

from customers.consents.documentation import OPERATIONS
from customers.consents.ledger import consents_of
from customers.consents.serializers import ConsentSerializer, NewConsentSerializer
from customers.customer_list import find_etag
from customers.models import Customer
from tenants.accounts.permissions import STAFF
from tenants.idempotency import idempotent_transaction
from tenants.views import TenantViewSet


class ConsentViewSet(TenantViewSet):
    """The ledger of consents of a customer."""

    serializer_class = ConsentSerializer
    lookup_url_kwarg = "customer_id"
    tag = "Consents"
    operations = OPERATIONS
    roles = {"list": STAFF, "create": STAFF}

    def get_queryset(self) -> QuerySet[Customer]:
        customers = Customer.objects.undeleted().select_related("tenant").defer("search_text")
        return customers if self.request.method in SAFE_METHODS else customers.select_for_update(of=("self",))

    def get_etag(self, customer: Customer) -> str | None:
        return find_etag(customer.pk)

    def list(self, request: Request, customer_id: str) -> Response:
        """Lists everything that the customer has granted and withdrawn, the latest first."""
        page = self.paginate_queryset(consents_of(self.get_object()))
        return self.get_paginated_response(ConsentSerializer(page, many=True).data)

    @idempotent_transaction
    def create(self, request: Request, customer_id: str) -> Response:
        """Records that the customer has granted or withdrawn something."""
        new = NewConsentSerializer(data=request.data, context={"customer": self.get_object()})
        new.is_valid(raise_exception=True)
        consent = new.save()
        headers = {"Location": reverse("consents", args=[customer_id])}
        return Response(ConsentSerializer(consent).data, status.HTTP_201_CREATED, headers=headers)
