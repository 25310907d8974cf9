"""Sends each example request of the API document. The answers have every documented key, with its type."""

import datetime as dt

import pytest

from appointments.models import Status
from appointments.tests.factories import AppointmentFactory
from customers.models import Customer
from customers.tests.factories import CustomerFactory
from tenants.scope import tenant_scope
from tenants.tests.factories import OutletFactory, ServiceFactory, UserFactory

CUSTOMER = {
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
    "preferences": {"marketing_consent": True, "preferred_outlet_id": "507f1f77bcf86cd799439013"},
    "total_appointments": 15,
}
CUSTOMERS = {"items": [CUSTOMER], "total": 0, "page": 1, "size": 1, "pages": 0}
NEW_CUSTOMER = {
    "email": "customer@example.com",
    "first_name": "Jane",
    "last_name": "Doe",
    "password": "SecurePass123!",
    "phone": "+1234567890",
    "source": "website",
    "tenant_id": "507f1f77bcf86cd799439011",
}
CHANGES = {
    "first_name": "Jane",
    "phone": "+1234567890",
    "preferences": {"marketing_consent": True, "preferred_outlet_id": "507f1f77bcf86cd799439013"},
}
PREFERENCES = {
    "communication_preferences": {"email": True, "push_notifications": True, "sms": True, "whatsapp": False},
    "language": "en",
    "marketing_consent": True,
    "notes": "Prefers morning appointments",
    "preferred_outlet_id": "507f1f77bcf86cd799439013",
    "preferred_services": ["507f1f77bcf86cd799439011"],
    "preferred_staff_ids": ["507f1f77bcf86cd799439012"],
}
HISTORY = {
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
        }
    ],
    "statistics": {"total_appointments": 28, "completed": 24, "cancelled": 2, "no_show": 1, "upcoming": 3},
    "pagination": {"total": 28, "page": 1, "size": 20, "pages": 2},
}
SUMMARY = {
    "statistics": {
        "total_customers": 145,
        "active_customers": 138,
        "inactive_customers": 7,
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
    "generated_at": "2025-10-08T10:00:00Z",
}


def assert_documented(answer, documented, *, null_paths=(), path=""):
    """Asserts that the answer has every documented key with the same JSON type, and null only at `null_paths`."""
    if path in null_paths:
        assert answer is None, path
        return
    assert type(answer) is type(documented), path
    if isinstance(documented, dict):
        for key, value in documented.items():
            assert key in answer, f"{path}.{key}"
            assert_documented(answer[key], value, null_paths=null_paths, path=f"{path}.{key}".lstrip("."))
    elif isinstance(documented, list):
        assert answer, path
        for item in answer:
            assert_documented(item, documented[0], null_paths=null_paths, path=f"{path}[]")
    elif isinstance(documented, str) and not path.endswith(("name", "email", "notes")):
        # Dates, times, instants and ids have the documented form too.
        assert len(answer) == len(documented) or path.endswith(("status", "gender", "phone", "language")), path


@pytest.fixture
def jane(tenant):
    """The customer of the document's examples, whom its query finds."""
    customer = CustomerFactory(
        tenant=tenant,
        first_name="Jane",
        last_name="Johnson",
        email="customer@example.com",
        email_verified=True,
        phone="+1234567890",
        gender="female",
        password="a hash",
        tags=["vip"],
        loyalty_points=150,
        marketing_consent=True,
        preferred_outlet=OutletFactory(tenant=tenant),
    )
    with tenant_scope(tenant):
        Customer.objects.filter(pk=customer.pk).update(created_at=dt.datetime(2025, 1, 15, 10, 30, tzinfo=dt.UTC))
    return customer


@pytest.fixture
def visit(jane):
    return AppointmentFactory(tenant=jane.tenant, customer=jane, notes="Customer prefers window seat")


def test_the_example_of_list_all_customers_works(staff, jane):
    CustomerFactory(tenant=jane.tenant)
    answer = staff.get(
        "/api/v1/customers?search=John&tags=vip%2Cregular&has_password=true&email_verified=true"
        "&created_from=2025-01-01&created_to=2025-12-31&page=1&size=20",
        headers={"accept": "application/json"},
    )
    assert answer.status_code == 200
    assert_documented(answer.json(), CUSTOMERS)
    assert [customer["id"] for customer in answer.json()["items"]] == [jane.pk]
    envelope = {"items": [], "total": 1, "page": 1, "size": 20, "pages": 1}
    assert {**answer.json(), "items": []} == envelope | {"approximate": False, "next": None}


def test_the_example_of_create_new_customer_works(staff, tenant):
    answer = staff.post("/api/v1/customers", NEW_CUSTOMER | {"tenant_id": tenant.pk})
    assert answer.status_code == 201
    # A new customer has no preferred outlet and no gender.
    assert_documented(answer.json(), CUSTOMER, null_paths={"gender", "preferences.preferred_outlet_id"})
    echoed = {key: answer.json()[key] for key in ("email", "first_name", "last_name", "phone", "source", "tenant_id")}
    assert echoed == {key: NEW_CUSTOMER[key] for key in echoed} | {"tenant_id": tenant.pk}


def test_the_example_of_get_customer_details_works(staff, jane):
    answer = staff.get(f"/api/v1/customers/{jane.pk}")
    assert answer.status_code == 200
    assert_documented(answer.json(), CUSTOMER)
    assert answer.json()["created_at"] == "2025-01-15T10:30:00Z"


def test_the_example_of_update_customer_works(manager, jane):
    outlet = OutletFactory(tenant=jane.tenant)
    body = CHANGES | {"preferences": {"marketing_consent": True, "preferred_outlet_id": outlet.pk}}
    answer = manager.put(f"/api/v1/customers/{jane.pk}", body)
    assert answer.status_code == 200
    assert_documented(answer.json(), CUSTOMER)
    assert answer.json()["preferences"]["preferred_outlet_id"] == outlet.pk


def test_the_example_of_delete_customer_works(admin, jane):
    answer = admin.delete(f"/api/v1/customers/{jane.pk}")
    assert answer.status_code == 200
    assert answer.json() == {"message": "Customer has been deleted successfully"}


def test_the_example_of_get_customer_appointments_works(staff, jane, visit):
    AppointmentFactory(
        tenant=jane.tenant,
        customer=jane,
        appointment_date=dt.date(2025, 3, 1),
        status=Status.CONFIRMED,
        notes="Customer prefers window seat",
    )
    answer = staff.get(
        f"/api/v1/customers/{jane.pk}/appointments"
        "?status=confirmed&from_date=2025-01-01&to_date=2025-12-31&page=1&size=20",
        headers={"accept": "application/json"},
    )
    assert answer.status_code == 200
    assert_documented(answer.json(), HISTORY)
    assert answer.json()["pagination"] == {"total": 1, "page": 1, "size": 20, "pages": 1}
    assert answer.json()["statistics"]["total_appointments"] == 2


def test_the_example_with_the_documents_own_id_is_a_404(staff):
    """The id in its URL, `122`, is not one of Circe's."""
    answer = staff.get(
        "/api/v1/customers/122/appointments?status=confirmed&from_date=2025-01-01&to_date=2025-12-31&page=1&size=20"
    )
    assert answer.status_code == 404


def test_the_example_of_update_customer_preferences_works(staff, jane, tenant):
    body = PREFERENCES | {
        "preferred_outlet_id": OutletFactory(tenant=tenant).pk,
        "preferred_services": [ServiceFactory(tenant=tenant).pk],
        "preferred_staff_ids": [UserFactory(tenant=tenant).pk],
    }
    answer = staff.put(f"/api/v1/customers/{jane.pk}/preferences", body)
    assert answer.status_code == 200
    # The text promises the full profile, and the example shows the preferences.
    assert_documented(answer.json(), CUSTOMER)
    assert_documented(answer.json(), PREFERENCES)
    assert {key: answer.json()[key] for key in body} == body
    assert {key: answer.json()["preferences"][key] for key in body} == body


def test_the_example_of_get_customer_analytics_works(admin, visit):
    answer = admin.get("/api/v1/customers/statistics/summary?from_date=2025-01-01&to_date=2025-12-31")
    assert answer.status_code == 200
    assert_documented(answer.json(), SUMMARY)
    assert answer.json()["period"] == {"from": "2025-01-01", "to": "2025-12-31"}


def test_the_example_of_get_customer_analytics_works_without_dates(admin, visit):
    answer = admin.get("/api/v1/customers/statistics/summary")
    assert answer.status_code == 200
    assert_documented(answer.json(), SUMMARY, null_paths={"period.from", "period.to"})
