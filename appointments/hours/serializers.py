"""Serializers of working hours and of time off."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from rest_framework import serializers
from rest_framework.fields import empty

from appointments.models import TimeOff, Weekday, WorkingHours, find_overlaps, outlets_to_work_at, replace_working_hours
from appointments.models.hours import FIRST_TIME, LAST_TIME, MAX_ENTRIES_PER_PERSON
from circe.api.local_time import to_local
from circe.api.serializers import (
    BlankIsNullTextField,
    BoundedListField,
    CachedFieldsMixin,
    ClockTimeField,
    DayField,
    LocalInstantField,
    ModelSerializer,
    OwnTenantMixin,
    StrictIntegerField,
    StrictSerializer,
    StringField,
    TenantPrimaryKeyField,
)
from circe.api.time_zone import local_zone
from circe.db.ids import is_id
from tenants.models import Outlet, Staff


class WorkingHoursEntrySerializer(StrictSerializer):
    """A time of the week in which the person works at an outlet."""

    outlet_id = StringField(help_text="An active outlet, or one where the person works already.")
    weekday = StrictIntegerField(min_value=min(Weekday), max_value=max(Weekday), help_text="0 is Monday.")
    start_time = ClockTimeField()
    end_time = ClockTimeField(help_text="Before the start: on the next day.")
    valid_from = DayField(
        allow_null=True, required=False, help_text="The first day on which it begins; null is no limit."
    )
    valid_to = DayField(allow_null=True, required=False, help_text="The last day on which it begins; null is no limit.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuses an entry without a length, and a validity that ends before it begins."""
        if attrs["start_time"] == attrs["end_time"]:
            raise _error("end_time", "It is the start too. Working hours end later or on the next day.")
        first, last = attrs.get("valid_from"), attrs.get("valid_to")
        if first and last and first > last:
            raise _error("valid_to", "It is before valid_from.")
        return attrs


class WorkingHoursSerializer(CachedFieldsMixin):
    """The working hours of a person: the whole list."""

    working_hours = BoundedListField(child=WorkingHoursEntrySerializer(), max_length=MAX_ENTRIES_PER_PERSON)

    def validate_working_hours(self, entries: list[dict[str, Any]]) -> list[WorkingHours]:
        """Returns the rows. Refuses outlets at which the person can't work, and entries that overlap."""
        staff: Any = self.instance
        _refuse_unknown_outlets(staff, [entry["outlet_id"] for entry in entries])
        hours = [WorkingHours(staff=staff, tenant_id=staff.tenant_id, **entry) for entry in entries]
        overlaps: Any = {
            index: [f"It overlaps with working_hours.{other}: {hours[other]}."]
            for index, other in sorted(find_overlaps(hours).items())
        }
        if overlaps:
            raise serializers.ValidationError(overlaps, code="overlap")
        return hours

    def update(self, instance: Staff, validated_data: dict[str, Any]) -> Staff:
        replace_working_hours(instance, validated_data["working_hours"])
        return instance


class TimeOffInstantField(LocalInstantField):
    """The start or the end of time off: an instant in JSON, a local time between FIRST_TIME and LAST_TIME in Python."""

    default_error_messages = {
        "range": f"Write an instant from {FIRST_TIME.year} to {LAST_TIME.year - 1}.",
    }

    def to_internal_value(self, value: Any) -> dt.datetime:
        """Returns the local time of the instant, as `to_local` reads it."""
        instant = super().to_internal_value(value)
        # Beyond the ends of Python's calendar there is no local time, so the year is compared first.
        may_be_in_range = FIRST_TIME.year - 1 <= instant.year <= LAST_TIME.year
        local = to_local(instant, local_zone()) if may_be_in_range else None
        if local is None or not FIRST_TIME <= local <= LAST_TIME:
            self.fail("range")
        return local


class TimeOffSerializer(OwnTenantMixin, ModelSerializer):
    """A time in which a member of staff is away or an outlet is closed."""

    staff_id = TenantPrimaryKeyField(
        queryset=Staff.objects.all(), allow_null=True, required=False, help_text="Who is away, or null."
    )
    outlet_id = TenantPrimaryKeyField(
        queryset=Outlet.objects.all(), allow_null=True, required=False, help_text="Which outlet is closed, or null."
    )
    starts_at = TimeOffInstantField()
    ends_at = TimeOffInstantField()
    reason = BlankIsNullTextField(max_length=200)

    class Meta:
        model = TimeOff
        fields = ["id", "tenant_id", "staff_id", "outlet_id", "starts_at", "ends_at", "reason"]
        read_only_fields = ["id"]

    def run_validation(self, data: Any = empty) -> Any:
        """Refuses time off that the user may not enter, before any row is looked up."""
        if isinstance(data, Mapping):
            # An empty id is none, as in the fields.
            ids = {name: data.get(name) or None for name in ("staff_id", "outlet_id")}
            TimeOff.check_may_write(self.context["user"], **ids)
        return super().run_validation(data)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuses time off without a person or an outlet, with both, or with an end that is not after its start."""
        staff_id, outlet_id = attrs.get("staff_id"), attrs.get("outlet_id")
        if staff_id is None and outlet_id is None:
            raise _error("staff_id", "Give staff_id or outlet_id.")
        if staff_id is not None and outlet_id is not None:
            raise _error("outlet_id", "Give either staff_id or outlet_id.")
        if attrs["ends_at"] <= attrs["starts_at"]:
            raise _error("ends_at", "It is not after starts_at.")
        return attrs

    def create(self, validated_data: dict[str, Any]) -> TimeOff:
        times = {"local_start": validated_data.pop("starts_at"), "local_end": validated_data.pop("ends_at")}
        return TimeOff.objects.create(**validated_data, **times)


def _error(field: str, sentence: str) -> serializers.ValidationError:
    return serializers.ValidationError({field: [sentence]}, code="invalid")


def _refuse_unknown_outlets(staff: Staff, ids: Sequence[str]) -> None:
    """Raises ValidationError for the entries whose outlet the business does not have, or at which the person can't work:
    it is not active, and the person does not work there already.
    """
    known = outlets_to_work_at(staff).in_bulk({pk for pk in ids if is_id(pk)})
    absent: Any = {
        index: {"outlet_id": ["There is no active outlet with this id."]}
        for index, pk in enumerate(ids)
        if pk not in known
    }
    if absent:
        raise serializers.ValidationError(absent, code="absent")
