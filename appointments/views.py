"""The endpoint of appointments."""

from typing import Any

import orjson
from django.db.models import DateField, OuterRef, QuerySet, TimeField
from rest_framework.exceptions import ValidationError
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from appointments.documentation import OPERATIONS
from appointments.filters import AppointmentFilter
from appointments.models import Appointment, local_now
from appointments.serializers import AppointmentSerializer
from circe.db.ids import IdField
from circe.db.json_sql import as_list
from circe.db.prepared import PreparedQuery
from customers.models import Customer
from tenants.accounts.permissions import STAFF
from tenants.scope import current_tenant
from tenants.views import TenantViewSet

HISTORY = Appointment.objects.filter(tenant=OuterRef("tenant"), customer=OuterRef("pk"))


def _answers(found: QuerySet[Any], *, today: Any, time: Any, start: int, stop: int) -> QuerySet[Any, Any]:
    """Of each customer: the figures over all of the history, how much of it is found, and the page."""
    return Customer.objects.undeleted().values_list(
        HISTORY.as_statistics(today, time), found.as_number(), as_list(found[start:stop], AppointmentSerializer)
    )


WHOLE_ANSWER = PreparedQuery(
    lambda pk, **asked: _answers(HISTORY, **asked).filter(pk=pk), pk=IdField(), today=DateField(), time=TimeField()
)


class CustomerAppointmentViewSet(TenantViewSet):
    """A customer's appointments."""

    serializer_class = AppointmentSerializer
    filterset_class = AppointmentFilter
    lookup_url_kwarg = "customer_id"
    tag = "Appointments"
    operations = OPERATIONS
    roles = {"list": STAFF}

    def get_queryset(self) -> QuerySet[Customer]:
        return Customer.objects.undeleted().select_related("tenant").defer("search_text")

    def list(self, request: Request, customer_id: str) -> Response:
        """The history, newest first, with figures over all of it: in one query."""
        if current_tenant() is None:
            self.get_object()  # Days and hours are of the clock of this customer's tenant.
        try:
            found, wanted = self.filter_queryset(HISTORY), self.paginator.read(request)
        except ValidationError:
            self.get_object()  # Whether there is such a customer comes first.
            raise
        today, time = local_now()
        asked = {"today": today, "time": time, "start": wanted.start, "stop": wanted.stop}
        statistics, total, page = (
            WHOLE_ANSWER.get_or_404(pk=customer_id, **asked)
            if found is HISTORY
            else get_object_or_404(_answers(found, **asked), pk=customer_id)
        )
        self.paginator.total = total
        return Response(
            {
                "appointments": orjson.Fragment(page),
                "statistics": orjson.Fragment(statistics),
                "pagination": self.paginator.figures,
            }
        )
