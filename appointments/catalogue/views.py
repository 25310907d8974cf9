"""The endpoints of the catalogue: where and what customers can book, and who attends them."""

from typing import Any

import orjson
from django.db.models import QuerySet
from django.urls import reverse
from rest_framework import status
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response

from appointments.catalogue import queries
from appointments.catalogue.documentation import OUTLET_OPERATIONS, SERVICE_OPERATIONS, STAFF_OPERATIONS
from appointments.catalogue.filters import OutletFilter, ServiceFilter, StaffFilter
from appointments.catalogue.serializers import OutletSerializer, ServiceSerializer, StaffSerializer
from circe.api.etags import etag
from tenants.accounts.permissions import ADMINS, STAFF
from tenants.cluster_queries import RowsByIds
from tenants.idempotency import idempotent_transaction
from tenants.models import Outlet, Service
from tenants.scope import scope_spans_nodes
from tenants.views import TenantViewSet, enter_body_scope


class CatalogueViewSet(TenantViewSet):
    """The base of the endpoints of outlets, services and staff."""

    tag = "Catalogue"
    roles = {"list": STAFF, "retrieve": STAFF, "create": ADMINS, "update": ADMINS}
    # The name of the URL of one row.
    detail_url_name: str

    def get_queryset(self) -> QuerySet[Any]:
        rows = super().get_queryset().select_related("tenant").order_by("-created_at", "-pk")
        return rows if self.request.method in SAFE_METHODS else rows.select_for_update(of=("self",))

    def get_etag(self, row: Any) -> str:
        return etag(str(row.updated_at), orjson.dumps(self.get_serializer(row).data).decode())

    def list(self, request: Request) -> Response:
        rows: Any = self.filter_queryset(self.get_queryset())
        rows = RowsByIds(rows) if scope_spans_nodes() else rows
        page = self.paginate_queryset(rows)
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    def retrieve(self, request: Request, **kwargs: str) -> Response:
        return self._answer(self.get_object())

    @idempotent_transaction
    def create(self, request: Request) -> Response:
        enter_body_scope(request)
        answer = self._save(self.get_serializer(data=request.data))
        answer.status_code = status.HTTP_201_CREATED
        answer["Location"] = reverse(self.detail_url_name, args=[answer.data["id"]])
        return answer

    @idempotent_transaction
    def update(self, request: Request, **kwargs: str) -> Response:
        return self._save(self.get_serializer(self.get_object(), data=request.data, partial=True))

    def _save(self, serializer: Any) -> Response:
        serializer.is_valid(raise_exception=True)
        return self._answer(self.get_queryset().get(pk=serializer.save().pk))

    def _answer(self, row: Any) -> Response:
        return Response(self.get_serializer(row).data, headers={"ETag": self.get_etag(row)})


class OutletViewSet(CatalogueViewSet):
    """Outlets: list, create, read, change."""

    queryset = Outlet.objects.all()
    serializer_class = OutletSerializer
    filterset_class = OutletFilter
    lookup_url_kwarg = "outlet_id"
    detail_url_name = "outlet"
    operations = OUTLET_OPERATIONS


class ServiceViewSet(CatalogueViewSet):
    """Services: list, create, read, change."""

    queryset = Service.objects.all()
    serializer_class = ServiceSerializer
    filterset_class = ServiceFilter
    lookup_url_kwarg = "service_id"
    detail_url_name = "service"
    operations = SERVICE_OPERATIONS

    def get_queryset(self) -> QuerySet[Any]:
        return queries.with_staff_ids(super().get_queryset())


class StaffViewSet(CatalogueViewSet):
    """Staff: list and read. Accounts are made and changed in the back office."""

    roles = {"list": STAFF, "retrieve": STAFF}
    queryset = queries.TEAM
    serializer_class = StaffSerializer
    filterset_class = StaffFilter
    lookup_url_kwarg = "staff_id"
    operations = STAFF_OPERATIONS

    def get_queryset(self) -> QuerySet[Any]:
        return queries.with_outlets_and_services(super().get_queryset())
