"""Serializers of appointments."""

from django.db.models import Value
from django.db.models.functions import Concat, NullIf, Trim
from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from appointments.models import Appointment, Override, PaymentMethod, PaymentStatus
from circe.api.serializers import ModelSerializer, NullableTextField


class BookedServiceSerializer(serializers.Serializer):
    """The service as it is offered now."""

    id = serializers.CharField()
    name = serializers.CharField()
    category = NullableTextField()
    duration_minutes = serializers.IntegerField()
    price = serializers.IntegerField()
    json_expressions = {"category": lambda path: NullIf(f"{path}category", Value(""))}


class BookedStaffSerializer(serializers.Serializer):
    """The member of staff who attends the customer."""

    id = serializers.CharField()
    name = NullableTextField(source="full_name")
    json_expressions = {
        "name": lambda path: NullIf(Trim(Concat(f"{path}first_name", Value(" "), f"{path}last_name")), Value("")),
    }


class BookedOutletSerializer(serializers.Serializer):
    """The outlet where the appointment takes place."""

    id = serializers.CharField()
    name = serializers.CharField()


class PaymentSerializer(serializers.Serializer):
    """How the appointment was paid."""

    status = serializers.ChoiceField(PaymentStatus.choices, source="payment_status")
    method = serializers.ChoiceField(PaymentMethod.choices, source="payment_method", allow_null=True)
    paid_amount = serializers.IntegerField()


class AppointmentSerializer(ModelSerializer):
    """An appointment with its service, staff, outlet and payment. Money is in `currency`."""

    service = BookedServiceSerializer()
    staff = BookedStaffSerializer()
    outlet = BookedOutletSerializer()
    payment = PaymentSerializer(source="*")
    currency = serializers.CharField(source="tenant.currency")
    walk_in = serializers.BooleanField(source="is_walk_in", help_text="Somebody came in and left no name.")
    overrides = serializers.ListField(
        child=serializers.ChoiceField(Override.choices), help_text="The rules that it was booked against."
    )

    class Meta:
        model = Appointment
        fields = [
            "id",
            "tenant_id",
            "outlet_id",
            "customer_id",
            "staff_id",
            "service_id",
            "appointment_date",
            "start_time",
            "end_time",
            "status",
            "total_price",
            "notes",
            "created_at",
            "updated_at",
            "service",
            "staff",
            "outlet",
            "payment",
            "currency",
            "sequence",
            "walk_in",
            "buffer_minutes",
            "overrides",
            "status_reason",
        ]
        read_only_fields = fields
        extra_kwargs = {
            "sequence": {
                "help_text": "The number of changes that its customer is told, such as another time or person."
            },
            "buffer_minutes": {"help_text": "Kept free after the end."},
            "status_reason": {"help_text": "Why it got its status, where somebody said why."},
        }


class HistoryStatisticsSerializer(serializers.Serializer):
    """Figures over all appointments of the customer, whatever the filters."""

    total_appointments = serializers.IntegerField(help_text="Appointments of any status.")
    completed = serializers.IntegerField()
    cancelled = serializers.IntegerField()
    no_show = serializers.IntegerField()
    upcoming = serializers.IntegerField(help_text="Pending or confirmed, and starting now or later.")


class PageFiguresSerializer(serializers.Serializer):
    """The number of this page, its size, and how many pages there are."""

    total = serializers.IntegerField(help_text="The number of appointments that match the filters.")
    page = serializers.IntegerField()
    size = serializers.IntegerField()
    pages = serializers.IntegerField()


# The action is `list`, and its answer is one object with a page in it.
@extend_schema_serializer(many=False)
class HistorySerializer(serializers.Serializer):
    """A page of a customer's appointments, newest first."""

    appointments = AppointmentSerializer(many=True)
    statistics = HistoryStatisticsSerializer()
    pagination = PageFiguresSerializer()
