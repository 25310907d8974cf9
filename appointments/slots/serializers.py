"""Serializers of availability. `appointments.availability` writes the slots."""

from rest_framework import serializers

from appointments.serializers import BookedOutletSerializer, BookedStaffSerializer
from circe.api.serializers import CachedFieldsMixin, InstantField, NullableTextField
from circe.db.ids import ID_PATTERN


class SlotSerializer(serializers.Serializer):
    """A time at which a member of staff can attend a customer at an outlet. `price` is the service's, in `currency`."""

    appointment_date = serializers.DateField()
    start_time = serializers.TimeField()
    end_time = serializers.TimeField(help_text="If it is before `start_time`, it is on the next day.")
    starts_at = InstantField()
    staff_id = serializers.CharField()
    staff = BookedStaffSerializer()
    outlet_id = serializers.CharField()
    outlet = BookedOutletSerializer()
    price = serializers.IntegerField()
    currency = serializers.CharField()


class BookableServiceSerializer(CachedFieldsMixin):
    """The service, as the catalogue shows it."""

    id = serializers.CharField()
    tenant_id = serializers.CharField()
    name = serializers.CharField()
    category = NullableTextField()
    duration_minutes = serializers.IntegerField()
    buffer_minutes = serializers.IntegerField(help_text="Kept free after each appointment.")
    price = serializers.IntegerField()
    currency = serializers.CharField(source="tenant.currency")
    is_active = serializers.BooleanField()
    staff_ids = serializers.ListField(
        child=serializers.RegexField(ID_PATTERN), help_text="Members of staff who offer it. Empty: everybody does."
    )
    rebooking_days = serializers.IntegerField(allow_null=True)
    created_at = InstantField()
    updated_at = InstantField()


class AvailabilitySerializer(serializers.Serializer):
    """The times at which the service can be booked, by start, then by the name of the staff."""

    slots = SlotSerializer(many=True)
    service = BookableServiceSerializer()
    from_date = serializers.DateField()
    to_date = serializers.DateField()
