"""The endpoint of statistics."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection, transaction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone
from django_filters.utils import translate_validation
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from analytics.documentation import OPERATIONS
from analytics.filters import PeriodFilter
from analytics.serializers import SummarySerializer
from analytics.statistics import summarize
from appointments.models import Appointment
from tenants.accounts.authentication import TENANT_ID_PARAMETER
from tenants.accounts.permissions import ADMINS


@contextmanager
def open_snapshot() -> Iterator[None]:
    """Opens a transaction that only reads, and reads all tables as of the same moment, so that the figures agree.

    Inside another transaction it only opens a savepoint.
    """
    outermost = not connection.in_atomic_block
    with transaction.atomic():
        if outermost:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                # Enough to sum the visits of a year in memory, without temporary files.
                cursor.execute("SET LOCAL work_mem = '64MB'")
        yield


class CustomerStatisticsViewSet(GenericViewSet):
    """Numbers about the customers."""

    serializer_class = SummarySerializer
    filterset_class = PeriodFilter
    queryset = Appointment.objects.none()
    pagination_class = None
    tag = "Statistics"
    operations = OPERATIONS
    parameters = (TENANT_ID_PARAMETER,)
    roles = {"retrieve": ADMINS}

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Handles the request in one snapshot."""
        with open_snapshot():
            return super().dispatch(request, *args, **kwargs)

    def retrieve(self, request: Request) -> Response:
        """Answers all figures of a period, or of all time."""
        chosen = PeriodFilter(request.query_params, queryset=self.queryset)
        if not chosen.is_valid():
            raise translate_validation(chosen.errors)
        return Response(SummarySerializer(summarize(chosen.period) | {"generated_at": timezone.now()}).data)
