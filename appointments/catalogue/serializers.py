"""Serializers of outlets, services and staff."""

from typing import Any

from rest_framework import serializers

from circe.api.serializers import (
    BlankIsNullTextField,
    ModelSerializer,
    NullableTextField,
    OwnTenantMixin,
    TenantPrimaryKeyListField,
)
from circe.db.ids import ID_PATTERN
from tenants.models import Outlet, Service, Staff

MAX_STAFF = 1000


class OfferSerializer(OwnTenantMixin, ModelSerializer):
    """An outlet or a service. An absent key keeps its value, and read-only keys are ignored."""

    def create(self, validated_data: dict[str, Any]) -> Any:
        offer = self.Meta.model()
        offer.change(validated_data)
        return offer

    def update(self, instance: Any, validated_data: dict[str, Any]) -> Any:
        instance.change(validated_data)
        return instance


class OutletSerializer(OfferSerializer):
    """A place where the business receives customers."""

    address = BlankIsNullTextField(max_length=500)

    class Meta:
        model = Outlet
        fields = ["id", "tenant_id", "name", "address", "is_active", "created_at", "updated_at"]
        read_only_fields = ["id", "created_at", "updated_at"]


# A new row has a schema of its own in the OpenAPI document, since some of its keys are required, and none in an update.
class NewOutletSerializer(OutletSerializer):
    """A new outlet."""


class ServiceSerializer(OfferSerializer):
    """A service, which a customer can book. `price` is in `currency`, the currency of the business."""

    category = BlankIsNullTextField(max_length=50)
    currency = serializers.CharField(source="tenant.currency", read_only=True)
    staff_ids = TenantPrimaryKeyListField(
        queryset=Staff.objects.all(),
        max_length=MAX_STAFF,
        required=False,
        help_text="Who offers it. Empty: everybody. In a body it replaces all.",
    )

    class Meta:
        model = Service
        fields = [
            "id",
            "tenant_id",
            "name",
            "category",
            "duration_minutes",
            "buffer_minutes",
            "price",
            "currency",
            "is_active",
            "staff_ids",
            "rebooking_days",
            "created_at",
            "updated_at",
        ]
        read_only_fields = ["id", "created_at", "updated_at"]


# It has a schema of its own for the same reason as NewOutletSerializer.
class NewServiceSerializer(ServiceSerializer):
    """A new service."""


class StaffSerializer(ModelSerializer):
    """A member of the team. Accounts are made and changed in the back office."""

    name = NullableTextField(source="full_name")
    outlet_ids = serializers.ListField(
        child=serializers.RegexField(ID_PATTERN),
        read_only=True,
        help_text="The active outlets where the person has working hours that are valid today or later.",
    )
    service_ids = serializers.ListField(
        child=serializers.RegexField(ID_PATTERN),
        read_only=True,
        help_text="The active services that the person offers, also those that everybody offers.",
    )

    class Meta:
        model = Staff
        fields = ["id", "tenant_id", "name", "role", "is_active", "outlet_ids", "service_ids"]
        read_only_fields = fields
