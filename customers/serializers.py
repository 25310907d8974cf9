"""Serializers of customers."""

from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.db.models import F
from django.db.models.lookups import IsNull
from rest_framework import serializers

from circe.api.serializers import (
    ClearableListField,
    ModelSerializer,
    StrictBooleanField,
    StrictSerializer,
    StringField,
    TenantPrimaryKeyField,
    TenantPrimaryKeyListField,
)
from customers.models import MAX_TAGS, Customer
from customers.validators import validate_tag
from tenants.models import Outlet, Service, Staff, validate_language


class TagsField(ClearableListField):
    """Tags, trimmed and in lower case."""

    child = StringField(max_length=50)

    def to_internal_value(self, data: Any) -> list[str]:
        tags = [tag.lower() for tag in super().to_internal_value(data)]
        for tag in tags:
            validate_tag(tag)
        return tags


class CommunicationSerializer(StrictSerializer):
    """The channels by which a business may write to the customer."""

    email = StrictBooleanField(source="accepts_email", required=False)
    sms = StrictBooleanField(source="accepts_sms", required=False)
    push_notifications = StrictBooleanField(source="accepts_push", required=False)
    whatsapp = StrictBooleanField(source="accepts_whatsapp", required=False)


class PreferencesSerializer(StrictSerializer):
    """The preferences of a customer. A key that is absent from a body stays as it is."""

    communication_preferences = CommunicationSerializer(source="*", required=False)
    language = StringField(max_length=35, validators=[validate_language], required=False)
    marketing_consent = StrictBooleanField(required=False)
    notes = StringField(max_length=2000, allow_null=True, allow_blank=True, required=False)
    preferred_outlet_id = TenantPrimaryKeyField(queryset=Outlet.objects.all(), allow_null=True, required=False)
    preferred_services = TenantPrimaryKeyListField(queryset=Service.objects.all(), max_length=100, required=False)
    preferred_staff_ids = TenantPrimaryKeyListField(queryset=Staff.objects.all(), max_length=100, required=False)
    preferred_categories = ClearableListField(child=StringField(max_length=50), max_length=100, required=False)
    accessibility_needs = StringField(max_length=500, allow_null=True, allow_blank=True, required=False)


class CustomerSerializer(ModelSerializer):
    """A customer. In a body, a key that is absent stays as it is, and read-only keys are ignored."""

    tenant_id = StringField(allow_null=True, required=False, help_text="The business; in a body one's own or none.")
    preferences = PreferencesSerializer(source="*", required=False)
    password = StringField(
        write_only=True,
        trim_whitespace=False,
        allow_null=True,
        required=False,
        validators=[validate_password],
        help_text="For the customer's portal; it needs an e-mail address. null takes the access away.",
    )
    tags = TagsField(max_length=MAX_TAGS, required=False)
    has_password = serializers.BooleanField(read_only=True, help_text="Whether registered; otherwise a walk-in.")
    total_appointments = serializers.IntegerField(read_only=True, help_text="Of any status.")
    total_spent = serializers.IntegerField(read_only=True, help_text="By visits, in the tenant's currency.")
    last_appointment_date = serializers.DateField(read_only=True, allow_null=True, help_text="Of the last visit.")
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
        ]
        # A client that reads, edits and sends back a customer echoes these.
        read_only_fields = [
            "created_at",
            "email_verified",
            "id",
            "loyalty_points",
            "phone_verified",
            "source",
            "updated_at",
        ]

    def validate_tenant_id(self, value: str | None) -> None:
        """It is never stored from a body: a customer stays with their tenant."""
        if self.instance and value not in (None, self.instance.tenant_id):
            raise serializers.ValidationError("A customer can't move to another business.", code="invalid")
        raise serializers.SkipField

    def create(self, validated_data: dict[str, Any]) -> Customer:
        customer = Customer()
        customer.change(validated_data)
        return customer

    def update(self, instance: Customer, validated_data: dict[str, Any]) -> Customer:
        instance.change(validated_data)
        return instance


class NewCustomerSerializer(CustomerSerializer):
    """A new customer: active, and with a source, which can't change later."""

    class Meta(CustomerSerializer.Meta):
        read_only_fields = [*set(CustomerSerializer.Meta.read_only_fields) - {"source"}, "is_active"]


class ConflictSerializer(serializers.Serializer):
    """Another customer of the tenant with the same e-mail address or phone number."""

    field = serializers.ChoiceField(["email", "phone"])
    customer_id = serializers.CharField()
    is_deleted = serializers.BooleanField()


class CreatedCustomerSerializer(CustomerSerializer):
    """The customer as created, and the soft-deleted ones who may be the same person."""

    possible_duplicates = ConflictSerializer(many=True, read_only=True)

    class Meta(CustomerSerializer.Meta):
        fields = [*CustomerSerializer.Meta.fields, "possible_duplicates"]


class CustomerWithPreferencesSerializer(CustomerSerializer):
    """The customer, with the keys of the preferences at the top level too."""
