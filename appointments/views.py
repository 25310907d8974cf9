"""The endpoint of appointments."""

import orjson
from django.db.models import OuterRef, QuerySet
from rest_framework.exceptions import ValidationError
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from appointments.filters import AppointmentFilter
from appointments.models import Appointment
from appointments.serializers import AppointmentSerializer
from customers.models import Customer
from tenants.permissions import STAFF
from tenants.rendered import as_list
from tenants.scope import current_tenant
from tenants.views import TenantViewSet


class CustomerAppointmentViewSet(TenantViewSet):
    """A customer's appointments."""

    serializer_class = AppointmentSerializer
    filterset_class = AppointmentFilter
    lookup_url_kwarg = "customer_id"
    roles = {"list": STAFF}

    def get_queryset(self) -> QuerySet[Customer]:
        return Customer.objects.undeleted().select_related("tenant").defer("search_text")

    def list(self, request: Request, customer_id: str) -> Response:
        """The history, newest first, with figures over all of it: in one query."""
        if current_tenant() is None:
            self.get_object()  # Days and hours are of the clock of this customer's tenant.
        history = Appointment.objects.filter(tenant=OuterRef("tenant"), customer=OuterRef("pk"))
        try:
            found, wanted = self.filter_queryset(history), self.paginator.read(request)
        except ValidationError:
            self.get_object()  # Whether there is such a customer comes first.
            raise
        statistics, total, page = get_object_or_404(
            Customer.objects.undeleted().values_list(
                history.as_statistics(), found.as_number(), as_list(found[wanted], AppointmentSerializer)
            ),
            pk=customer_id,
        )
        self.paginator.total = total
        return Response(
            {
                "appointments": orjson.Fragment(page),
                "statistics": orjson.Fragment(statistics),
                "pagination": self.paginator.figures,
            }
        )
