"""The documentation of a customer's own appointments and recommendations, for the OpenAPI document."""

from dataclasses import replace
from typing import Any

from appointments.booking import REFUSAL_TEXTS
from appointments.bookings.documentation import SLOT
from appointments.documentation import HISTORY
from appointments.filters import AppointmentFilter
from appointments.portal.serializers import (
    INTERNAL_FIELDS,
    OwnAppointmentSerializer,
    OwnBookingSerializer,
    OwnCancellationSerializer,
    OwnHistorySerializer,
    OwnMoveSerializer,
)
from appointments.recommendations.documentation import OPERATIONS as RECOMMENDATIONS_OF_STAFF
from circe.api.errors import Problem
from circe.api.operations import Example, Operation, Schema
from circe.api.responses import ErrorResponse

APPOINTMENT: Example = {
    name: value for name, value in HISTORY["appointments"][0].items() if name not in INTERNAL_FIELDS
} | {
    "can_change": True,
    "changeable_until": "2025-01-24T07:00:00Z",
}
BOOKING: Example = {
    "service_id": "507f1f77bcf86cd799439020",
    "outlet_id": "507f1f77bcf86cd799439022",
    "staff_id": "507f1f77bcf86cd799439021",
    "appointment_date": "2025-01-25",
    "start_time": "14:00:00",
}
PROBLEM_MEMBERS: dict[str, Schema] = {
    "cancellation_notice_hours": {
        "type": "integer",
        "description": "Customers can change an appointment until so many hours before it starts.",
    },
}
OWN_CONFLICT = ErrorResponse(
    "OwnBookingConflict",
    "A rule forbids it; `code` names the rule. `overlap`: somebody has the time by now. `outside_hours`, `time_off`: the "
    "person does not work there then. `service_not_offered`: not by this person, or by nobody any more. These four have "
    "`alternatives`. `too_late`: only the business can change the appointment now; `cancellation_notice_hours` says until "
    "when you could. `invalid_transition`: it is neither pending nor confirmed. `in_flight`: a request with the same "
    "`Idempotency-Key` is being handled.",
    Problem(409, "overlap", REFUSAL_TEXTS["overlap"], {"alternatives": [SLOT]}),
    more_examples=(
        *(
            Problem(409, code, REFUSAL_TEXTS[code], {"alternatives": [SLOT]})
            for code in ("time_off", "outside_hours", "service_not_offered")
        ),
        Problem(
            409,
            "too_late",
            "You can move or cancel it until 24 hours before it starts. Please call the business to change it now.",
            {"cancellation_notice_hours": 24},
        ),
        Problem(
            409,
            "invalid_transition",
            "It is completed: you can't move or cancel it any more. Please book another one.",
            {"allowed": []},
        ),
    ),
)
WRITE: dict[str, Any] = {
    "response": OwnAppointmentSerializer,
    "own_errors": (409,),
    "conflict": OWN_CONFLICT.name,
    "has_etag": True,
}

APPOINTMENTS = {
    "list": Operation(
        id="listOwnAppointments",
        summary="List your appointments",
        description=(
            "As staff see them (`GET /api/v1/customers/{customer_id}/appointments`), without what the business notes for "
            "itself. `pagination.total` counts the appointments that match the filters; `statistics` always describe all."
        ),
        filters=AppointmentFilter,
        is_paged=True,
        response=OwnHistorySerializer,
        example=HISTORY | {"appointments": [APPOINTMENT]},
    ),
    "create": Operation(
        id="bookOwnAppointment",
        summary="Book an appointment for yourself",
        description=(
            "At a time that availability offers: it is never past, lasts as long as the service and has its price. A "
            "value that only the business sets (another `end_time`, `total_price`, `status`, `override`, …) is a 400. Dates "
            "and clock times are those of the business."
        ),
        body=OwnBookingSerializer,
        body_examples={"booking": BOOKING},
        example=APPOINTMENT,
        status=201,
        **WRITE,
    ),
    "retrieve": Operation(
        id="getOwnAppointment",
        summary="Get one of your appointments",
        description="An `end_time` before `start_time` is on the next day.",
        response=OwnAppointmentSerializer,
        example=APPOINTMENT,
        has_etag=True,
    ),
    "reschedule": Operation(
        id="rescheduleOwnAppointment",
        summary="Move one of your appointments",
        description=(
            "Until `changeable_until`. It keeps its id, its price and its length; `sequence` grows by one. One that is "
            "there already stays as it is. Its own time counts as free."
        ),
        body=OwnMoveSerializer,
        body_examples={"later": {"appointment_date": "2025-01-25", "start_time": "15:30:00"}},
        example=APPOINTMENT | {"start_time": "15:30:00", "end_time": "17:00:00", "sequence": 1},
        **WRITE,
    ),
    "cancel": Operation(
        id="cancelOwnAppointment",
        summary="Cancel one of your appointments",
        description="Until `changeable_until`. One that is cancelled already is a 200 that changes nothing.",
        body=OwnCancellationSerializer,
        body_examples={"ill": {"reason": "I am ill."}},
        example=APPOINTMENT | {"status": "cancelled", "can_change": False, "changeable_until": None},
        **WRITE,
    ),
}
RECOMMENDATIONS = {
    "retrieve": replace(
        RECOMMENDATIONS_OF_STAFF["retrieve"],
        id="getOwnRecommendations",
        summary="Recommend appointments to you",
        description="By the rule of `GET /api/v1/customers/{customer_id}/recommendations`.",
    ),
}
