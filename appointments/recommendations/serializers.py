"""Serializers of recommendations."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from appointments.recommendations.best_slots import Recommendation
from appointments.recommendations.favourites import Obstacle
from appointments.recommendations.points import Reason
from appointments.slots.serializers import BookableServiceSerializer, SlotSerializer
from circe.api.operations import ID_SCHEMA


class RecommendationSerializer(serializers.Serializer):
    """A slot of a service that can be booked for the customer."""

    service = BookableServiceSerializer()
    slot = serializers.SerializerMethodField()
    score = serializers.IntegerField(help_text="The sum of `points`.")
    reasons = serializers.ListField(child=serializers.ChoiceField([*Reason]), help_text="The keys of `points`.")
    points = serializers.DictField(child=serializers.IntegerField(), help_text="The points that each reason gives.")
    due_day = serializers.DateField(
        allow_null=True, help_text="When the service is due again; null if the customer never had it."
    )

    @extend_schema_field(SlotSerializer)
    def get_slot(self, recommendation: Recommendation) -> dict[str, Any]:
        return recommendation.slot.as_json(recommendation.service)


@extend_schema_field({"anyOf": [ID_SCHEMA, {"type": "string", "maxLength": 50}]})
class IdOrNameField(serializers.Field):
    """An id, or the name of a category."""

    def to_representation(self, value: str) -> str:
        return value


PREFERENCE_KEYS = ["preferred_services", "preferred_staff_ids", "preferred_outlet_id", "preferred_categories"]


class IgnoredPreferenceSerializer(serializers.Serializer):
    """A preference that is no longer on offer."""

    key = serializers.ChoiceField(PREFERENCE_KEYS)
    id = IdOrNameField(help_text="The id of the service, person or outlet, or the name of the category.")
    reason = serializers.ChoiceField([*Obstacle])


class RecommendationsSerializer(serializers.Serializer):
    """Slots that can be booked, the best first, and the preferences that are no longer on offer."""

    items = RecommendationSerializer(many=True)
    ignored = IgnoredPreferenceSerializer(many=True)
