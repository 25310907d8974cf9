"""The endpoints of messages: the list of them, and the settings of a business."""

from typing import Any

import orjson
from django.db.models import QuerySet
from rest_framework.exceptions import ValidationError
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response

from appointments.messages.documentation import LIST_OPERATIONS, SETTINGS_OPERATIONS
from appointments.messages.filters import MessageFilter
from appointments.messages.serializers import CustomerMessageSerializer, MessageSettingsSerializer
from appointments.models import Message
from circe.api.etags import etag
from tenants.accounts.permissions import MANAGERS, STAFF
from tenants.idempotency import idempotent_transaction
from tenants.models import Tenant
from tenants.scope import current_tenant
from tenants.views import TenantViewSet


class MessageViewSet(TenantViewSet):
    """The messages about appointments."""

    queryset = Message.objects.all()
    serializer_class = CustomerMessageSerializer
    filterset_class = MessageFilter
    tag = "Messages"
    operations = LIST_OPERATIONS
    roles = {"list": STAFF}

    def list(self, request: Request) -> Response:
        """Lists messages, newest first."""
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(CustomerMessageSerializer(page, many=True).data)


class MessageSettingsViewSet(TenantViewSet):
    """The settings of the messages that the business in scope sends."""

    tag = "Messages"
    operations = SETTINGS_OPERATIONS
    roles = {"retrieve": MANAGERS, "update": MANAGERS}

    def get_queryset(self) -> QuerySet[Tenant]:
        """Returns the businesses. A write locks the business. Rows that refer to it can still be added."""
        businesses = Tenant.objects.all()
        return businesses if self.request.method in SAFE_METHODS else businesses.select_for_update(no_key=True)

    def get_object(self) -> Tenant:
        """Returns the business in scope. Raises ValidationError for a super_admin who names none."""
        in_scope = current_tenant()
        if in_scope is None:
            raise ValidationError({"tenant_id": "Name the business, as in ?tenant_id=…"})
        tenant = self.get_queryset().get(pk=in_scope.pk)
        self.check_version(tenant)
        return tenant

    def get_etag(self, tenant: Tenant) -> str:
        return etag(str(tenant.updated_at), orjson.dumps(MessageSettingsSerializer(tenant).data).decode())

    def retrieve(self, request: Request) -> Response:
        """Returns the settings."""
        return self._answer(self.get_object())

    @idempotent_transaction
    def update(self, request: Request) -> Response:
        """Changes some of the settings."""
        settings: Any = MessageSettingsSerializer(self.get_object(), data=request.data, partial=True)
        settings.is_valid(raise_exception=True)
        return self._answer(settings.save())

    def _answer(self, tenant: Tenant) -> Response:
        return Response(MessageSettingsSerializer(tenant).data, headers={"ETag": self.get_etag(tenant)})
