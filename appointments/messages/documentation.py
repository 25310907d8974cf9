"""The documentation of the operations of messages, for the OpenAPI document."""

from appointments.messages.filters import MessageFilter
from appointments.messages.serializers import CustomerMessageSerializer, MessageSettingsSerializer
from circe.api.operations import Example, Operation

MESSAGE: Example = {
    "id": "507f1f77bcf86cd799439060",
    "tenant_id": "507f1f77bcf86cd799439010",
    "customer_id": "507f1f77bcf86cd799439011",
    "appointment_id": "507f1f77bcf86cd799439040",
    "kind": "confirmation",
    "sequence": 0,
    "channel": "email",
    "language": "id",
    "state": "sent",
    "reasons": [],
    "due_at": "2025-01-15T10:30:00Z",
    "sent_at": "2025-01-15T10:30:03Z",
    "created_at": "2025-01-15T10:30:00Z",
    "updated_at": "2025-01-15T10:30:03Z",
}
SETTINGS: Example = {
    "tenant_id": "507f1f77bcf86cd799439010",
    "sends_confirmations": True,
    "sends_changes": True,
    "sends_cancellations": True,
    "sends_reminders": True,
    "reminder_hours": 24,
    "quiet_from": "21:00:00",
    "quiet_until": "08:00:00",
    "reply_to": "hello@lotus.example",
    "double_opt_in": False,
    "cancellation_notice_hours": 24,
    "updated_at": "2025-01-15T10:30:00Z",
}

LIST_OPERATIONS = {
    "list": Operation(
        id="listMessages",
        summary="List messages about appointments",
        description=(
            "Newest first, then id. Filters combine. An id without a row is a 400.\n\n"
            "Whether a message goes out is decided when it is sent, not when it is queued. `skipped`: it was not to be "
            "sent, for one of the `reasons`: `superseded` (the appointment was moved meanwhile, or given to somebody else), "
            "`cancelled`, `past`, `not_confirmed`, `switched_off`, `business_suspended`, `not_composable`, or a reason of "
            "the decision about the customer, as `no_email` or `channel_off`. `failed`: the mail server refused it for good "
            "(`mail_server_said_550`), or did not take it within a day of attempts. `unknown`: it may have been sent or "
            "not, since the sender died or the connection broke meanwhile; it is never sent again by itself. `queued` with "
            "a reason waits for another attempt.\n\n"
            "There is at most one message of a `kind` for each `sequence` of an appointment. A reminder is sent of what was "
            "booked or moved earlier than `reminder_hours` before the start."
        ),
        filters=MessageFilter,
        is_paged=True,
        is_list=True,
        response=CustomerMessageSerializer,
        example={"items": [MESSAGE], "total": 1, "page": 1, "size": 20, "pages": 1},
    ),
}
SETTINGS_OPERATIONS = {
    "retrieve": Operation(
        id="getMessageSettings",
        summary="Get what the business sends",
        description="A super_admin names the business by `tenant_id`.",
        response=MessageSettingsSerializer,
        example=SETTINGS,
        has_etag=True,
    ),
    "update": Operation(
        id="updateMessageSettings",
        summary="Change what the business sends",
        description=(
            "Changes the given keys, and no others. A switch decides about what is booked, moved or cancelled from now on, "
            "and about what still waits to be sent. In quiet hours, which are of the business's clock and may go over "
            "midnight, messages wait; null for both ends means none. `reply_to` is where answers of customers go. A "
            "super_admin names the business by `tenant_id`."
        ),
        body=MessageSettingsSerializer,
        body_examples={
            "confirmations and reminders": {"sends_confirmations": True, "sends_reminders": True, "reminder_hours": 24},
            "quiet nights": {"quiet_from": "21:00", "quiet_until": "08:00"},
        },
        response=MessageSettingsSerializer,
        example=SETTINGS,
        has_etag=True,
        changes_own_row=True,
    ),
}
