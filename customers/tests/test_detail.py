"""GET /api/v1/customers/{customer_id}."""

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from appointments.models import Status
from appointments.tests.factories import AppointmentFactory
from circe.db.roles import as_owner
from customers.models.preferences import PreferredService, PreferredStaff
from customers.tests.bodies import CUSTOMERS, NO_SUCH_ID, not_found, preferences, profile
from customers.tests.factories import CustomerFactory, DeletedCustomerFactory
from tenants.scope import tenant_scope
from tenants.tests.factories import OutletFactory, ServiceFactory, UserFactory


def test_the_complete_customer_profile(staff, tenant):
    outlet, services = OutletFactory(tenant=tenant), ServiceFactory.create_batch(3, tenant=tenant)
    people = [UserFactory(tenant=tenant) for _ in range(2)]
    customer = CustomerFactory(
        tenant=tenant,
        first_name="Jane",
        last_name="Doe",
        email="customer@example.com",
        email_verified=True,
        phone="+1234567890",
        phone_verified=True,
        password="argon2$hash",
        gender="female",
        date_of_birth=dt.date(1990, 2, 28),
        address="Jl. Sudirman 1",
        tags=["vip"],
        source="website",
        loyalty_points=150,
        created_at=dt.datetime(2025, 1, 15, 10, 30, 0, 999_999, tzinfo=dt.UTC),
        marketing_consent=True,
        accepts_whatsapp=True,
        language="en",
        notes="Prefers morning appointments",
        preferred_outlet=outlet,
        preferred_categories=["nails", "hair"],
        accessibility_needs="Step-free access",
    )
    with tenant_scope(tenant):
        for position, service in enumerate(reversed(services)):
            PreferredService.objects.create(customer=customer, service=service, position=position)
        for position, person in enumerate(reversed(people)):
            PreferredStaff.objects.create(customer=customer, staff_id=person.pk, position=position)
    for day, status in enumerate((*Status, Status.COMPLETED), 1):
        AppointmentFactory(
            tenant=tenant,
            customer=customer,
            status=status,
            appointment_date=dt.date(2025, 3, day),
            total_price=100 if status == Status.COMPLETED else 1,
        )
    assert staff.get(f"{CUSTOMERS}/{customer.pk}").json() == profile(
        customer,
        created_at="2025-01-15T10:30:00Z",
        email_verified=True,
        phone_verified=True,
        has_password=True,
        gender="female",
        date_of_birth="1990-02-28",
        address="Jl. Sudirman 1",
        tags=["self-registered", "vip"],
        source="website",
        loyalty_points=150,
        total_appointments=7,
        total_spent=200,
        last_appointment_date="2025-03-07",
        preferences=preferences(
            communication_preferences={"email": True, "sms": True, "push_notifications": True, "whatsapp": True},
            language="en",
            marketing_consent=True,
            notes="Prefers morning appointments",
            preferred_outlet_id=outlet.pk,
            preferred_services=[service.pk for service in reversed(services)],
            preferred_staff_ids=[person.pk for person in reversed(people)],
            preferred_categories=["nails", "hair"],
            accessibility_needs="Step-free access",
        ),
    )


@pytest.mark.parametrize("role", ["super_admin", "tenant_admin", "outlet_manager", "staff"])
def test_all_staff_members_can_view_customer_details(as_role, tenant, role):
    customer = CustomerFactory(tenant=tenant)
    assert as_role(role).get(f"{CUSTOMERS}/{customer.pk}").json() == profile(customer)


def test_404_byte_for_byte_whatever_is_not_there(staff, tenant, other_tenant):
    absent = [
        CustomerFactory(tenant=other_tenant).pk,
        DeletedCustomerFactory(tenant=tenant).pk,
        AppointmentFactory(tenant=tenant).pk,
        NO_SUCH_ID,
        CustomerFactory(tenant=tenant).pk.upper() + "0",
        "122",
        "x" * 5000,
        "%00",
        "507f1f77bcf86cd79943901%00",
        "%0a" + CustomerFactory(tenant=tenant).pk,
        CustomerFactory(tenant=tenant).pk + "%0a",
        "٥" * 24,
        "null",
        "%ff",
        "' OR 1=1 --",
    ]
    answers = [staff.get(f"{CUSTOMERS}/{one}") for one in absent]
    assert {answer.status_code for answer in answers} == {404}
    assert {answer.content for answer in answers} == {answers[0].content}
    assert answers[0].json() == not_found()


def test_a_super_admin_sees_all_tenants_and_narrows_with_tenant_id(super_admin, tenant, other_tenant):
    theirs = CustomerFactory(tenant=other_tenant, language="nb")
    url = f"{CUSTOMERS}/{theirs.pk}"
    assert super_admin.get(url).json() == profile(theirs, preferences=preferences(language="nb"))
    assert super_admin.get(f"{url}?tenant_id={other_tenant.pk}").status_code == 200
    assert super_admin.get(f"{url}?tenant_id={tenant.pk}").json() == not_found()
    assert super_admin.get(f"{url}?tenant_id={NO_SUCH_ID}").status_code == 400


@pytest.mark.slow("makes a hundred rows")
def test_the_same_number_of_queries_with_1_and_with_100_appointments(staff, tenant):
    customer, attending = CustomerFactory(tenant=tenant), UserFactory(tenant=tenant).pk
    counts = []
    for more in (1, 99):
        for n in range(more):
            day = dt.date(2025, 1, 1) + dt.timedelta(days=n)
            AppointmentFactory(tenant=tenant, customer=customer, staff_id=attending, appointment_date=day)
        with CaptureQueriesContext(connection) as queries:
            staff.get(f"{CUSTOMERS}/{customer.pk}")
        counts.append(sum(query["sql"].startswith("SELECT") for query in queries))
    assert counts == [2, 2]  # who asks, and the customer


def test_reading_locks_nothing(staff, tenant):
    customer = CustomerFactory(tenant=tenant)
    for read in (staff.get, staff.head):
        for url in (CUSTOMERS, f"{CUSTOMERS}/{customer.pk}", f"{CUSTOMERS}/{customer.pk}/appointments"):
            with CaptureQueriesContext(connection) as queries:
                assert read(url).status_code == 200
            assert not [query["sql"] for query in queries if "FOR UPDATE" in query["sql"]], (read, url)


def test_without_a_row_of_totals_the_customer_is_there(staff, tenant):
    customer = CustomerFactory(tenant=tenant)
    AppointmentFactory(tenant=tenant, customer=customer, status=Status.COMPLETED)
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM appointments_customertotals")
    answer = staff.get(f"{CUSTOMERS}/{customer.pk}").json()
    assert (answer["total_appointments"], answer["total_spent"], answer["last_appointment_date"]) == (0, 0, None)
    assert [one["id"] for one in staff.get(CUSTOMERS).json()["items"]] == [customer.pk]
