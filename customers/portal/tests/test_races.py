"""Concurrent requests to the portal: each request in a thread and a connection of its own."""

from collections import Counter
from threading import Thread

import pytest
from django.contrib.auth.hashers import make_password
from django.db import transaction
from rest_framework.test import APIClient

from appointments.models import Appointment
from appointments.tests.factories import AppointmentFactory
from customers.models import Customer, CustomerSession, MailedLink
from customers.portal import links
from customers.portal.tests.conftest import JANE, NEW_PASSWORD, PASSWORD, PORTAL, mailed_token, signed_in
from customers.tests.factories import CustomerFactory
from customers.tests.test_races import at_once, statuses
from tenants.models import LoginFailure
from tenants.tests.factories import TenantFactory
from tenants.tests.locks import until_blocked

pytestmark = [
    pytest.mark.slow("lets dozens of requests race, each in a thread and a connection"),
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("in_scope"),
]


def opening(token, n=0, endpoint="verify"):
    """The request that opens a link, from the client number `n`: those of one client take turns anyway."""
    return client_at(n), "post", f"{PORTAL}/{endpoint}", {"token": token, "password": f"{PASSWORD} {n}"}


def client_at(n):
    client = APIClient()
    client.credentials(REMOTE_ADDR=f"203.0.113.{n}")
    return client


def codes(answers):
    return Counter(answer.json().get("code", answer.status_code) for answer in answers)


def register_token(tenant, **changes):
    return mailed_token(tenant, "register", **{"email": JANE["email"], "first_name": "Jane"} | changes)


def test_of_20_parallel_openings_of_one_link_one_makes_the_account_and_a_session(tenant, anonymous):
    token = register_token(tenant)
    answers = at_once(*[opening(token, n) for n in range(20)])
    assert codes(answers) == {200: 1, "link_invalid": 19}
    winner = next(n for n, answer in enumerate(answers) if answer.status_code == 200)
    assert (Customer.objects.count(), CustomerSession.objects.count()) == (1, 1)
    assert signed_in(answers[winner].json()).get(f"{PORTAL}/me/appointments").status_code == 200
    right = {"email": JANE["email"], "password": f"{PASSWORD} {winner}"}
    assert anonymous.post(f"{PORTAL}/login", right).status_code == 200


def test_of_20_parallel_openings_by_a_walk_in_one_counts_and_every_visit_stays(tenant):
    walk_in = CustomerFactory(tenant=tenant, email=JANE["email"])
    visits = {AppointmentFactory(tenant=tenant, customer=walk_in).pk for _ in range(3)}
    token = register_token(tenant)
    assert codes(at_once(*[opening(token, n) for n in range(20)])) == {200: 1, "link_invalid": 19}
    assert (Customer.objects.get().pk, CustomerSession.objects.count()) == (walk_in.pk, 1)
    assert set(Appointment.objects.filter(customer=walk_in).values_list("pk", flat=True)) == visits


def test_of_several_links_to_one_mailbox_that_are_opened_at_once_one_makes_the_account(tenant):
    tokens = [register_token(tenant, first_name=f"Jane{n}") for n in range(5)]
    answers = at_once(*[opening(token, n) for n, token in enumerate(tokens * 3)])
    assert codes(answers) == {200: 1, "link_invalid": 14}
    assert (Customer.objects.count(), CustomerSession.objects.count()) == (1, 1)


def test_parallel_resets_by_one_link_set_one_password_and_end_every_session(tenant, registered):
    jane = registered()
    session = CustomerSession.start(jane)
    token = mailed_token(tenant, "reset", email=JANE["email"])
    answers = at_once(*[opening(token, n, "password/reset") for n in range(20)])
    assert codes(answers) == {200: 1, "link_invalid": 19}
    session.refresh_from_db()
    assert session.ended_at


def test_of_20_parallel_openings_of_a_new_address_one_starts_a_session(tenant, registered):
    """The address differs in its spelling alone, so the link stays bound to what the customer has."""
    token = mailed_token(tenant, "change_email", email="JANE@example.com", customer=registered())
    assert codes(at_once(*[opening(token, n) for n in range(20)])) == {200: 1, "link_invalid": 19}
    assert CustomerSession.objects.count() == 1


@pytest.mark.parametrize("number", range(3))
def test_opening_a_link_while_the_staff_create_the_person_leaves_one_customer(number, tenant, staff):
    token = register_token(tenant)
    create = (staff, "post", "/api/v1/customers", {"first_name": "Jane", "email": "JANE@example.com"})
    answers = at_once(*[opening(token), create, create])
    assert answers[0].status_code == 200
    assert sum(answer.status_code == 201 for answer in answers[1:]) <= 1
    (jane,) = Customer.objects.all()
    assert jane.may_sign_in


def test_a_person_whom_the_staff_are_just_creating_is_claimed_when_they_are_done(tenant):
    """The opening waits for the other transaction, whose row it can't see before."""
    token, answers = register_token(tenant), []
    opener = Thread(target=lambda: answers.extend(at_once(opening(token))))
    with transaction.atomic():
        walk_in = CustomerFactory(tenant=tenant, email=JANE["email"])
        opener.start()
        until_blocked()
    opener.join()
    assert answers[0].status_code == 200
    assert Customer.objects.get().pk == walk_in.pk
    assert Customer.objects.get().may_sign_in


def test_a_phone_that_two_people_give_at_once_is_one_persons_and_pending_for_the_others(tenant):
    phone = "+6281234567890"
    tokens = [register_token(tenant, email=f"n{n}@example.com", phone=phone) for n in range(5)]
    assert statuses(at_once(*[opening(token, n) for n, token in enumerate(tokens)])) == {200: 5}
    stored = Counter(Customer.objects.values_list("phone", "pending_phone"))
    assert stored == {(phone, None): 1, (None, phone): 4}


def test_a_log_in_while_the_password_changes_leaves_no_session_of_the_old_one(tenant, anonymous, registered):
    jane = registered()
    body = {"email": JANE["email"], "password": PASSWORD}
    answers = []
    logging_in = Thread(target=lambda: answers.extend(at_once((anonymous, "post", f"{PORTAL}/login", body))))
    with transaction.atomic():
        Customer.objects.filter(pk=jane.pk).update(password=make_password(NEW_PASSWORD))
        logging_in.start()
        until_blocked()
    logging_in.join()
    assert answers[0].status_code == 401
    assert not CustomerSession.objects.live().exists()


def test_of_20_parallel_refreshes_of_one_token_all_get_one_and_the_same_pair(anonymous, registered):
    pair = CustomerSession.start(registered()).token_pair()
    body = {"refresh": pair["refresh"]}
    answers = at_once(*[(anonymous, "post", f"{PORTAL}/refresh", body) for _ in range(20)])
    assert statuses(answers) == {200: 20}
    assert len({answer.content for answer in answers}) == 1


def test_of_20_parallel_requests_for_one_address_five_are_accepted(tenant):
    answers = at_once(*[(client_at(n), "post", f"{PORTAL}/register", JANE) for n in range(20)])
    assert statuses(answers) == {202: 5, 429: 15}
    assert MailedLink.objects.count() == 5


def test_parallel_requests_for_one_address_to_many_businesses_are_counted_one_by_one(tenant, monkeypatch):
    monkeypatch.setattr(links, "MAILS_PER_ADDRESS_IN_ALL", 5)
    portals = [f"/api/v1/portal/{TenantFactory(slug=f'salon-{n}').slug}" for n in range(20)]
    answers = at_once(*[(client_at(n), "post", f"{portal}/register", JANE) for n, portal in enumerate(portals)])
    assert statuses(answers) == {202: 5, 429: 15}


def test_parallel_requests_of_one_client_are_counted_one_by_one(tenant, anonymous, monkeypatch):
    monkeypatch.setattr(links, "MAILS_PER_CLIENT", 5)
    bodies = [JANE | {"email": f"n{n}@example.com"} for n in range(20)]
    answers = at_once(*[(anonymous, "post", f"{PORTAL}/register", body) for body in bodies])
    assert statuses(answers) == {202: 5, 429: 15}


def test_parallel_guesses_are_counted_one_by_one(registered):
    registered()
    body = {"email": JANE["email"], "password": "wrong"}
    answers = at_once(*[(client_at(n), "post", f"{PORTAL}/login", body) for n in range(20)])
    assert statuses(answers) == {401: 10, 429: 10}
    assert LoginFailure.objects.count() == 10
