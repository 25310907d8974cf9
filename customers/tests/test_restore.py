"""POST /api/v1/customers/{customer_id}/restore."""

import pytest

from customers.models import Customer
from customers.tests.bodies import CUSTOMERS, INSTANT, NO_SUCH_ID, instant, not_found, profile
from customers.tests.factories import CustomerFactory, DeletedCustomerFactory
from tenants.scope import ALL_TENANTS, tenant_scope


@pytest.fixture
def deleted(tenant):
    return DeletedCustomerFactory(tenant=tenant, email="jane@example.com", phone="+628123456")


def restore(client, customer, query=""):
    return client.post(f"{CUSTOMERS}/{customer.pk}/restore{query}")


def row(customer):
    with tenant_scope(ALL_TENANTS):
        return Customer.objects.filter(pk=customer.pk).values().get()


@pytest.mark.parametrize("role", ["super_admin", "tenant_admin"])
def test_soft_deleted_customers_can_be_restored(as_role, deleted, role):
    response = restore(as_role(role), deleted)
    expected = profile(deleted, updated_at=instant(row(deleted)["updated_at"]))
    assert (response.status_code, response.json()) == (200, expected)


@pytest.mark.parametrize("is_active", [True, False])
def test_back_as_before(admin, tenant, is_active):
    customer = CustomerFactory(tenant=tenant, is_active=is_active, email_verified=True, password="hash", tags=["vip"])
    before = row(customer)
    admin.delete(f"{CUSTOMERS}/{customer.pk}")
    assert restore(admin, customer).json()["is_active"] is is_active
    after = row(customer)
    assert {key for key in after if after[key] != before[key]} == {"updated_at", "changed_at"}


@pytest.mark.parametrize("role", ["outlet_manager", "staff"])
def test_tenant_admin_or_super_admin_only(as_role, deleted, role):
    before = row(deleted)
    assert restore(as_role(role), deleted).status_code == 403
    assert row(deleted) == before


@pytest.mark.parametrize(
    ("taken", "sentence"),
    [
        (["email"], "e-mail address"),
        (["phone"], "phone number"),
        (["email", "phone"], "e-mail address and phone number"),
    ],
)
def test_409_where_the_email_or_phone_has_been_taken_meanwhile(admin, tenant, deleted, taken, sentence):
    other = CustomerFactory(tenant=tenant, **{field: getattr(deleted, field) for field in taken})
    before = row(deleted)
    response = restore(admin, deleted)
    assert response.status_code == 409
    assert response.json() == {
        "type": "urn:circe:problem:duplicate_customer",
        "title": "Conflict",
        "status": 409,
        "detail": f"Another customer has this {sentence}.",
        "code": "duplicate_customer",
        "conflicts": [{"field": field, "customer_id": other.pk, "is_deleted": False} for field in taken],
    }
    assert row(deleted) == before


def test_another_tenants_customer_takes_nothing(admin, other_tenant, deleted):
    CustomerFactory(tenant=other_tenant, email=deleted.email, phone=deleted.phone)
    assert restore(admin, deleted).status_code == 200


def test_a_live_customer_is_answered_unchanged(admin, tenant):
    customer = CustomerFactory(tenant=tenant, is_active=False)
    before = row(customer)
    response = restore(admin, customer)
    assert (response.status_code, response.json()) == (200, profile(customer, is_active=False))
    assert row(customer) == before


def test_404_whatever_is_not_there(admin, super_admin, tenant, other_tenant):
    foreign = DeletedCustomerFactory(tenant=other_tenant)
    for absent in (foreign.pk, NO_SUCH_ID, "122", "%00"):
        response = admin.post(f"{CUSTOMERS}/{absent}/restore")
        assert (response.status_code, response.json()) == (404, not_found())
    assert restore(super_admin, foreign, f"?tenant_id={tenant.pk}").status_code == 404
    assert restore(super_admin, foreign).status_code == 200


def test_the_history_tells_instants_as_everywhere(admin, tenant):
    customer = CustomerFactory(tenant=tenant)
    admin.delete(f"{CUSTOMERS}/{customer.pk}")
    event = admin.get(f"{CUSTOMERS}/{customer.pk}/history").json()["items"][0]
    deleted_at = {change["field"]: change["after"] for change in event["changes"]}["deleted_at"]
    assert INSTANT.match(deleted_at), deleted_at
