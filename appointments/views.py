"""The endpoint of appointments."""

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from appointments.filters import AppointmentFilter
from appointments.serializers import AppointmentSerializer
from customers.models import Customer
from tenants.permissions import STAFF
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
        """The history, newest first, with figures over all of it."""
        history = self.get_object().appointments.select_related("tenant", "service", "staff", "outlet")
        page = self.paginate_queryset(self.filter_queryset(history))
        return Response(
            {
                "appointments": self.get_serializer(page, many=True).data,
                "statistics": history.statistics(),
                "pagination": self.paginator.figures,
            }
        )
