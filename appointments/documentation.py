"""The documentation of the operations of appointments, for the OpenAPI document."""

from appointments.filters import AppointmentFilter
from appointments.serializers import HistorySerializer
from circe.api.operations import Example, Operation

HISTORY: Example = {
    "appointments": [
        {
            "id": "507f1f77bcf86cd799439040",
            "tenant_id": "507f1f77bcf86cd799439010",
            "outlet_id": "507f1f77bcf86cd799439022",
            "customer_id": "507f1f77bcf86cd799439011",
            "staff_id": "507f1f77bcf86cd799439021",
            "service_id": "507f1f77bcf86cd799439020",
            "appointment_date": "2025-01-25",
            "start_time": "14:00:00",
            "end_time": "15:30:00",
            "status": "confirmed",
            "total_price": 350000,
            "notes": "Customer prefers window seat",
            "created_at": "2025-01-20T10:00:00Z",
            "updated_at": "2025-01-20T10:00:00Z",
            "service": {
                "id": "507f1f77bcf86cd799439020",
                "name": "Cut and colour",
                "category": "hair",
                "duration_minutes": 90,
                "price": 350000,
            },
            "staff": {"id": "507f1f77bcf86cd799439021", "name": "Rina Wijaya"},
            "outlet": {"id": "507f1f77bcf86cd799439022", "name": "Kemang"},
            "payment": {"status": "unpaid", "method": None, "paid_amount": 0},
            "currency": "IDR",
            "sequence": 0,
            "walk_in": False,
            "buffer_minutes": 0,
            "overrides": [],
            "status_reason": None,
        }
    ],
    "statistics": {"total_appointments": 28, "completed": 24, "cancelled": 2, "no_show": 1, "upcoming": 3},
    "pagination": {"total": 28, "page": 1, "size": 20, "pages": 2},
}

OPERATIONS = {
    "list": Operation(
        id="listCustomerAppointments",
        summary="Get customer appointments",
        description=(
            "`pagination.total` counts the appointments that match the filters; `statistics` always describe the whole "
            "history. An `end_time` before `start_time` is on the next day. `status` also accepts `no-show` and `canceled`."
        ),
        filters=AppointmentFilter,
        is_paged=True,
        query={
            "status": "confirmed",
            "from_date": "2025-01-01",
            "to_date": "2025-12-31",
            "page": 1,
            "size": 20,
        },
        response=HistorySerializer,
        example=HISTORY,
    ),
}
