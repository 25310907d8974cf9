"""The endpoint GET /api/v1/customers/{customer_id}/appointments."""

import datetime as dt

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from appointments.models import Appointment, Status
from appointments.tests.factories import AppointmentFactory
from circe.tests.cases import in_one_test
from conftest import client_of
from customers.tests.bodies import CUSTOMERS, NO_SUCH_ID, faults, instant, not_found
from customers.tests.factories import CustomerFactory, DeletedCustomerFactory
from tenants.scope import tenant_scope
from tenants.tests.factories import OutletFactory, ServiceFactory, TenantFactory, UserFactory

DAYS = [
    "yesterday",
    "",
    "2025-02-30",
    "2025-1-1",
    "20250101",
    "2025-01-01T25:00:00Z",
    "2025-01-01T10:00:00%2B24:00",
    "9999-12-31T23:59:59-01:00",
    "2025-01-01%00",
]


@pytest.fixture
def jane(tenant):
    return CustomerFactory(tenant=tenant)


@pytest.fixture
def book(jane):
    """Returns a function: `book("2025-01-25", "confirmed", at=14)` creates an appointment of Jane's of one hour."""
    tenant = jane.tenant
    shared = {
        "tenant": tenant,
        "customer": jane,
        "service": ServiceFactory(tenant=tenant),
        "outlet": OutletFactory(tenant=tenant),
        "staff_id": UserFactory(tenant=tenant).pk,
    }

    def make(day, status="completed", at=14, **fields):
        day = dt.date.fromisoformat(day)
        hours = {"start_time": dt.time(at), "end_time": dt.time((at + 1) % 24)}
        return AppointmentFactory(**shared | hours | {"appointment_date": day, "status": status} | fields)

    return make


def history(client, customer, query=""):
    response = client.get(f"{CUSTOMERS}/{customer.pk}/appointments?{query}")
    assert response.status_code == 200, response.content
    return response.json()


def ids(client, customer, query=""):
    return [appointment["id"] for appointment in history(client, customer, query)["appointments"]]


def test_the_documented_request_is_answered_with_every_key(staff, tenant, jane):
    service = ServiceFactory(tenant=tenant, name="Cut", category="hair", duration_minutes=90, price=400000)
    plain = ServiceFactory(tenant=tenant, name="Talk", category="", duration_minutes=15, price=0)
    outlet = OutletFactory(tenant=tenant, name="Kemang")
    person = UserFactory(tenant=tenant, first_name="Rina", last_name="Wati")
    shared = {"tenant": tenant, "customer": jane, "outlet": outlet, "staff_id": person.pk, "status": "confirmed"}
    one = AppointmentFactory(
        **shared,
        service=service,
        notes="Customer prefers window seat",
        payment_status="partially_paid",
        payment_method="card",
        paid_amount=100000,
    )
    two = AppointmentFactory(**shared, service=plain, appointment_date=dt.date(2025, 1, 24), total_price=0)
    # Each of these is excluded by one of the parameters.
    AppointmentFactory(**shared | {"status": "cancelled"}, service=service)
    AppointmentFactory(**shared, service=service, appointment_date=dt.date(2024, 12, 31))
    AppointmentFactory(**shared, service=service, appointment_date=dt.date(2026, 1, 1))
    AppointmentFactory(
        **shared | {"customer": CustomerFactory(tenant=tenant)},
        service=service,
        start_time=dt.time(9),
        end_time=dt.time(10),
    )

    def body(appointment, **given):
        return {
            "id": appointment.pk,
            "tenant_id": tenant.pk,
            "outlet_id": outlet.pk,
            "customer_id": jane.pk,
            "staff_id": person.pk,
            "service_id": appointment.service_id,
            "appointment_date": "2025-01-25",
            "start_time": "14:00:00",
            "end_time": "15:30:00",
            "status": "confirmed",
            "total_price": 350000,
            "notes": "Customer prefers window seat",
            "created_at": instant(appointment.created_at),
            "updated_at": instant(appointment.updated_at),
            "service": {"id": service.pk, "name": "Cut", "category": "hair", "duration_minutes": 90, "price": 400000},
            "staff": {"id": person.pk, "name": "Rina Wati"},
            "outlet": {"id": outlet.pk, "name": "Kemang"},
            "payment": {"status": "partially_paid", "method": "card", "paid_amount": 100000},
            "currency": "IDR",
            "sequence": 0,
            "walk_in": False,
            "buffer_minutes": 0,
            "overrides": [],
            "status_reason": None,
        } | given

    query = "status=confirmed&from_date=2025-01-01&to_date=2025-12-31&page=1&size=20"
    with time_machine.travel("2025-01-24T09:00:00Z", tick=False):
        answer = history(client_of(staff.user), jane, query)
    assert answer == {
        "appointments": [
            body(one),
            body(
                two,
                appointment_date="2025-01-24",
                total_price=0,
                notes=None,
                service={"id": plain.pk, "name": "Talk", "category": None, "duration_minutes": 15, "price": 0},
                payment={"status": "unpaid", "method": None, "paid_amount": 0},
            ),
        ],
        "statistics": {"total_appointments": 5, "completed": 0, "cancelled": 1, "no_show": 0, "upcoming": 2},
        "pagination": {"total": 2, "page": 1, "size": 20, "pages": 1},
    }


def test_a_history_without_appointments_is_empty(staff, jane):
    assert history(staff, jane) == {
        "appointments": [],
        "statistics": {"total_appointments": 0, "completed": 0, "cancelled": 0, "no_show": 0, "upcoming": 0},
        "pagination": {"total": 0, "page": 1, "size": 20, "pages": 0},
    }


@pytest.mark.parametrize("role", ["super_admin", "tenant_admin", "outlet_manager", "staff"])
def test_all_staff_members_can_view_appointment_history(as_role, jane, book, role):
    made = book("2025-01-25")
    assert ids(as_role(role), jane) == [made.pk]


def test_the_history_is_ordered_newest_first(staff, jane, book):
    early, late = book("2025-01-25", at=9), book("2025-01-25", at=15)
    newest, oldest = book("2025-02-01", at=8), book("2024-12-01", at=20)
    same = sorted((book("2025-01-01", "cancelled").pk for _ in range(4)), reverse=True)
    assert ids(staff, jane) == [newest.pk, late.pk, early.pk, *same, oldest.pk]
    paged = [pk for page in range(1, 5) for pk in ids(staff, jane, f"size=2&page={page}")]
    assert paged == ids(staff, jane)


def test_status_accepts_several_values_and_other_spellings(staff, jane, book):
    made = {status.value: book(f"2025-01-{day:02}", status).pk for day, status in enumerate(Status, 1)}
    for status, pk in made.items():
        assert ids(staff, jane, f"status={status}") == [pk]
        assert ids(staff, jane, f"status=+{status.upper()}+") == [pk]
    assert ids(staff, jane, "status=no-show,canceled") == [made["no_show"], made["cancelled"]]
    assert ids(staff, jane, "status=no_show,+cancelled,no-show,pending") == [
        made["no_show"],
        made["cancelled"],
        made["pending"],
    ]
    assert ids(staff, jane, f"status={','.join(made)}") == list(made.values())[::-1]


def test_date_bounds_are_inclusive_days_of_the_appointment(staff, jane, book):
    days = [book(f"2025-01-{day}", at=23).pk for day in (10, 11, 12)]
    assert ids(staff, jane, "from_date=2025-01-11") == [days[2], days[1]]
    assert ids(staff, jane, "to_date=2025-01-11") == [days[1], days[0]]
    assert ids(staff, jane, "from_date=2025-01-11&to_date=2025-01-11") == [days[1]]
    # 17:00 UTC of the 10th is midnight of the 11th in Jakarta.
    assert ids(staff, jane, "from_date=2025-01-10T17:00:00Z&to_date=2025-01-11T16:59:59Z") == [days[1]]
    assert ids(staff, jane, "from_date=2025-01-11T00:00:00+07:00&to_date=2025-01-11") == [days[1]]
    assert ids(staff, jane, "from_date=0001-01-01&to_date=9999-12-31") == days[::-1]
    assert ids(staff, jane, "status=confirmed&from_date=2025-01-11") == []


@pytest.mark.parametrize("zone", ["Asia/Jakarta", "America/Los_Angeles", "Pacific/Kiritimati"])
def test_the_filter_by_days_accepts_the_ends_of_the_calendar(as_role, zone):
    tenant = TenantFactory(time_zone=zone)
    appointment = AppointmentFactory(tenant=tenant)
    staff = as_role("staff", tenant=tenant)
    query = "from_date=0001-01-01T00:00:00Z&to_date=9999-12-31T23:59:59Z"
    assert ids(staff, appointment.customer, query) == [appointment.pk]
    assert ids(staff, appointment.customer, "from_date=9999-12-31T23:59:59Z") == []
    assert ids(staff, appointment.customer, "to_date=0001-01-01T00:00:00Z") == []


@in_one_test(
    "query",
    [
        *(f"status={value}" for value in ("banana", "confirmed,", ",", "confirmed,banana", "confirmed%00", "1")),
        "status=confirmed&status=banana",
        *(f"{name}={value}" for name in ("from_date", "to_date") for value in DAYS),
        "from_date=2025-01-02&to_date=2025-01-01",
        "from_date=2025-01-01&from_date=2025-01-01",
        "to_date=2025-01-01&to_date=2025-01-02",
        "page=0",
        "page=abc",
        "page=1&page=1",
        "size=0",
        "size=101",
        "size=1&size=1",
    ],
)
def test_an_invalid_parameter_is_an_error_of_its_name(staff, jane, query):
    assert faults(staff.get(f"{CUSTOMERS}/{jane.pk}/appointments?{query}")) == {query.partition("=")[0]}


def test_unknown_parameter_names_are_ignored(staff, jane, book):
    pk = book("2025-01-25").pk
    assert ids(staff, jane, "colour=blue&created_from=junk&search=a&search=b&email_verified=banana") == [pk]


def test_statistics_describe_the_whole_history_and_pagination_the_filtered_rows(staff, jane, book):
    for day in range(1, 6):
        book(f"2025-01-{day:02}")
    for day, status in enumerate(("cancelled", "cancelled", "no_show", "in_progress", "pending", "confirmed"), 10):
        book(f"2025-01-{day}", status)
    book("2999-01-01", "pending")
    book("2999-01-02", "confirmed")
    book("2999-01-03", "cancelled")
    figures = {"total_appointments": 14, "completed": 5, "cancelled": 3, "no_show": 1, "upcoming": 2}
    for query, pagination in {
        "": {"total": 14, "page": 1, "size": 20, "pages": 1},
        "status=completed&size=2&page=2": {"total": 5, "page": 2, "size": 2, "pages": 3},
        "status=completed&size=2&page=3": {"total": 5, "page": 3, "size": 2, "pages": 3},
        "from_date=2025-01-03&to_date=2025-01-10&size=3&page=9": {"total": 4, "page": 9, "size": 3, "pages": 2},
        "to_date=2000-01-01": {"total": 0, "page": 1, "size": 20, "pages": 0},
    }.items():
        body = history(staff, jane, query)
        assert (body["statistics"], body["pagination"]) == (figures, pagination), query
        shown = max(0, min(pagination["size"], pagination["total"] - (pagination["page"] - 1) * pagination["size"]))
        assert len(body["appointments"]) == shown


@pytest.mark.slow("is a table of twenty clocks and statuses")
@pytest.mark.parametrize(
    ("zone", "now", "upcoming"),
    [
        # In Jakarta: 23:59:59 of the 14th, 00:00 of the 15th, and after noon.
        ("Asia/Jakarta", "2025-01-14T16:59:59Z", 4),
        ("Asia/Jakarta", "2025-01-14T17:00:00Z", 4),
        ("Asia/Jakarta", "2025-01-14T17:00:01Z", 3),
        ("Asia/Jakarta", "2025-01-15T05:00:00Z", 3),
        ("Asia/Jakarta", "2025-01-15T05:00:01Z", 2),
        ("Asia/Jakarta", "2025-01-15T17:00:00Z", 1),
        ("Europe/Oslo", "2025-01-14T23:00:00Z", 4),
        ("Europe/Oslo", "2025-01-14T23:00:01Z", 3),
        ("Europe/Oslo", "2025-01-15T11:00:01Z", 2),
        ("Europe/Oslo", "2025-01-15T23:00:00Z", 1),
    ],
)
@pytest.mark.parametrize("role", ["staff", "super_admin"])
def test_upcoming_is_pending_or_confirmed_and_starts_now_or_later_in_the_tenants_time_zone(
    as_role, zone, now, upcoming, role
):
    tenant = TenantFactory(time_zone=zone)
    customer = CustomerFactory(tenant=tenant)
    user = as_role(role, tenant=tenant).user
    for day, at, status in (
        (14, 23, "confirmed"),
        (15, 0, "pending"),
        (15, 12, "confirmed"),
        (15, 23, "pending"),
        (16, 0, "confirmed"),
        (16, 12, "cancelled"),
        (16, 12, "completed"),
        (16, 12, "in_progress"),
        (16, 12, "no_show"),
    ):
        AppointmentFactory(
            tenant=tenant,
            customer=customer,
            appointment_date=dt.date(2025, 1, day),
            start_time=dt.time(at),
            end_time=dt.time(at, 30),
            status=status,
        )
    with time_machine.travel(now, tick=False):
        assert history(client_of(user), customer)["statistics"]["upcoming"] == upcoming


def test_for_a_super_admin_days_are_in_the_time_zone_of_the_customers_tenant(super_admin, jane, book):
    pk = book("2025-01-11").pk
    assert ids(super_admin, jane, "from_date=2025-01-10T17:00:00Z&to_date=2025-01-10T17:00:00Z") == [pk]


def test_404_for_a_foreign_a_deleted_and_an_unknown_customer(staff, super_admin, tenant, other_tenant):
    foreign = AppointmentFactory(tenant=other_tenant).customer
    for absent in (foreign.pk, DeletedCustomerFactory(tenant=tenant).pk, NO_SUCH_ID, "122", "%00"):
        for query in ("", "?status=banana"):
            response = staff.get(f"{CUSTOMERS}/{absent}/appointments{query}")
            assert (response.status_code, response.json()) == (404, not_found())
    assert super_admin.get(f"{CUSTOMERS}/{foreign.pk}/appointments?tenant_id={tenant.pk}").status_code == 404
    assert history(super_admin, foreign)["appointments"][0]["currency"] == "NOK"


@pytest.mark.slow("makes a hundred rows")
def test_a_page_sends_as_many_queries_for_100_rows_as_for_1(staff, tenant, jane):
    counts = []
    for more in (1, 99):
        for _ in range(more):
            AppointmentFactory(tenant=tenant, customer=jane)
        with CaptureQueriesContext(connection) as queries:
            assert len(history(staff, jane, "size=100")["appointments"]) == sum((1, 99)[: len(counts) + 1])
        counts.append(sum(query["sql"].startswith("SELECT") for query in queries))
    assert counts == [2, 2]  # one for the account, one for the whole answer


def test_an_appointment_of_a_purged_customer_is_in_no_history(super_admin, staff, tenant, jane, book):
    book("2025-01-25")
    super_admin.delete(f"{CUSTOMERS}/{jane.pk}?permanent=true")
    assert staff.get(f"{CUSTOMERS}/{jane.pk}/appointments").status_code == 404
    with tenant_scope(tenant):
        assert Appointment.objects.get().customer_id is None
    assert ids(staff, CustomerFactory(tenant=tenant)) == []
