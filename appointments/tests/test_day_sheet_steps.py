"""The buttons of the day sheet, which set the status of an appointment."""

import datetime as dt
import threading

import pytest
import time_machine
from django.db import connection, connections, transaction
from django.test import Client

from appointments.models import Appointment, Status
from appointments.models.transitions import STATUS_TRANSITIONS
from appointments.tests.factories import AppointmentFactory
from circe.db.ids import new_id
from customers.tests.factories import CustomerFactory
from tenants.models import AuditEvent, Role
from tenants.scope import tenant_scope
from tenants.tests.factories import OutletFactory, ServiceFactory, UserFactory
from tenants.tests.forms import messages_without_undo
from tenants.tests.locks import until_blocked

SHEET = "/admin/appointments/appointment/day/"
SATURDAY = dt.date(2025, 1, 25)
DAY = f"{SHEET}?day=2025-01-25"


@pytest.fixture
def ana(tenant):
    return UserFactory(tenant=tenant, first_name="Ana", last_name="Lee")


@pytest.fixture
def book(tenant, ana):
    """Returns a function: `book("Jane", "10:00-11:00")` creates an appointment with Ana, with `day=1` on the day after."""
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
    body = {"appointment": appointment.pk, "seen": seen or appointment.status, "status": status}
    # The days of these tests are past, so a start would be asked about.
    return browser.post(url, body | {"asked": "1"})


def read_status(appointment):
    with tenant_scope(appointment.tenant):
        return Appointment.objects.get(pk=appointment.pk).status


TRANSITIONS = [(seen, status, label) for seen, steps in STATUS_TRANSITIONS.items() for status, label in steps.items()]


def test_every_status_can_be_left_and_reached():
    assert set(STATUS_TRANSITIONS) == set(Status)
    assert all(seen not in steps for seen, steps in STATUS_TRANSITIONS.items())
    assert {status for steps in STATUS_TRANSITIONS.values() for status in steps} == set(Status)


@pytest.mark.slow("is a table of fourteen clicks")
@pytest.mark.parametrize(("seen", "status", "label"), TRANSITIONS)
def test_a_click_sets_the_status_and_redirects_to_the_card(back_office, book, seen, status, label):
    one, browser = book("Jane", "10:00-11:00", status=seen), back_office("staff")
    page = browser.get(DAY).content.decode()
    button = (
        f'<button name="status" value="{status}" class="{status}" aria-label="{label}: Jane, 10:00">{label}</button>'
    )
    assert button in page
    answer = click(browser, one, status)
    assert (answer.status_code, answer.url) == (302, f"{DAY}#appointment-{one.pk}")
    assert messages_without_undo(answer) == [("success", f"Jane, 10:00: {status.label.lower()}.")]
    assert read_status(one) == status


@pytest.mark.parametrize("role", Role.values)
def test_every_role_may_click_and_the_audit_trail_records_it(back_office, tenant, book, role):
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


def test_a_click_changes_only_the_status(back_office, book, tenant):
    one = book("Jane", "10:00-11:00", notes="Roses", paid_amount=5)
    click(back_office("staff"), one, "in_progress")
    with tenant_scope(tenant):
        then = {**vars(Appointment.objects.get(pk=one.pk))}
    changed = {name for name, value in then.items() if value != vars(one).get(name, value) and name[0] != "_"}
    assert changed == {"status", "updated_at", "changed_at"}


def test_a_status_that_was_changed_meanwhile_is_not_overwritten(back_office, book):
    one, browser = book("Jane", "10:00-11:00", status=Status.CANCELLED), back_office("staff")
    answer = click(browser, one, "in_progress", seen="confirmed")
    sentence = "Jane, 10:00: nothing was changed, since somebody did meanwhile. It is cancelled now."
    assert messages_without_undo(answer) == [("warning", sentence)]
    assert read_status(one) == "cancelled"


def test_a_second_click_changes_nothing(back_office, book):
    one, browser = book("Jane", "10:00-11:00"), back_office("staff")
    for expected in ("success", "info"):
        answer = click(browser, one, "in_progress", seen="confirmed")
        assert messages_without_undo(answer)[-1][0] == expected
    assert read_status(one) == "in_progress"


@pytest.mark.parametrize(
    ("hours", "day", "when"),
    [
        ("10:30-11:30", 0, "on 25 January 2025 from 10:30 to 11:30"),
        ("23:30-10:30", -1, "on 24 January 2025 from 23:30 to 10:30"),
    ],
)
@pytest.mark.parametrize("seen", [Status.CANCELLED, Status.NO_SHOW])
def test_a_status_that_would_cause_an_overlap_is_refused(back_office, book, hours, day, when, seen):
    cancelled, blocking = book("Jane", "10:00-11:00", status=seen), book("<Jo>", hours, day)
    level, sentence = messages_without_undo(click(back_office("staff"), cancelled, "confirmed"))[0]
    assert level == "error"
    assert sentence == (
        f"Jane, 10:00 stays {seen.label.lower()}. Ana Lee is booked {when}, for &lt;Jo&gt; (Haircut)."
        f' <a href="/admin/appointments/appointment/{blocking.pk}/change/" target="_blank">Show it</a>'
    )
    assert read_status(cancelled) == seen


def test_the_appointment_of_a_purged_customer_blocks_its_time(back_office, book):
    cancelled = book("Jane", "10:00-11:00", status=Status.CANCELLED)
    book("Jo", "10:30-11:30", customer=None)
    assert (
        "for a customer removed since (Haircut)."
        in messages_without_undo(click(back_office("staff"), cancelled, "confirmed"))[0][1]
    )


def test_an_appointment_of_another_business_or_an_unknown_one_is_not_found(back_office, other_tenant, tenant, book):
    theirs = AppointmentFactory(tenant=other_tenant, status=Status.CONFIRMED)
    browser = back_office("staff")
    for pk in (theirs.pk, new_id(), "zzz", "\0", ""):
        body = {"appointment": pk, "seen": "confirmed", "status": "cancelled"}
        assert browser.post(DAY, body).status_code == 404
    assert read_status(theirs) == "confirmed"
    # A super_admin can't change it on the sheet of another business either.
    assert click(back_office("super_admin"), theirs, "cancelled", url=f"{DAY}&tenant_id={tenant.pk}").status_code == 404
    assert click(browser, book("Jane", "10:00-11:00"), "cancelled", url=f"{DAY}&outlet={new_id()}").status_code == 404


@pytest.mark.parametrize(
    ("seen", "status"),
    [("confirmed", "completed"), ("confirmed", "confirmed"), ("confirmed", "banana"), ("", ""), ("\0", "cancelled")],
)
def test_a_status_that_no_button_sets_is_a_400(back_office, book, seen, status):
    one = book("Jane", "10:00-11:00")
    body = {"appointment": one.pk, "seen": seen, "status": status}
    assert back_office("staff").post(DAY, body).status_code == 400
    assert read_status(one) == "confirmed"


def test_a_click_without_a_valid_day_or_business_changes_nothing(back_office, book):
    one = book("Jane", "10:00-11:00")
    assert click(back_office("staff"), one, "cancelled", url=f"{SHEET}?day=banana").status_code == 400
    assert click(back_office("super_admin"), one, "cancelled", url=DAY).status_code == 200
    assert read_status(one) == "confirmed"


def test_other_methods_than_post_change_nothing(back_office, book):
    one, browser = book("Jane", "10:00-11:00"), back_office("staff")
    query = {"day": "2025-01-25", "appointment": one.pk, "seen": "confirmed", "status": "cancelled"}
    assert browser.get(SHEET, query).status_code == 200
    for method in (browser.put, browser.patch, browser.delete):
        assert method(f"{DAY}&appointment={one.pk}&seen=confirmed&status=cancelled").status_code == 405
    assert read_status(one) == "confirmed"


def test_a_click_needs_a_csrf_token(book, back_office):
    one, user = book("Jane", "10:00-11:00"), back_office("staff").user
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(user)
    assert click(browser, one, "cancelled").status_code == 403
    page = browser.get(DAY)
    body = {"appointment": one.pk, "seen": "confirmed", "status": "cancelled"}
    assert browser.post(DAY, body | {"csrfmiddlewaretoken": page.context["csrf_token"]}).status_code == 302
    assert read_status(one) == "cancelled"


def test_a_click_works_without_a_day_in_the_url(back_office, book):
    one = book("Jane", "10:00-11:00")
    with time_machine.travel(dt.datetime(2025, 1, 25, 3, tzinfo=dt.UTC), tick=False):
        browser = back_office("staff")
        assert click(browser, one, "in_progress", url=SHEET).url == f"{SHEET}#appointment-{one.pk}"


# --- concurrency ----------------------------------------------------------------------------------------------------


@pytest.fixture
def at_once(back_office):
    """Returns a function: `at_once((appointment, status), …)` clicks concurrently and returns each person's message."""

    def run(*clicks):
        browsers = [back_office("staff") for _ in clicks]
        barrier, answers = threading.Barrier(len(clicks)), [None] * len(clicks)

        def press(number, appointment, status):
            try:
                connection.ensure_connection()
                barrier.wait(30)
                answers[number] = messages_without_undo(click(browsers[number], appointment, status))[0]
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
def test_of_concurrent_clicks_on_one_appointment_one_succeeds(at_once, book):
    one = book("Jane", "10:00-11:00", status=Status.IN_PROGRESS)
    answers = at_once(*[(one, status) for status in ("completed", "cancelled") for _ in range(3)])
    assert [level for level, _ in answers].count("success") == 1
    # The others who clicked the same button see that the status is set already.
    assert sorted(level for level, _ in answers) == ["info"] * 2 + ["success"] + ["warning"] * 3
    assert all(read_status(one).replace("_", " ") in sentence for level, sentence in answers)


@pytest.mark.django_db(transaction=True)
def test_of_concurrent_clicks_for_one_time_one_succeeds(at_once, book):
    appointments = [book(name, "10:00-11:00", status=Status.CANCELLED) for name in ("Jane", "Jo", "Kim", "Lou")]
    answers = at_once(*[(one, "confirmed") for one in appointments])
    [winner] = [one for one in appointments if read_status(one) == "confirmed"]
    assert sorted(level for level, _ in answers) == ["error"] * 3 + ["success"]
    named = f"Ana Lee is booked on 25 January 2025 from 10:00 to 11:00, for {winner.customer} (Haircut)."
    assert all(named in sentence for level, sentence in answers if level == "error")


@pytest.mark.django_db(transaction=True)
def test_a_click_and_a_change_of_the_same_appointment_cause_no_deadlock(at_once, book, back_office):
    # Both lock the member of staff first, and the row of the appointment second.
    one, another, browser, outcome = book("Jane", "10:00-11:00"), book("Jo", "12:00-13:00"), back_office("staff"), []

    def press():
        outcome.append(messages_without_undo(click(browser, one, "in_progress")))
        connections.close_all()

    other = threading.Thread(target=press)
    with tenant_scope(one.tenant), transaction.atomic():
        another.save()
        other.start()
        until_blocked()
        one.save(update_fields=["notes"])
    other.join()
    assert outcome == [[("success", "Jane, 10:00: in progress.")]]
