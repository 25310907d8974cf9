"""`ETag` and `If-Match`: nobody overwrites what they have not seen."""

import threading
from types import SimpleNamespace

import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db import connection

from appointments.tests.factories import AppointmentFactory
from circe.tests.cases import in_one_test
from customers.models import Customer
from customers.tests.bodies import CUSTOMERS
from customers.tests.factories import CustomerFactory
from tenants.models import User
from tenants.scope import tenant_scope
from tenants.tests.factories import OutletFactory, ServiceFactory, UserFactory

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


CONSENT = {"channel": "sms", "purpose": "service", "state": "withdrawn"}


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
        admin.post(f"{url}/consents", CONSENT, headers={"If-Match": etag}),
        admin.delete(url, headers={"If-Match": etag}),
        admin.post(f"{url}/restore", headers={"If-Match": etag}),
        admin.put(url, {"last_name": "Poe"}, headers={"If-Match": ""}),
        admin.put(url, {"last_name": "Poe"}, headers={"If-Match": f"W/{etag}"}),
        admin.put(url, {"last_name": "Poe"}, headers={"If-Match": f'{etag[:-1]}-gzip"'}),
        admin.put(url, {"last_name": "Poe"}, headers={"If-Match": f'"other", W/{etag[:-1]}--gzip", "-gzip"'}),
        admin.put(url, {"last_name": "Poe"}, headers={"If-Match": f'{fresh.headers["ETag"][:-1]}0"'}),
    ):
        assert (answer.status_code, answer.json()) == (412, STALE)
    assert stored(tenant) == before
    assert admin.delete(url, headers={"If-Match": fresh.headers["ETag"]}).status_code == 200


def test_an_etag_without_quotes_is_told_as_such(admin, url, tenant):
    before, etag = stored(tenant), admin.get(url).headers["ETag"]
    for value in ("nonsense", etag.strip('"'), f"W/{etag[1:-1]}"):
        answer = admin.put(url, {"last_name": "Poe"}, headers={"If-Match": value})
        detail = answer.json()["detail"]
        assert (answer.status_code, answer.json()) == (412, STALE | {"detail": detail})
        assert "with its quotes" in detail
    assert stored(tenant) == before


@pytest.mark.parametrize("value", ["*", '"other", {etag}', "{etag}"])
def test_a_matching_one_goes_through(admin, url, value):
    etag = admin.get(url).headers["ETag"]
    assert admin.put(url, {"last_name": "Roe"}, headers={"If-Match": value.format(etag=etag)}).status_code == 200


# The tag of a proxy that compressed the answer, by the tag of Circe's without its quotes.
BY_PROXIES = {
    "nginx, HAProxy, Cloudflare": 'W/"{}"',
    "Apache": '"{}-gzip"',
    "Apache with Brotli": '"{}-br"',
    "Caddy": '"{}-zstd"',
    "Jetty": '"{}--gzip"',
    "LiteSpeed": '"{};gz"',
    "LiteSpeed with Brotli": '"{};br"',
    "a suffix after a semicolon": '"{};gzip"',
    "deflate": '"{}-deflate"',
    "Apache behind nginx": 'W/"{}-gzip"',
    "in a list": '"other", W/"{}-gzip" , "-gzip"',
}


@in_one_test("by_proxy", BY_PROXIES.values())
def test_a_tag_that_a_compressing_proxy_changed_is_taken_for_the_tag_it_was(admin, url, by_proxy):
    for path, body in ((url, {"last_name": "Roe"}), (f"{url}/preferences", {"notes": "x"})):
        etag = admin.get(url).headers["ETag"]
        headers = {"If-Match": by_proxy.format(etag.strip('"'))}
        assert admin.put(path, body, headers=headers).status_code == 200
        assert admin.put(path, body, headers=headers).json() == STALE
    etag = admin.get(url).headers["ETag"].strip('"')
    assert admin.delete(url, headers={"If-Match": by_proxy.format(etag)}).status_code == 200


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


def deleted(make, relate):
    """Relates a row of the tenant's offer to the customer, and then deletes it in the admin."""

    def prepare(jane):
        row = make(tenant=jane.tenant)
        with tenant_scope(jane.tenant):
            jane.change(relate(row.pk))
        page = f"/admin/tenants/{'staff' if isinstance(row, User) else row._meta.model_name}/{row.pk}/delete/"
        return lambda world: world.browser.post(page, {"post": "yes"})

    return prepare


def appointment(then):
    """The customer has an appointment to come, with which something happens."""

    def prepare(jane):
        made = AppointmentFactory(tenant=jane.tenant, customer=jane, status="confirmed")
        return lambda world: then(world, made)

    return prepare


def sql(statement):
    def run(world):
        with connection.cursor() as cursor:
            cursor.execute(statement, [world.jane.pk])

    return lambda jane: run


def step(status):
    def run(world, made):
        with tenant_scope(world.jane.tenant):
            made.store_status({"status": status}, seen="confirmed")

    return run


def call(method, path="", body=None):
    return lambda jane: lambda world: getattr(world.client, method)(f"{CUSTOMERS}/{jane.pk}{path}", body)


def action(name, **fields):
    ticked = {"action": name, **fields}
    return lambda jane: (
        lambda world: world.browser.post("/admin/customers/customer/", ticked | {ACTION_CHECKBOX_NAME: [jane.pk]})
    )


# Changes of something that is shown of a customer. Each function prepares, and returns the function that makes the change.
SHOWN = {
    "an update": call("patch", body={"address": "Elsewhere"}),
    "tags": call("patch", body={"tags": ["vip"]}),
    "a password": call("patch", body={"password": "correct horse battery"}),
    "preferences": call("put", "/preferences", {"marketing_consent": True}),
    "a preferred outlet is deleted": deleted(OutletFactory, lambda pk: {"preferred_outlet_id": pk}),
    "a preferred service is deleted": deleted(ServiceFactory, lambda pk: {"preferred_services": [pk]}),
    "a preferred person is deleted": deleted(UserFactory, lambda pk: {"preferred_staff_ids": [pk]}),
    "a booking": lambda jane: lambda world: AppointmentFactory(tenant=jane.tenant, customer=jane),
    "a completed appointment": appointment(step("completed")),
    "an appointment is deleted": appointment(
        lambda world, made: world.browser.post(f"/admin/appointments/appointment/{made.pk}/delete/", {"post": "yes"})
    ),
    "the admin's action on the selected": action("tag", tag="vip", asked="1"),
    "SQL on the customer": sql("UPDATE customers_customer SET tags = '{other}' WHERE id = %s"),
    "SQL in bulk": sql("UPDATE customers_customer SET loyalty_points = loyalty_points + 1 WHERE id >= %s"),
    "SQL on the preferences": lambda jane: (
        deleted(ServiceFactory, lambda pk: {"preferred_services": [pk]})(jane)
        and sql("DELETE FROM customers_preferredservice WHERE customer_id = %s")(jane)
    ),
}
# Changes of nothing that is shown.
NOT_SHOWN = {
    "nothing": lambda jane: lambda world: None,
    "a renamed outlet": lambda jane: (
        lambda world: sql("UPDATE tenants_outlet SET name = 'Renamed' WHERE tenant_id = %s")(jane.tenant_id)
    ),
    "somebody else's booking": lambda jane: lambda world: AppointmentFactory(tenant=jane.tenant),
    "an update of nothing": call("patch", body={}),
}


@pytest.fixture
def world(jane, super_admin, back_office):
    """Who can do all of it."""
    outlet = OutletFactory(tenant=jane.tenant)
    with tenant_scope(jane.tenant):
        jane.change({"preferred_outlet_id": outlet.pk})
    return SimpleNamespace(jane=jane, client=super_admin, browser=back_office("super_admin"))


def version(world, url):
    answer = world.client.get(url)
    with tenant_scope(world.jane.tenant):
        updated_at = Customer.objects.values_list("updated_at", flat=True).get(pk=world.jane.pk)
    return answer.json(), answer.headers["ETag"], updated_at


@pytest.mark.parametrize("prepare", SHOWN.values(), ids=SHOWN)
def test_whatever_changes_what_is_shown_changes_its_etag(world, url, prepare):
    change = prepare(world.jane)
    before, etag, _ = version(world, url)
    change(world)
    after, fresh, _ = version(world, url)
    assert after != before
    assert fresh != etag
    assert world.client.patch(url, {"last_name": "Roe"}, headers={"If-Match": etag}).status_code == 412
    assert world.client.patch(url, {"last_name": "Roe"}, headers={"If-Match": fresh}).status_code == 200


OF_APPOINTMENTS = {"a booking", "a completed appointment", "an appointment is deleted"}


@pytest.mark.parametrize("prepare", [SHOWN[name] for name in SHOWN if name not in OF_APPOINTMENTS])
def test_whatever_changes_of_the_customer_themselves_is_a_later_updated_at(world, url, prepare):
    change = prepare(world.jane)
    _, _, before = version(world, url)
    change(world)
    assert version(world, url)[2] > before


@pytest.mark.parametrize("prepare", NOT_SHOWN.values(), ids=NOT_SHOWN)
def test_what_changes_nothing_that_is_shown_leaves_the_etag(world, url, prepare):
    change = prepare(world.jane)
    before = version(world, url)
    change(world)
    assert version(world, url) == before
    assert world.client.patch(url, {"last_name": "Roe"}, headers={"If-Match": before[1]}).status_code == 200


def test_a_deleted_customer_has_no_version(super_admin, url):
    etag = super_admin.get(url).headers["ETag"]
    super_admin.delete(url)
    for headers, status in (({"If-Match": etag}, 412), ({"If-Match": "*"}, 200)):
        assert super_admin.post(f"{url}/restore", headers=headers).status_code == status


def test_a_foreign_customers_version_is_not_told(admin, super_admin, other_tenant):
    foreign = CustomerFactory(tenant=other_tenant)
    etag = super_admin.get(f"{CUSTOMERS}/{foreign.pk}").headers["ETag"]
    answers = [admin.put(f"{CUSTOMERS}/{foreign.pk}", {}, headers={"If-Match": value}) for value in (etag, '"other"')]
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
