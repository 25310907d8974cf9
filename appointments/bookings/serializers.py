"""Serializers of the bodies that book, change and move appointments."""

from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator
from rest_framework import serializers

from appointments.booking import book, give_to_customer, move, set_status
from appointments.bookings.references import read_references
from appointments.lengths import set_length
from appointments.models import (
    FIRST_DAY,
    LAST_DAY,
    OPEN_STATUSES,
    Appointment,
    Override,
    PaymentMethod,
    PaymentStatus,
    Status,
)
from circe.api.serializers import (
    BlankIsNullMixin,
    CachedFieldsMixin,
    ChoiceField,
    ClearableListField,
    ClockTimeField,
    DayField,
    OwnTenantMixin,
    StrictBooleanField,
    StrictIntegerField,
    StringField,
)
from tenants.models import validate_amount
from tenants.scope import current_tenant

# An appointment that has started can be recorded with its outcome.
PAST_STATUSES = (*OPEN_STATUSES, Status.COMPLETED, Status.CANCELLED, Status.NO_SHOW)


class OptionalClockField(BlankIsNullMixin, ClockTimeField):
    """A clock time, null where there is none."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(allow_null=True, required=False, **kwargs)


class AppointmentDayField(DayField):
    """A day on which there can be an appointment."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(validators=[MinValueValidator(FIRST_DAY), MaxValueValidator(LAST_DAY)], **kwargs)


class AmountField(StrictIntegerField):
    """An amount of money in the tenant's currency."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_value=0, validators=[validate_amount], **kwargs)


class OptionalTextField(BlankIsNullMixin, StringField):
    """A text, null where there is none. If it is an id, the serializer looks up its row together with the rows of the
    other ids.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(allow_null=True, required=False, **kwargs)


class OverrideField(ClearableListField):
    """The rules against which staff book."""

    child = ChoiceField(Override.choices)

    def __init__(self) -> None:
        super().__init__(
            required=False,
            max_length=len(Override),
            help_text=(
                "Rules against which staff book nevertheless: `hours` lifts `outside_hours` and `time_off`, `service` lifts "
                "`service_not_offered`. The rules that had to be lifted are recorded."
            ),
        )


class NewAppointmentSerializer(CachedFieldsMixin):
    """A new appointment. The view has read `tenant_id`, and opened its scope, before this serializer validates the
    body.
    """

    tenant_id = StringField(
        allow_null=True, required=False, help_text="The business; one's own or none. A super_admin must name one."
    )
    customer_id = OptionalTextField(help_text="null only with `walk_in: true`.")
    walk_in = StrictBooleanField(required=False, help_text="Somebody came in and left no name: `customer_id` is null.")
    service_id = StringField()
    outlet_id = StringField()
    staff_id = OptionalTextField(
        help_text="null: whoever is free, so that the smallest time stays free before and after.",
    )
    appointment_date = AppointmentDayField()
    start_time = ClockTimeField(help_text="By the clock of the business.")
    end_time = OptionalClockField(help_text="null: as long as the service. Before the start: on the next day.")
    total_price = AmountField(allow_null=True, required=False, help_text="null: the price of the service.")
    status = ChoiceField(
        [status.value for status in PAST_STATUSES],
        required=False,
        help_text="`pending` or `confirmed`, which is the default; any of them if the start is past.",
    )
    notes = OptionalTextField(max_length=2000)
    override = OverrideField()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Looks up the rows that the body names, and checks whose appointment it is."""
        is_walk_in, customer_id = attrs.get("walk_in", False), attrs.get("customer_id")
        if is_walk_in and customer_id is not None:
            raise serializers.ValidationError({"walk_in": "A walk-in has no customer_id."}, code="invalid")
        if not is_walk_in and customer_id is None:
            raise serializers.ValidationError(
                {"customer_id": "Name the customer, or send walk_in: true for somebody who left no name."},
                code="required",
            )
        return attrs | read_active_references(attrs)

    def create(self, validated_data: dict[str, Any]) -> Appointment:
        """Books the appointment."""
        given, service = validated_data, validated_data["service"]
        price = given.get("total_price")
        service.tenant = tenant = current_tenant()
        appointment = Appointment(
            tenant=tenant,
            customer=given.get("customer"),
            is_walk_in=given.get("walk_in", False),
            service=service,
            outlet_id=given["outlet_id"],
            staff_id=given.get("staff_id"),
            appointment_date=given["appointment_date"],
            start_time=given["start_time"],
            end_time=given.get("end_time"),
            total_price=service.price if price is None else price,
            status=given.get("status", Status.CONFIRMED),
            notes=given.get("notes"),
        )
        if appointment.end_time is None:
            set_length(appointment, service.duration)
        if appointment.status not in OPEN_STATUSES and not appointment.has_begun:
            raise serializers.ValidationError(
                {"status": "An appointment that starts later is pending or confirmed."}, code="invalid"
            )
        book(appointment, overrides=given.get("override", ()))
        return appointment


class PaymentChangesSerializer(CachedFieldsMixin):
    """How the appointment was paid. In a body, a key that is absent stays as it is."""

    status = ChoiceField(PaymentStatus.choices, source="payment_status", required=False)
    method = ChoiceField(PaymentMethod.choices, source="payment_method", allow_null=True, required=False)
    paid_amount = AmountField(required=False)


class AppointmentChangesSerializer(OwnTenantMixin):
    """Changes of an appointment's customer, notes, price and payment. Other keys that a client echoes are ignored."""

    customer_id = OptionalTextField(
        help_text="The customer of a walk-in appointment that was booked without one. It can be set only once."
    )
    notes = OptionalTextField(max_length=2000)
    total_price = AmountField(required=False)
    payment = PaymentChangesSerializer(source="*", required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Looks up the customer, unless the client echoes the appointment's own."""
        customer_id = attrs.pop("customer_id", None)
        if customer_id in (None, self.instance.customer_id):
            return attrs
        return attrs | read_references({"customer_id": customer_id})

    def update(self, instance: Appointment, validated_data: dict[str, Any]) -> Appointment:
        """Stores the changes."""
        customer = validated_data.pop("customer", None)
        if customer:
            give_to_customer(instance, customer)
        if validated_data:
            instance.change(validated_data)
        return instance


class RescheduleSerializer(OwnTenantMixin):
    """Another time of an appointment."""

    appointment_date = AppointmentDayField()
    start_time = ClockTimeField(help_text="By the clock of the business.")
    end_time = OptionalClockField(help_text="null: as long as before. Before the start: on the next day.")
    staff_id = OptionalTextField(help_text="null: the same.")
    outlet_id = OptionalTextField(help_text="null: the same.")
    override = OverrideField()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuses a new member of staff or a new outlet that does not exist or is inactive."""
        check_changed_references(self.instance, attrs)
        return attrs

    def update(self, instance: Appointment, validated_data: dict[str, Any]) -> Appointment:
        """Moves the appointment."""
        move(
            instance,
            day=validated_data["appointment_date"],
            start=validated_data["start_time"],
            end=validated_data.get("end_time"),
            staff_id=validated_data.get("staff_id"),
            outlet_id=validated_data.get("outlet_id"),
            overrides=validated_data.get("override", ()),
        )
        return instance


class StatusSerializer(OwnTenantMixin):
    """Another status of an appointment."""

    status = ChoiceField(Status.choices)
    reason = OptionalTextField(max_length=500, help_text="Why. It is in the audit trail too.")
    override = OverrideField()

    def update(self, instance: Appointment, validated_data: dict[str, Any]) -> Appointment:
        """Sets the status."""
        status, overrides = Status(validated_data["status"]), validated_data.get("override", ())
        set_status(instance, status, reason=validated_data.get("reason"), overrides=overrides)
        return instance


def check_changed_references(appointment: Any, attrs: dict[str, Any]) -> None:
    """Looks up the person and the outlet if they change. A person or an outlet that stays may be inactive by now."""
    given = {name: attrs.get(name) for name in ("staff_id", "outlet_id")}
    read_active_references({name: pk for name, pk in given.items() if pk != getattr(appointment, name)})


def read_active_references(ids: dict[str, Any]) -> dict[str, Any]:
    """Returns the rows that ids name, as `read_references`. Also refuses an inactive outlet or member of staff. `book`
    refuses an inactive service or customer.
    """
    found = read_references(ids)
    for name in found.keys() & {"outlet", "staff"}:
        if not found[name].is_active:
            raise serializers.ValidationError({f"{name}_id": "It is not active: choose another one."}, code="inactive")
    return found
