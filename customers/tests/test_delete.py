"""DELETE /api/v1/customers/{customer_id}."""

import datetime as dt

import pytest
from django.db import connection
from django.utils import timezone

from appointments.models import Appointment, Status
from appointments.tests.factories import AppointmentFactory
from appointments.tests.stored import read_appointments
from customers.models import Customer
from customers.tests.bodies import CUSTOMERS, NO_SUCH_ID, faults, instant, not_found
from customers.tests.factories import CustomerFactory, DeletedCustomerFactory
from tenants.models import AuditEvent
from tenants.scope import ALL_TENANTS, tenant_scope
from tenants.tests.factories import OutletFactory, ServiceFactory, UserFactory

MESSAGE = {"message": "Customer has been deleted successfully"}


@pytest.fixture
def jane(tenant):
    return CustomerFactory(tenant=tenant, email="jane@example.com", phone="+628123456")


def rows(**which):
    with tenant_scope(ALL_TENANTS):
        return list(Customer.objects.filter(**which).values())


def delete(client, customer, query=""):
    return client.delete(f"{CUSTOMERS}/{customer.pk}{query}")


@pytest.mark.parametrize("role", ["super_admin", "tenant_admin"])
def test_soft_delete_by_default_preserves_data(as_role, jane, role):
    client = as_role(role)
    (before,) = rows()
    response = delete(client, jane)
    assert (response.status_code, response.json()) == (200, MESSAGE)
    (after,) = rows()
    changed = {key: value for key, value in after.items() if value != before[key]}
    assert changed == {
        "is_deleted": True,
        "is_active": False,
        "was_active": True,
        "deleted_by": client.user.pk,
        "deleted_at": after["deleted_at"],
        "updated_at": after["updated_at"],
        "changed_at": after["changed_at"],
    }
    assert jane.updated_at < after["deleted_at"] <= timezone.now()


@pytest.mark.parametrize("query", ["", "?permanent=false", "?permanent=true", "?permanent=banana"])
@pytest.mark.parametrize("role", ["outlet_manager", "staff"])
def test_tenant_admin_or_super_admin_only(as_role, jane, role, query):
    before = rows()
    assert delete(as_role(role), jane, query).status_code == 403
    assert rows() == before


def test_soft_deleted_customers_are_excluded_from_normal_queries(admin, jane):
    url = f"{CUSTOMERS}/{jane.pk}"
    delete(admin, jane)
    assert admin.get(CUSTOMERS).json()["items"] == admin.get(f"{CUSTOMERS}?search=jane").json()["items"] == []
    answers = [
        admin.get(url),
        admin.put(url, {"first_name": "x"}),
        admin.patch(url, {}),
        admin.delete(url),
        admin.get(f"{url}/appointments"),
        admin.put(f"{url}/preferences", {}),
        admin.delete(f"{CUSTOMERS}/{NO_SUCH_ID}"),
    ]
    assert [(answer.status_code, answer.json()) for answer in answers] == [(404, not_found())] * len(answers)


def test_soft_delete_preserves_appointment_history(admin, jane, tenant):
    AppointmentFactory(tenant=tenant, customer=jane)
    delete(admin, jane)
    with tenant_scope(tenant):
        assert Appointment.objects.get().customer_id == jane.pk


def test_the_email_and_the_phone_are_free_again(admin, jane):
    delete(admin, jane)
    assert admin.post(CUSTOMERS, {"first_name": "J", "email": jane.email, "phone": jane.phone}).status_code == 201


@pytest.mark.parametrize(
    "query", ["?permanent=banana", "?permanent=", "?permanent=2", "?permanent=true&permanent=true"]
)
def test_permanent_is_true_or_false(super_admin, jane, query):
    before = rows()
    assert faults(delete(super_admin, jane, query)) == {"permanent"}
    assert rows() == before


def test_permanent_false_is_a_soft_delete(super_admin, jane):
    assert delete(super_admin, jane, "?permanent=false").json() == MESSAGE
    assert len(rows(is_deleted=True)) == 1


def test_permanent_delete_requires_super_admin_and_otherwise_nothing_happens(admin, jane, other_tenant):
    deleted, foreign = DeletedCustomerFactory(tenant=jane.tenant), CustomerFactory(tenant=other_tenant)
    before = rows()
    answers = [delete(admin, one, "?permanent=true") for one in (jane, deleted, foreign)]
    answers.append(admin.delete(f"{CUSTOMERS}/{NO_SUCH_ID}?permanent=true"))
    assert {(answer.status_code, answer.content) for answer in answers} == {(403, answers[0].content)}
    assert rows() == before


def test_permanent_delete_works_on_a_soft_deleted_customer_too_and_again_is_a_404(super_admin, jane, tenant):
    deleted = DeletedCustomerFactory(tenant=tenant)
    for one in (jane, deleted):
        assert delete(super_admin, one, "?permanent=true").json() == MESSAGE
        for query in ("?permanent=true", ""):
            assert delete(super_admin, one, query).json() == not_found()
        assert super_admin.post(f"{CUSTOMERS}/{one.pk}/restore").json() == not_found()
    assert rows() == []


def everything_stored():
    """Every value of every table of the database, as text."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
        for (table,) in cursor.fetchall():
            cursor.execute(f'SELECT t::text FROM "{table}" AS t')
            yield from (row for (row,) in cursor.fetchall())


def test_a_permanent_delete_leaves_nothing_of_the_person_and_the_figures_as_they_were(super_admin, tenant):
    service, outlet, person = ServiceFactory(tenant=tenant), OutletFactory(tenant=tenant), UserFactory(tenant=tenant)
    traces = ("quetzalcoatl", "xylophonova", "zanzibar", "8129990001", "wintergarden", "hummingbird", "ramp-b")
    made = super_admin.post(
        CUSTOMERS,
        {
            "tenant_id": tenant.pk,
            "first_name": "Quetzalcoatl",
            "last_name": "Xylophonova",
            "email": "Zanzibar@example.com",
            "phone": "+628129990001",
            "password": "SecurePass123!",
            "address": "Wintergarden 1",
            "preferences": {
                "notes": "Hummingbird",
                "accessibility_needs": "Ramp-B",
                "preferred_services": [service.pk],
                "preferred_staff_ids": [person.pk],
                "preferred_outlet_id": outlet.pk,
            },
        },
    ).json()
    with tenant_scope(tenant):
        customer = Customer.objects.get(pk=made["id"])
    shared = {"tenant": tenant, "customer": customer, "service": service, "outlet": outlet, "staff_id": person.pk}
    for day, status in enumerate(Status, 1):
        date = dt.date(2025, 1, day)
        AppointmentFactory(**shared, appointment_date=date, status=status, notes="Hummingbird", paid_amount=day)
    url = f"{CUSTOMERS}/statistics/summary?tenant_id={tenant.pk}"
    figures = super_admin.get(url).json()["statistics"]
    with tenant_scope(tenant):
        appointments = read_appointments()

    assert delete(super_admin, customer, "?permanent=true").json() == MESSAGE

    for row in everything_stored():
        for trace in (*traces, customer.password):
            assert trace not in row.lower(), row
    # Where the id is still known, the trail tells that there was somebody, and nothing of them.
    with tenant_scope(tenant):
        known = AuditEvent.objects.filter(customer_id=customer.pk).count()
    # The tombstone holds the id and nothing else.
    assert sum(customer.pk in row for row in everything_stored()) == known + 1
    left = super_admin.get(url).json()["statistics"]
    kept = ("total_revenue", "total_appointments")
    assert [left[key] for key in kept] == [figures[key] for key in kept] == [350000, 6]
    with tenant_scope(tenant):
        assert read_appointments() == [row | {"customer_id": None, "notes": None} for row in appointments]


def test_what_a_permanent_delete_must_find_can_be_found(tenant, jane):
    """The scan of the test above sees what is there."""
    stored = "\n".join(everything_stored())
    for trace in ("jane@example.com", "8123456", jane.pk, instant(jane.created_at)[:10]):
        assert trace in stored


def test_a_super_admin_deletes_in_any_tenant_or_in_the_named_one(super_admin, tenant, other_tenant):
    one, two = CustomerFactory.create_batch(2, tenant=other_tenant)
    for query in ("", "&permanent=true"):
        assert delete(super_admin, one, f"?tenant_id={tenant.pk}{query}").status_code == 404
    assert delete(super_admin, one).status_code == 200
    assert delete(super_admin, two, f"?tenant_id={other_tenant.pk}&permanent=true").status_code == 200
    assert [row["id"] for row in rows()] == [one.pk]


def test_404_for_another_tenants_customer(admin, other_tenant):
    foreign = CustomerFactory(tenant=other_tenant)
    assert delete(admin, foreign).json() == not_found()
    assert len(rows(is_deleted=False)) == 1
