"""Serializers of the statistics."""

from rest_framework import serializers

from circe.api.serializers import InstantField


class TopCustomerSerializer(serializers.Serializer):
    """A customer in a top list, with their figures in the period."""

    customer_id = serializers.CharField(source="id")
    full_name = serializers.CharField()
    email = serializers.CharField(allow_null=True)
    total_appointments = serializers.IntegerField()
    total_spent = serializers.IntegerField()


class SegmentsSerializer(serializers.Serializer):
    """The number of customers in each segment. Each customer is in one segment."""

    vip = serializers.IntegerField()
    regular = serializers.IntegerField()
    new = serializers.IntegerField()
    at_risk = serializers.IntegerField()


class StatisticsSerializer(serializers.Serializer):
    """The figures. Money is in the tenant's currency."""

    total_customers = serializers.IntegerField(help_text="Now, without the soft-deleted ones.")
    active_customers = serializers.IntegerField()
    inactive_customers = serializers.IntegerField()
    deleted_customers = serializers.IntegerField(help_text="Soft-deleted, counted nowhere else.")
    verified_emails = serializers.IntegerField()
    customers_with_password = serializers.IntegerField()
    walk_in_customers = serializers.IntegerField()
    new_customers_in_period = serializers.IntegerField()
    total_appointments = serializers.IntegerField(help_text="Appointments of any status, in the period.")
    total_revenue = serializers.IntegerField(help_text="By visits, in the period.")
    total_loyalty_points = serializers.IntegerField()
    avg_appointments_per_customer = serializers.FloatField()
    avg_spent_per_customer = serializers.IntegerField()
    retention_rate = serializers.FloatField(help_text="Percent.")
    churn_rate = serializers.FloatField(help_text="Percent.")
    retention_base = serializers.IntegerField(help_text="The number of customers of whom the two rates are percents.")
    top_customers_by_appointments = TopCustomerSerializer(many=True)
    top_customers_by_revenue = TopCustomerSerializer(many=True)
    customer_segments = SegmentsSerializer()


class PeriodSerializer(serializers.Serializer):
    """The first and the last day of the period, null where it is open."""

    to = serializers.DateField(allow_null=True)

    def get_fields(self) -> dict[str, serializers.Field]:
        # `from` is a keyword of Python.
        return {"from": serializers.DateField(allow_null=True), **super().get_fields()}


class SummarySerializer(serializers.Serializer):
    """The statistics, their period and currencies, and how each figure is defined."""

    statistics = StatisticsSerializer()
    period = PeriodSerializer()
    currencies = serializers.ListField(
        child=serializers.CharField(), help_text="The currencies of the amounts that were summed."
    )
    definitions = serializers.DictField(help_text="The meaning of each figure, and the thresholds used.")
    generated_at = InstantField()
