"""The endpoint of availability."""

import orjson
from django_filters.utils import translate_validation
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from appointments.availability import Opening, find_openings
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
        return Response(
            {
                "slots": write_slots(openings, chosen.service),
                "service": BookableServiceSerializer(chosen.service).data,
                "from_date": first.isoformat(),
                "to_date": last.isoformat(),
            }
        )


def write_slots(openings: list[Opening], service: Service) -> list[orjson.Fragment]:
    """Returns the slots as parts of a JSON list: for each opening the text of its slots, with commas between them.

    The parts of each opening and of each place are written once, since slots are many. The renderer copies the text once:
    every copy of megabytes takes as long as all that is done here.
    """
    places = {place for opening in openings for place in opening.places}
    endings = {place: orjson.dumps(place.as_json(service))[1:] for place in places}
    slots = []
    for opening, instant in zip(
        openings, to_instants((one.start for one in openings), service.tenant.zone), strict=True
    ):
        beginning = orjson.dumps(opening.as_json(instant))[:-1] + b","
        slots.append(beginning + (b"," + beginning).join([endings[place] for place in opening.places]))
    return [*map(orjson.Fragment, slots)]
