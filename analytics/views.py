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
from tenants.accounts.authentication import TENANT_ID
from tenants.accounts.permissions import ADMINS


@contextmanager
def one_snapshot() -> Iterator[None]:
    """A transaction that only reads, and sees all tables as they were when it began: so the figures agree.

    Inside another transaction, it is as that one is.
    """
    outermost = not connection.in_atomic_block
    with transaction.atomic():
        if outermost:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                # To add up all customers of a year without files.
                cursor.execute("SET LOCAL work_mem = '64MB'")
        yield


class CustomerStatisticsViewSet(GenericViewSet):
    """The customers in numbers."""

    serializer_class = SummarySerializer
    filterset_class = PeriodFilter
    queryset = Appointment.objects.none()
    pagination_class = None
    tag = "Statistics"
    operations = OPERATIONS
    parameters = (TENANT_ID,)
    roles = {"retrieve": ADMINS}

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answer within one snapshot."""
        with one_snapshot():
            return super().dispatch(request, *args, **kwargs)

    def retrieve(self, request: Request) -> Response:
        """Every figure, for a period or for all time."""
        chosen = PeriodFilter(request.query_params, queryset=self.queryset)
        if not chosen.is_valid():
            raise translate_validation(chosen.errors)
        return Response(SummarySerializer(summarize(chosen.period) | {"generated_at": timezone.now()}).data)
