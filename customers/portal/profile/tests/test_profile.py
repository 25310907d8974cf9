"""A customer reads and changes what the business keeps of them."""

import datetime as dt

import pytest

from appointments.tests.factories import AppointmentFactory
from circe.db.ids import new_id
from customers.models import Customer, DeletionRequest
from customers.tests.factories import CustomerFactory, DeletedCustomerFactory
from tenants.models import AuditEvent, IdempotencyRecord
from tenants.scope import tenant_scope
from tenants.tests.factories import OutletFactory, ServiceFactory, UserFactory


@pytest.fixture
def jane(tenant, portal_client):
    """The client of a customer about whom the business has noted things."""
    return portal_client(
        first_name="Jane",
        last_name="Doe",
        email="jane@example.com",
        phone="+628111111111",
        tags=["difficult"],
        notes="Complains a lot",
        source="website",
    )


def read(customer):
    with tenant_scope(customer.tenant):
        return Customer.objects.defer("search_text").get(pk=customer.pk)


def errors(answer):
    assert answer.status_code == 400, answer.content
    return {error["field"]: error["code"] for error in answer.json()["errors"]}


def test_a_customer_reads_their_profile_without_the_notes_of_the_business(jane, tenant):
    AppointmentFactory(tenant=tenant, customer=jane.customer)
    answer = jane.get(jane.url)
    shown = answer.json()
    assert (answer.status_code, bool(answer["ETag"])) == (200, True)
    assert (shown.pop("created_at"), shown.pop("updated_at")) != (None, None)
    assert shown == {
        "id": jane.customer.pk,
        "tenant_id": tenant.pk,
        "first_name": "Jane",
        "last_name": "Doe",
        "email": "jane@example.com",
        "email_verified": True,
        "phone": "+628111111111",
        "language": "id",
        "gender": None,
        "date_of_birth": None,
        "address": None,
        "loyalty_points": 0,
        "total_appointments": 1,
        "total_spent": 350000,
        "last_appointment_date": "2025-01-25",
    }
    for text in ("difficult", "Complains", "website"):
        for url in (jane.url, f"{jane.url}/preferences", f"{jane.url}/export"):
            assert text not in jane.get(url).content.decode()


def test_a_customer_changes_the_given_keys_and_no_others(jane, manager):
    changes = {
        "first_name": "Janina",
        "language": "nb",
        "gender": "female",
        "date_of_birth": "1990-05-17",
        "address": "Jl. Kemang 1",
    }
    answer = jane.patch(jane.url, changes)
    assert answer.status_code == 200
    assert {name: answer.json()[name] for name in changes} == changes
    assert (answer.json()["last_name"], answer.json()["phone"]) == ("Doe", "+628111111111")
    assert jane.patch(jane.url, {"address": None, "last_name": ""}).json()["address"] is None
    # Staff find the new name, and see who changed it.
    assert [row["id"] for row in manager.get("/api/v1/customers?search=janina").json()["items"]] == [jane.customer.pk]
    with tenant_scope(jane.customer.tenant):
        event = AuditEvent.objects.filter(table="customer", action="updated").order_by("at").last()
    assert (event.command, event.actor_id, event.customer_id) == ("portal", None, jane.customer.pk)


def test_what_a_client_echoes_is_ignored_and_nothing_else_of_the_row_is_written(jane):
    shown = jane.get(jane.url).json()
    before = read(jane.customer)
    answer = jane.patch(
        jane.url,
        shown
        | {
            "id": new_id(),
            "tenant_id": new_id(),
            "email_verified": False,
            "loyalty_points": 999,
            "total_spent": 1,
            "created_at": "2000-01-01T00:00:00Z",
            "is_active": False,
            "is_deleted": True,
            "tags": ["vip"],
            "source": "import",
            "notes": "mine",
            "password": "correct horse battery",
            "pending_phone": "+628122222222",
            "marketing_consent": True,
        },
    )
    assert answer.status_code == 200
    after = read(jane.customer)
    kept = {*before.__dict__} - {"_state", "_stored", "updated_at", "changed_at"}
    assert {name: getattr(after, name) for name in kept} == {name: getattr(before, name) for name in kept}


@pytest.mark.parametrize("email", ["other@example.com", "", None, 5, "not an address", "jane@example.org"])
def test_another_email_address_is_a_400(email, jane):
    assert "email" in errors(jane.patch(jane.url, {"email": email}))
    assert read(jane.customer).email == "jane@example.com"
    assert jane.patch(jane.url, {"email": "JANE@example.com"}).status_code == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"first_name": ""},
        {"first_name": None},
        {"first_name": 5},
        {"language": "klingon"},
        {"language": None},
        {"phone": "12"},
        {"date_of_birth": "tomorrow"},
        {"gender": "x"},
        {"address": "x" * 501},
    ],
)
def test_an_invalid_value_is_a_400(changes, jane):
    assert errors(jane.patch(jane.url, changes)).keys() == changes.keys()


# --- the phone of somebody else -------------------------------------------------------------------------------------


def test_nobody_learns_that_a_phone_is_another_customers(each_tenant_guard, tenant, jane):
    other = CustomerFactory(tenant=tenant, phone="+628122222222")
    shapes = []
    for phone in ("+62 812 2222 2222", "+62 812 3333 3333"):
        answer = jane.patch(jane.url, {"phone": phone})
        again = jane.get(jane.url)
        assert answer.json()["phone"] == again.json()["phone"] == phone.replace(" ", "")
        assert answer["ETag"] == again["ETag"]
        for one in (answer, jane.get(f"{jane.url}/export")):
            shapes.append((one.status_code, [*one.json()], sorted({*one.headers}), len(one.content)))
    assert shapes[:2] == shapes[2:]
    assert read(other).phone == "+628122222222"


def test_a_phone_of_another_stays_pending_for_staff(tenant, jane):
    CustomerFactory(tenant=tenant, phone="+628122222222")
    jane.patch(jane.url, {"phone": "+628122222222", "last_name": "Lee"})
    kept = read(jane.customer)
    assert (kept.phone, kept.pending_phone, kept.last_name) == ("+628111111111", "+628122222222", "Lee")
    assert jane.patch(jane.url, jane.get(jane.url).json()).status_code == 200
    assert read(jane.customer).pending_phone == "+628122222222"
    jane.patch(jane.url, {"last_name": "Doe"})
    assert read(jane.customer).pending_phone == "+628122222222"
    jane.patch(jane.url, {"phone": "+628133333333"})
    kept = read(jane.customer)
    assert (kept.phone, kept.pending_phone) == ("+628133333333", None)


def test_a_phone_that_is_free_or_of_a_deleted_customer_is_taken(tenant, other_tenant, jane):
    DeletedCustomerFactory(tenant=tenant, phone="+628122222222")
    CustomerFactory(tenant=other_tenant, phone="+628122222222")
    jane.patch(jane.url, {"phone": "+628122222222"})
    assert (read(jane.customer).phone, read(jane.customer).pending_phone) == ("+628122222222", None)
    assert jane.patch(jane.url, {"phone": None}).json()["phone"] is None
    assert read(jane.customer).phone is None


# --- preferences ----------------------------------------------------------------------------------------------------


def test_a_customer_sets_their_preferences(tenant, jane, staff):
    outlet, service, person = OutletFactory(tenant=tenant), ServiceFactory(tenant=tenant), UserFactory(tenant=tenant)
    changes = {
        "language": "en",
        "preferred_outlet_id": outlet.pk,
        "preferred_services": [service.pk],
        "preferred_staff_ids": [person.pk],
        "preferred_categories": ["hair"],
        "preferred_channel": "whatsapp",
        "accessibility_needs": "A ramp",
    }
    answer = jane.put(f"{jane.url}/preferences", changes | {"communication_preferences": {"sms": False}})
    assert answer.status_code == 200, answer.content
    assert answer.json() == changes | {
        "communication_preferences": {"email": True, "sms": False, "push_notifications": True, "whatsapp": False},
        "marketing_consent": False,
    }
    again = jane.get(f"{jane.url}/preferences")
    assert (again.json(), again["ETag"]) == (answer.json(), answer["ETag"])
    profile = staff.get(f"/api/v1/customers/{jane.customer.pk}").json()["preferences"]
    assert profile == answer.json() | {"notes": "Complains a lot"}
    jane.put(f"{jane.url}/preferences", {"preferred_services": []})
    assert jane.get(f"{jane.url}/preferences").json() == answer.json() | {"preferred_services": []}


@pytest.mark.parametrize("key", ["notes", "tags", "email", "is_active"])
def test_an_unknown_preference_is_a_400(key, jane):
    assert errors(jane.put(f"{jane.url}/preferences", {key: "x"})) == {key: "invalid"}


# --- versions and keys ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("path", "method"), [("", "patch"), ("/preferences", "put")])
def test_a_stale_version_is_a_412(path, method, jane):
    send, url = getattr(jane, method), f"{jane.url}{path}"
    seen = jane.get(url)["ETag"]
    answer = send(url, {"language": "nb"}, headers={"If-Match": seen})
    assert answer.status_code == 200
    refused = send(url, {"language": "en"}, headers={"If-Match": seen})
    assert (refused.status_code, refused.json()["code"]) == (412, "stale")
    assert send(url, {"language": "en"}, headers={"If-Match": answer["ETag"]}).status_code == 200


def test_a_key_belongs_to_its_customer_and_goes_with_them(each_tenant_guard, tenant, jane, portal_client, super_admin):
    headers = {"Idempotency-Key": "one"}
    first = jane.patch(jane.url, {"last_name": "Lee"}, headers=headers)
    jane.patch(jane.url, {"last_name": "Ong"})
    again = jane.patch(jane.url, {"last_name": "Lee"}, headers=headers)
    assert (again.json(), again["Idempotency-Replayed"]) == (first.json(), "true")
    assert jane.patch(jane.url, {"last_name": "Poe"}, headers=headers).status_code == 422
    other = portal_client()
    assert other.patch(other.url, {"last_name": "Poe"}, headers=headers).json()["id"] == other.customer.pk
    # The answer has no id of a row.
    assert jane.put(f"{jane.url}/preferences", {}, headers={"Idempotency-Key": "two"}).status_code == 200
    assert super_admin.delete(f"/api/v1/customers/{jane.customer.pk}?permanent=true").status_code == 200
    with tenant_scope(tenant):
        assert [row.customer_id for row in IdempotencyRecord.objects.all()] == [other.customer.pk]


def test_a_key_is_forgotten_after_a_day(jane):
    headers = {"Idempotency-Key": "one"}
    assert jane.patch(jane.url, {"last_name": "Lee"}, headers=headers).status_code == 200
    with tenant_scope(jane.customer.tenant):
        IdempotencyRecord.objects.update(created_at=dt.datetime.now(dt.UTC) - dt.timedelta(hours=25))
    assert jane.patch(jane.url, {"last_name": "Poe"}, headers=headers).status_code == 200


# --- the request to be deleted --------------------------------------------------------------------------------------


def test_a_customer_asks_to_be_deleted_once(jane):
    url = f"{jane.url}/deletion-request"
    assert jane.get(url).status_code == 404
    first, second = jane.post(url), jane.post(url)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json() == jane.get(url).json()
    assert first["Location"] == url
    asked, due = (dt.datetime.fromisoformat(first.json()[name]) for name in ("requested_at", "due_at"))
    assert due - asked == dt.timedelta(days=30)


def test_a_request_that_was_handled_can_be_made_again(tenant, jane):
    first = jane.post(f"{jane.url}/deletion-request").json()
    with tenant_scope(tenant):
        DeletionRequest.objects.update(handled_at=dt.datetime.now(dt.UTC))
    answer = jane.post(f"{jane.url}/deletion-request")
    assert (answer.status_code, answer.json()["id"] == first["id"]) == (201, False)
