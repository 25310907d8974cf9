"""Serializers of what customers see and change of themselves."""

from typing import Any

from django.core.exceptions import ValidationError as InvalidEmail
from rest_framework import serializers

from circe.api.serializers import InstantField, ModelSerializer, StringField, TenantPrimaryKeyListField
from customers.contact_conflicts import find_contact_conflicts, lock_contacts
from customers.models import Customer, DeletionRequest
from customers.serializers import PreferencesSerializer
from tenants.identity import clean_phone, email_key
from tenants.models import StaffName, validate_language
from tenants.scope import whole_business


class OwnProfileSerializer(ModelSerializer):
    """The customer who is signed in, without what the business notes for itself.

    In a body, a key that is absent stays as it is, and read-only keys are ignored.
    """

    email = StringField(
        required=False, help_text="The e-mail address. In a body: one's own or none; `POST email/change` changes it."
    )
    language = StringField(max_length=35, validators=[validate_language], required=False)
    total_appointments = serializers.IntegerField(read_only=True, help_text="Appointments of any status.")
    total_spent = serializers.IntegerField(read_only=True, help_text="By visits, in the business's currency.")
    last_appointment_date = serializers.DateField(
        read_only=True, allow_null=True, help_text="The day of the last visit."
    )

    class Meta:
        model = Customer
        fields = [
            "id",
            "tenant_id",
            "first_name",
            "last_name",
            "email",
            "email_verified",
            "phone",
            "language",
            "gender",
            "date_of_birth",
            "address",
            "loyalty_points",
            "total_appointments",
            "total_spent",
            "last_appointment_date",
            "created_at",
            "updated_at",
        ]
        read_only_fields = ["id", "tenant_id", "email_verified", "loyalty_points", "created_at", "updated_at"]

    def to_representation(self, instance: Customer) -> dict[str, Any]:
        """Shows the phone number that the customer gave, even while staff decide whose it is. So the customer does not
        learn that another customer has it.
        """
        shown = super().to_representation(instance)
        return shown | {"phone": instance.pending_phone or shown["phone"]}

    def validate_email(self, value: str) -> None:
        """Refuses another address than the customer's own. The address is never stored from here."""
        try:
            is_own = email_key(value) == self.instance.email_key
        except InvalidEmail:
            is_own = False
        if not is_own:
            raise serializers.ValidationError(
                "Ask for another address by POST email/change: it counts when the mail to it is opened.",
                code="not_here",
            )
        raise serializers.SkipField

    def update(self, instance: Customer, validated_data: dict[str, Any]) -> Customer:
        """Stores the changes. A phone that another customer has becomes the `pending_phone`, which staff see."""
        if validated_data.get("phone"):
            validated_data |= _lock_and_choose_phone_fields(instance, validated_data["phone"])
        elif "phone" in validated_data:
            validated_data["pending_phone"] = None
        instance.change(validated_data)
        return instance


def _lock_and_choose_phone_fields(customer: Customer, phone: str) -> dict[str, Any]:
    """Locks the contacts, and returns the fields that store the phone number: in `phone`, or in `pending_phone` if
    another customer has it. In both cases the same statements run and the same fields are stored. So neither the answer
    nor its time tells whether somebody has the number.
    """
    phone = clean_phone(phone)
    lock_contacts(customer.tenant_id, {key for key in (phone, customer.phone, customer.email_key) if key})
    with whole_business():
        others, _ = find_contact_conflicts(
            customer_id=customer.pk, tenant_id=customer.tenant_id, email_key=None, phone=phone
        )
    is_taken = any(not other["is_deleted"] for other in others)
    stays = is_taken or phone == customer.phone
    return {
        "phone": customer.phone if is_taken else phone,
        "pending_phone": phone if is_taken else None,
        "phone_verified": customer.phone_verified and stays,
    }


class OwnPreferencesSerializer(PreferencesSerializer):
    """The preferences of the customer who is signed in, without the notes of the business about them."""

    notes = None  # type: ignore[assignment]
    preferred_staff_ids = TenantPrimaryKeyListField(queryset=StaffName.objects.all(), max_length=100, required=False)

    def update(self, instance: Customer, validated_data: dict[str, Any]) -> Customer:
        """Stores the changes."""
        instance.change(validated_data)
        return instance


class DeletionRequestSerializer(serializers.ModelSerializer):
    """A request to be deleted, which the business has until `due_at` to fulfil."""

    requested_at = InstantField()
    due_at = InstantField()

    class Meta:
        model = DeletionRequest
        fields = ["id", "requested_at", "due_at"]
        read_only_fields = fields
