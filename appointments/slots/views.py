"""The endpoint of availability."""

from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django_filters.utils import translate_validation
from rest_framework.request import Request
from rest_framework.viewsets import GenericViewSet

from appointments.availability import OpenDay, Place, find_days
from appointments.models import Appointment
from appointments.slots.documentation import OPERATIONS
from appointments.slots.filters import AvailabilityFilter
from appointments.slots.serializers import AvailabilitySerializer, BookableServiceSerializer
from customers.portal.authentication import CustomerAuthentication
from tenants.accounts.authentication import TENANT_ID_PARAMETER
from tenants.accounts.permissions import CUSTOMER, STAFF


class AvailabilityViewSet(GenericViewSet):
    """The times at which a service can be booked."""

    authentication_classes = (CustomerAuthentication,)
    serializer_class = AvailabilitySerializer
    filterset_class = AvailabilityFilter
    queryset = Appointment.objects.none()
    pagination_class = None
    tag = "Appointments"
    operations = OPERATIONS
    parameters = (TENANT_ID_PARAMETER,)
    roles = {"retrieve": STAFF | CUSTOMER}

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answers a request. The view does not keep the answer afterwards.

        A view of REST framework and its request refer to each other, so what the view keeps is only freed by the garbage
        collector. The megabytes of the next answer would need other memory, whose pages the system fills with zeros first.
        """
        response = super().dispatch(request, *args, **kwargs)
        del self.response
        return response

    def retrieve(self, request: Request) -> HttpResponse:
        """Answers the times at which a service can be booked, by start, then by the name of the staff."""
        chosen = AvailabilityFilter(request.query_params, queryset=self.queryset)
        if not chosen.is_valid():
            raise translate_validation(chosen.errors)
        first, last = chosen.days
        service = chosen.service

        def write_place(place: Place) -> bytes:
            return orjson.dumps(place.as_json(service))[1:]

        slots = write_slots(find_days(service, write_place, **chosen.question))
        rest = {
            "service": BookableServiceSerializer(service).data,
            "from_date": first.isoformat(),
            "to_date": last.isoformat(),
        }
        # Bytes, and no Response of REST framework, which would keep itself alive (see `dispatch`).
        body = b"".join([b'{"slots":[', *slots, b"],", orjson.dumps(rest)[1:]])
        return HttpResponse(body, content_type="application/json")


def write_slots(days: list[OpenDay[bytes]]) -> list[bytes]:
    """Returns the JSON of the slots with commas between them, in pieces that are to be joined.

    Each place is the end of the JSON of its slots: who attends the customer, where, and at which price.
    """
    pieces: list[bytes] = []
    for day in days:
        for times, places in day.write_times():
            # There are too many slots for a loop in Python: these two lines write all slots of one start.
            of_start = [b",{" + times + b","] * (2 * len(places))
            of_start[1::2] = places
            pieces += of_start
    if pieces:
        pieces[0] = pieces[0].removeprefix(b",")
    return pieces
