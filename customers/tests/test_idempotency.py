"""`Idempotency-Key`: a request sent again is done once."""

import datetime as dt
import threading

import orjson
import pytest
import time_machine
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from circe.db.roles import as_owner
from customers.models import Customer
from customers.tests.bodies import CUSTOMERS
from customers.tests.factories import CustomerFactory
from tenants.models import IdempotencyRecord, User
from tenants.scope import ALL_TENANTS, tenant_scope
from tenants.tests.factories import PASSWORD
from tenants.tests.locks import find_lock_waiters

KEY = {"Idempotency-Key": "3f1c-desk-1"}
BODY = {"first_name": "Jane", "phone": "+1234567890"}


def customers():
    with tenant_scope(ALL_TENANTS):
        return Customer.objects.count()


def test_a_create_sent_again_is_answered_as_the_first_time(staff):
    first = staff.post(CUSTOMERS, BODY, headers=KEY)
    again = staff.post(CUSTOMERS, BODY, headers=KEY)
    assert (first.status_code, again.status_code, customers()) == (201, 201, 1)
    assert again.content == first.content
    assert [again.headers[name] for name in ("ETag", "Location")] == [
        first.headers[name] for name in ("ETag", "Location")
    ]
    assert ("Idempotency-Replayed" in first.headers, again.headers["Idempotency-Replayed"]) == (False, "true")


def test_every_unsafe_method_takes_it(super_admin, tenant):
    url = f"{CUSTOMERS}/{CustomerFactory(tenant=tenant).pk}"
    for number, (send, address, body) in enumerate(
        [
            (super_admin.put, url, {"last_name": "Roe"}),
            (super_admin.patch, url, {"tags": ["vip"]}),
            (super_admin.put, f"{url}/preferences", {"notes": "Window."}),
            (super_admin.post, f"{url}/consents", {"channel": "sms", "purpose": "service", "state": "withdrawn"}),
            (super_admin.delete, url, None),
            (super_admin.post, f"{url}/restore", None),
        ]
    ):
        first, again = (send(address, body, headers={"Idempotency-Key": str(number)}) for _ in range(2))
        assert first.status_code == again.status_code == (201 if address.endswith("/consents") else 200)
        assert again.content == first.content
        assert again.headers["Idempotency-Replayed"] == "true"


def test_another_request_with_the_key_is_refused(staff):
    staff.post(CUSTOMERS, BODY, headers=KEY)
    for send, url, body in (
        (staff.post, CUSTOMERS, BODY | {"first_name": "John"}),
        (staff.post, f"{CUSTOMERS}?check_duplicates=false", BODY),
    ):
        answer = send(url, body, headers=KEY)
        assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert customers() == 1


def test_a_key_is_for_one_method(admin, tenant):
    url = f"{CUSTOMERS}/{CustomerFactory(tenant=tenant).pk}"
    statuses = [send(url, {"last_name": "Doe"}, headers=KEY).status_code for send in (admin.patch, admin.put)]
    assert statuses == [200, 422]


def test_the_order_of_keys_in_the_body_does_not_matter(staff):
    bodies = [orjson.dumps(dict(items)) for items in (BODY.items(), reversed(BODY.items()))]
    statuses = [staff.generic("POST", CUSTOMERS, body, "application/json", headers=KEY).status_code for body in bodies]
    assert (statuses, customers()) == ([201, 201], 1)


def stored(**conditions):
    """The bodies of all stored answers, or of some."""
    with tenant_scope(ALL_TENANTS):
        return list(
            IdempotencyRecord.objects.filter(**conditions).order_by("created_at").values_list("body", flat=True)
        )


def test_an_error_is_not_stored(staff):
    assert staff.post(CUSTOMERS, {"first_name": ""}, headers=KEY).status_code == 400
    assert staff.post(CUSTOMERS, BODY, headers=KEY).status_code == 201
    assert staff.post(CUSTOMERS, BODY, headers=KEY | {"Idempotency-Key": "other"}).status_code == 409
    assert len(stored()) == 1


def test_a_key_is_its_users_own(as_role, other_tenant):
    clients = [as_role("staff"), as_role("staff"), as_role("staff", tenant=other_tenant)]
    statuses = [
        client.post(CUSTOMERS, BODY | {"phone": f"+123456789{n}"}, headers=KEY).status_code
        for n, client in enumerate(clients)
    ]
    assert (statuses, customers()) == ([201] * 3, 3)


def store(user, *keys, **age):
    with time_machine.travel(dt.datetime.now(dt.UTC) - dt.timedelta(**age)):
        for key in keys:
            IdempotencyRecord.objects.create(
                tenant=user.tenant, user=user, key=key, fingerprint="", status=201, headers={}, body="{}"
            )


@pytest.mark.parametrize(("age", "status"), [({"hours": 23, "minutes": 59}, 422), ({"hours": 24, "seconds": 1}, 201)])
def test_a_key_is_good_for_a_day(age, status, staff):
    store(staff.user, "3f1c-desk-1", **age)
    assert staff.post(CUSTOMERS, BODY, headers=KEY).status_code == status
    assert len(stored()) == 1


def test_what_has_expired_goes_with_whoever_stores_the_next(staff, as_role):
    """Ten at a time, also where PostgreSQL compares each row with each of the expired ones."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config(name, 'off', true) FROM pg_settings WHERE name LIKE 'enable_%' AND "
            "name ~ '(hash|merge|sort|material|memoize|indexscan|bitmapscan)'"
        )
    others = [as_role("staff").user, as_role("outlet_manager").user]
    for other in others:
        store(other, *map(str, range(7)), hours=25)
        store(other, "fresh", hours=23)
    for number, left in enumerate((4, 0, 0)):
        body = BODY | {"phone": f"+123456789{number}"}
        assert staff.post(CUSTOMERS, body, headers={"Idempotency-Key": f"k{number}"}).status_code == 201
        assert len(stored(user__in=others, created_at__lte=dt.datetime.now(dt.UTC) - dt.timedelta(hours=24))) == left
    assert len(stored(key="fresh")) == 2


def test_the_expired_are_found_by_an_index(staff):
    rows = [
        IdempotencyRecord(
            tenant=staff.user.tenant, user=staff.user, key=str(n), fingerprint="", status=201, headers={}, body="{}"
        )
        for n in range(3000)
    ]
    IdempotencyRecord.objects.bulk_create(rows)
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("ANALYZE tenants_idempotencyrecord")
    with CaptureQueriesContext(connection) as queries:
        staff.post(CUSTOMERS, BODY, headers=KEY)
    (search,) = (query["sql"] for query in queries if "SKIP LOCKED" in query["sql"])
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {search[search.index('SELECT') :]}")
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "idempotencyrecord_age" in plan
    assert "Seq Scan on tenants_idempotencyrecord" not in plan


def test_a_key_does_not_go_along_to_another_business(staff, other_tenant):
    assert staff.post(CUSTOMERS, BODY, headers=KEY).status_code == 201
    User.objects.filter(pk=staff.user.pk).update(tenant=other_tenant)
    answer = staff.post(CUSTOMERS, BODY, headers=KEY)
    assert (answer.status_code, "Idempotency-Replayed" in answer.headers, customers()) == (201, False, 2)


def test_a_super_admin_s_key_is_for_one_business(super_admin, tenant, other_tenant):
    def create(one):
        return super_admin.post(f"{CUSTOMERS}?tenant_id={one.pk}", BODY, headers=KEY)

    assert [create(one).status_code for one in (tenant, other_tenant, tenant)] == [201, 422, 201]
    assert customers() == 1


def test_a_request_sent_again_is_not_stale(staff, admin, tenant):
    """The version that it names was the one before itself."""
    url = f"{CUSTOMERS}/{CustomerFactory(tenant=tenant).pk}"
    headers = KEY | {"If-Match": admin.get(url).headers["ETag"]}
    first, again = (admin.put(url, {"last_name": "Roe"}, headers=headers) for _ in range(2))
    assert (first.status_code, again.status_code, again.content) == (200, 200, first.content)
    assert admin.put(url, {"last_name": "Roe"}, headers=headers | {"Idempotency-Key": "2"}).status_code == 412


def test_an_answer_and_what_it_is_about_are_stored_together_or_not_at_all(staff):
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE tenants_idempotencyrecord ADD CHECK (status <> 201)")
    assert staff.post(CUSTOMERS, BODY, headers=KEY).status_code == 409
    assert (customers(), stored()) == (0, [])


def test_signing_in_twice_is_two_sessions(staff, anonymous):
    """No token is kept to be given out again."""
    credentials = {"email": staff.user.email, "password": PASSWORD}
    answers = [anonymous.post("/api/v1/auth/login", credentials, headers=KEY).json() for _ in range(2)]
    assert answers[0]["access"] != answers[1]["access"]
    assert stored() == []


def test_a_replay_is_for_whom_the_request_is_allowed(admin, tenant):
    url = f"{CUSTOMERS}/{CustomerFactory(tenant=tenant).pk}"
    assert admin.delete(url, headers=KEY).status_code == 200
    User.objects.filter(pk=admin.user.pk).update(role="staff")
    assert admin.delete(url, headers=KEY).status_code == 403


@pytest.mark.parametrize("key", ["", " ", "a b", "é", "x" * 256])
def test_a_malformed_key_is_refused(key, staff):
    answer = staff.post(CUSTOMERS, BODY, headers={"Idempotency-Key": key})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "Idempotency-Key")
    assert customers() == 0


def test_a_method_that_is_not_there_stays_so(staff):
    assert staff.delete(CUSTOMERS, headers=KEY).status_code == 405


def test_a_read_ignores_it(staff):
    assert staff.get(CUSTOMERS, headers=KEY).status_code == 200
    assert stored() == []


def test_a_permanent_delete_takes_the_stored_answers_too(super_admin, tenant):
    made = super_admin.post(CUSTOMERS, BODY | {"tenant_id": tenant.pk}, headers=KEY).json()
    super_admin.patch(f"{CUSTOMERS}/{made['id']}", {"last_name": "Doe"}, headers={"Idempotency-Key": "2"})
    # The id in this answer is that of the consent.
    consent = {"channel": "sms", "purpose": "service", "state": "withdrawn"}
    super_admin.post(f"{CUSTOMERS}/{made['id']}/consents", consent, headers={"Idempotency-Key": "3"})
    assert ["Jane" in body for body in stored()] == [True, True, False]
    gone = super_admin.delete(f"{CUSTOMERS}/{made['id']}?permanent=true", headers={"Idempotency-Key": "4"})
    assert gone.status_code == 200
    assert stored() == [gone.content.decode()]


@pytest.mark.django_db(transaction=True)
def test_while_the_first_is_being_answered_the_second_is_told_to_wait(staff, tenant):
    jane = CustomerFactory(tenant=tenant, last_name="Doe")
    url, answers = f"{CUSTOMERS}/{jane.pk}", []
    manager = User.objects.filter(pk=staff.user.pk).update(role="outlet_manager")
    assert manager

    def send():
        answers.append(staff.put(url, {"last_name": "Roe"}, headers=KEY))
        connection.close()

    # The row is held, so that the first waits with the key in its hand.
    with transaction.atomic(), tenant_scope(tenant):
        Customer.objects.select_for_update().get(pk=jane.pk)
        thread = threading.Thread(target=send)
        thread.start()
        while thread.is_alive() and not find_lock_waiters():
            pass
        second = threading.Thread(target=send)
        second.start()
        second.join(20)
        (refused,) = answers
        assert (refused.status_code, refused.json()["code"], refused.headers["Retry-After"]) == (409, "in_flight", "1")
    thread.join()
    assert answers[1].status_code == 200
    send()
    assert answers[2].headers["Idempotency-Replayed"] == "true"


@pytest.mark.django_db(transaction=True)
def test_of_twenty_at_once_one_is_done(staff):
    barrier, answers = threading.Barrier(20), []

    def send():
        barrier.wait()
        answers.append(staff.post(CUSTOMERS, BODY, headers=KEY))
        connection.close()

    threads = [threading.Thread(target=send) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert customers() == 1
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} <= {"in_flight"}
    assert len({answer.content for answer in answers if answer.status_code == 201}) == 1
