"""Concurrent requests: each request in a thread and a connection of its own, started by one barrier."""

import datetime as dt
from collections import Counter
from itertools import pairwise
from random import Random
from threading import Thread

import pytest
from django.core.management import call_command
from django.db import transaction

from appointments.bookings.tests.conftest import APPOINTMENTS, MONDAY
from appointments.models import BLOCKING_STATUSES, Appointment, WorkingHours, lock_bookings_of
from customers.models import Customer
from customers.tests.factories import CustomerFactory
from customers.tests.test_races import at_once, statuses
from tenants.scope import tenant_scope
from tenants.tests.locks import until_blocked

pytestmark = [
    pytest.mark.slow("lets dozens of requests race, each in a thread and a connection"),
    pytest.mark.django_db(transaction=True),
]


def assert_no_overlap(tenant):
    with tenant_scope(tenant):
        booked = list(Appointment.objects.filter(status__in=BLOCKING_STATUSES))
    for one, two in pairwise(sorted(booked, key=lambda one: (one.staff_id, one.local_bounds))):
        assert one.staff_id != two.staff_id or one.occupied[1] <= two.local_bounds[0]
    call_command("check_totals", "--tenant", tenant.slug)


def posts(client, bodies, url=APPOINTMENTS):
    return [(client, "post", url, body) for body in bodies]


def test_of_50_concurrent_bookings_of_one_slot_one_is_201_and_the_others_have_alternatives_that_book(
    staff, salon, body
):
    people = [CustomerFactory(tenant=salon.tenant).pk for _ in range(50)]
    answers = at_once(*posts(staff, [body(customer_id=pk) for pk in people]))
    assert statuses(answers) == {201: 1, 409: 49}
    [booked] = [answer.json() for answer in answers if answer.status_code == 201]
    problems = [answer.json() for answer in answers if answer.status_code == 409]
    assert {(one["code"], one["conflicting_appointment_id"]) for one in problems} == {("overlap", booked["id"])}
    offered = {
        tuple(slot[key] for key in ("appointment_date", "start_time", "staff_id", "outlet_id"))
        for problem in problems
        for slot in problem["alternatives"]
    }
    assert [start for _, start, _, _ in sorted(offered)] == ["10:15:00", "10:30:00", "10:45:00"]
    for day, start, person, outlet in offered:
        slot = body(appointment_date=day, start_time=start, staff_id=person, outlet_id=outlet)
        answer = staff.post(APPOINTMENTS, slot)
        assert answer.status_code == 201
        assert staff.post(f"{APPOINTMENTS}/{answer.json()['id']}/status", {"status": "cancelled"}).status_code == 200
    assert_no_overlap(salon.tenant)


def test_of_50_concurrent_bookings_without_a_person_each_free_person_gets_one(staff, salon, body, employ):
    people = {salon.ana.pk, *(employ(name).pk for name in ("Bo", "Cy", "Di", "Ed"))}
    answers = at_once(*posts(staff, [body(staff_id=None)] * 50))
    assert statuses(answers) == {201: 5, 409: 45}
    assert {answer.json()["staff_id"] for answer in answers if answer.status_code == 201} == people
    problems = [answer.json() for answer in answers if answer.status_code == 409]
    assert {one["code"] for one in problems} == {"overlap"}
    assert {len(one["alternatives"]) for one in problems} == {3}
    assert_no_overlap(salon.tenant)


def test_80_random_concurrent_bookings_cause_no_overlap_and_no_deadlock(staff, salon, body, employ):
    pick = Random(1)
    people = [salon.ana.pk, *(employ(name).pk for name in ("Bo", "Cy")), None]
    bodies = []
    for _ in range(80):
        minute = pick.randrange(9 * 60, 11 * 60, 5)
        times = {"start_time": f"{minute // 60:02}:{minute % 60:02}", "override": ["hours"]}
        bodies.append(body(staff_id=pick.choice(people), **times))
    answers = at_once(*posts(staff, bodies))
    assert statuses(answers).keys() == {201, 409}
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"overlap"}
    with tenant_scope(salon.tenant):
        assert Appointment.objects.count() == statuses(answers)[201]
    assert_no_overlap(salon.tenant)


def test_of_concurrent_moves_to_one_slot_one_succeeds(staff, salon, body, employ):
    people = [salon.ana.pk, *(employ(name).pk for name in ("Bo", "Cy", "Di"))]
    booked = [staff.post(APPOINTMENTS, body(staff_id=pk)).json() for pk in people]
    ed = employ("Ed").pk
    move = {"appointment_date": MONDAY, "start_time": "10:00", "staff_id": ed}
    answers = at_once(*[(staff, "post", f"{APPOINTMENTS}/{one['id']}/reschedule", move) for one in booked])
    assert statuses(answers) == {200: 1, 409: 3}
    [winner] = [answer.json()["id"] for answer in answers if answer.status_code == 200]
    for answer in answers:
        if answer.status_code == 409:
            assert (answer.json()["code"], answer.json()["conflicting_appointment_id"]) == ("overlap", winner)
    assert_no_overlap(salon.tenant)


def test_two_appointments_that_swap_their_people_wait_for_no_one(staff, salon, body, employ):
    bo = employ("Bo").pk
    one, two = (staff.post(APPOINTMENTS, body(staff_id=pk)).json() for pk in (salon.ana.pk, bo))
    for _ in range(5):
        answers = at_once(
            *(
                (
                    staff,
                    "post",
                    f"{APPOINTMENTS}/{appointment['id']}/reschedule",
                    {"appointment_date": MONDAY, "start_time": start, "staff_id": pk},
                )
                for appointment, pk in ((one, bo), (two, salon.ana.pk))
                for start in ("09:00", "10:45")
            )
        )
        assert statuses(answers).keys() <= {200, 409}
        assert {answer.json()["code"] for answer in answers if answer.status_code >= 400} <= {"overlap"}
        assert_no_overlap(salon.tenant)


def test_moves_and_statuses_and_changes_of_one_appointment_cause_no_deadlock(staff, salon, body, employ):
    bo = employ("Bo").pk
    url = f"{APPOINTMENTS}/{staff.post(APPOINTMENTS, body()).json()['id']}"
    requests = [
        (staff, "post", f"{url}/status", {"status": "cancelled"}),
        (staff, "post", f"{url}/status", {"status": "confirmed"}),
        (staff, "post", f"{url}/reschedule", {"appointment_date": MONDAY, "start_time": "10:00", "staff_id": bo}),
        (staff, "patch", url, {"notes": "Late"}),
        (staff, "post", APPOINTMENTS, body(start_time="10:45")),
    ]
    answers = at_once(*requests * 6)
    assert statuses(answers).keys() <= {200, 201, 409}
    assert statuses(answers[4::5]) == {201: 1, 409: 5} or statuses(answers[4::5]) == {409: 6}
    assert statuses(answers[3::5]) == {200: 6}
    assert_no_overlap(salon.tenant)


def test_a_change_waits_for_a_move_to_another_person_and_is_done(staff, salon, body, employ):
    bo = employ("Bo").pk
    booked = staff.post(APPOINTMENTS, body()).json()
    answers = []

    def cancel():
        answers.extend(at_once((staff, "post", f"{APPOINTMENTS}/{booked['id']}/status", {"status": "cancelled"})))

    waiting = Thread(target=cancel)
    with tenant_scope(salon.tenant), transaction.atomic():
        lock_bookings_of(salon.tenant.pk, [salon.ana.pk, bo])
        waiting.start()
        until_blocked()
        Appointment.objects.filter(pk=booked["id"]).update(staff=bo)
    waiting.join()
    [answer] = answers
    assert (answer.status_code, answer.json()["status"], answer.json()["staff_id"]) == (200, "cancelled", bo)


def test_a_status_against_the_rules_does_not_wait_for_a_writer_of_the_customer(staff, salon, body):
    url = f"{APPOINTMENTS}/{staff.post(APPOINTMENTS, body()).json()['id']}/status"
    assert staff.post(url, {"status": "cancelled"}).status_code == 200
    with tenant_scope(salon.tenant):
        WorkingHours.objects.all().delete()
    answers = []

    def confirm():
        answers.extend(at_once((staff, "post", url, {"status": "confirmed", "override": ["hours"]})))

    confirming = Thread(target=confirm)
    # Code that writes a customer locks the row first, and then the totals, which a change of status locks too.
    with tenant_scope(salon.tenant), transaction.atomic():
        Customer.objects.select_for_update().only("pk").get(pk=salon.jane.pk)
        confirming.start()
        confirming.join(60)
        has_waited = confirming.is_alive()
    confirming.join()
    assert (has_waited, answers[0].status_code, answers[0].json()["overrides"]) == (False, 200, ["hours"])


def test_of_concurrent_statuses_one_is_recorded(staff, salon, body):
    url = f"{APPOINTMENTS}/{staff.post(APPOINTMENTS, body()).json()['id']}"
    answers = at_once(*posts(staff, [{"status": "cancelled"}] * 10, f"{url}/status"))
    assert statuses(answers) == {200: 10}
    assert len({answer.content for answer in answers}) == 1


def test_a_walk_in_is_given_to_one_of_those_who_claim_it(staff, salon, body):
    url = f"{APPOINTMENTS}/{staff.post(APPOINTMENTS, body(customer_id=None, walk_in=True)).json()['id']}"
    people = [CustomerFactory(tenant=salon.tenant).pk for _ in range(8)]
    answers = at_once(*[(staff, "patch", url, {"customer_id": pk}) for pk in people])
    assert statuses(answers) == {200: 1, 409: 7}
    assert Counter(answer.json().get("code") for answer in answers) == {None: 1, "customer_already_set": 7}
    assert_no_overlap(salon.tenant)


def test_of_concurrent_moves_with_one_etag_one_is_done(staff, salon, body):
    answer = staff.post(APPOINTMENTS, body())
    url, etag = f"{APPOINTMENTS}/{answer.json()['id']}/reschedule", answer["ETag"]
    staff.credentials(**staff._credentials, HTTP_IF_MATCH=etag)
    starts = ("09:15", "09:30", "09:45", "10:00")
    answers = at_once(*posts(staff, [{"appointment_date": MONDAY, "start_time": start} for start in starts], url))
    assert statuses(answers) == {200: 1, 412: 3}


def test_concurrent_bookings_with_one_key_are_done_once(staff, salon, body):
    staff.credentials(**staff._credentials, HTTP_IDEMPOTENCY_KEY="one")
    answers = at_once(*posts(staff, [body()] * 10))
    assert statuses(answers).keys() <= {201, 409}
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} <= {"in_flight"}
    assert len({answer.json()["id"] for answer in answers if answer.status_code == 201}) == 1
    with tenant_scope(salon.tenant):
        assert Appointment.objects.filter(appointment_date=dt.date.fromisoformat(MONDAY)).count() == 1
