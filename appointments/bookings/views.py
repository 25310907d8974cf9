"""The endpoint of appointments: list, book, read, change, move, set the status."""

from typing import Any

import orjson
from django.db.models import QuerySet
from django.urls import reverse
from rest_framework import status
from rest_framework.generics import get_object_or_404
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response

from appointments.bookings.appointment_list import APPOINTMENTS_BY_IDS, UNFILTERED_APPOINTMENTS, AppointmentsOfDays
from appointments.bookings.documentation import OPERATIONS
from appointments.bookings.filters import AppointmentListFilter
from appointments.bookings.serializers import (
    AppointmentChangesSerializer,
    NewAppointmentSerializer,
    RescheduleSerializer,
    StatusSerializer,
)
from appointments.models import Appointment, lock_bookings_of
from appointments.serializers import AppointmentSerializer
from circe.db.ids import is_id
from customers.views import etag
from tenants.accounts.permissions import STAFF
from tenants.idempotency import RepeatTransaction, idempotent_transaction
from tenants.views import TenantViewSet, enter_body_scope


class AppointmentViewSet(TenantViewSet):
    """Appointments of all customers."""

    serializer_class = AppointmentSerializer
    filterset_class = AppointmentListFilter
    lookup_url_kwarg = "appointment_id"
    tag = "Appointments"
    operations = OPERATIONS
    roles = dict.fromkeys(["list", "create", "retrieve", "update", "reschedule", "set_status"], STAFF)

    def get_queryset(self) -> QuerySet[Appointment]:
        appointments = Appointment.objects.select_related("tenant", "service")
        is_read = self.request.method in SAFE_METHODS
        return appointments if is_read else appointments.select_for_update(of=("self",))

    def get_etag(self, appointment: Appointment) -> str:
        [row] = APPOINTMENTS_BY_IDS.rows(ids=[appointment.pk])
        return etag(*row)

    def list(self, request: Request) -> Response:
        """Lists the appointments by start."""
        # A filter set returns a PagedQuery. Without a filter in the URL no filter set runs, and the queryset comes back.
        found: Any = self.filter_queryset(UNFILTERED_APPOINTMENTS)
        appointments: Any = AppointmentsOfDays() if found is UNFILTERED_APPOINTMENTS else found
        return self.get_paginated_response(self.paginate_queryset(appointments))

    @idempotent_transaction
    def create(self, request: Request) -> Response:
        """Books an appointment."""
        enter_body_scope(request)
        appointment = self._validate_and_save(NewAppointmentSerializer(data=request.data))
        answer = _answer(appointment)
        answer.status_code, answer["Location"] = status.HTTP_201_CREATED, reverse("appointment", args=[appointment.pk])
        return answer

    def retrieve(self, request: Request, appointment_id: str) -> Response:
        """Returns one appointment."""
        updated_at, appointment = APPOINTMENTS_BY_IDS.get_or_404(ids=[appointment_id])
        return Response(orjson.Fragment(appointment), headers={"ETag": etag(updated_at, appointment)})

    @idempotent_transaction
    def update(self, request: Request, appointment_id: str) -> Response:
        """Changes notes, price and payment, and sets the customer of an appointment that was booked without one."""
        return _answer(
            self._validate_and_save(AppointmentChangesSerializer(self.get_object(), data=request.data, partial=True))
        )

    @idempotent_transaction
    def reschedule(self, request: Request, appointment_id: str) -> Response:
        """Moves an appointment to another time, person or outlet."""
        return _answer(self._validate_and_save(RescheduleSerializer(self._get_locked(), data=request.data)))

    @idempotent_transaction
    def set_status(self, request: Request, appointment_id: str) -> Response:
        """Sets the status. The allowed steps are those of `appointments.models.transitions`, as on the day sheet."""
        return _answer(self._validate_and_save(StatusSerializer(self._get_locked(), data=request.data)))

    def _get_locked(self) -> Appointment:
        """Locks the bookings of the appointment's member of staff and of the one in the body. Returns the appointment.

        Raises what `get_object` does, and RepeatTransaction if another member of staff has got the appointment meanwhile.
        """
        seen = get_object_or_404(Appointment, pk=self.kwargs[self.lookup_url_kwarg])
        named = self.request.data.get("staff_id") if isinstance(self.request.data, dict) else None
        lock_bookings_of(seen.tenant_id, [seen.staff_id, named if is_id(named) else None])
        appointment = self.get_object()
        if appointment.staff_id != seen.staff_id:
            raise RepeatTransaction
        return appointment

    def _validate_and_save(self, serializer: Any) -> Appointment:
        serializer.is_valid(raise_exception=True)
        return serializer.save()


def _answer(appointment: Appointment) -> Response:
    """Returns the response with the appointment as it is stored now."""
    updated_at, stored = APPOINTMENTS_BY_IDS.get_or_404(ids=[appointment.pk])
    return Response(orjson.loads(stored), headers={"ETag": etag(updated_at, stored)})
