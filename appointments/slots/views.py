"""The endpoint of availability."""

import orjson
from django_filters.utils import translate_validation
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from appointments.availability import OpenDay, Place, find_days
from appointments.models import Appointment
from appointments.slots.documentation import OPERATIONS
from appointments.slots.filters import AvailabilityFilter
from appointments.slots.serializers import AvailabilitySerializer, BookableServiceSerializer
from customers.portal.authentication import CustomerAuthentication
from tenants.accounts.authentication import TENANT_ID
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
    parameters = (TENANT_ID,)
    roles = {"retrieve": STAFF | CUSTOMER}

    def retrieve(self, request: Request) -> Response:
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
        # Bytes, which the renderer sends as they are: to read or to copy megabytes once more takes long.
        return Response(b"".join([b'{"slots":[', *slots, b"],", orjson.dumps(rest)[1:]]))


def write_slots(days: list[OpenDay[bytes]]) -> list[bytes]:
    """Returns the JSON of the slots with commas between them, in pieces that are to be joined.

    Each place is the end of the JSON of its slots: who attends the customer, where, and at which price.
    """
    pieces: list[bytes] = []
    for day in days:
        for times, places in day.write_times():
            # Slots are too many for a loop in Python: these two lines write all of one start.
            of_start = [b",{" + times + b","] * (2 * len(places))
            of_start[1::2] = places
            pieces += of_start
    if pieces:
        pieces[0] = pieces[0].removeprefix(b",")
    return pieces
