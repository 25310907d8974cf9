"""The documentation of the operations of working hours and time off, for the OpenAPI document."""

from appointments.hours.filters import TimeOffFilter
from appointments.hours.serializers import TimeOffSerializer, WorkingHoursSerializer
from appointments.models.hours import MAX_ENTRIES_PER_PERSON
from circe.api.operations import Example, Operation
from circe.api.serializers import MessageSerializer

OUTLET = "507f1f77bcf86cd799439022"
STAFF = "507f1f77bcf86cd799439021"

WORKING_HOURS: Example = {
    "working_hours": [
        {
            "outlet_id": OUTLET,
            "weekday": 0,
            "start_time": "09:00:00",
            "end_time": "12:30:00",
            "valid_from": None,
            "valid_to": None,
        },
        {
            "outlet_id": OUTLET,
            "weekday": 0,
            "start_time": "14:00:00",
            "end_time": "18:00:00",
            "valid_from": None,
            "valid_to": None,
        },
        {
            "outlet_id": OUTLET,
            "weekday": 5,
            "start_time": "18:00:00",
            "end_time": "02:00:00",
            "valid_from": "2026-06-01",
            "valid_to": "2026-08-31",
        },
    ]
}
NEW_WORKING_HOURS: Example = {
    "working_hours": [{"outlet_id": OUTLET, "weekday": 0, "start_time": "09:00", "end_time": "17:00"}]
}
NEW_TIME_OFF: Example = {
    "staff_id": STAFF,
    "starts_at": "2026-07-06T00:00:00+07:00",
    "ends_at": "2026-07-18T00:00:00+07:00",
    "reason": "Holiday",
}
NEW_CLOSING_DAY: Example = {
    "outlet_id": OUTLET,
    "starts_at": "2026-12-24T17:00:00Z",
    "ends_at": "2026-12-25T17:00:00Z",
    "reason": "Christmas",
}
TIME_OFF: Example = {
    "id": "507f1f77bcf86cd799439050",
    "tenant_id": "507f1f77bcf86cd799439010",
    "staff_id": STAFF,
    "outlet_id": None,
    "starts_at": "2026-07-05T17:00:00Z",
    "ends_at": "2026-07-17T17:00:00Z",
    "reason": "Holiday",
}

WORKING_HOURS_OPERATIONS = {
    "retrieve": Operation(
        id="getWorkingHours",
        summary="Get the working hours of a person",
        description=(
            "In the business's local time. An `end_time` before `start_time` is on the next day. A person may work several "
            "times a day and at several outlets. A person without working hours is offered nowhere."
        ),
        response=WorkingHoursSerializer,
        example=WORKING_HOURS,
        has_etag=True,
    ),
    "update": Operation(
        id="replaceWorkingHours",
        summary="Replace the working hours of a person",
        description=(
            "The list in the body takes the place of all working hours of the person, at once: an empty list ends them. "
            f"It has at most {MAX_ENTRIES_PER_PERSON} entries. Entries of a person can't overlap, at different outlets "
            "neither; a night overlaps with the morning after it, a Sunday night with Monday. Two entries for the same time "
            "are fine if no day is within `valid_from` and `valid_to` of both. `errors` names the entries from 0: "
            "`working_hours.3`. Appointments that are booked already stay, also outside the new hours."
        ),
        body=WorkingHoursSerializer,
        body_is_whole=True,
        body_examples={"one day": NEW_WORKING_HOURS, "as read": WORKING_HOURS, "no hours": {"working_hours": []}},
        response=WorkingHoursSerializer,
        example=WORKING_HOURS,
        has_etag=True,
    ),
}
TIME_OFF_OPERATIONS = {
    "list": Operation(
        id="listTimeOff",
        summary="List time off",
        description=(
            "Time off of persons (`staff_id`) and closing times of outlets (`outlet_id`), by start. With `from_date` and "
            "`to_date`, only time off that lasts for a part of these days."
        ),
        filters=TimeOffFilter,
        is_paged=True,
        is_list=True,
        response=TimeOffSerializer,
        example={"items": [TIME_OFF], "total": 1, "page": 1, "size": 20, "pages": 1},
    ),
    "create": Operation(
        id="createTimeOff",
        summary="Enter time off",
        description=(
            "Give exactly one of `staff_id` and `outlet_id`. A `staff` may enter their own only. An instant without an "
            "offset is in the business's time zone. Time off is kept in local time: a day off stays that day if the "
            "business changes its time zone. When clocks go back, an instant in the second of the two equal hours counts "
            "as the end of that hour. Appointments that are booked already stay."
        ),
        body=TimeOffSerializer,
        body_examples={"of a person": NEW_TIME_OFF, "of an outlet": NEW_CLOSING_DAY},
        response=TimeOffSerializer,
        example=TIME_OFF,
        status=201,
        has_etag=True,
    ),
    "retrieve": Operation(
        id="getTimeOff",
        summary="Get a time off",
        response=TimeOffSerializer,
        example=TIME_OFF,
        has_etag=True,
    ),
    "destroy": Operation(
        id="deleteTimeOff",
        summary="Delete a time off",
        description="A `staff` may delete their own only.",
        response=MessageSerializer,
        example={"message": "Time off has been deleted successfully"},
    ),
}
