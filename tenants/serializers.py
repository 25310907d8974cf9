"""What all serializers share, and the bodies of authentication."""

import datetime as dt
import threading
import unicodedata
from typing import Any, TypeVar

from django.db import models
from rest_framework import serializers

from circe.api.parameters import DAY
from circe.db.ids import PATTERN, is_id
from tenants.audit.events import AuditEvent
from tenants.identity import email_key
from tenants.models import User

MAX_PASSWORD = 128
Reader = TypeVar("Reader", bound=serializers.Serializer)


class StringField(serializers.CharField):
    """A string, and not a number that could be read as one. Unless kept as typed (`trim_whitespace=False`), it is composed
    (NFC) before it is measured.
    """

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        text = super().to_internal_value(data)
        return unicodedata.normalize("NFC", text) if self.trim_whitespace else text


class NullableTextField(serializers.CharField):
    """A read-only text, null where the model stores it empty."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(read_only=True, allow_null=True, **kwargs)

    def to_representation(self, value: Any) -> str | None:
        return super().to_representation(value) or None


class StrictBooleanField(serializers.BooleanField):
    """true or false, and no word for them."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class DayField(serializers.DateField):
    """A day as `YYYY-MM-DD`, and in no other way of ISO 8601."""

    default_error_messages = {"invalid": "Write a day of the calendar as YYYY-MM-DD."}

    def to_internal_value(self, value: Any) -> dt.date:
        if not (isinstance(value, str) and DAY.match(value)):
            self.fail("invalid")
        return super().to_internal_value(value)


class ClearableListField(serializers.ListField):
    """A list that null empties."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(allow_null=True, **kwargs)

    def validate_empty_values(self, data: Any) -> tuple[bool, Any]:
        return (True, []) if data is None else super().validate_empty_values(data)

    def to_internal_value(self, data: Any) -> list[Any]:
        # Before each entry is looked at: a megabyte of wrong ones is half a minute's work.
        if isinstance(data, list) and self.max_length is not None and len(data) > self.max_length:
            self.fail("max_length", max_length=self.max_length)
        return super().to_internal_value(data)


class InstantField(serializers.DateTimeField):
    """An instant, shown as `2025-01-15T10:30:00Z`: UTC whatever zone is active, whole seconds."""

    def to_representation(self, value: dt.datetime) -> str:
        return value.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class ModelSerializer(serializers.ModelSerializer):
    """A ModelSerializer with strict types and instants in UTC. Uniqueness is the model's and the database's to tell."""

    serializer_field_mapping = serializers.ModelSerializer.serializer_field_mapping | {
        models.BooleanField: StrictBooleanField,
        models.CharField: StringField,
        models.DateField: DayField,
        models.DateTimeField: InstantField,
    }

    def get_validators(self) -> list[Any]:
        return []


class _Readers(threading.local):
    def __init__(self) -> None:
        self.kept: dict[tuple[type, bool], Any] = {}


_readers = _Readers()


def reader(kind: type[Reader], data: Any, instance: models.Model | None = None, *, partial: bool = False) -> Reader:
    """`kind(instance, data=data, partial=partial)`, for one request at a time of a thread: its fields are made once, which
    takes five times as long as to read with them.
    """
    serializer = _readers.kept.get((kind, partial))
    if serializer is None:
        serializer = _readers.kept[kind, partial] = kind(data={}, partial=partial)
    for name in ("_validated_data", "_errors", "_data"):
        vars(serializer).pop(name, None)
    serializer.instance, serializer.initial_data = instance, data
    return serializer


class TenantPrimaryKeyField(StringField):
    """The id of a row of `queryset`, scoped like every query: a foreign id and one of nothing are the same error."""

    default_error_messages = {"absent": "There is no {what} with this id."}

    def __init__(self, *, queryset: models.QuerySet, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.queryset = queryset

    def to_internal_value(self, data: Any) -> str:
        if not is_id(data) or not self.queryset.filter(pk=data).exists():
            self.fail("absent", what=self.queryset.model._meta.verbose_name)
        return data


class TenantPrimaryKeyListField(ClearableListField):
    """A list of ids of rows of `queryset`, looked up together; repeated ids are taken once."""

    child = serializers.RegexField(PATTERN, error_messages={"invalid": "An id has 24 lower-case hex digits."})
    default_error_messages = {"absent": "There is no {what} with the id {id}."}

    def __init__(self, *, queryset: models.QuerySet, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.queryset = queryset

    def to_internal_value(self, data: Any) -> list[str]:
        ids = list(dict.fromkeys(super().to_internal_value(data)))
        found = set(self.queryset.filter(pk__in=ids).values_list("pk", flat=True)) if ids else set()
        for absent in (one for one in ids if one not in found):
            self.fail("absent", what=self.queryset.model._meta.verbose_name, id=absent)
        return ids


class StrictSerializer(serializers.Serializer):
    """A serializer that refuses keys it does not know."""

    def to_internal_value(self, data: Any) -> Any:
        unknown = set(data) - set(self.fields) if isinstance(data, dict) else set()
        if unknown:
            raise serializers.ValidationError({name: ["There is no such key."] for name in sorted(unknown)})
        return super().to_internal_value(data)


class LoginSerializer(serializers.Serializer):
    """E-mail and password."""

    email = StringField(max_length=254)
    password = StringField(max_length=MAX_PASSWORD, trim_whitespace=False)

    def validate_email(self, value: str) -> str:
        return email_key(value)


class RefreshSerializer(serializers.Serializer):
    """A refresh token."""

    refresh = StringField(max_length=2000)


class TokenPairSerializer(serializers.Serializer):
    """An access token, good for an hour, and the refresh token that gets the next pair, good for seven days."""

    access = serializers.CharField()
    refresh = serializers.CharField()


class MessageSerializer(serializers.Serializer):
    """A sentence that says what was done."""

    message = serializers.CharField()


class TenantSerializer(serializers.Serializer):
    """What a client needs to know of its business to show amounts and times."""

    id = serializers.CharField()
    name = serializers.CharField()
    slug = serializers.CharField()
    time_zone = serializers.CharField()
    currency = serializers.CharField()
    phone_region = serializers.CharField()
    language = serializers.CharField()


class MeSerializer(ModelSerializer):
    """The person that a token speaks for."""

    first_name = NullableTextField()
    last_name = NullableTextField()
    tenant = TenantSerializer(allow_null=True)

    class Meta:
        model = User
        fields = ["id", "email", "first_name", "last_name", "role", "tenant_id", "tenant"]
        read_only_fields = fields


class ActorSerializer(serializers.Serializer):
    """A person who did something."""

    id = serializers.CharField()
    email = serializers.CharField()
    name = NullableTextField(source="full_name")


class ChangeSerializer(serializers.Serializer):
    """What became of one field, as the database holds it."""

    field = serializers.CharField()
    before = serializers.JSONField()
    after = serializers.JSONField()


class AuditEventSerializer(ModelSerializer):
    """An event of the audit trail. `actor` is who acted, by their name of then; null where a command or the database did."""

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
