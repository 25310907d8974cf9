"""Customers of the portal read free times and recommendations, as staff do."""

import datetime as dt

import pytest
import time_machine

from appointments.bookings.tests.conftest import MONDAY
from appointments.tests.factories import AppointmentFactory
from customers.models import PreferredService, PreferredStaff
from customers.tests.factories import CustomerFactory
from tenants.scope import tenant_scope
from tenants.tests.factories import ServiceStaffFactory, UserFactory

AVAILABILITY = "/api/v1/availability"
NOW = dt.datetime(2030, 6, 1, 2, tzinfo=dt.UTC)


@pytest.fixture
def query(salon):
    return {"service_id": salon.cut.pk, "from_date": MONDAY, "to_date": MONDAY}


@pytest.fixture
def take(salon):
    """Returns a function that books Ana for a customer."""

    def take(customer, start, **values):
        return AppointmentFactory(
            tenant=salon.tenant,
            customer=customer,
            outlet=salon.outlet,
            service=salon.cut,
            staff_id=salon.ana.pk,
            appointment_date=dt.date(2030, 6, 3),
            start_time=dt.time(start),
            end_time=dt.time(start + 1),
            **{"status": "confirmed"} | values,
        )

    return take


def test_a_customer_reads_the_same_free_times_as_staff(each_tenant_guard, salon, jane, staff, take, query):
    take(CustomerFactory(tenant=salon.tenant), 10)
    for more in ({}, {"staff_id": salon.ana.pk}, {"outlet_id": salon.outlet.pk}, {"limit": 2}):
        shown = jane.get(AVAILABILITY, query | more)
        assert (shown.status_code, shown.content) == (200, staff.get(AVAILABILITY, query | more).content)


def test_only_an_appointment_of_ones_own_frees_its_time(each_tenant_guard, salon, jane, take, query):
    others = take(CustomerFactory(tenant=salon.tenant), 9)
    absent = jane.get(AVAILABILITY, query | {"appointment_id": "5" * 24})
    theirs = jane.get(AVAILABILITY, query | {"appointment_id": others.pk})
    assert (theirs.status_code, theirs.json()) == (400, absent.json())
    own = take(salon.jane, 11)
    starts = [slot["start_time"] for slot in jane.get(AVAILABILITY, query | {"appointment_id": own.pk}).json()["slots"]]
    assert "10:45:00" in starts
    assert "09:00:00" not in starts
    assert jane.get(AVAILABILITY, query).json()["slots"] == []


@pytest.mark.parametrize("url", [AVAILABILITY, "/api/v1/customers/{id}/recommendations", "/api/v1/portal/lotus/me"])
def test_another_business_in_the_url_is_a_403(url, salon, jane, other_tenant, query):
    url = url.replace("{id}", salon.jane.pk)
    assert jane.get(url, query | {"tenant_id": salon.tenant.pk}).status_code == 200
    for other in (other_tenant.pk, "5" * 24, "x"):
        answer = jane.get(url, query | {"tenant_id": other})
        assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")


@pytest.fixture
def saturday():
    """Stops the clock on the Saturday before the Monday."""
    with time_machine.travel(NOW, tick=False):
        yield


def test_recommendations_are_those_that_staff_see(each_tenant_guard, saturday, salon, jane, staff, take, employ):
    bo = employ("Bo")
    gone = UserFactory(tenant=salon.tenant, is_active=False)
    for person in (salon.ana, bo):
        ServiceStaffFactory(tenant=salon.tenant, service=salon.cut, staff_id=person.pk)
    with tenant_scope(salon.tenant):
        PreferredService.objects.create(customer=salon.jane, service=salon.cut, position=0)
        for position, pk in enumerate((gone.pk, salon.ana.pk)):
            PreferredStaff.objects.create(customer=salon.jane, staff_id=pk, position=position)
    take(CustomerFactory(tenant=salon.tenant), 9)
    url = f"/api/v1/customers/{salon.jane.pk}/recommendations"
    seen = [jane.get(url), jane.get(f"{jane.url}/recommendations"), staff.get(url)]
    assert [answer.status_code for answer in seen] == [200] * 3
    assert seen[0].json() == seen[1].json() == seen[2].json()
    shown = seen[0].json()
    assert shown["ignored"] == [{"key": "preferred_staff_ids", "id": gone.pk, "reason": "inactive"}]
    assert "no_gap" in shown["items"][0]["reasons"]
    booked = jane.post(f"{jane.url}/appointments", shown["items"][0]["slot"] | {"service_id": salon.cut.pk})
    assert booked.status_code == 201


def test_what_a_slot_says_can_be_sent_as_it_is(salon, jane, query):
    slot = jane.get(AVAILABILITY, query).json()["slots"][0]
    answer = jane.post(f"{jane.url}/appointments", slot | {"service_id": salon.cut.pk})
    assert (answer.status_code, answer.json()["start_time"]) == (201, slot["start_time"]), answer.content


def test_a_customer_of_another_portal_is_not_known_here(salon, jane, other_tenant):
    answer = jane.get("/api/v1/portal/nordlys/me/appointments")
    assert answer.status_code == 401
    unknown = jane.get("/api/v1/portal/nobody/me")
    assert unknown.status_code == 404
    other_tenant.is_active = False
    with tenant_scope(other_tenant):
        other_tenant.save()
    assert jane.get("/api/v1/portal/nordlys/me").json() == unknown.json()


@pytest.mark.parametrize("change", [{"is_active": False}, {"email_verified": False}, {"password": None}])
def test_who_may_not_sign_in_any_more_is_a_401_at_once(change, salon, jane, query):
    assert jane.get(AVAILABILITY, query).status_code == 200
    with tenant_scope(salon.tenant):
        type(salon.jane).objects.filter(pk=salon.jane.pk).update(**change)
    for url in (AVAILABILITY, f"{jane.url}/appointments", f"/api/v1/customers/{salon.jane.pk}/recommendations"):
        assert jane.get(url, query).status_code == 401
    # On the operations of staff a customer is nobody to look up.
    assert jane.get("/api/v1/customers").status_code == 403
