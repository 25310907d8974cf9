"""The endpoint of statistics."""

from django.utils import timezone
from django_filters.utils import translate_validation
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from analytics.filters import PeriodFilter
from analytics.serializers import SummarySerializer
from analytics.statistics import summary
from appointments.models import Appointment
from tenants.permissions import ADMINS


class CustomerStatisticsViewSet(GenericViewSet):
    """The customers in numbers."""

    serializer_class = SummarySerializer
    filterset_class = PeriodFilter
    queryset = Appointment.objects.none()
    pagination_class = None
    roles = {"retrieve": ADMINS}

    def retrieve(self, request: Request) -> Response:
        """Every figure, for a period or for all time."""
        chosen = PeriodFilter(request.query_params, queryset=self.queryset)
        if not chosen.is_valid():
            raise translate_validation(chosen.errors)
        return Response(SummarySerializer(summary(chosen.period) | {"generated_at": timezone.now()}).data)
