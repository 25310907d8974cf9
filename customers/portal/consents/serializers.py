"""Serializers of a customer's own consents."""

from typing import Any

from customers.consents.ledger import record_consent
from customers.consents.serializers import ConsentSerializer, NewConsentSerializer
from customers.models import Consent, ConsentSource


class OwnConsentSerializer(ConsentSerializer):
    """An entry of the ledger, without the fields that only the business may see."""

    class Meta(ConsentSerializer.Meta):
        fields = [name for name in ConsentSerializer.Meta.fields if name not in {"evidence", "recorded_by"}]


class NewOwnConsentSerializer(NewConsentSerializer):
    """A consent that a customer grants or withdraws now, by themselves. Keys that are not listed are ignored."""

    source = evidence = at = None  # type: ignore[assignment]

    class Meta(NewConsentSerializer.Meta):
        fields = ["channel", "purpose", "state", "text_version"]

    def create(self, validated_data: dict[str, Any]) -> Consent:
        """Adds the entry of the customer in the context."""
        words = validated_data.pop("text_version", None) or None
        own = {**validated_data, "text_version": words}
        return record_consent(self.context["customer"], source=ConsentSource.PORTAL, **own)
