"""The documentation of a customer's export, for the OpenAPI document."""

from appointments.portal.documentation import APPOINTMENT
from appointments.portal.export.serializers import ExportSerializer
from appointments.portal.serializers import StoredOwnAppointmentSerializer
from circe.api.operations import Operation
from customers.portal.consents.documentation import OWN_CONSENT
from customers.portal.profile.documentation import OPEN_REQUEST, OWN_PREFERENCES, OWN_PROFILE

OPERATIONS = {
    "retrieve": Operation(
        id="exportOwnData",
        summary="Take your data with you",
        description=(
            "A file (`Content-Disposition: attachment`) with your profile, preferences, appointments, consents, messages "
            "and requests to be deleted, as the portal shows them. It has neither your password nor the notes of staff."
        ),
        response=ExportSerializer,
        example={
            "exported_at": "2025-01-15T10:30:00Z",
            "business": {"slug": "lotus", "name": "Lotus", "time_zone": "Asia/Jakarta", "currency": "IDR"},
            "customer": OWN_PROFILE,
            "preferences": OWN_PREFERENCES,
            "appointments": [{name: APPOINTMENT[name] for name in StoredOwnAppointmentSerializer.Meta.fields}],
            "consents": [OWN_CONSENT],
            "messages": [
                {
                    "id": "507f1f77bcf86cd799439050",
                    "appointment_id": "507f1f77bcf86cd799439040",
                    "kind": "confirmation",
                    "channel": "email",
                    "language": "en",
                    "state": "sent",
                    "reasons": [],
                    "created_at": "2025-01-20T10:00:00Z",
                    "sent_at": "2025-01-20T10:00:05Z",
                }
            ],
            "deletion_requests": [OPEN_REQUEST | {"handled_at": None}],
        },
    ),
}
