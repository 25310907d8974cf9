"""The endpoints of working hours and of time off."""

from typing import Any

import orjson
from django.db.models import QuerySet
from django.urls import reverse
from rest_framework import status
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response

from appointments.hours.documentation import TIME_OFF_OPERATIONS, WORKING_HOURS_OPERATIONS
from appointments.hours.filters import TimeOffFilter
from appointments.hours.serializers import TimeOffSerializer, WorkingHoursSerializer
from appointments.models import TimeOff, WorkingHours
from circe.api.etags import etag
from tenants.accounts.permissions import MANAGERS, STAFF
from tenants.idempotency import idempotent_transaction
from tenants.models import Staff
from tenants.views import TenantViewSet, enter_body_scope


class WorkingHoursViewSet(TenantViewSet):
    """The working hours of a member of staff: one list."""

    lookup_url_kwarg = "staff_id"
    tag = "Hours"
    operations = WORKING_HOURS_OPERATIONS
    roles = {"retrieve": STAFF, "update": MANAGERS}

    def get_queryset(self) -> QuerySet[Staff]:
        """Returns the people of businesses. A write locks the person. Rows that refer to them can still be added."""
        people = Staff.objects.filter(tenant__isnull=False).select_related("tenant")
        safe = self.request.method in SAFE_METHODS
        return people if safe else people.select_for_update(no_key=True, of=("self",))

    def get_etag(self, staff: Staff) -> str:
        return _answer(_working_hours(staff))["ETag"]

    def retrieve(self, request: Request, staff_id: str) -> Response:
        """Returns the working hours of a person, also those that are over."""
        return _answer(_working_hours(self.get_object()))

    @idempotent_transaction
    def update(self, request: Request, staff_id: str) -> Response:
        """Replaces the whole list of working hours of a person."""
        staff = self.get_object()
        hours = WorkingHoursSerializer(staff, data=request.data)
        hours.is_valid(raise_exception=True)
        hours.save()
        return _answer(_working_hours(staff))


class TimeOffViewSet(TenantViewSet):
    """The times in which members of staff are away and outlets are closed."""

    serializer_class = TimeOffSerializer
    filterset_class = TimeOffFilter
    lookup_url_kwarg = "time_off_id"
    tag = "Hours"
    operations = TIME_OFF_OPERATIONS
    roles = {"list": STAFF, "create": STAFF, "retrieve": STAFF, "destroy": STAFF}

    def get_queryset(self) -> QuerySet[TimeOff]:
        found = TimeOff.objects.select_related("tenant")
        return found if self.request.method in SAFE_METHODS else found.select_for_update(of=("self",))

    def get_etag(self, time_off: TimeOff) -> str:
        return _answer(TimeOffSerializer(time_off).data)["ETag"]

    def list(self, request: Request) -> Response:
        """Lists time off by its start."""
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(TimeOffSerializer(page, many=True).data)

    @idempotent_transaction
    def create(self, request: Request) -> Response:
        """Enters that a person is away or an outlet is closed."""
        enter_body_scope(request)
        new = TimeOffSerializer(data=request.data, context={"user": request.user})
        new.is_valid(raise_exception=True)
        time_off = new.save()
        answer = _answer(TimeOffSerializer(time_off).data)
        answer.status_code, answer["Location"] = status.HTTP_201_CREATED, reverse("time_off", args=[time_off.pk])
        return answer

    def retrieve(self, request: Request, time_off_id: str) -> Response:
        """Returns one time off."""
        return _answer(TimeOffSerializer(self.get_object()).data)

    @idempotent_transaction
    def destroy(self, request: Request, time_off_id: str) -> Response:
        """Deletes a time off."""
        time_off = self.get_object()
        TimeOff.check_may_write(request.user, staff_id=time_off.staff_id, outlet_id=time_off.outlet_id)
        time_off.delete()
        return Response({"message": "Time off has been deleted successfully"})


def _working_hours(staff: Staff) -> dict[str, Any]:
    """Returns the working hours of the person as the API shows them."""
    return WorkingHoursSerializer({"working_hours": list(WorkingHours.objects.filter(staff=staff))}).data


def _answer(shown: Any) -> Response:
    return Response(shown, headers={"ETag": etag("", orjson.dumps(shown).decode())})
