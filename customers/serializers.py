"""Serializers of customers."""

import datetime as dt
from contextlib import suppress
from typing import Any, ClassVar

from django.contrib.auth.password_validation import validate_password
from django.db.models import F
from django.db.models.lookups import IsNull
from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from circe.api.instants import parse_instant
from circe.api.serializers import (
    ChoiceField,
    ClearableListField,
    ModelSerializer,
    OwnTenantMixin,
    StrictBooleanField,
    StrictSerializer,
    StringField,
    TenantPrimaryKeyField,
    TenantPrimaryKeyListField,
)
from customers.models import Customer, PreferredChannel
from customers.tags import MAX_TAG_LENGTH, MAX_TAGS, clean_tag, validate_tag
from tenants.identity import clean_email, clean_phone
from tenants.models import Outlet, Service, Staff, validate_language


class TagField(StringField):
    """A tag, in the form in which it is stored."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=MAX_TAG_LENGTH, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        return clean_tag(super().to_internal_value(data))


class TagsField(ClearableListField):
    """Tags of any script."""

    child = TagField()

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=MAX_TAGS, required=False, **kwargs)

    def to_internal_value(self, data: Any) -> list[str]:
        tags = super().to_internal_value(data)
        for tag in tags:
            validate_tag(tag)
        return tags


# The keys that change single tags.
TAG_CHANGES = ("tags_add", "tags_remove")


class CommunicationSerializer(StrictSerializer):
    """The channels by which a business may write to the customer."""

    email = StrictBooleanField(source="accepts_email", required=False)
    sms = StrictBooleanField(source="accepts_sms", required=False)
    push_notifications = StrictBooleanField(source="accepts_push", required=False)
    whatsapp = StrictBooleanField(source="accepts_whatsapp", required=False)


class PreferencesSerializer(StrictSerializer):
    """The preferences of a customer. In a body, a key that is absent stays as it is."""

    communication_preferences = CommunicationSerializer(source="*", required=False)
    language = StringField(max_length=35, validators=[validate_language], required=False)
    marketing_consent = StrictBooleanField(required=False)
    notes = StringField(max_length=2000, allow_null=True, allow_blank=True, required=False)
    preferred_outlet_id = TenantPrimaryKeyField(queryset=Outlet.objects.all(), allow_null=True, required=False)
    preferred_services = TenantPrimaryKeyListField(queryset=Service.objects.all(), max_length=100, required=False)
    preferred_staff_ids = TenantPrimaryKeyListField(queryset=Staff.objects.all(), max_length=100, required=False)
    preferred_categories = ClearableListField(child=StringField(max_length=50), max_length=100, required=False)
    preferred_channel = ChoiceField(
        PreferredChannel.choices,
        allow_null=True,
        required=False,
        help_text="How the customer likes to be reached: `phone` is a call. Messages go by it first, if allowed.",
    )
    accessibility_needs = StringField(max_length=500, allow_null=True, allow_blank=True, required=False)


class CustomerSerializer(OwnTenantMixin, ModelSerializer):
    """A customer. In a body, a key that is absent stays as it is, and read-only keys are ignored."""

    preferences = PreferencesSerializer(source="*", required=False)
    password = StringField(
        write_only=True,
        trim_whitespace=False,
        allow_null=True,
        required=False,
        validators=[validate_password],
        help_text="For the customer's portal; it needs an e-mail address. null takes the access away.",
    )
    tags = TagsField()
    tags_add = TagsField(write_only=True, help_text="Tags to add. The others stay; `tags` must be absent.")
    tags_remove = TagsField(write_only=True, help_text="Tags to remove. The others stay; `tags` must be absent.")
    has_password = serializers.BooleanField(read_only=True, help_text="Whether registered; otherwise a walk-in.")
    total_appointments = serializers.IntegerField(read_only=True, help_text="Appointments of any status.")
    total_spent = serializers.IntegerField(read_only=True, help_text="By visits, in the tenant's currency.")
    last_appointment_date = serializers.DateField(
        read_only=True, allow_null=True, help_text="The day of the last visit."
    )
    json_expressions = {"has_password": lambda at: IsNull(F(f"{at}password"), False)}

    class Meta:
        model = Customer
        fields = [
            "created_at",
            "email",
            "email_verified",
            "first_name",
            "gender",
            "id",
            "is_active",
            "last_name",
            "loyalty_points",
            "phone",
            "preferences",
            "total_appointments",
            "tags",
            "has_password",
            "source",
            "address",
            "date_of_birth",
            "phone_verified",
            "total_spent",
            "last_appointment_date",
            "tenant_id",
            "updated_at",
            "password",
            "tags_add",
            "tags_remove",
        ]
        # A client that reads, edits and sends back a customer sends these keys too. They are ignored.
        read_only_fields = [
            "created_at",
            "email_verified",
            "id",
            "loyalty_points",
            "phone_verified",
            "source",
            "updated_at",
        ]
        # `validate_email` and `validate_phone` read the text, so the model's validators need not.
        extra_kwargs: ClassVar[dict[str, Any]] = {"email": {"validators": []}, "phone": {"validators": []}}

    def validate_email(self, value: str | None) -> str | None:
        """Returns the address in the form in which it is stored."""
        return clean_email(value) if value else value

    def validate_phone(self, value: str | None) -> str | None:
        """Returns the number in the form in which it is stored."""
        return clean_phone(value) if value else value

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuses changes of single tags that contradict each other."""
        added, removed = ({*attrs.get(name, ())} for name in TAG_CHANGES)
        for name in attrs.keys() & {*TAG_CHANGES} if "tags" in attrs else ():
            raise serializers.ValidationError(
                {name: f"Send either tags, which replaces all, or {name}."}, code="invalid"
            )
        for tag in added & removed:
            raise serializers.ValidationError({"tags_remove": f"{tag} is in tags_add too."}, code="invalid")
        return attrs

    def create(self, validated_data: dict[str, Any]) -> Customer:
        customer = Customer()
        customer.change(validated_data)
        return customer

    def update(self, instance: Customer, validated_data: dict[str, Any]) -> Customer:
        instance.change(validated_data, seen_at=_echoed_instant(self.initial_data.get("updated_at")))
        return instance


def _echoed_instant(value: Any) -> dt.datetime | None:
    """Returns the instant that a client sends back as `updated_at`. Returns None for any other value: a read-only key
    is never refused.
    """
    with suppress(TypeError, ValueError, OverflowError):
        return parse_instant(value, dt.UTC)
    return None


class NewCustomerSerializer(CustomerSerializer):
    """A new customer: active, and with a source, which can't change later."""

    class Meta(CustomerSerializer.Meta):
        fields = [name for name in CustomerSerializer.Meta.fields if name not in TAG_CHANGES]
        read_only_fields = [*set(CustomerSerializer.Meta.read_only_fields) - {"source"}, "is_active"]


class TagCountSerializer(serializers.Serializer):
    """A tag, and the number of customers who have it."""

    tag = serializers.CharField()
    customers = serializers.IntegerField(min_value=1)


class TagCountsSerializer(serializers.Serializer):
    """All tags in use."""

    items = TagCountSerializer(many=True)


CONTACT_FIELDS = ["email", "phone"]


class ConflictSerializer(serializers.Serializer):
    """Another customer of the tenant with the same e-mail address or phone number."""

    field = ChoiceField(CONTACT_FIELDS)
    customer_id = serializers.CharField()
    is_deleted = serializers.BooleanField()


@extend_schema_serializer(component_name="Customer")
class ShownCustomerSerializer(CustomerSerializer):
    """A customer."""

    # The OpenAPI document has one schema of a customer for all answers. This class is for the document only: it writes
    # no answer.
    possible_duplicates = ConflictSerializer(many=True, read_only=True)
    keys_of_some_answers = ("possible_duplicates",)

    class Meta(CustomerSerializer.Meta):
        fields = [*CustomerSerializer.Meta.fields, "possible_duplicates"]


@extend_schema_serializer(component_name="CustomerChanges")
class CustomerChangesSerializer(CustomerSerializer):
    """Changes of a customer. A key that is absent stays as it is, and read-only keys are ignored."""
