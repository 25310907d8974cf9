"""The endpoint of availability."""

import orjson
from django_filters.utils import translate_validation
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from appointments.availability import Opening, Place, find_openings
from appointments.models import Appointment
from appointments.slots.documentation import OPERATIONS
from appointments.slots.filters import AvailabilityFilter
from appointments.slots.serializers import AvailabilitySerializer, BookableServiceSerializer
from circe.api.local_time import to_instants
from customers.portal.authentication import CustomerAuthentication
from tenants.accounts.authentication import TENANT_ID
from tenants.accounts.permissions import CUSTOMER, STAFF
from tenants.models import Service


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
        openings = find_openings(chosen.service, **chosen.question)
        service = {
            "service": BookableServiceSerializer(chosen.service).data,
            "from_date": first.isoformat(),
            "to_date": last.isoformat(),
        }
        slots = write_slots(openings, chosen.service)
        # Bytes, which the renderer sends as they are: to read or to copy megabytes once more takes long.
        return Response(b"".join([b'{"slots":[', *slots, b"],", orjson.dumps(service)[1:]]))


def write_slots(openings: list[Opening], service: Service) -> list[bytes]:
    """Returns the JSON of the slots with commas between them, in pieces that are to be joined.

    The pieces of each opening and of each place are written once, since slots are many.
    """
    endings, zone = _Endings(service), service.tenant.zone
    pieces: list[bytes] = []
    for opening, instant in zip(openings, to_instants((one.start for one in openings), zone), strict=True):
        beginning = b"," + opening.write_json(instant)[:-1]
        for place in opening.places:
            pieces.append(beginning)
            pieces.append(endings[place])
    if pieces:
        pieces[0] = pieces[0].removeprefix(b",")
    return pieces


class _Endings(dict[Place, bytes]):
    """By place: the part of the JSON of a slot that says who attends the customer, where, and at which price."""

    def __init__(self, service: Service) -> None:
        super().__init__()
        self.service = service

    def __missing__(self, place: Place) -> bytes:
        self[place] = b"," + orjson.dumps(place.as_json(self.service))[1:]
        return self[place]
