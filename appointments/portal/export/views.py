"""The endpoint of a customer's data export."""

from typing import Any

import orjson
from django.utils import timezone
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from appointments.models import Appointment, Message
from appointments.portal.export.documentation import OPERATIONS
from appointments.portal.export.serializers import (
    BusinessSerializer,
    ExportedDeletionRequestSerializer,
    ExportedMessageSerializer,
    ExportSerializer,
)
from appointments.portal.serializers import StoredOwnAppointmentSerializer
from circe.api.serializers import InstantField
from circe.db.json_sql import build_json
from customers.consents.ledger import consents_of
from customers.models import Customer
from customers.portal.base import SignedInViewSet
from customers.portal.consents.serializers import OwnConsentSerializer
from customers.portal.profile.serializers import OwnPreferencesSerializer, OwnProfileSerializer
from tenants.accounts.permissions import CUSTOMER


class ExportViewSet(SignedInViewSet):
    """Everything about the customer who is signed in that the portal shows."""

    serializer_class = ExportSerializer
    operations = OPERATIONS
    roles = {"retrieve": CUSTOMER}

    def retrieve(self, request: Request, **path: str) -> Response:
        """Answers what the portal shows of you, as a file."""
        customer = get_object_or_404(Customer.objects.undeleted().with_profile(), pk=self.customer.pk)
        name = f'attachment; filename="{self.tenant.slug}-my-data.json"'
        return Response(_export(customer), headers={"Content-Disposition": name})


def _export(customer: Customer) -> dict[str, Any]:
    appointments = Appointment.objects.filter(customer=customer.pk).annotate(
        shown=build_json(StoredOwnAppointmentSerializer)
    )
    messages = Message.objects.filter(customer=customer.pk)
    return {
        "exported_at": InstantField().to_representation(timezone.now()),
        "business": BusinessSerializer(customer.tenant).data,
        "customer": OwnProfileSerializer(customer).data,
        "preferences": OwnPreferencesSerializer(customer).data,
        "appointments": [orjson.Fragment(shown) for shown in appointments.values_list("shown", flat=True)],
        "consents": OwnConsentSerializer(consents_of(customer), many=True).data,
        "messages": ExportedMessageSerializer(messages, many=True).data,
        "deletion_requests": ExportedDeletionRequestSerializer(customer.deletion_requests.all(), many=True).data,
    }
