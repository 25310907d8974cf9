"""The endpoints of a customer's own appointments and recommendations."""

from typing import Any

import orjson
from django.db.models import QuerySet, Value
from django.urls import reverse
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from appointments.filters import AppointmentFilter
from appointments.models import Appointment, local_today_and_time
from appointments.portal.documentation import APPOINTMENTS, RECOMMENDATIONS
from appointments.portal.own_bookings import lock_own
from appointments.portal.serializers import (
    OwnAppointmentSerializer,
    OwnBookingSerializer,
    OwnCancellationSerializer,
    OwnMoveSerializer,
    StoredOwnAppointmentSerializer,
    add_change_window,
)
from appointments.recommendations.serializers import RecommendationsSerializer
from appointments.recommendations.views import answer_recommendations
from appointments.views import CUSTOMER_APPOINTMENTS, build_history_page
from circe.api.etags import etag
from circe.db.ids import IdField, is_id
from circe.db.json_sql import AsText, build_json
from circe.db.prepared import PreparedQuery
from customers.portal.base import SignedInViewSet
from tenants.accounts.permissions import CUSTOMER
from tenants.idempotency import idempotent_transaction
from tenants.views import TenantViewSet


def _own_appointment(appointment: Any) -> QuerySet[Any, Any]:
    return Appointment.objects.filter(pk=appointment).values_list(
        AsText("updated_at"), build_json(StoredOwnAppointmentSerializer)
    )


# `updated_at` as text, and the appointment as JSON text.
OWN_APPOINTMENT = PreparedQuery("own_appointment", _own_appointment, appointment=IdField())


class OwnAppointmentViewSet(SignedInViewSet, TenantViewSet):
    """The appointments of the customer who is signed in."""

    serializer_class = OwnAppointmentSerializer
    filterset_class = AppointmentFilter
    lookup_url_kwarg = "appointment_id"
    queryset = Appointment.objects.all()
    operations = APPOINTMENTS
    roles = dict.fromkeys(["list", "create", "retrieve", "reschedule", "cancel"], CUSTOMER)

    def get_etag(self, appointment: Appointment) -> str:
        return etag(*OWN_APPOINTMENT.get_or_404(appointment=appointment.pk))

    def list(self, request: Request, **path: str) -> Response:
        """Returns a page of your appointments, newest first. The counts are of all, whatever the filters."""
        found, wanted = self.filter_queryset(CUSTOMER_APPOINTMENTS), self.paginator.read_parameters(request)
        today, time = local_today_and_time()
        bounds = {"offset": Value(wanted.start), "limit": Value(wanted.stop - wanted.start)}
        pages = build_history_page(found, StoredOwnAppointmentSerializer, today=today, time=time, **bounds)
        statistics, self.paginator.total, page = pages.get(pk=self.customer.pk)
        return Response(
            {
                "appointments": [add_change_window(stored, self.tenant) for stored in orjson.loads(page)],
                "statistics": orjson.Fragment(statistics),
                "pagination": self.paginator.page_info,
            }
        )

    @idempotent_transaction
    def create(self, request: Request, **path: str) -> Response:
        """Books an appointment for yourself."""
        booking = OwnBookingSerializer(data=request.data, context={"customer": self.customer})
        booking.is_valid(raise_exception=True)
        answer = self._answer(booking.save().pk)
        answer.status_code = status.HTTP_201_CREATED
        answer["Location"] = reverse("own-appointment", args=[self.tenant.slug, answer.data["id"]])
        return answer

    def retrieve(self, request: Request, appointment_id: str, **path: str) -> Response:
        """Returns one of your appointments."""
        return self._answer(appointment_id)

    @idempotent_transaction
    def reschedule(self, request: Request, appointment_id: str, **path: str) -> Response:
        """Moves one of your appointments."""
        named = request.data.get("staff_id") if isinstance(request.data, dict) else None
        appointment = self._get_locked(staff_id=named if is_id(named) else None)
        return self._change(OwnMoveSerializer(appointment, data=request.data))

    @idempotent_transaction
    def cancel(self, request: Request, appointment_id: str, **path: str) -> Response:
        """Cancels one of your appointments."""
        return self._change(OwnCancellationSerializer(self._get_locked(), data=request.data))

    def _get_locked(self, *, staff_id: str | None = None) -> Appointment:
        appointment = lock_own(self.kwargs["appointment_id"], staff_id=staff_id)
        self.check_version(appointment)
        return appointment

    def _change(self, serializer: Any) -> Response:
        serializer.is_valid(raise_exception=True)
        return self._answer(serializer.save().pk)

    def _answer(self, appointment_id: str) -> Response:
        """Returns the response with the appointment as it is stored now."""
        updated_at, stored = OWN_APPOINTMENT.get_or_404(appointment=appointment_id)
        return Response(
            add_change_window(orjson.loads(stored), self.tenant), headers={"ETag": etag(updated_at, stored)}
        )


class OwnRecommendationViewSet(SignedInViewSet):
    """Recommendations for the customer who is signed in."""

    serializer_class = RecommendationsSerializer
    operations = RECOMMENDATIONS
    roles = {"retrieve": CUSTOMER}

    def retrieve(self, request: Request, **path: str) -> Response:
        """Recommends times that you can book, the best first, with the reasons."""
        return answer_recommendations(self.customer, request)
