"""The day sheet: the status set with one click."""

import datetime as dt
import threading

import pytest
import time_machine
from django.contrib.messages import get_messages
from django.db import connection, connections, transaction
from django.test import Client

from appointments.admin.day_sheet import STATUS_TRANSITIONS
from appointments.models import Appointment, Status
from appointments.tests.factories import AppointmentFactory
from circe.db.ids import new_id
from customers.tests.factories import CustomerFactory
from tenants.models import AuditEvent, Role
from tenants.scope import tenant_scope
from tenants.tests.factories import OutletFactory, ServiceFactory, UserFactory
from tenants.tests.locks import until_blocked

SHEET = "/admin/appointments/appointment/day/"
SATURDAY = dt.date(2025, 1, 25)
DAY = f"{SHEET}?day=2025-01-25"


@pytest.fixture
def ana(tenant):
    return UserFactory(tenant=tenant, first_name="Ana", last_name="Lee")


@pytest.fixture
def book(tenant, ana):
    """`book("Jane", "10:00-11:00")`: an appointment of that customer with Ana; `day=1` for the day after."""
    shared = {
        "tenant": tenant,
        "service": ServiceFactory(tenant=tenant, name="Haircut"),
        "outlet": OutletFactory(tenant=tenant),
        "staff_id": ana.pk,
        "status": Status.CONFIRMED,
    }

    def make(name, hours, day=0, **fields):
        start, end = (dt.time.fromisoformat(clock) for clock in hours.split("-"))
        customer = CustomerFactory(tenant=tenant, first_name=name, last_name=None)
        when = {"appointment_date": SATURDAY + dt.timedelta(days=day), "start_time": start, "end_time": end}
        return AppointmentFactory(**shared | {"customer": customer} | when | fields)

    return make


def click(browser, appointment, status, *, seen=None, url=DAY):
    """Presses the button `status` on the card of the appointment, which showed its status, or `seen`."""
    return browser.post(url, {"appointment": appointment.pk, "seen": seen or appointment.status, "status": status})


def shown_messages(response):
    return [(message.level_tag, str(message)) for message in get_messages(response.wsgi_request)]


def status_of(appointment):
    with tenant_scope(appointment.tenant):
        return Appointment.objects.get(pk=appointment.pk).status


TRANSITIONS = [(seen, status, label) for seen, steps in STATUS_TRANSITIONS.items() for status, label in steps.items()]


def test_every_status_leads_somewhere_and_back():
    assert set(STATUS_TRANSITIONS) == set(Status)
    assert all(seen not in steps for seen, steps in STATUS_TRANSITIONS.items())
    assert {status for steps in STATUS_TRANSITIONS.values() for status in steps} == set(Status)


@pytest.mark.parametrize(("seen", "status", "label"), TRANSITIONS)
def test_a_click_sets_the_status_and_leads_back_to_the_place(back_office, book, seen, status, label):
    one, browser = book("Jane", "10:00-11:00", status=seen), back_office("staff")
    page = browser.get(DAY).content.decode()
    assert f'<button name="status" value="{status}" class="{status}">{label}</button>' in page
    answer = click(browser, one, status)
    assert (answer.status_code, answer.url) == (302, f"{DAY}#appointment-{one.pk}")
    assert shown_messages(answer) == [("success", f"Jane, 10:00: {status.label.lower()}.")]
    assert status_of(one) == status


@pytest.mark.parametrize("role", Role.values)
def test_every_role_may_and_the_audit_trail_knows(back_office, tenant, book, role):
    one, browser = book("Jane", "10:00-11:00"), back_office(role)
    click(browser, one, "in_progress", url=f"{DAY}&tenant_id={tenant.pk}")
    with tenant_scope(tenant):
        event = AuditEvent.objects.filter(row_id=one.pk).first()
        assert Appointment.objects.get(pk=one.pk).updated_at > one.updated_at
    assert (event.actor_id, event.before["status"], event.after["status"]) == (
        browser.user.pk,
        "confirmed",
        "in_progress",
    )


def test_nothing_else_of_it_changes(back_office, book, tenant):
    one = book("Jane", "10:00-11:00", notes="Roses", paid_amount=5)
    click(back_office("staff"), one, "in_progress")
    with tenant_scope(tenant):
        then = {**vars(Appointment.objects.get(pk=one.pk))}
    changed = {name for name, value in then.items() if value != vars(one).get(name, value) and name[0] != "_"}
    assert changed == {"status", "updated_at"}


def test_what_somebody_changed_meanwhile_is_not_overwritten(back_office, book):
    one, browser = book("Jane", "10:00-11:00", status=Status.CANCELLED), back_office("staff")
    answer = click(browser, one, "in_progress", seen="confirmed")
    sentence = "Jane, 10:00: nothing was changed, since somebody did meanwhile. It is cancelled now."
    assert shown_messages(answer) == [("warning", sentence)]
    assert status_of(one) == "cancelled"


def test_a_second_click_does_no_harm(back_office, book):
    one, browser = book("Jane", "10:00-11:00"), back_office("staff")
    for expected in ("success", "info"):
        answer = click(browser, one, "in_progress", seen="confirmed")
        assert shown_messages(answer)[-1][0] == expected
    assert status_of(one) == "in_progress"


@pytest.mark.parametrize(
    ("hours", "day", "when"),
    [
        ("10:30-11:30", 0, "on 25 January 2025 from 10:30 to 11:30"),
        ("23:30-10:30", -1, "on 24 January 2025 from 23:30 to 10:30"),
    ],
)
@pytest.mark.parametrize("seen", [Status.CANCELLED, Status.NO_SHOW])
def test_a_time_given_away_is_not_held_again(back_office, book, hours, day, when, seen):
    lost, holder = book("Jane", "10:00-11:00", status=seen), book("<Jo>", hours, day)
    level, sentence = shown_messages(click(back_office("staff"), lost, "confirmed"))[0]
    assert level == "error"
    assert sentence == (
        f"Jane, 10:00 stays {seen.label.lower()}. Ana Lee is booked {when}, for &lt;Jo&gt; (Haircut)."
        f' <a href="/admin/appointments/appointment/{holder.pk}/change/" target="_blank">Show it</a>'
    )
    assert status_of(lost) == seen


def test_the_appointment_of_someone_removed_holds_its_time(back_office, book):
    lost = book("Jane", "10:00-11:00", status=Status.CANCELLED)
    book("Jo", "10:30-11:30", customer=None)
    assert (
        "for a customer removed since (Haircut)."
        in shown_messages(click(back_office("staff"), lost, "confirmed"))[0][1]
    )


def test_what_is_of_another_business_or_nothing_is_not_found(back_office, stranger, tenant, book):
    theirs = AppointmentFactory(tenant=stranger, status=Status.CONFIRMED)
    browser = back_office("staff")
    for pk in (theirs.pk, new_id(), "zzz", "\0", ""):
        body = {"appointment": pk, "seen": "confirmed", "status": "cancelled"}
        assert browser.post(DAY, body).status_code == 404
    assert status_of(theirs) == "confirmed"
    # Not by a super_admin either, on the sheet of another.
    assert click(back_office("super_admin"), theirs, "cancelled", url=f"{DAY}&tenant_id={tenant.pk}").status_code == 404
    assert click(browser, book("Jane", "10:00-11:00"), "cancelled", url=f"{DAY}&outlet={new_id()}").status_code == 404


@pytest.mark.parametrize(
    ("seen", "status"),
    [("confirmed", "completed"), ("confirmed", "confirmed"), ("confirmed", "banana"), ("", ""), ("\0", "cancelled")],
)
def test_a_step_that_no_button_offers_is_a_400(back_office, book, seen, status):
    one = book("Jane", "10:00-11:00")
    body = {"appointment": one.pk, "seen": seen, "status": status}
    assert back_office("staff").post(DAY, body).status_code == 400
    assert status_of(one) == "confirmed"


def test_without_a_day_or_a_business_nothing_is_changed(back_office, book):
    one = book("Jane", "10:00-11:00")
    assert click(back_office("staff"), one, "cancelled", url=f"{SHEET}?day=banana").status_code == 400
    assert click(back_office("super_admin"), one, "cancelled", url=DAY).status_code == 200
    assert status_of(one) == "confirmed"


def test_looking_changes_nothing(back_office, book):
    one, browser = book("Jane", "10:00-11:00"), back_office("staff")
    query = {"day": "2025-01-25", "appointment": one.pk, "seen": "confirmed", "status": "cancelled"}
    assert browser.get(SHEET, query).status_code == 200
    for method in (browser.put, browser.patch, browser.delete):
        assert method(f"{DAY}&appointment={one.pk}&seen=confirmed&status=cancelled").status_code == 405
    assert status_of(one) == "confirmed"


def test_a_click_comes_from_our_own_page(book, back_office):
    one, user = book("Jane", "10:00-11:00"), back_office("staff").user
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(user)
    assert click(browser, one, "cancelled").status_code == 403
    page = browser.get(DAY)
    body = {"appointment": one.pk, "seen": "confirmed", "status": "cancelled"}
    assert browser.post(DAY, body | {"csrfmiddlewaretoken": page.context["csrf_token"]}).status_code == 302
    assert status_of(one) == "cancelled"


def test_the_day_need_not_be_named(back_office, book):
    one = book("Jane", "10:00-11:00")
    with time_machine.travel(dt.datetime(2025, 1, 25, 3, tzinfo=dt.UTC), tick=False):
        browser = back_office("staff")
        assert click(browser, one, "in_progress", url=SHEET).url == f"{SHEET}#appointment-{one.pk}"


# --- at the same moment ---------------------------------------------------------------------------------------------


@pytest.fixture
def at_once(back_office):
    """`at_once((appointment, status), …)`: the messages shown to as many people who click together."""

    def run(*clicks):
        browsers = [back_office("staff") for _ in clicks]
        barrier, answers = threading.Barrier(len(clicks)), [None] * len(clicks)

        def press(number, appointment, status):
            try:
                connection.ensure_connection()
                barrier.wait(30)
                answers[number] = shown_messages(click(browsers[number], appointment, status))[0]
            finally:
                connections.close_all()

        threads = [threading.Thread(target=press, args=(number, *one)) for number, one in enumerate(clicks)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return answers

    return run


@pytest.mark.django_db(transaction=True)
def test_of_those_who_complete_and_cancel_at_once_one_wins(at_once, book):
    one = book("Jane", "10:00-11:00", status=Status.IN_PROGRESS)
    answers = at_once(*[(one, status) for status in ("completed", "cancelled") for _ in range(3)])
    assert [level for level, _ in answers].count("success") == 1
    # The others of the same wish read that it is so already.
    assert sorted(level for level, _ in answers) == ["info"] * 2 + ["success"] + ["warning"] * 3
    assert all(status_of(one).replace("_", " ") in sentence for level, sentence in answers)


@pytest.mark.django_db(transaction=True)
def test_of_those_who_hold_a_time_again_at_once_one_gets_it(at_once, book):
    wanted = [book(name, "10:00-11:00", status=Status.CANCELLED) for name in ("Jane", "Jo", "Kim", "Lou")]
    answers = at_once(*[(one, "confirmed") for one in wanted])
    [winner] = [one for one in wanted if status_of(one) == "confirmed"]
    assert sorted(level for level, _ in answers) == ["error"] * 3 + ["success"]
    named = f"Ana Lee is booked on 25 January 2025 from 10:00 to 11:00, for {winner.customer} (Haircut)."
    assert all(named in sentence for level, sentence in answers if level == "error")


@pytest.mark.django_db(transaction=True)
def test_a_click_and_a_change_of_the_same_appointment_do_not_wait_for_each_other(at_once, book, back_office):
    # Both lock the member of staff first, and the row of the appointment second.
    one, another, browser, outcome = book("Jane", "10:00-11:00"), book("Jo", "12:00-13:00"), back_office("staff"), []

    def press():
        outcome.append(shown_messages(click(browser, one, "in_progress")))
        connections.close_all()

    other = threading.Thread(target=press)
    with tenant_scope(one.tenant), transaction.atomic():
        another.save()
        other.start()
        until_blocked()
        one.save(update_fields=["notes"])
    other.join()
    assert outcome == [[("success", "Jane, 10:00: in progress.")]]
