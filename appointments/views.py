"""The endpoint of appointments."""

from typing import Any

import orjson
from django.db.models import BigIntegerField, DateField, Expression, OuterRef, QuerySet, TimeField, Value
from rest_framework.exceptions import ValidationError
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from appointments.documentation import OPERATIONS
from appointments.filters import AppointmentFilter
from appointments.models import Appointment, local_today_and_time
from appointments.serializers import AppointmentSerializer
from circe.db.ids import IdField
from circe.db.json_sql import build_json_list
from circe.db.prepared import PreparedQuery
from customers.models import Customer
from tenants.accounts.permissions import STAFF
from tenants.scope import current_tenant
from tenants.views import TenantViewSet

# The appointments of one customer, as a subquery in a query of customers.
CUSTOMER_APPOINTMENTS = Appointment.objects.filter(tenant=OuterRef("tenant"), customer=OuterRef("pk"))


def build_history_page(
    appointments: QuerySet[Any],
    serializer: type[Serializer],
    *,
    today: Any,
    time: Any,
    offset: Expression,
    limit: Expression,
) -> QuerySet[Any, Any]:
    """Returns the query that gives for each customer the counts of the whole history, the number of `appointments`, and
    a page of them as JSON.
    """
    return Customer.objects.undeleted().values_list(
        CUSTOMER_APPOINTMENTS.statistics_json(today, time),
        appointments.count_per_customer(),
        build_json_list(appointments, serializer, offset=offset, limit=limit),
    )


# The query for a history without filters. With filters it is compiled anew for each request.
HISTORY_PAGE = PreparedQuery(
    "history_page",
    lambda customer, **values: build_history_page(CUSTOMER_APPOINTMENTS, AppointmentSerializer, **values).filter(
        pk=customer
    ),
    customer=IdField(),
    today=DateField(),
    time=TimeField(),
    offset=BigIntegerField(),
    limit=BigIntegerField(),
)


class CustomerAppointmentViewSet(TenantViewSet):
    """The endpoint of a customer's appointments."""

    serializer_class = AppointmentSerializer
    filterset_class = AppointmentFilter
    lookup_url_kwarg = "customer_id"
    tag = "Appointments"
    operations = OPERATIONS
    roles = {"list": STAFF}

    def get_queryset(self) -> QuerySet[Customer]:
        return Customer.objects.undeleted().select_related("tenant").defer("search_text")

    def list(self, request: Request, customer_id: str) -> Response:
        """Answers a page of the history, newest first, with counts of the whole history.

        In the scope of a tenant it sends one query.
        """
        if current_tenant() is None:
            self.get_object()  # This opens the scope of the customer's tenant, whose time zone is needed.
        try:
            found, wanted = self.filter_queryset(CUSTOMER_APPOINTMENTS), self.paginator.read_parameters(request)
        except ValidationError:
            self.get_object()  # If there is no such customer, the answer is a 404, not a 400.
            raise
        today, time = local_today_and_time()
        offset, limit = wanted.start, wanted.stop - wanted.start
        if found is CUSTOMER_APPOINTMENTS:  # No filter was given.
            statistics, total, page = HISTORY_PAGE.get_or_404(
                customer=customer_id, today=today, time=time, offset=offset, limit=limit
            )
        else:
            bounds = {"offset": Value(offset), "limit": Value(limit)}
            pages = build_history_page(found, AppointmentSerializer, today=today, time=time, **bounds)
            statistics, total, page = get_object_or_404(pages, pk=customer_id)
        self.paginator.total = total
        return Response(
            {
                "appointments": orjson.Fragment(page),
                "statistics": orjson.Fragment(statistics),
                "pagination": self.paginator.page_info,
            }
        )
