"""The documentation of a customer's own profile, preferences and request to be deleted, for the OpenAPI document."""

from typing import Any

from circe.api.operations import Example, Operation
from customers.portal.profile.serializers import (
    DeletionRequestSerializer,
    OwnPreferencesSerializer,
    OwnProfileSerializer,
)

OWN_PROFILE: Example = {
    "id": "507f1f77bcf86cd799439011",
    "tenant_id": "507f1f77bcf86cd799439010",
    "first_name": "Jane",
    "last_name": "Doe",
    "email": "customer@example.com",
    "email_verified": True,
    "phone": "+1234567890",
    "language": "en",
    "gender": "female",
    "date_of_birth": "1990-05-17",
    "address": "Jl. Kemang Raya 1, Jakarta",
    "loyalty_points": 150,
    "total_appointments": 15,
    "total_spent": 5250000,
    "last_appointment_date": "2025-01-10",
    "created_at": "2025-01-15T10:30:00Z",
    "updated_at": "2025-01-15T10:30:00Z",
}
OWN_PREFERENCES: Example = {
    "communication_preferences": {"email": True, "sms": True, "push_notifications": True, "whatsapp": False},
    "language": "en",
    "marketing_consent": True,
    "preferred_outlet_id": "507f1f77bcf86cd799439013",
    "preferred_services": ["507f1f77bcf86cd799439011"],
    "preferred_staff_ids": ["507f1f77bcf86cd799439012"],
    "preferred_categories": ["hair"],
    "preferred_channel": "whatsapp",
    "accessibility_needs": None,
}
OPEN_REQUEST: Example = {
    "id": "507f1f77bcf86cd799439060",
    "requested_at": "2025-01-15T10:30:00Z",
    "due_at": "2025-02-14T10:30:00Z",
}
UPDATE: dict[str, Any] = {
    "id": "updateOwnProfile",
    "summary": "Update your profile",
    "description": (
        "null clears. Another `email` is a 400: `POST email/change` changes it. The answer shows the phone that you sent; "
        "the business can look at it before it becomes yours."
    ),
    "body": OwnProfileSerializer,
    "body_examples": {"name": {"last_name": "Doe", "language": "id"}},
    "response": OwnProfileSerializer,
    "example": OWN_PROFILE,
    "has_etag": True,
    "changes_own_row": True,
}

PROFILE_OPERATIONS = {
    "retrieve": Operation(
        id="getOwnProfile",
        summary="Get your profile",
        response=OwnProfileSerializer,
        example=OWN_PROFILE,
        has_etag=True,
    ),
    "update": Operation(**UPDATE),
}
PREFERENCES_OPERATIONS = {
    "retrieve": Operation(
        id="getOwnPreferences",
        summary="Get your preferences",
        response=OwnPreferencesSerializer,
        example=OWN_PREFERENCES,
        has_etag=True,
    ),
    "update": Operation(
        id="updateOwnPreferences",
        summary="Update your preferences",
        description=(
            "`communication_preferences` merge key by key. Unknown keys are a 400, and so are ids that the business does "
            "not have. The ledger of consents records each change of `communication_preferences` and `marketing_consent`."
        ),
        body=OwnPreferencesSerializer,
        body_examples={"channels": {"communication_preferences": {"sms": False}, "marketing_consent": False}},
        response=OwnPreferencesSerializer,
        example=OWN_PREFERENCES,
        has_etag=True,
        changes_own_row=True,
    ),
}
DELETION_REQUEST_OPERATIONS = {
    "retrieve": Operation(
        id="getDeletionRequest",
        summary="Get your request to be deleted",
        description="The open request. If there is none: 404.",
        response=DeletionRequestSerializer,
        example=OPEN_REQUEST,
        own_errors=(404,),
    ),
    "create": Operation(
        id="requestDeletion",
        summary="Ask to be deleted",
        description=(
            "Staff see the request and delete you within 30 days. While it is open, asking again is a 200 with the same "
            "request."
        ),
        response=DeletionRequestSerializer,
        example=OPEN_REQUEST,
        status=201,
        status_if_there=200,
    ),
}
