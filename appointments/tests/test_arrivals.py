"""Who has arrived and who is late, on the day sheet, and the questions before an unlikely step."""

import datetime as dt

import pytest
import time_machine
from django.contrib.messages import get_messages

from appointments.models import Appointment, Status
from appointments.tests.factories import AppointmentFactory, WalkInFactory
from circe.tests.cases import in_one_test
from customers.tests.factories import CustomerFactory
from tenants.models import AuditEvent
from tenants.scope import tenant_scope
from tenants.tests.factories import OutletFactory, UserFactory

DAY = "/admin/appointments/appointment/day/?day=2025-01-25"
SATURDAY = dt.date(2025, 1, 25)


@pytest.fixture
def at():
    """Returns a function: `with at("13:00"):` it is that time of the Saturday in Jakarta, or of `day` days later."""

    def travel(clock, day=0):
        local = dt.datetime.combine(SATURDAY + dt.timedelta(days=day), dt.time.fromisoformat(clock))
        return time_machine.travel(local.replace(tzinfo=dt.timezone(dt.timedelta(hours=7))), tick=False)

    return travel


@pytest.fixture
def jane(tenant):
    return CustomerFactory(tenant=tenant, first_name="Jane", last_name="Doe", phone="+6281234567890")


@pytest.fixture
def appointment(tenant, jane):
    """A confirmed appointment from 14:00 to 15:30."""
    staff = UserFactory(tenant=tenant, first_name="Vina", last_name="")
    return AppointmentFactory(
        tenant=tenant, customer=jane, status=Status.CONFIRMED, staff_id=staff.pk, outlet=OutletFactory(tenant=tenant)
    )


def sheet(browser):
    return browser.get(DAY).content.decode()


def press(browser, appointment, **button):
    return browser.post(DAY, {"appointment": appointment.pk, "seen": appointment.status} | button)


def said(answer):
    return [(message.level_tag, str(message)) for message in get_messages(answer.wsgi_request)]


def read(appointment):
    with tenant_scope(appointment.tenant):
        return Appointment.objects.get(pk=appointment.pk)


def test_a_customer_arrives_and_is_shown_as_there(back_office, appointment, at):
    browser = back_office("staff")
    with at("13:55"):
        assert ">Arrived</button>" in sheet(browser)
        answer = press(browser, appointment, arrived="yes")
        assert (answer.status_code, said(answer)) == (302, [("success", "Jane Doe, 14:00: arrived.")])
    with at("14:30"):
        page = sheet(browser)
    # It is still confirmed, which clients know.
    assert read(appointment).status == "confirmed"
    assert '<span class="status">Arrived 13:55</span>' in page
    assert 'class="card arrived"' in page
    assert "1 confirmed" in page
    assert "1 arrived" in page
    assert "late" not in page.partition('id="sheet"')[2]
    with tenant_scope(appointment.tenant):
        event = AuditEvent.objects.filter(row_id=appointment.pk).first()
    assert (event.actor_id, bool(event.after["arrived_at"])) == (browser.user.pk, True)


def test_an_arrival_that_was_a_mistake_is_taken_back(back_office, appointment, at):
    browser = back_office("staff")
    with at("13:55"):
        press(browser, appointment, arrived="yes")
        assert "Not here yet: Jane Doe, 14:00" in sheet(browser)
        assert said(press(browser, appointment, arrived="no"))[-1] == ("success", "Jane Doe, 14:00: not here.")
        assert '<span class="status">Confirmed</span>' in sheet(browser)
    assert read(appointment).arrived_at is None


@in_one_test(
    ("clock", "state"),
    [
        ("14:04", "Confirmed"),
        ("14:05", "Late, 5 minutes"),
        ("15:10", "Late, 1 hour 10 minutes"),
        # Twelve hours after its end, an appointment is no longer late.
        ("27:29", "Late, 13 hours 29 minutes"),
        ("27:30", "Confirmed"),
    ],
)
def test_who_is_not_there_is_late_by_the_clock(back_office, appointment, at, clock, state):
    hour, minute = clock.split(":")
    with at(f"{int(hour) % 24:02}:{minute}", int(hour) // 24):
        page = sheet(back_office("staff"))
    assert f'<span class="status">{state}</span>' in page
    assert ("1 late" in page) == state.startswith("Late")
    assert ('class="card late"' in page) == state.startswith("Late")


@in_one_test("status", ["in_progress", "completed", "cancelled", "no_show"])
def test_an_arrival_is_shown_until_the_appointment_begins(back_office, appointment, at, status):
    browser = back_office("staff")
    with at("13:55"):
        press(browser, appointment, arrived="yes")
        with tenant_scope(appointment.tenant):
            Appointment.objects.filter(pk=appointment.pk).update(status=status)
        page = sheet(browser)
    assert f'<span class="status">{Status(status).label}</span>' in page
    assert "1 arrived" not in page


def test_the_sheet_of_an_outlet_counts_who_arrived_and_who_is_late_there(back_office, appointment, tenant, at):
    elsewhere = OutletFactory(tenant=tenant)
    other = AppointmentFactory(
        tenant=tenant,
        status=Status.CONFIRMED,
        staff_id=appointment.staff_id,
        outlet=elsewhere,
        start_time=dt.time(12),
        end_time=dt.time(13),
    )
    browser = back_office("staff")
    with at("14:10"):
        press(browser, appointment, arrived="yes")
        here = browser.get(f"{DAY}&outlet={appointment.outlet_id}").content.decode()
        there = browser.get(f"{DAY}&outlet={other.outlet_id}").content.decode()
    assert ("1 arrived" in here, "1 late" in here) == (True, False)
    assert ("1 arrived" in there, "1 late" in there) == (False, True)


def test_a_step_that_no_button_offers_is_refused_without_a_question(back_office, appointment, at):
    browser = back_office("staff")
    with at("13:00"):
        assert press(browser, appointment, arrived="maybe").status_code == 400
    with at("13:00", -1):
        assert press(browser, appointment, status="in_progress").status_code == 400
    with at("09:00"):
        # Somebody cancelled it meanwhile: there is nothing to ask about.
        with tenant_scope(appointment.tenant):
            Appointment.objects.filter(pk=appointment.pk).update(status=Status.NO_SHOW)
        answer = press(browser, appointment, status="in_progress")
        assert answer.status_code == 302
    assert "somebody did meanwhile" in said(answer)[-1][1]
    assert read(appointment).status == "no_show"


@in_one_test("status", ["in_progress", "completed", "cancelled", "no_show"])
def test_nobody_arrives_or_is_late_whose_appointment_has_another_status(back_office, appointment, at, status):
    with tenant_scope(appointment.tenant):
        Appointment.objects.filter(pk=appointment.pk).update(status=status)
    with at("14:30"):
        browser = back_office("staff")
        page = sheet(browser)
        assert "Late," not in page
        assert 'name="arrived"' not in page
        assert said(press(browser, appointment, arrived="yes"))[-1][0] == "warning"
    assert read(appointment).arrived_at is None


def test_nobody_arrives_on_another_day(back_office, appointment, at):
    browser = back_office("staff")
    for day in (-1, 1):
        with at("14:00", day):
            assert 'name="arrived"' not in sheet(browser)
            assert press(browser, appointment, arrived="yes").status_code == 400


def test_an_arrival_is_forgotten_when_the_appointment_is_moved_to_another_day(back_office, appointment, at):
    browser = back_office("staff")
    with at("13:55"):
        press(browser, appointment, arrived="yes")
    with tenant_scope(appointment.tenant):
        Appointment.objects.filter(pk=appointment.pk).update(appointment_date=SATURDAY + dt.timedelta(days=1))
    with at("14:30", 1):
        page = browser.get(DAY.replace("-25", "-26")).content.decode()
    assert "Arrived 13:55" not in page


QUESTIONS = [
    # When a button is pressed, and what is asked; None where nothing is.
    ("in_progress", "12:59", "It begins at 14:00, in 1 hour 1 minute."),
    ("in_progress", "13:00", None),
    ("in_progress", "15:29", None),
    ("in_progress", "15:30", "It ended at 15:30 on Sat 25 Jan."),
    ("no_show", "13:59", "It begins at 14:00, in 1 minute."),
    ("no_show", "14:00", None),
    ("cancelled", "09:00", None),
]


@in_one_test(("status", "clock", "question"), QUESTIONS)
def test_an_unlikely_step_is_asked_about_first(back_office, appointment, at, status, clock, question):
    browser = back_office("staff")
    with at(clock):
        answer = press(browser, appointment, status=status)
        if question:
            assert answer.status_code == 200
            text = answer.content.decode()
            assert "Jane Doe, Sat 25 Jan 14:00 with Vina" in text
            assert f"{question} Set it to {Status(status).label.lower()} now?" in text
            assert read(appointment).status == "confirmed"
            answer = press(browser, appointment, status=status, asked="1")
    assert answer.status_code == 302
    assert read(appointment).status == status


def test_a_start_within_the_minute_is_now(back_office, appointment, at):
    with tenant_scope(appointment.tenant):
        Appointment.objects.update(start_time=dt.time(14, 0, 30))
    with at("14:00"):
        assert press(back_office("staff"), appointment, status="no_show").status_code == 302


def test_a_no_show_of_somebody_who_arrived_is_asked_about(back_office, appointment, at):
    browser = back_office("staff")
    with at("13:55"):
        press(browser, appointment, arrived="yes")
    with at("14:30"):
        assert "Jane Doe arrived at 13:55." in press(browser, appointment, status="no_show").content.decode()
    assert read(appointment).status == "confirmed"


def test_a_visit_that_was_completed_by_mistake_is_reopened_without_a_question(back_office, appointment, at):
    with tenant_scope(appointment.tenant):
        appointment.change({"status": Status.COMPLETED})
    with at("17:00"):
        assert press(back_office("staff"), appointment, status="in_progress").status_code == 302


def test_each_button_says_whose_it_is(back_office, appointment, tenant, at):
    WalkInFactory(
        tenant=tenant,
        staff_id=appointment.staff_id,
        outlet=appointment.outlet,
        start_time=dt.time(10),
        end_time=dt.time(11),
    )
    with at("14:00"):
        page = sheet(back_office("staff"))
    for step in ("Arrived", "Start", "No-show", "Cancel"):
        assert f'aria-label="{step}: Jane Doe, 14:00">{step}</button>' in page
        # A walk-in has arrived, and is never late.
        assert (f'aria-label="{step}: Walk-in, 10:00">{step}</button>' in page) == (step != "Arrived")
    assert "Late" not in page


def test_the_card_says_how_a_customer_likes_to_be_reached(back_office, appointment, jane, tenant):
    browser = back_office("staff")
    with tenant_scope(tenant):
        jane.change({"preferred_channel": "phone"})
    assert "Call, don’t text" in sheet(browser)
    assert "Call, don’t text" in browser.get(f"/admin/customers/customer/{jane.pk}/change/").content.decode()
    notes = browser.get(f"/admin/customers/customer/{jane.pk}/notes/").content.decode()
    assert "Call, don’t text" in notes
    assert '<a href="tel:+6281234567890">' in notes
    with tenant_scope(tenant):
        jane.change({"preferred_channel": "whatsapp"})
    assert "Prefers WhatsApp" in sheet(browser)


def test_the_form_of_a_new_booking_starts_as_confirmed(back_office, tenant):
    page = back_office("staff").get("/admin/appointments/appointment/add/").content.decode()
    assert '<option value="confirmed" selected>' in page
