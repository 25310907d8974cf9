"""Serializers of a customer's data export: what the portal shows to the customer."""

from rest_framework import serializers

from appointments.models import Message
from appointments.portal.serializers import StoredOwnAppointmentSerializer
from circe.api.serializers import InstantField
from customers.models import DeletionRequest
from customers.portal.consents.serializers import OwnConsentSerializer
from customers.portal.profile.serializers import OwnPreferencesSerializer, OwnProfileSerializer
from tenants.models import Tenant


class BusinessSerializer(serializers.ModelSerializer):
    """The business."""

    class Meta:
        model = Tenant
        fields = ["slug", "name", "time_zone", "currency"]


class ExportedMessageSerializer(serializers.ModelSerializer):
    """A message about an appointment, and what became of it."""

    appointment_id = serializers.CharField()
    created_at, sent_at = InstantField(), InstantField(allow_null=True)

    class Meta:
        model = Message
        fields = ["id", "appointment_id", "kind", "channel", "language", "state", "reasons", "created_at", "sent_at"]


class ExportedDeletionRequestSerializer(serializers.ModelSerializer):
    """A request to be deleted."""

    requested_at, due_at, handled_at = InstantField(), InstantField(), InstantField(allow_null=True)

    class Meta:
        model = DeletionRequest
        fields = ["id", "requested_at", "due_at", "handled_at"]


class ExportSerializer(serializers.Serializer):
    """All data that the business keeps about the customer, as the portal shows it. The notes of its staff are left out."""

    exported_at = InstantField()
    business = BusinessSerializer()
    customer = OwnProfileSerializer()
    preferences = OwnPreferencesSerializer()
    appointments = StoredOwnAppointmentSerializer(many=True)
    consents = OwnConsentSerializer(many=True)
    messages = ExportedMessageSerializer(many=True)
    deletion_requests = ExportedDeletionRequestSerializer(many=True)
