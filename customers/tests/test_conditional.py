"""`ETag` and `If-Match`: nobody overwrites what they have not seen."""

import threading

import pytest
from django.db import connection

from appointments.tests.factories import AppointmentFactory
from customers.models import Customer
from customers.tests.bodies import CUSTOMERS
from customers.tests.factories import CustomerFactory
from tenants.scope import tenant_scope

STALE = {
    "type": "urn:circe:problem:stale",
    "title": "Precondition Failed",
    "status": 412,
    "detail": "It was changed since you read it. Read it again, and decide anew.",
    "code": "stale",
}


@pytest.fixture
def jane(tenant):
    return CustomerFactory(tenant=tenant, last_name="Doe")


@pytest.fixture
def url(jane):
    return f"{CUSTOMERS}/{jane.pk}"


def stored(tenant):
    with tenant_scope(tenant):
        return Customer.objects.values("first_name", "last_name", "is_deleted").get()


def test_a_stale_etag_changes_nothing(admin, url, tenant):
    etag = admin.get(url).headers["ETag"]
    fresh = admin.put(url, {"last_name": "Roe"}, headers={"If-Match": etag})
    assert (fresh.status_code, fresh.headers["ETag"] != etag) == (200, True)
    before = stored(tenant)
    for answer in (
        admin.put(url, {"last_name": "Poe"}, headers={"If-Match": etag}),
        admin.patch(url, {"last_name": "Poe"}, headers={"If-Match": etag}),
        admin.put(f"{url}/preferences", {"notes": "x"}, headers={"If-Match": etag}),
        admin.delete(url, headers={"If-Match": etag}),
        admin.post(f"{url}/restore", headers={"If-Match": etag}),
        admin.put(url, {"last_name": "Poe"}, headers={"If-Match": "nonsense"}),
        admin.put(url, {"last_name": "Poe"}, headers={"If-Match": ""}),
        admin.put(url, {"last_name": "Poe"}, headers={"If-Match": f"W/{fresh.headers['ETag']}"}),
    ):
        assert (answer.status_code, answer.json()) == (412, STALE)
    assert stored(tenant) == before
    assert admin.delete(url, headers={"If-Match": fresh.headers["ETag"]}).status_code == 200


@pytest.mark.parametrize("value", ["*", '"other", {etag}', "{etag}"])
def test_a_matching_one_goes_through(admin, url, value):
    etag = admin.get(url).headers["ETag"]
    assert admin.put(url, {"last_name": "Roe"}, headers={"If-Match": value.format(etag=etag)}).status_code == 200


def test_without_it_the_documented_behaviour_stays(admin, url):
    assert admin.put(url, {"last_name": "Roe"}).status_code == 200


def test_every_answer_with_a_customer_tells_the_version_that_the_next_read_tells(admin, url, tenant):
    for send in (
        lambda: admin.patch(url, {"last_name": "Roe"}),
        lambda: admin.put(f"{url}/preferences", {"notes": "x", "preferred_services": []}),
        lambda: admin.delete(url) and admin.post(f"{url}/restore"),
    ):
        assert send().headers["ETag"] == admin.get(url).headers["ETag"]
    made = admin.post(CUSTOMERS, {"first_name": "Jane", "phone": "+1234567890"})
    assert made.headers["ETag"] == admin.get(made.headers["Location"]).headers["ETag"]


def test_an_appointment_is_no_change_of_the_customer(admin, url, jane, tenant):
    etag = admin.get(url).headers["ETag"]
    AppointmentFactory(tenant=tenant, customer=jane)
    assert admin.get(url).headers["ETag"] == etag


def test_a_foreign_customers_version_is_not_told(admin, stranger):
    foreign = CustomerFactory(tenant=stranger)
    answers = [
        admin.put(f"{CUSTOMERS}/{foreign.pk}", {}, headers={"If-Match": value}) for value in (foreign.etag, '"other"')
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert all("ETag" not in answer.headers for answer in answers)


@pytest.mark.django_db(transaction=True)
def test_of_eight_who_saw_the_same_one_writes(as_role, url, tenant):
    clients = [as_role("outlet_manager") for _ in range(8)]
    etag, barrier, statuses = clients[0].get(url).headers["ETag"], threading.Barrier(8), []

    def write(number):
        barrier.wait()
        answer = clients[number].put(url, {"last_name": f"N{number}"}, headers={"If-Match": etag})
        statuses.append(answer.status_code)
        connection.close()

    threads = [threading.Thread(target=write, args=[number]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200] + [412] * 7
