"""The documentation of availability, for the OpenAPI document."""

from appointments.slots.filters import AvailabilityFilter
from appointments.slots.serializers import AvailabilitySerializer
from circe.api.operations import Example, Operation

SLOT: Example = {
    "appointment_date": "2025-01-25",
    "start_time": "14:00:00",
    "end_time": "15:30:00",
    "starts_at": "2025-01-25T07:00:00Z",
    "staff_id": "507f1f77bcf86cd799439021",
    "staff": {"id": "507f1f77bcf86cd799439021", "name": "Rina Wijaya"},
    "outlet_id": "507f1f77bcf86cd799439022",
    "outlet": {"id": "507f1f77bcf86cd799439022", "name": "Kemang"},
    "price": 350000,
    "currency": "IDR",
}

AVAILABILITY: Example = {
    "slots": [SLOT],
    "service": {
        "id": "507f1f77bcf86cd799439020",
        "tenant_id": "507f1f77bcf86cd799439010",
        "name": "Cut and colour",
        "category": "hair",
        "duration_minutes": 90,
        "buffer_minutes": 15,
        "price": 350000,
        "currency": "IDR",
        "is_active": True,
        "staff_ids": ["507f1f77bcf86cd799439021"],
        "rebooking_days": None,
        "created_at": "2025-01-15T10:30:00Z",
        "updated_at": "2025-01-15T10:30:00Z",
    },
    "from_date": "2025-01-25",
    "to_date": "2025-01-31",
}

OPERATIONS = {
    "retrieve": Operation(
        id="getAvailability",
        summary="Find free times",
        description=(
            "Each slot can be booked as it is, until somebody else books the time. It starts at a multiple of the "
            "business's `slot_minutes` after midnight, and not in the past. The service and its buffer lie within the "
            "working hours of a member of staff who offers it, outside time off of the person and of the outlet, and "
            "outside other appointments with their buffers. A local time that is skipped, since clocks go forward, is not "
            "offered; one that comes twice is the first. When clocks go back, an hour comes twice: an `end_time` in the "
            "second one is shown as the end of that hour. If `from_date` or `to_date` is an instant, its local day is "
            "meant."
        ),
        filters=AvailabilityFilter,
        query={
            "service_id": "507f1f77bcf86cd799439020",
            "from_date": "2025-01-25",
            "to_date": "2025-01-31",
            "outlet_id": "507f1f77bcf86cd799439022",
            "limit": 20,
        },
        response=AvailabilitySerializer,
        example=AVAILABILITY,
    ),
}
