"""The documentation of the endpoint of appointments, for the OpenAPI document."""

from typing import Any

from appointments.booking import REFUSAL_TEXTS, CustomerAlreadySet
from appointments.bookings.filters import AppointmentListFilter
from appointments.bookings.serializers import (
    AppointmentChangesSerializer,
    NewAppointmentSerializer,
    RescheduleSerializer,
    StatusSerializer,
)
from appointments.documentation import HISTORY
from appointments.models import Status
from appointments.serializers import AppointmentSerializer
from circe.api.changes import NEXT_SCHEMA
from circe.api.errors import Problem
from circe.api.operations import ID_SCHEMA, Example, Operation, Schema
from circe.api.responses import ErrorResponse

APPOINTMENT: Example = HISTORY["appointments"][0]
NEW_APPOINTMENT: Example = {
    "customer_id": "507f1f77bcf86cd799439011",
    "service_id": "507f1f77bcf86cd799439020",
    "outlet_id": "507f1f77bcf86cd799439022",
    "staff_id": "507f1f77bcf86cd799439021",
    "appointment_date": "2025-01-25",
    "start_time": "14:00:00",
    "notes": "Customer prefers window seat",
}
WALK_IN: Example = {
    "walk_in": True,
    "service_id": "507f1f77bcf86cd799439020",
    "outlet_id": "507f1f77bcf86cd799439022",
    "appointment_date": "2025-01-25",
    "start_time": "14:00:00",
}
SLOT: Example = {
    "appointment_date": "2025-01-25",
    "start_time": "15:30:00",
    "end_time": "17:00:00",
    "starts_at": "2025-01-25T08:30:00Z",
    "staff_id": "507f1f77bcf86cd799439021",
    "staff": {"id": "507f1f77bcf86cd799439021", "name": "Rina Wijaya"},
    "outlet_id": "507f1f77bcf86cd799439022",
    "outlet": {"id": "507f1f77bcf86cd799439022", "name": "Kemang"},
    "price": 350000,
    "currency": "IDR",
}
PROBLEM_MEMBERS: dict[str, Schema] = {
    "alternatives": {
        "type": "array",
        "description": (
            "The slots nearest to the wanted start, at most three, as availability shows them: of the person wanted and, if "
            "that person has fewer within two weeks, of anybody. They lie within 92 days of the wanted start."
        ),
        "items": {"$ref": "#/components/schemas/Slot"},
    },
    "conflicting_appointment_id": ID_SCHEMA
    | {"type": ["string", "null"], "description": "The appointment that has the time of the person wanted."},
    "allowed": {
        "type": "array",
        "description": "The statuses that can be set instead.",
        "items": {"type": "string", "enum": Status.values},
    },
}
_REFUSED = [
    Problem(409, code, detail, {"alternatives": [] if code == "customer_inactive" else [SLOT]})
    for code, detail in REFUSAL_TEXTS.items()
    if code != "overlap"
]
CONFLICT = ErrorResponse(
    "BookingConflict",
    "A rule forbids it; `code` names the rule. `overlap`: the person has another appointment then, which nothing overrides. "
    "`outside_hours`, `time_off`: the person does not work there then. `service_not_offered`: not by this person, or by "
    "nobody any more. `customer_inactive`: an inactive customer can't be booked. These five have `alternatives`, an empty "
    "list for an inactive customer. `invalid_transition`: the appointment can't get the status, or can't be moved with its "
    "own; `allowed` lists the statuses that it can get. `customer_already_set`: it is no walk-in to give to a customer. "
    "`in_flight`: a request with the same `Idempotency-Key` is being handled.",
    Problem(
        409,
        "overlap",
        REFUSAL_TEXTS["overlap"],
        {"alternatives": [SLOT], "conflicting_appointment_id": "507f1f77bcf86cd799439041"},
    ),
    more_examples=(
        *_REFUSED,
        Problem(
            409,
            "invalid_transition",
            "It is completed, so it can't become cancelled. Its status can become in progress.",
            {"allowed": ["in_progress"]},
        ),
        Problem(409, CustomerAlreadySet.code, str(CustomerAlreadySet())),
    ),
)
WRITE: dict[str, Any] = {
    "response": AppointmentSerializer,
    "own_errors": (409,),
    "conflict": CONFLICT.name,
    "has_etag": True,
}
UPDATE: dict[str, Any] = WRITE | {
    "description": (
        "Changes the given keys, and no others: `notes`, `total_price`, and `payment` key by key. `customer_id` gives a "
        "walk-in to its customer, once. Time, staff and outlet are changed by `reschedule`, the status by `status`: these "
        "and other keys that a client echoes are ignored. PUT and PATCH are the same."
    ),
    "body": AppointmentChangesSerializer,
    "body_examples": {"paid": {"payment": {"status": "paid", "method": "cash", "paid_amount": 350000}}},
    "example": APPOINTMENT | {"payment": {"status": "paid", "method": "cash", "paid_amount": 350000}},
}

OPERATIONS = {
    "list": Operation(
        id="listAppointments",
        summary="List appointments",
        description=(
            "By start, then id. Filters combine. Days are the business's, by the start. An id without a row is a 400. "
            "`status` also accepts `no-show` and `canceled`.\n\n"
            "With `updated_since` it lists the appointments that changed since, oldest change first: each as it is now. Go "
            "on with `next`, at once or later: nothing is missed. Administrators also get those "
            "that a super_admin has deleted in the last 30 days, as `id`, `is_deleted` and `updated_at`. A new name of its "
            "service, person or outlet is no change of an appointment."
        ),
        filters=AppointmentListFilter,
        is_paged=True,
        is_list=True,
        response=AppointmentSerializer,
        example={"items": [APPOINTMENT], "total": 1, "page": 1, "size": 20, "pages": 1, "next": None},
        page_members={"next": NEXT_SCHEMA},
        other_item={"$ref": "#/components/schemas/Tombstone"},
    ),
    "create": Operation(
        id="createAppointment",
        summary="Book an appointment",
        description=(
            "Dates and clock times are those of the business. A time that clocks skip is a 400; "
            "one that comes twice is the first. A slot of availability can be booked. Staff may also book a free time off "
            "the grid, and against working hours or offers by `override`. A start in the past is recorded of a named person "
            "whatever the hours; without `staff_id` it is given to somebody who was free then. An inactive outlet or person "
            "is a 400. `walk_in: true` is for somebody who left no name: it counts in every figure of the day, and can be "
            "given to a customer later."
        ),
        body=NewAppointmentSerializer,
        body_examples={"booking": NEW_APPOINTMENT, "walkIn": WALK_IN},
        example=APPOINTMENT,
        status=201,
        **WRITE,
    ),
    "retrieve": Operation(
        id="getAppointment",
        summary="Get an appointment",
        description="An `end_time` before `start_time` is on the next day.",
        response=AppointmentSerializer,
        example=APPOINTMENT,
        has_etag=True,
    ),
    "PUT update": Operation(id="updateAppointment", summary="Update an appointment", **UPDATE),
    "PATCH update": Operation(id="patchAppointment", summary="Update an appointment, by PATCH", **UPDATE),
    "reschedule": Operation(
        id="rescheduleAppointment",
        summary="Move an appointment",
        description=(
            "The appointment keeps its id, its price and, without `end_time`, its length; `sequence` grows by one. One "
            "that is there already stays as it is. Only a pending or confirmed one can be moved. The rules are those of a "
            "new booking; its own time counts as free."
        ),
        body=RescheduleSerializer,
        body_examples={"later": {"appointment_date": "2025-01-25", "start_time": "15:30:00"}},
        example=APPOINTMENT | {"start_time": "15:30:00", "end_time": "17:00:00", "sequence": 1},
        **WRITE,
    ),
    "set_status": Operation(
        id="setAppointmentStatus",
        summary="Set the status of an appointment",
        description=(
            "The steps of the day sheet: pending → confirmed → in progress → completed; no-show and cancelled; and back. "
            "Before the day an appointment can't begin. Its own status is a 200 that changes nothing. A step "
            "back to a status that takes the time obeys the rules of a new booking, except those against which it was "
            "booked and those in `override`. The `reason` is kept, and is in the audit trail."
        ),
        body=StatusSerializer,
        body_examples={"cancel": {"status": "cancelled", "reason": "The customer is ill."}},
        example=APPOINTMENT | {"status": "cancelled", "status_reason": "The customer is ill."},
        **WRITE,
    ),
}
