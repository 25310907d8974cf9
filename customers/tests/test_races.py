"""Concurrent requests: each request in a thread and a connection of its own, started by one barrier."""

from collections import Counter
from itertools import permutations
from random import Random
from threading import Barrier, Thread

import pytest
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from circe.db.roles import as_owner
from customers.models import Customer
from customers.models.name_keys import SearchableName
from customers.tests.bodies import CUSTOMERS
from customers.tests.factories import CustomerFactory, DeletedCustomerFactory
from tenants.scope import ALL_TENANTS, tenant_scope
from tenants.tests.factories import ServiceFactory
from tenants.tests.locks import until_blocked

pytestmark = [
    pytest.mark.slow("lets dozens of requests race, each in a thread and a connection"),
    pytest.mark.django_db(transaction=True),
]

EMAILS = [
    "jane@example.com",
    "JANE@EXAMPLE.COM",
    " Jane@Example.com ",
    "ｊａｎｅ@example.com",
    "jane@ｅxample．com",
    "j\u1d43ne@example.com",
    "\u24d9ane@example.com",
    "jane@e\u02e3ample.com",
    "\tjane@example.com\n",
    "jane@EXAMPLE.com",
]
PHONES = ["+628123456789", "0812 3456 789", "(0812) 345-6789", "0062 812 3456 789", "+62 (0)812.3456.789"]
SPELLINGS = [{"email": email, "phone": phone} for email in EMAILS for phone in PHONES]


def at_once(*requests):
    """The answers to `(client, method, url, body)`, all sent together."""
    barrier, answers = Barrier(len(requests)), [None] * len(requests)

    def send(number, client, method, url, body):
        own = APIClient(raise_request_exception=False)
        own.credentials(**client._credentials)
        try:
            connection.ensure_connection()
            barrier.wait(30)
            answers[number] = getattr(own, method)(url, body)
        finally:
            connections.close_all()

    threads = [Thread(target=send, args=(number, *request)) for number, request in enumerate(requests)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def statuses(answers):
    return Counter(answer.status_code for answer in answers)


def live(tenant):
    with tenant_scope(tenant):
        return list(Customer.objects.undeleted().values_list("email_key", "phone"))


@pytest.fixture
def without_uniqueness():
    """The database no longer says no."""
    names = {"customer_email", "customer_phone"}
    unique = [constraint for constraint in Customer._meta.constraints if constraint.name in names]
    with as_owner(), connection.schema_editor() as editor:
        for constraint in unique:
            editor.remove_constraint(Customer, constraint)
    yield
    with tenant_scope(ALL_TENANTS):
        Customer.objects.all().delete()
    with as_owner(), connection.schema_editor() as editor:
        for constraint in unique:
            editor.add_constraint(Customer, constraint)


def creates(client):
    return [(client, "post", CUSTOMERS, {"first_name": "Jane", **spelling}) for spelling in SPELLINGS]


def assert_conflicts_named(answers):
    """Each refusal names the one customer who has the address now."""
    refused = [answer.json() for answer in answers if answer.status_code == 409]
    assert {answer["code"] for answer in refused} == {"duplicate_customer"}
    conflicts = [conflict for answer in refused for conflict in answer["conflicts"]]
    assert len({conflict["customer_id"] for conflict in conflicts if not conflict["is_deleted"]}) == 1


@pytest.mark.usefixtures("without_uniqueness")
def test_these_are_creates_that_nothing_but_the_database_can_tell_apart(staff, tenant):
    assert len({str(spelling) for spelling in SPELLINGS}) == 50
    assert statuses(at_once(*creates(staff)[::7]))[201] > 1
    assert len(set(live(tenant))) == 1


def test_of_50_concurrent_creates_of_one_person_one_is_201_and_the_rest_409(staff, tenant):
    answers = at_once(*creates(staff))
    assert statuses(answers) == {201: 1, 409: 49}
    assert live(tenant) == [("jane@example.com", "+628123456789")]
    (created,) = (answer.json()["id"] for answer in answers if answer.status_code == 201)
    for answer in answers:
        if answer.status_code == 409:
            named = {(conflict["customer_id"], conflict["is_deleted"]) for conflict in answer.json()["conflicts"]}
            assert (answer.json()["code"], named) == ("duplicate_customer", {(created, False)})


def test_a_create_waits_for_who_takes_no_turn_and_then_knows_of_them(admin, tenant):
    """So do writes in bulk: the index alone tells."""
    body = {"first_name": "Jane", "email": "jane@example.com", "phone": "+628123456789"}
    with tenant_scope(tenant), transaction.atomic():
        conflicting_customer = Customer(first_name="Ann", phone=body["phone"])
        Customer.objects.bulk_create([conflicting_customer])
        answers: list = []
        late = Thread(target=lambda: answers.extend(at_once((admin, "post", CUSTOMERS, body))))
        late.start()
        until_blocked()
    late.join()
    [answer] = answers
    assert (answer.status_code, answer.json()["code"]) == (409, "duplicate_customer")
    assert answer.json()["conflicts"] == [
        {"field": "phone", "customer_id": conflicting_customer.pk, "is_deleted": False}
    ]
    assert live(tenant) == [(None, body["phone"])]


def test_two_tenants_do_not_stand_in_each_others_way(as_role, tenant, other_tenant):
    people = [as_role("staff", tenant=one) for one in (tenant, other_tenant) for _ in range(5)]
    body = {"first_name": "Jane", "email": "jane@example.com"}
    assert statuses(at_once(*((one, "post", CUSTOMERS, body) for one in people))) == {201: 2, 409: 8}


def test_restore_meets_create(admin, tenant):
    deleted = DeletedCustomerFactory.create_batch(3, tenant=tenant, email="jane@example.com", phone=None)
    restores = [(admin, "post", f"{CUSTOMERS}/{one.pk}/restore", None) for one in deleted]
    answers = at_once(*restores, *((admin, "post", CUSTOMERS, {"first_name": "J", "email": "jane@example.com"}),) * 9)
    assert statuses(answers)[409] == 11
    assert_conflicts_named(answers)
    assert live(tenant) == [("jane@example.com", None)]


def test_update_meets_create(admin, tenant):
    others = CustomerFactory.create_batch(3, tenant=tenant)
    updates = [(admin, "put", f"{CUSTOMERS}/{one.pk}", {"email": "Jane@Example.com"}) for one in others]
    answers = at_once(*updates, *((admin, "post", CUSTOMERS, {"first_name": "J", "email": "jane@example.com"}),) * 9)
    assert statuses(answers)[409] == 11
    assert_conflicts_named(answers)
    assert [email for email, _ in live(tenant)].count("jane@example.com") == 1


def test_updates_of_different_keys_at_the_same_moment_all_survive(admin, tenant):
    customer = CustomerFactory(tenant=tenant)
    url = f"{CUSTOMERS}/{customer.pk}"
    changes = {"last_name": "Poe", "address": "Jl. 1", "gender": "female", "tags": ["vip"], "is_active": False}
    likes = {"notes": "x", "marketing_consent": True, "preferred_categories": ["hair"], "language": "nb"}
    channels = {"sms": False, "whatsapp": True}
    answers = at_once(
        *((admin, "put", url, {key: value}) for key, value in changes.items()),
        *((admin, "patch", url, {"preferences": {key: value}}) for key, value in likes.items()),
        *(
            (admin, "put", f"{url}/preferences", {"communication_preferences": {key: value}})
            for key, value in channels.items()
        ),
    )
    assert statuses(answers) == {200: 11}
    body = admin.get(url).json()
    assert {key: body[key] for key in changes} == changes
    assert {key: body["preferences"][key] for key in likes} == likes
    expected = {"email": True, "sms": False, "push_notifications": True, "whatsapp": True}
    assert body["preferences"]["communication_preferences"] == expected


def test_the_last_email_and_the_last_phone_are_not_both_taken_away(admin, tenant):
    for _ in range(3):
        customer = CustomerFactory(tenant=tenant)
        url = f"{CUSTOMERS}/{customer.pk}"
        answers = at_once((admin, "put", url, {"email": None}), (admin, "put", url, {"phone": None}))
        assert statuses(answers) == {200: 1, 400: 1}


def test_deleted_by_many_at_once_is_deleted_once(admin, super_admin, tenant):
    one, two = CustomerFactory.create_batch(2, tenant=tenant)
    answers = at_once(*((admin, "delete", f"{CUSTOMERS}/{one.pk}", None),) * 8)
    assert statuses(answers) == {200: 1, 404: 7}
    answers = at_once(*((super_admin, "delete", f"{CUSTOMERS}/{two.pk}?permanent=true", None),) * 8)
    assert statuses(answers) == {200: 1, 404: 7}


def test_an_update_of_one_being_deleted_brings_nobody_back(admin, super_admin, tenant):
    for query in ("", "?permanent=true"):
        customer = CustomerFactory(tenant=tenant, email="jane@example.com")
        url = f"{CUSTOMERS}/{customer.pk}"
        answers = at_once(
            (super_admin, "delete", url + query, None),
            *((admin, "put", url, {"first_name": "Eve"}),) * 4,
            *((admin, "put", f"{url}/preferences", {"notes": "x"}),) * 4,
        )
        assert answers[0].status_code == 200
        assert set(statuses(answers)) <= {200, 404}
        assert live(tenant) == []


def deadlocks():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_stat_force_next_flush(), deadlocks FROM pg_stat_database WHERE datname = current_database()"
        )
        return cursor.fetchone()[1]


def test_three_customers_who_pass_their_contacts_around_all_keep_their_own(admin, tenant):
    for contact in ("email", "phone"):
        people, before = CustomerFactory.create_batch(3, tenant=tenant), deadlocks()
        stored = sorted(live(tenant))
        changes = [
            (admin, "put", f"{CUSTOMERS}/{one.pk}", {contact: getattr(other, contact)})
            for one, other in permutations(people, 2)
        ]
        assert statuses(at_once(*changes * 4)) == {409: 24}
        assert (sorted(live(tenant)), deadlocks()) == (stored, before)


def test_whoever_changes_contacts_waits_for_their_turn_before_anything_is_written(admin, tenant):
    person = CustomerFactory(tenant=tenant, email="old@example.com")
    with CaptureQueriesContext(connection) as queries:
        assert admin.put(f"{CUSTOMERS}/{person.pk}", {"email": "new@example.com"}).status_code == 200
    statements = [query["sql"] for query in queries]
    [turn] = [n for n, sql in enumerate(statements) if "pg_advisory_xact_lock(5" in sql]
    [write] = [n for n, sql in enumerate(statements) if sql.startswith("UPDATE")]
    assert turn < write
    assert statements[turn].index("new@example.com") < statements[turn].index("old@example.com")


def test_creates_updates_and_restores_meet(admin, tenant):
    """Three e-mails and three phones in any combination, wanted and given up by all."""
    pick, before = Random(7), deadlocks()

    def contacts():
        return {
            "email": pick.choice(["a@example.com", "b@example.com", "c@example.com"]),
            "phone": pick.choice(["+628123456789", "+628123456780", "+628123456781"]),
        }

    people = CustomerFactory.create_batch(3, tenant=tenant)
    deleted = [DeletedCustomerFactory(tenant=tenant, **contacts()) for _ in range(8)]
    answers = at_once(
        *((admin, "put", f"{CUSTOMERS}/{one.pk}", contacts()) for one in people * 5),
        *((admin, "post", f"{CUSTOMERS}/{one.pk}/restore", None) for one in deleted),
        *((admin, "post", CUSTOMERS, {"first_name": "Jane"} | contacts()) for _ in range(17)),
    )
    assert set(statuses(answers)) <= {200, 201, 409}
    assert deadlocks() == before
    left = live(tenant)
    for values in zip(*left, strict=True):
        assert len(set(values)) == len(values)
    # An exact count, and every figure made of it.
    assert admin.get(CUSTOMERS).json()["total"] == len(left)
    assert admin.get(f"{CUSTOMERS}/statistics/summary").json()["statistics"]["total_customers"] == len(left)


def test_favourites_chosen_at_the_same_moment_are_one_of_the_choices(staff, tenant):
    customer = CustomerFactory(tenant=tenant)
    services = [service.pk for service in ServiceFactory.create_batch(4, tenant=tenant)]
    choices = [services, services[::-1], services[:2], services[2:], []]
    url = f"{CUSTOMERS}/{customer.pk}/preferences"
    answers = at_once(*((staff, "put", url, {"preferred_services": choice}) for choice in choices))
    assert statuses(answers) == {200: 5}
    assert staff.get(f"{CUSTOMERS}/{customer.pk}").json()["preferences"]["preferred_services"] in choices


def test_who_is_renamed_while_they_become_the_representative_of_their_old_name_leaves_nothing_of_it(admin, tenant):
    """A search for a misspelled name compares with one customer for each name, the representative."""
    # PostgreSQL plans the statements of the trigger for a table with rows.
    CustomerFactory.create_batch(200, tenant=tenant)
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("ANALYZE customers_namekey")
    first, second = CustomerFactory.create_batch(2, tenant=tenant, first_name="Jane", last_name="Doe")
    with tenant_scope(tenant), transaction.atomic():
        first.change({"last_name": "Roe"})
        answers: list = []
        late = Thread(
            target=lambda: answers.extend(at_once((admin, "patch", f"{CUSTOMERS}/{second.pk}", {"last_name": "Poe"})))
        )
        late.start()
        until_blocked()
    late.join()
    assert statuses(answers) == {200: 1}
    with tenant_scope(tenant):
        assert not SearchableName.objects.filter(text="jane doe").exists()
