"""A customer as the API shows them, for exact comparison."""

import datetime as dt
import re

CUSTOMERS = "/api/v1/customers"
NO_SUCH_ID = "507f1f77bcf86cd799439099"
INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z\Z")


def preferences(**given):
    """Returns the preferences of a new customer, changed by those that are `given`."""
    return {
        "communication_preferences": {"email": True, "sms": True, "push_notifications": True, "whatsapp": False},
        "language": "id",
        "marketing_consent": False,
        "notes": None,
        "preferred_outlet_id": None,
        "preferred_services": [],
        "preferred_staff_ids": [],
        "preferred_categories": [],
        "preferred_channel": None,
        "accessibility_needs": None,
    } | given


def profile(customer, **given):
    """The whole body of a row, of one who has nothing but names and contacts unless `given`."""
    return {
        "created_at": instant(customer.created_at),
        "email": customer.email,
        "email_verified": False,
        "first_name": customer.first_name,
        "gender": None,
        "id": customer.pk,
        "is_active": True,
        "last_name": customer.last_name,
        "loyalty_points": 0,
        "phone": customer.phone,
        "preferences": preferences(),
        "total_appointments": 0,
        "tags": ["staff-created", "walk-in"],
        "has_password": False,
        "source": None,
        "address": None,
        "date_of_birth": None,
        "phone_verified": False,
        "total_spent": 0,
        "last_appointment_date": None,
        "tenant_id": customer.tenant_id,
        "updated_at": instant(customer.updated_at),
    } | given


def instant(value):
    return value.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def faults(response, status=400):
    """The fields that an error names. It is a problem, and says so in words too."""
    body = response.json()
    assert (response.status_code, body["status"]) == (status, status), response.content
    assert response["Content-Type"] == "application/problem+json"
    assert body["detail"]
    return {fault["field"] for fault in body.get("errors", [])}


def not_found():
    """The one 404."""
    return {
        "type": "urn:circe:problem:not_found",
        "title": "Not Found",
        "status": 404,
        "detail": "There is nothing at this address.",
        "code": "not_found",
    }
