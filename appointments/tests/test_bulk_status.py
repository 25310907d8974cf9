"""The bulk actions of the list of appointments, which allow the same changes of status as the day sheet."""

import datetime as dt
import threading

import pytest
import time_machine
from django.db import connection, connections, transaction

from appointments.admin import bulk_status
from appointments.models import Appointment, Status
from appointments.models.transitions import STATUS_TRANSITIONS
from appointments.tests.factories import AppointmentFactory
from customers.tests.factories import CustomerFactory
from tenants.scope import tenant_scope
from tenants.tests.factories import UserFactory
from tenants.tests.forms import messages_without_undo
from tenants.tests.locks import until_blocked

PAGE = "/admin/appointments/appointment/?day=all"
ACTIONS = {"confirm": "confirmed", "complete": "completed", "cancel": "cancelled", "no_show": "no_show"}


@pytest.fixture
def jane(tenant):
    return CustomerFactory(tenant=tenant, first_name="Jane", last_name=None)


def run_action(browser, action, *appointments, **body):
    body = {"action": action, "_selected_action": [one.pk for one in appointments]} | body
    return browser.post(PAGE, body)


def read_statuses(*appointments):
    with tenant_scope(appointments[0].tenant):
        found = Appointment.objects.in_bulk([one.pk for one in appointments])
    return [found[one.pk].status for one in appointments]


@pytest.mark.slow("tries each action on each status")
@pytest.mark.parametrize("before", Status.values)
@pytest.mark.parametrize("action", ACTIONS)
def test_an_action_sets_only_statuses_that_the_day_sheet_allows(back_office, tenant, jane, action, before):
    one = AppointmentFactory(tenant=tenant, status=before, customer=jane)
    [(level, sentence)] = messages_without_undo(run_action(back_office("outlet_manager"), action, one, asked=1))
    if ACTIONS[action] in STATUS_TRANSITIONS[before]:
        assert (level, sentence) == ("success", f"{Status(ACTIONS[action]).label}: 1.")
        assert read_statuses(one) == [ACTIONS[action]]
    else:
        assert level == "error"
        assert sentence.startswith(f"Jane, Sat 25 Jan 2025 14:00 with {one.staff}: not changed. It is ")
        assert read_statuses(one) == [before]


def test_a_refused_appointment_is_named_and_the_others_are_changed(back_office, tenant, jane):
    cancelled = AppointmentFactory(tenant=tenant, status=Status.CANCELLED, customer=jane)
    ready, browser = AppointmentFactory(tenant=tenant, status=Status.IN_PROGRESS), back_office("outlet_manager")
    reason = "It is cancelled, from which it can become confirmed or pending."
    page = run_action(browser, "complete", cancelled, ready).content.decode()
    assert "Selected: 2. Set to completed: 1. Not changed, for the reason in the list: 1." in page
    assert f"Jane, Sat 25 Jan 2025 14:00 with {cancelled.staff}</a>: stays as it is. {reason}" in page
    assert messages_without_undo(run_action(browser, "complete", cancelled, ready, asked=1)) == [
        ("error", f"Jane, Sat 25 Jan 2025 14:00 with {cancelled.staff}: not changed. {reason}"),
        ("success", "Completed: 1."),
    ]
    assert read_statuses(cancelled, ready) == ["cancelled", "completed"]


def test_a_completed_appointment_of_a_later_day_can_become_nothing_else(back_office, tenant):
    later = AppointmentFactory(tenant=tenant, status=Status.COMPLETED, appointment_date=dt.date(2999, 1, 25))
    page = run_action(back_office("outlet_manager"), "cancel", later).content.decode()
    assert "It is completed, from which it can become nothing else before its day." in page


@pytest.mark.parametrize("role", ["outlet_manager", "super_admin"])
def test_an_appointment_of_a_later_day_can_not_be_a_no_show(back_office, tenant, role):
    # 23:00 of the 24th in UTC is the 25th in Jakarta, where the business is.
    today, later = (
        AppointmentFactory(tenant=tenant, status=Status.CONFIRMED, appointment_date=dt.date(2025, 1, day))
        for day in (25, 26)
    )
    with time_machine.travel(dt.datetime(2025, 1, 24, 23, tzinfo=dt.UTC)):
        run_action(back_office(role), "no_show", today, later, asked=1)
    assert read_statuses(today, later) == ["no_show", "confirmed"]


def test_the_day_sheet_refuses_a_no_show_on_a_later_day_too(back_office, tenant):
    later = AppointmentFactory(tenant=tenant, status=Status.CONFIRMED, appointment_date=dt.date(2025, 1, 26))
    with time_machine.travel(dt.datetime(2025, 1, 25, 3, tzinfo=dt.UTC)):
        body = {"appointment": later.pk, "seen": "confirmed", "status": "no_show"}
        response = back_office("staff").post("/admin/appointments/appointment/day/?day=2025-01-26", body)
    assert (response.status_code, read_statuses(later)) == (400, ["confirmed"])


def test_staff_have_no_bulk_actions(back_office, tenant):
    one, browser = AppointmentFactory(tenant=tenant, status=Status.CONFIRMED), back_office("staff")
    assert browser.get(PAGE).context["action_form"] is None
    run_action(browser, "cancel", one, asked=1, select_across=1)
    assert read_statuses(one) == ["confirmed"]


def start_to_cancel(browser, *appointments):
    """Starts to cancel the appointments in a thread, and returns the thread as soon as it waits for a lock."""

    def post():
        run_action(browser, "cancel", *appointments, asked=1)
        connections.close_all()

    thread = threading.Thread(target=post)
    thread.start()
    until_blocked()
    return thread


@pytest.mark.django_db(transaction=True)
def test_each_batch_is_committed_before_the_next_one_waits(back_office, tenant, monkeypatch):
    monkeypatch.setattr(bulk_status, "BATCH_SIZE", 2)
    staff, customer = UserFactory(tenant=tenant), CustomerFactory(tenant=tenant)
    fields = {"tenant": tenant, "staff_id": staff.pk, "customer": customer, "status": Status.CONFIRMED}
    five = [AppointmentFactory(**fields, appointment_date=dt.date(2025, 1, day)) for day in range(1, 6)]
    five.sort(key=lambda one: one.pk)
    browser = back_office("outlet_manager")
    with tenant_scope(tenant), transaction.atomic():
        Appointment.objects.select_for_update().get(pk=five[4].pk)
        manager = start_to_cancel(browser, *five)
        assert read_statuses(*five) == ["cancelled"] * 4 + ["confirmed"]
    manager.join()
    assert read_statuses(*five) == ["cancelled"] * 5


@pytest.mark.django_db(transaction=True)
def test_concurrent_actions_on_the_same_appointments_cause_no_deadlock(back_office, tenant):
    customer, people = CustomerFactory(tenant=tenant), [UserFactory(tenant=tenant) for _ in range(4)]
    fields = {"tenant": tenant, "customer": customer, "status": Status.CONFIRMED}
    many = [
        AppointmentFactory(**fields, staff_id=person.pk, appointment_date=dt.date(2025, 1, day))
        for person in people
        for day in range(1, 6)
    ]
    barrier, answers = threading.Barrier(2), []
    clicks = [("cancel", many, back_office("outlet_manager")), ("no_show", many[::-1], back_office("tenant_admin"))]

    def press(action, appointments, browser):
        connection.ensure_connection()
        barrier.wait(30)
        answers.append(run_action(browser, action, *appointments, asked=1))
        connections.close_all()

    threads = [threading.Thread(target=press, args=click) for click in clicks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.status_code for answer in answers] == [302, 302]
    # Each appointment has one of the two statuses: the second change was refused.
    done = sum(
        int(text.rsplit(": ")[-1].rstrip("."))
        for answer in answers
        for level, text in messages_without_undo(answer)
        if level == "success"
    )
    assert done == len(many)
    assert set(read_statuses(*many)) <= {"cancelled", "no_show"}


@pytest.mark.django_db(transaction=True)
def test_actions_on_appointments_of_the_same_customers_cause_no_deadlock(back_office, tenant):
    customers = sorted((CustomerFactory(tenant=tenant) for _ in range(2)), key=lambda one: one.pk)
    # Ana's appointments were made in another order than that of their customers.
    anas, bos = (
        [
            AppointmentFactory(
                tenant=tenant,
                staff_id=pk,
                customer=customer,
                status=Status.CONFIRMED,
                appointment_date=dt.date(2025, 1, day),
            )
            for day, customer in enumerate(order, 1)
        ]
        for pk, order in ((UserFactory(tenant=tenant).pk, customers[::-1]), (UserFactory(tenant=tenant).pk, customers))
    )
    browser = back_office("outlet_manager")
    with tenant_scope(tenant), transaction.atomic():
        Appointment.objects.filter(pk=bos[0].pk).update(status=Status.CANCELLED)
        manager = start_to_cancel(browser, *anas)
        Appointment.objects.filter(pk=bos[1].pk).update(status=Status.CANCELLED)
    manager.join()
    assert read_statuses(*anas, *bos) == ["cancelled"] * 4
