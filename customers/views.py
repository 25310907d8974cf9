"""The endpoints of customers."""

from typing import Any

import orjson
from django.db.models import QuerySet
from django.urls import reverse
from rest_framework import status
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response

from circe.api.etags import etag
from circe.api.parameters import get_boolean_param
from customers.customer_list import PROFILES_BY_IDS, SEARCHABLE, AllCustomers, find_etag
from customers.documentation import OPERATIONS
from customers.filters import CustomerFilter
from customers.models import Customer, SearchableCustomer
from customers.serializers import (
    CustomerSerializer,
    NewCustomerSerializer,
    PreferencesSerializer,
)
from tenants.accounts.permissions import ADMINS, MANAGERS, STAFF, SUPER
from tenants.audit.serializers import AuditEventSerializer
from tenants.idempotency import idempotent_transaction
from tenants.models import AuditEvent
from tenants.views import TenantViewSet, enter_body_scope


class CustomerViewSet(TenantViewSet):
    """Customers: list, create, read, change, delete, restore."""

    serializer_class = CustomerSerializer
    filterset_class = CustomerFilter
    lookup_url_kwarg = "customer_id"
    tag = "Customers"
    operations = OPERATIONS
    roles = {
        "list": STAFF,
        "create": STAFF,
        "tags": STAFF,
        "retrieve": STAFF,
        "update": MANAGERS,
        "destroy": ADMINS,
        "purge": SUPER,
        "restore": ADMINS,
        "preferences": STAFF,
        "history": ADMINS,
    }

    def get_queryset(self) -> QuerySet[Any]:
        customers = Customer.objects.defer("search_text").select_related("tenant")
        if self.action not in {"purge", "restore", "history"}:
            customers = customers.undeleted()
        return customers if self.request.method in SAFE_METHODS else customers.select_for_update(of=("self",))

    def get_etag(self, customer: Customer) -> str | None:
        return find_etag(customer.pk)

    def list(self, request: Request) -> Response:
        """Lists the customers, newest first."""
        # The filter set returns a PagedQuery. A URL without parameters gets the queryset itself back.
        found: Any = self.filter_queryset(SEARCHABLE)
        customers: Any = AllCustomers() if found is SEARCHABLE else found
        return self.get_paginated_response(self.paginate_queryset(customers))

    @idempotent_transaction
    def create(self, request: Request) -> Response:
        """Creates a customer, unless one with the same e-mail or phone exists."""
        enter_body_scope(request)
        check_duplicates = get_boolean_param(request, "check_duplicates", default=True)
        customer = self._save(NewCustomerSerializer(data=request.data))
        answer = _answer(customer)
        answer.status_code, answer["Location"] = status.HTTP_201_CREATED, reverse("customer", args=[customer.pk])
        answer.data["possible_duplicates"] = customer.possible_duplicates if check_duplicates else []
        return answer

    def tags(self, request: Request) -> Response:
        """Lists the tags in use, each with the number of its customers."""
        return Response({"items": list(SearchableCustomer.objects.undeleted().tag_counts())})

    def retrieve(self, request: Request, customer_id: str) -> Response:
        """Returns one customer, with preferences and totals."""
        updated_at, profile = PROFILES_BY_IDS.get_or_404(ids=[customer_id])
        return Response(orjson.Fragment(profile), headers={"ETag": etag(updated_at, profile)})

    @idempotent_transaction
    def update(self, request: Request, customer_id: str) -> Response:
        """Changes the given keys, and no others."""
        customer = self._save(CustomerSerializer(self.get_object(), data=request.data, partial=True))
        return _answer(customer)

    @idempotent_transaction
    def preferences(self, request: Request, customer_id: str) -> Response:
        """Changes the given preferences, and no others."""
        customer = self.get_object()
        preferences = PreferencesSerializer(customer, data=request.data, partial=True)
        preferences.is_valid(raise_exception=True)
        customer.change(preferences.validated_data)
        answer = _answer(customer)
        answer.data = answer.data["preferences"] | answer.data
        return answer

    @idempotent_transaction
    def destroy(self, request: Request, customer_id: str) -> Response:
        """Soft-deletes the customer, or purges them with `permanent=true`."""
        if get_boolean_param(request, "permanent", default=False):
            self.action = "purge"
            self.check_permissions(request)
            self.get_object().purge()
        else:
            self.get_object().soft_delete(by=request.user.pk)
        return Response({"message": "Customer has been deleted successfully"})

    @idempotent_transaction
    def restore(self, request: Request, customer_id: str) -> Response:
        """Restores a soft-deleted customer."""
        customer = self.get_object()
        customer.restore()
        return _answer(customer)

    def history(self, request: Request, customer_id: str) -> Response:
        """Lists who changed what of the customer, newest first. The customer may be soft-deleted."""
        events = AuditEvent.objects.filter(customer_id=self.get_object().pk)
        return self.get_paginated_response(AuditEventSerializer(self.paginate_queryset(events), many=True).data)

    def _save(self, serializer: Any) -> Customer:
        serializer.is_valid(raise_exception=True)
        return serializer.save()


def _answer(customer: Customer) -> Response:
    """Returns the response with the customer as they are stored now."""
    updated_at, profile = PROFILES_BY_IDS.get_or_404(ids=[customer.pk])
    return Response(orjson.loads(profile), headers={"ETag": etag(updated_at, profile)})
