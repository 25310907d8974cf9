"""The examples of the documented API, completed by the keys that were added since."""

from typing import Any

Example = dict[str, Any]

LIST_CUSTOMERS = """\
curl -X 'GET' \\
  'http://localhost:8000/api/v1/customers?search=John&tags=vip%2Cregular&has_password=true&email_verified=true\
&created_from=2025-01-01&created_to=2025-12-31&page=1&size=20' \\
  -H 'accept: application/json' \\
  -H 'Authorization: Bearer <access token>'
"""

LIST_APPOINTMENTS = """\
curl -X 'GET' \\
  'http://localhost:8000/api/v1/customers/507f1f77bcf86cd799439011/appointments?status=confirmed\
&from_date=2025-01-01&to_date=2025-12-31&page=1&size=20' \\
  -H 'accept: application/json' \\
  -H 'Authorization: Bearer <access token>'
"""

PREFERENCES: Example = {
    "communication_preferences": {"email": True, "push_notifications": True, "sms": True, "whatsapp": False},
    "language": "en",
    "marketing_consent": True,
    "notes": "Prefers morning appointments",
    "preferred_outlet_id": "507f1f77bcf86cd799439013",
    "preferred_services": ["507f1f77bcf86cd799439011"],
    "preferred_staff_ids": ["507f1f77bcf86cd799439012"],
}

NEW_CUSTOMER: Example = {
    "email": "customer@example.com",
    "first_name": "Jane",
    "last_name": "Doe",
    "password": "SecurePass123!",
    "phone": "+1234567890",
    "source": "website",
    "tenant_id": "507f1f77bcf86cd799439011",
}

CUSTOMER_CHANGES: Example = {
    "first_name": "Jane",
    "phone": "+1234567890",
    "preferences": {"marketing_consent": True, "preferred_outlet_id": "507f1f77bcf86cd799439013"},
}

CUSTOMER: Example = {
    "created_at": "2025-01-15T10:30:00Z",
    "email": "customer@example.com",
    "email_verified": True,
    "first_name": "Jane",
    "gender": "female",
    "id": "507f1f77bcf86cd799439011",
    "is_active": True,
    "last_name": "Doe",
    "loyalty_points": 150,
    "phone": "+1234567890",
    "preferences": PREFERENCES | {"preferred_categories": ["hair"], "accessibility_needs": None},
    "total_appointments": 15,
    "tags": ["self-registered", "vip"],
    "has_password": True,
    "source": "website",
    "address": None,
    "date_of_birth": "1990-05-17",
    "phone_verified": False,
    "total_spent": 4500000,
    "last_appointment_date": "2025-01-25",
    "tenant_id": "507f1f77bcf86cd799439011",
    "updated_at": "2025-01-20T10:00:00Z",
}

# As a customer starts: consent is never assumed, and nothing has happened yet.
CREATED_CUSTOMER: Example = CUSTOMER | {
    "email_verified": False,
    "gender": None,
    "loyalty_points": 0,
    "preferences": CUSTOMER["preferences"]
    | {
        "marketing_consent": False,
        "notes": None,
        "preferred_outlet_id": None,
        "preferred_services": [],
        "preferred_staff_ids": [],
        "preferred_categories": [],
    },
    "total_appointments": 0,
    "tags": ["self-registered"],
    "date_of_birth": None,
    "total_spent": 0,
    "last_appointment_date": None,
    "updated_at": "2025-01-15T10:30:00Z",
    "possible_duplicates": [],
}

CUSTOMER_WITH_PREFERENCES: Example = CUSTOMER["preferences"] | CUSTOMER

CUSTOMERS: Example = {"items": [CUSTOMER], "total": 1, "page": 1, "size": 20, "pages": 1}

DELETED: Example = {"message": "Customer has been deleted successfully"}

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
        }
    ],
    "statistics": {"total_appointments": 28, "completed": 24, "cancelled": 2, "no_show": 1, "upcoming": 3},
    "pagination": {"total": 28, "page": 1, "size": 20, "pages": 2},
}

SUMMARY: Example = {
    "statistics": {
        "total_customers": 145,
        "active_customers": 138,
        "inactive_customers": 7,
        "deleted_customers": 4,
        "verified_emails": 92,
        "customers_with_password": 115,
        "walk_in_customers": 30,
        "new_customers_in_period": 12,
        "total_appointments": 3456,
        "total_revenue": 125000000,
        "total_loyalty_points": 45000,
        "avg_appointments_per_customer": 23.8,
        "avg_spent_per_customer": 862068,
        "retention_rate": 78.5,
        "churn_rate": 21.5,
        "retention_base": 107,
        "top_customers_by_appointments": [
            {
                "customer_id": "507f1f77bcf86cd799439011",
                "full_name": "John Doe",
                "email": "john.doe@example.com",
                "total_appointments": 52,
                "total_spent": 4500000,
            }
        ],
        "top_customers_by_revenue": [
            {
                "customer_id": "507f1f77bcf86cd799439012",
                "full_name": "Jane Smith",
                "email": "jane.smith@example.com",
                "total_appointments": 38,
                "total_spent": 6200000,
            }
        ],
        "customer_segments": {"vip": 25, "regular": 90, "new": 12, "at_risk": 18},
    },
    "period": {"from": "2025-01-01", "to": "2025-12-31"},
    "currencies": ["IDR"],
    "definitions": {
        "visit": "A completed appointment.",
        "thresholds": [
            {
                "tenant_id": "507f1f77bcf86cd799439011",
                "at_risk_after_days": 90,
                "new_within_days": 30,
                "vip_min_visits": 5,
                "vip_top_percent": 10,
            }
        ],
    },
    "generated_at": "2025-10-08T10:00:00Z",
}

AUDIT_TRAIL: Example = {
    "items": [
        {
            "id": 1042,
            "at": "2025-10-08T10:00:00Z",
            "action": "updated",
            "object": "customer",
            "object_id": "507f1f77bcf86cd799439011",
            "actor": {"id": "507f1f77bcf86cd799439021", "email": "staff@example.com", "name": "Rina Wijaya"},
            "actor_id": "507f1f77bcf86cd799439021",
            "command": None,
            "request_id": "6f1f0f9bd0df4d9eb1c5c1a3a3f6a3b2",
            "address": "203.0.113.7",
            "changes": [{"field": "last_name", "before": None, "after": "Doe"}],
        }
    ],
    "total": 1,
    "page": 1,
    "size": 20,
    "pages": 1,
}

CREDENTIALS: Example = {"email": "staff@example.com", "password": "SecurePass123!"}
REFRESH: Example = {"refresh": "<refresh token>"}
TOKENS: Example = {"access": "<access token>", "refresh": "<refresh token>"}
LOGGED_OUT: Example = {"message": "You have been logged out successfully"}

ME: Example = {
    "id": "507f1f77bcf86cd799439021",
    "email": "staff@example.com",
    "first_name": "Rina",
    "last_name": "Wijaya",
    "role": "staff",
    "tenant_id": "507f1f77bcf86cd799439011",
    "tenant": {
        "id": "507f1f77bcf86cd799439011",
        "name": "Lotus",
        "slug": "lotus",
        "time_zone": "Asia/Jakarta",
        "currency": "IDR",
        "phone_region": "ID",
        "language": "id",
    },
}
