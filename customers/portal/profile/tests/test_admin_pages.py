"""Staff see in the back office the requests that a customer made in the portal."""

import pytest
from django.urls import reverse

from customers.models import Customer
from customers.tests.factories import CustomerFactory
from tenants.scope import tenant_scope

LIST = reverse("admin:customers_deletionrequest_changelist")


@pytest.fixture
def jane(portal_client):
    """The client of a customer."""
    return portal_client(first_name="Jane", last_name="Doe", phone="+628111111111")


def page_of(customer):
    return reverse("admin:customers_customer_change", args=[customer.pk])


def test_staff_see_who_asked_to_be_deleted_and_administrators_close_the_request(jane, back_office, tenant):
    jane.post(f"{jane.url}/deletion-request")
    staff, admin = back_office("staff"), back_office("tenant_admin")
    assert "Jane Doe" in staff.get(LIST).content.decode()
    assert "Asked to be deleted" in staff.get(page_of(jane.customer)).content.decode()
    url = reverse("admin:customers_customer_deletion_request", args=[jane.customer.pk])
    assert staff.post(url).status_code == 403
    assert "Jane Doe" in staff.get(LIST).content.decode()
    assert admin.post(url).status_code == 302
    assert "Jane Doe" not in admin.get(LIST).content.decode()
    assert "Jane Doe" in admin.get(f"{LIST}?handled=yes").content.decode()
    assert "Jane Doe" in admin.get(f"{LIST}?handled=all").content.decode()
    assert "Act until" not in staff.get(page_of(jane.customer)).content.decode()
    assert jane.get(f"{jane.url}/deletion-request").status_code == 404


def test_staff_see_whose_the_phone_is_that_waits_and_settle_it(jane, back_office, tenant, manager):
    other = CustomerFactory(tenant=tenant, first_name="Kim", last_name="Ong", phone="+628122222222")
    jane.patch(jane.url, {"phone": "+628122222222"})
    shown = back_office("staff").get(page_of(jane.customer)).content.decode()
    assert "+628122222222" in shown
    assert "Kim Ong" in shown
    assert manager.patch(f"/api/v1/customers/{other.pk}", {"phone": None}).status_code == 200
    assert manager.patch(f"/api/v1/customers/{jane.customer.pk}", {"phone": "+628122222222"}).status_code == 200
    with tenant_scope(tenant):
        assert Customer.objects.values_list("phone", "pending_phone").get(pk=jane.customer.pk) == (
            "+628122222222",
            None,
        )
    assert "Asked for in the portal" not in back_office("staff").get(page_of(jane.customer)).content.decode()
