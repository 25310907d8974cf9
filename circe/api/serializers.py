"""Strict serializers and serializer fields: a value of another JSON type is an error and is not converted."""

import datetime as dt
import re
import unicodedata
from functools import cached_property
from typing import Any

from django.db import models
from rest_framework import serializers
from rest_framework.fields import empty

from circe.api.instants import parse_instant
from circe.api.parameters import DAY_PATTERN
from circe.api.time_zone import local_zone
from circe.db.ids import ID_PATTERN, is_id

MAX_PASSWORD_LENGTH = 128
CLOCK_TIME_PATTERN = re.compile(r"([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?\Z", re.ASCII)


class StringField(serializers.CharField):
    """A field that accepts strings only. It normalizes a string to NFC before its length is checked, unless
    `trim_whitespace=False`.
    """

    default_error_messages = {"invalid": "Write a text."}

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        text = super().to_internal_value(data)
        return unicodedata.normalize("NFC", text) if self.trim_whitespace else text


class NullableTextField(serializers.CharField):
    """A read-only text field: null where the model has an empty text."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(read_only=True, allow_null=True, **kwargs)

    def to_representation(self, value: Any) -> str | None:
        return super().to_representation(value) or None


class BlankIsNullTextField(StringField):
    """A text that the model keeps as "" where there is none, and the API as null. A body may hold either."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, allow_null=True, allow_blank=True, **kwargs)

    def validate_empty_values(self, data: Any) -> tuple[bool, Any]:
        return (True, "") if data is None else super().validate_empty_values(data)

    def to_representation(self, value: Any) -> str | None:
        return super().to_representation(value) or None


class StrictBooleanField(serializers.BooleanField):
    """A field that accepts true and false only, not a string for them."""

    default_error_messages = {"invalid": "Write true or false."}

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class BlankIsNullMixin(serializers.Field):
    """A field that reads an empty text as null where null is allowed, since clients send whole forms with empty fields."""

    def run_validation(self, data: Any = empty) -> Any:
        is_blank = isinstance(data, str) and not data.strip()
        return super().run_validation(None if is_blank and self.allow_null else data)


class StrictIntegerField(BlankIsNullMixin, serializers.IntegerField):
    """A field that accepts whole numbers only, not a string or a boolean for them."""

    default_error_messages = {"invalid": "Write a whole number."}

    def to_internal_value(self, data: Any) -> int:
        # JSON has one kind of number: 60.0 is a whole one.
        is_whole = isinstance(data, int) or (isinstance(data, float) and data.is_integer())
        if isinstance(data, bool) or not is_whole:
            self.fail("invalid")
        return int(data)


class DayField(BlankIsNullMixin, serializers.DateField):
    """A field that accepts a day as `YYYY-MM-DD` only, not in the other notations of ISO 8601."""

    default_error_messages = {"invalid": "Write a day of the calendar as YYYY-MM-DD."}

    def to_internal_value(self, value: Any) -> dt.date:
        if not (isinstance(value, str) and DAY_PATTERN.match(value)):
            self.fail("invalid")
        return super().to_internal_value(value)


class ClockTimeField(serializers.TimeField):
    """A field that accepts a clock time as `HH:MM` or `HH:MM:SS` only."""

    default_error_messages = {"invalid": "Write a clock time as HH:MM or HH:MM:SS, from 00:00 to 23:59."}

    def to_internal_value(self, value: Any) -> dt.time:
        if not (isinstance(value, str) and CLOCK_TIME_PATTERN.match(value)):
            self.fail("invalid")
        return dt.time.fromisoformat(value)


class BoundedListField(serializers.ListField):
    """A list field that checks the length before the entries: a megabyte of invalid ones would take half a minute."""

    default_error_messages = {"not_a_list": "Write a list."}

    def to_internal_value(self, data: Any) -> list[Any]:
        if isinstance(data, list) and self.max_length is not None and len(data) > self.max_length:
            self.fail("max_length", max_length=self.max_length)
        return super().to_internal_value(data)


class ClearableListField(BlankIsNullMixin, BoundedListField):
    """A list field that reads null, and an empty text, as an empty list."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(allow_null=True, **kwargs)

    def validate_empty_values(self, data: Any) -> tuple[bool, Any]:
        return (True, []) if data is None else super().validate_empty_values(data)


class InstantField(serializers.DateTimeField):
    """A field that shows an instant as `2025-01-15T10:30:00Z`: in UTC whatever zone is active, in whole seconds."""

    def to_representation(self, value: dt.datetime) -> str:
        return value.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class LocalInstantField(InstantField):
    """An instant. If a body gives it without an offset, it is in the business's time zone."""

    default_error_messages = {"invalid": "Write an instant such as 2025-01-31T10:30:00Z."}

    def to_internal_value(self, value: Any) -> dt.datetime:
        try:
            return parse_instant(value, local_zone())
        except (TypeError, ValueError, OverflowError):
            self.fail("invalid")


class ChoiceField(serializers.ChoiceField):
    """One of several words. The error lists them."""

    def __init__(self, choices: Any, **kwargs: Any) -> None:
        super().__init__(choices, **kwargs)
        self.error_messages = {
            **self.error_messages,
            "invalid_choice": f"Write one of {', '.join(map(str, self.choices))}.",
        }


class CachedFieldsMixin(serializers.Serializer):
    """A serializer whose fields are built once per class, since this takes ten times as long as to validate a body.

    The fields are bound to a serializer without data, so they hold no data of a request.
    """

    default_error_messages = {"invalid": "Write an object: names with values."}

    @cached_property
    def fields(self) -> Any:
        """The fields of the class. A nested serializer builds its own, and is cached as one of its parent's fields."""
        if self.parent is not None:
            return super().fields
        key = (type(self), self.partial)
        if key not in _fields_by_class:
            # `super()` of the empty serializer builds the fields and binds them to it.
            _fields_by_class[key] = super(CachedFieldsMixin, type(self)(partial=self.partial)).fields
        return _fields_by_class[key]


_fields_by_class: dict[tuple[type, bool], Any] = {}


class OwnTenantField(StringField):
    """The id of the business of a row. In a body it may be the id of one's own business, or null, or absent."""

    def __init__(self) -> None:
        super().__init__(allow_null=True, required=False, help_text="The business. In a body: one's own, or none.")


class OwnTenantMixin(CachedFieldsMixin):
    """A serializer of a tenant's rows. An update is refused if its body names another tenant."""

    tenant_id = OwnTenantField()

    def validate_tenant_id(self, value: str | None) -> None:
        """Refuses another tenant in an update. The value is never stored from a body."""
        if self.instance and value not in (None, self.instance.tenant_id):
            raise serializers.ValidationError("It can't move to another business.", code="invalid")
        raise serializers.SkipField


class ModelSerializer(CachedFieldsMixin, serializers.ModelSerializer):
    """A ModelSerializer with strict types and instants in UTC. The model and the database check uniqueness."""

    serializer_field_mapping = serializers.ModelSerializer.serializer_field_mapping | {
        models.BooleanField: StrictBooleanField,
        models.CharField: StringField,
        models.DateField: DayField,
        models.DateTimeField: InstantField,
        models.BigIntegerField: StrictIntegerField,
        models.IntegerField: StrictIntegerField,
        models.PositiveIntegerField: StrictIntegerField,
    }
    serializer_choice_field = ChoiceField

    def get_validators(self) -> list[Any]:
        return []


class TenantPrimaryKeyField(BlankIsNullMixin, StringField):
    """The id of a row of `queryset`, which is scoped: the id of another tenant's row is an error like an unknown id."""

    default_error_messages = {"absent": "There is no {what} with this id."}

    def __init__(self, *, queryset: models.QuerySet, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.queryset = queryset

    def to_internal_value(self, data: Any) -> str:
        if not is_id(data) or not self.queryset.filter(pk=data).exists():
            self.fail("absent", what=self.queryset.model._meta.verbose_name)
        return data


class TenantPrimaryKeyListField(ClearableListField):
    """A list of ids of rows of `queryset`, which are looked up in one query. A repeated id is removed."""

    child = serializers.RegexField(ID_PATTERN, error_messages={"invalid": "An id has 24 lower-case hex digits."})
    default_error_messages = {"absent": "There is no {what} with the id {id}."}

    def __init__(self, *, queryset: models.QuerySet, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.queryset = queryset

    def to_internal_value(self, data: Any) -> list[str]:
        ids = list(dict.fromkeys(super().to_internal_value(data)))
        found = set(self.queryset.filter(pk__in=ids).values_list("pk", flat=True)) if ids else set()
        for absent in (pk for pk in ids if pk not in found):
            self.fail("absent", what=self.queryset.model._meta.verbose_name, id=absent)
        return ids


class StrictSerializer(CachedFieldsMixin):
    """A serializer that refuses unknown keys."""

    def to_internal_value(self, data: Any) -> Any:
        unknown = set(data) - set(self.fields) if isinstance(data, dict) else set()
        if unknown:
            raise serializers.ValidationError({name: ["There is no such key."] for name in sorted(unknown)})
        return super().to_internal_value(data)


class MessageSerializer(serializers.Serializer):
    """A sentence that says what was done."""

    message = serializers.CharField()
