"""Serializers of the ledger of consents."""

import datetime as dt
from typing import Any

from django.utils import timezone

from circe.api.serializers import ChoiceField, InstantField, LocalInstantField, ModelSerializer, StringField
from customers.consents.ledger import record_consent
from customers.models import Consent, ConsentSource

# The sources that staff may give. The other sources prove what the customer did, so only the portal, mailed links and
# imports write them.
STAFF_SOURCES = [ConsentSource.RECEPTION, ConsentSource.PAPER]


class PastInstantField(LocalInstantField):
    """An instant that is not in the future."""

    default_error_messages = {"future": "This is in the future. Give the moment at which the customer said it."}

    def to_internal_value(self, value: Any) -> dt.datetime:
        instant = super().to_internal_value(value)
        if instant > timezone.now():
            self.fail("future")
        return instant


class ConsentSerializer(ModelSerializer):
    """An entry of the ledger, as it is shown."""

    customer_id = StringField(read_only=True)
    recorded_by = StringField(read_only=True, allow_null=True, help_text="The account that recorded it.")
    at = InstantField(read_only=True, help_text="When the customer said it. The latest counts.")

    class Meta:
        model = Consent
        fields = [
            "id",
            "customer_id",
            "channel",
            "purpose",
            "state",
            "source",
            "text_version",
            "evidence",
            "at",
            "recorded_by",
            "created_at",
        ]


class NewConsentSerializer(ModelSerializer):
    """A new entry of the ledger, by staff. Keys that are not listed are ignored."""

    # The field hides the attribute `source` of Serializer. Only a nested serializer needs that attribute.
    source = ChoiceField(  # type: ignore[assignment]
        [(source.value, source.label) for source in STAFF_SOURCES],
        default=ConsentSource.RECEPTION.value,
        help_text="How the business learnt of it.",
    )
    text_version = StringField(
        max_length=50,
        allow_null=True,
        allow_blank=True,
        required=False,
        help_text="The name of the text to which the customer agreed.",
    )
    evidence = StringField(
        max_length=500,
        allow_null=True,
        allow_blank=True,
        required=False,
        help_text="Where it can be looked up, such as a paper's number.",
    )
    at = PastInstantField(allow_null=True, required=False, help_text="When the customer said it. Absent or null: now.")

    class Meta:
        model = Consent
        fields = ["channel", "purpose", "state", "source", "text_version", "evidence", "at"]

    def create(self, validated_data: dict[str, Any]) -> Consent:
        # The ledger stores null for an empty text.
        values: dict[str, Any] = {name: value or None for name, value in validated_data.items()}
        return record_consent(self.context["customer"], **values)
