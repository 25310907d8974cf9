"""Serializers of messages and of the business's settings of them."""

from typing import Any

from rest_framework import serializers

from appointments.models import Message
from circe.api.serializers import ClockTimeField, ModelSerializer, StringField
from tenants.models import Tenant


class CustomerMessageSerializer(ModelSerializer):
    """A message about an appointment. Neither its text nor the address is kept."""

    class Meta:
        model = Message
        fields = [
            "id",
            "tenant_id",
            "customer_id",
            "appointment_id",
            "kind",
            "sequence",
            "channel",
            "language",
            "state",
            "reasons",
            "due_at",
            "sent_at",
            "created_at",
            "updated_at",
        ]
        read_only_fields = fields
        extra_kwargs = {
            "sequence": {"help_text": "The message tells of the appointment as of this `sequence`."},
            "reasons": {
                "help_text": "Why it was skipped or failed, why its state is unknown, or why it waits for another attempt."
            },
            "due_at": {"help_text": "It is not sent before."},
        }


class MessageSettingsSerializer(ModelSerializer):
    """The settings of the messages that a business sends."""

    tenant_id = StringField(source="pk", required=False, allow_null=True, help_text="The business.")
    quiet_from = ClockTimeField(
        allow_null=True, required=False, help_text="From then on nothing is sent, until `quiet_until`."
    )
    quiet_until = ClockTimeField(
        allow_null=True, required=False, help_text="The end of the quiet hours, maybe on the next day."
    )

    class Meta:
        model = Tenant
        fields = [
            "tenant_id",
            "sends_confirmations",
            "sends_changes",
            "sends_cancellations",
            "sends_reminders",
            "reminder_hours",
            "quiet_from",
            "quiet_until",
            "reply_to",
            "double_opt_in",
            "cancellation_notice_hours",
            "updated_at",
        ]
        read_only_fields = ["updated_at"]

    def validate_tenant_id(self, value: str | None) -> None:
        """Refuses the id of another business. Never stores the id that a body has."""
        if value not in (None, self.instance.pk):  # type: ignore[union-attr]
            raise serializers.ValidationError("These are the settings of another business.", code="invalid")
        raise serializers.SkipField

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuses quiet hours without a begin or an end, or without a length."""
        begin, end = (attrs.get(name, getattr(self.instance, name)) for name in ("quiet_from", "quiet_until"))
        if (begin is None) != (end is None) or (begin is not None and begin == end):
            sentence = "Quiet hours need a begin and an end, which differ. Give both, or null for both."
            raise serializers.ValidationError({"quiet_from": [sentence]}, code="invalid")
        return attrs
