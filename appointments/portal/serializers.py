"""Serializers of what customers see of their own appointments, and of the bodies by which they book, move and cancel."""

import datetime as dt
from collections.abc import Collection
from typing import Any

from django.db.models import F, OuterRef, Subquery, Value
from django.db.models.functions import NullIf
from django.utils import timezone
from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from appointments.bookings.serializers import (
    AppointmentDayField,
    OptionalClockField,
    OptionalTextField,
    check_changed_references,
    read_active_references,
)
from appointments.models import Appointment
from appointments.portal.own_bookings import book_own, cancel_own, changeable_until, move_own
from appointments.serializers import AppointmentSerializer, HistorySerializer
from circe.api.serializers import CachedFieldsMixin, ClockTimeField, InstantField, StringField
from circe.db.json_sql import JSONObject
from tenants.models import StaffName

# A customer does not see these.
INTERNAL_FIELDS = {"notes", "status_reason", "overrides", "buffer_minutes", "walk_in"}


def _staff_expression(path: str) -> JSONObject:
    """Returns the expression of the member of staff as id and name. A customer may read StaffName, but not the table of
    accounts.
    """
    names = StaffName.objects.filter(tenant=OuterRef(f"{path}tenant"), pk=OuterRef(f"{path}staff_id"))
    return JSONObject(id=F(f"{path}staff_id"), name=NullIf(Subquery(names.values("name")), Value("")))


class StoredOwnAppointmentSerializer(AppointmentSerializer):
    """A customer's own appointment as it is stored, without the fields that only the business may see."""

    json_expressions = {"staff": _staff_expression}

    class Meta(AppointmentSerializer.Meta):
        fields = [name for name in AppointmentSerializer.Meta.fields if name not in INTERNAL_FIELDS]
        read_only_fields = fields


class OwnAppointmentSerializer(StoredOwnAppointmentSerializer):
    """A customer's own appointment. The key `currency` names the currency of its amounts."""

    can_change = serializers.BooleanField(help_text="Whether you can move or cancel it now.")
    changeable_until = InstantField(
        allow_null=True, help_text="You can move or cancel it until then. null: it is neither pending nor confirmed."
    )

    class Meta(StoredOwnAppointmentSerializer.Meta):
        fields = [*StoredOwnAppointmentSerializer.Meta.fields, "can_change", "changeable_until"]
        read_only_fields = fields


# The action is `list`, and its answer is one object with a page in it.
@extend_schema_serializer(many=False)
class OwnHistorySerializer(HistorySerializer):
    """A page of the customer's own appointments, newest first."""

    appointments = OwnAppointmentSerializer(many=True)


def add_change_window(stored: dict[str, Any], tenant: Any) -> dict[str, Any]:
    """Adds to an appointment, as StoredOwnAppointmentSerializer writes it, whether the customer can change it now."""
    until = changeable_until(
        Appointment(
            tenant=tenant,
            status=stored["status"],
            appointment_date=dt.date.fromisoformat(stored["appointment_date"]),
            start_time=dt.time.fromisoformat(stored["start_time"]),
            end_time=dt.time.fromisoformat(stored["end_time"]),
        )
    )
    return stored | {
        "can_change": until is not None and timezone.now() <= until,
        "changeable_until": until and InstantField().to_representation(until),
    }


class OwnBookingSerializer(CachedFieldsMixin):
    """A customer's booking of a service. The duration and the price are those of the service."""

    service_id = StringField()
    outlet_id = StringField()
    staff_id = OptionalTextField(help_text="null: whoever is free.")
    appointment_date = AppointmentDayField()
    start_time = ClockTimeField(help_text="By the clock of the business.")
    end_time = OptionalClockField(help_text="null, or as availability says: as long as the service.")
    notes = OptionalTextField(max_length=2000, help_text="For the business. No answer to a customer shows it.")

    def to_internal_value(self, data: Any) -> Any:
        refuse_staff_only_keys(data, ("total_price", "status", "walk_in", "override", "payment"))
        return super().to_internal_value(data)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Looks up the rows that the body names."""
        return attrs | read_active_references(attrs)

    def create(self, validated_data: dict[str, Any]) -> Appointment:
        """Books for the customer in the context."""
        return book_own(
            self.context["customer"],
            service=validated_data["service"],
            outlet_id=validated_data["outlet_id"],
            staff_id=validated_data.get("staff_id"),
            day=validated_data["appointment_date"],
            start=validated_data["start_time"],
            end=validated_data.get("end_time"),
            notes=validated_data.get("notes"),
        )


class OwnMoveSerializer(CachedFieldsMixin):
    """Another time for a customer's own appointment. The duration stays the same."""

    appointment_date = AppointmentDayField()
    start_time = ClockTimeField(help_text="By the clock of the business.")
    end_time = OptionalClockField(help_text="null, or as availability says: as long as before.")
    staff_id = OptionalTextField(help_text="null: the same.")
    outlet_id = OptionalTextField(help_text="null: the same.")

    def to_internal_value(self, data: Any) -> Any:
        refuse_staff_only_keys(data, ("override",))
        return super().to_internal_value(data)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuses a member of staff or an outlet that does not exist or is inactive."""
        check_changed_references(self.instance, attrs)
        return attrs

    def update(self, instance: Appointment, validated_data: dict[str, Any]) -> Appointment:
        """Moves the appointment."""
        move_own(
            instance,
            day=validated_data["appointment_date"],
            start=validated_data["start_time"],
            end=validated_data.get("end_time"),
            staff_id=validated_data.get("staff_id"),
            outlet_id=validated_data.get("outlet_id"),
        )
        return instance


class OwnCancellationSerializer(CachedFieldsMixin):
    """Why a customer cancels."""

    reason = OptionalTextField(max_length=500, help_text="For the business. No answer to a customer shows it.")

    def update(self, instance: Appointment, validated_data: dict[str, Any]) -> Appointment:
        """Cancels the appointment."""
        cancel_own(instance, reason=validated_data.get("reason"))
        return instance


def refuse_staff_only_keys(data: Any, names: Collection[str]) -> None:
    """Raises ValidationError for each of the keys that has a value: only staff may set them."""
    values = {name: data.get(name) for name in names} if isinstance(data, dict) else {}
    given = [name for name, value in values.items() if not (value in (None, "", []) or value is False)]
    if given:
        raise serializers.ValidationError(
            {name: ["Only the business sets this: leave it out."] for name in given}, code="not_yours"
        )
