"""Serializers of the audit trail."""

import re
from typing import Any

from rest_framework import serializers

from circe.api.serializers import ModelSerializer, NullableTextField
from tenants.models import AuditEvent


class ActorSerializer(serializers.Serializer):
    """The person who acted."""

    id = serializers.CharField()
    email = serializers.CharField()
    name = NullableTextField(source="full_name")


# As PostgreSQL writes an instant into JSON.
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+00:00")


class StoredValueField(serializers.JSONField):
    """A value that the database holds. An instant is written as everywhere: UTC, whole seconds, `Z`."""

    def to_representation(self, value: Any) -> Any:
        value = super().to_representation(value)
        return f"{value[:19]}Z" if isinstance(value, str) and _INSTANT.fullmatch(value) else value


class ChangeSerializer(serializers.Serializer):
    """The change of one field, with the values that the database holds."""

    field = serializers.CharField()
    before = StoredValueField()
    after = StoredValueField()


class AuditEventSerializer(ModelSerializer):
    """An event of the audit trail. `actor` has the name and e-mail that the account had then; null if no account acted."""

    object = serializers.CharField(source="table")
    object_id = serializers.CharField(source="row_id", allow_null=True)
    actor = ActorSerializer(source="recorded_actor", allow_null=True)
    actor_id = serializers.CharField(allow_null=True)
    changes = ChangeSerializer(many=True)

    class Meta:
        model = AuditEvent
        fields = [
            "id", "at", "action", "object", "object_id", "actor", "actor_id", "command", "request_id", "address", "changes"
        ]  # fmt: skip
        read_only_fields = fields
