"""The admin's form books by the rules: it names the rule that forbids a booking, offers other times, and lifts a rule."""

import datetime as dt

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from appointments.models import Appointment, Status, TimeOff
from appointments.tests.factories import AppointmentFactory, works_daily
from customers.tests.factories import CustomerFactory
from tenants.models import Service, ServiceStaff
from tenants.scope import tenant_scope
from tenants.tests.factories import OutletFactory, ServiceFactory, TenantFactory, UserFactory
from tenants.tests.forms import opened, sent_by

PAGE = "/admin/appointments/appointment/"
ADD = f"{PAGE}add/"
MONDAY = dt.date(2026, 11, 30)


@pytest.fixture(autouse=True)
def _now():
    """Sets the time to Saturday, 28 November 2026, 7 in the morning in Jakarta."""
    with time_machine.travel(dt.datetime(2026, 11, 28, tzinfo=dt.UTC), tick=False):
        yield


@pytest.fixture
def kemang(tenant):
    return OutletFactory(tenant=tenant, name="Kemang")


@pytest.fixture
def ana(tenant, kemang):
    """A member of staff who works each day from 9 to 12 and from 13 to 17."""
    ana = UserFactory(tenant=tenant, first_name="Ana", last_name="Lee")
    works_daily(tenant, ana.pk, kemang.pk, (dt.time(9), dt.time(12)), (dt.time(13), dt.time(17)))
    return ana


@pytest.fixture
def haircut(tenant):
    return ServiceFactory(tenant=tenant, name="Haircut", duration_minutes=60, buffer_minutes=15)


@pytest.fixture
def booking(tenant, ana, kemang, haircut):
    """Returns the fields that the form for a new appointment sends: Jane Doe with Ana Lee on a Monday at 14:00."""
    return {
        "customer": CustomerFactory(tenant=tenant, first_name="Jane", last_name="Doe").pk,
        "service": haircut.pk,
        "staff": ana.pk,
        "outlet": kemang.pk,
        "appointment_date": "2026-11-30",
        "start_time": "14:00",
        "status": "confirmed",
        "payment_status": "unpaid",
        "paid_amount": "0",
    }


@pytest.fixture
def taken(tenant, ana, kemang, haircut):
    """John Roe's haircut with Ana on that Monday at 10:00."""
    return AppointmentFactory(
        tenant=tenant,
        customer=CustomerFactory(tenant=tenant, first_name="John", last_name="Roe"),
        staff_id=ana.pk,
        service=haircut,
        outlet=kemang,
        appointment_date=MONDAY,
        start_time=dt.time(10),
        end_time=dt.time(11),
        buffer_minutes=15,
        status=Status.CONFIRMED,
    )


def form_of(response):
    assert response.status_code == 200, response
    return response.context["adminform"].form


def errors(response):
    return {name: " ".join(texts) for name, texts in form_of(response).errors.items()}


def offered(response):
    """The texts of the alternatives, and the values of the checkboxes."""
    form = form_of(response)
    return [f"{slot.start:%a %H:%M}" for _, slot in form.alternatives], [one.value for one in form.override_choices]


def close(start, end, **whose):
    TimeOff.objects.create(local_start=dt.datetime(2026, 11, *start), local_end=dt.datetime(2026, 11, *end), **whose)


def test_an_overlap_does_not_hide_that_the_person_does_not_offer_the_service(back_office, in_scope, booking, taken):
    hair_spa = ServiceFactory(tenant=in_scope, name="Hair spa", duration_minutes=60)
    ServiceStaff.objects.create(service=hair_spa, staff_id=UserFactory(tenant=in_scope).pk)
    browser = back_office("staff")
    refused = browser.post(ADD, booking | {"service": hair_spa.pk, "start_time": "10:30"})
    assert errors(refused)["staff"].startswith("Ana Lee does not offer Hair spa.")
    assert "for John Roe (Haircut)." in errors(refused)["start_time"]
    # An overlap can't be lifted, so that to lift the other rule would not help.
    assert offered(refused)[1] == []


# --- the reasons ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "reason"),
    [
        ("10:30", "Ana Lee is booked on 30 November 2026 from 10:00 to 11:00, for John Roe (Haircut)."),
        ("11:00", "15 minutes are kept free after Haircut. Ana Lee is booked on 30 November 2026 from 10:00 to 11:00,"),
        ("09:00", "15 minutes are kept free after Haircut. Ana Lee is booked on 30 November 2026 from 10:00 to 11:00,"),
    ],
)
def test_an_overlap_is_named_offers_three_times_and_can_not_be_lifted(
    back_office, in_scope, booking, taken, start, reason
):
    browser = back_office("staff")
    refused = browser.post(ADD, booking | {"start_time": start})
    assert errors(refused)["start_time"].startswith(reason)
    assert f'href="{PAGE}{taken.pk}/change/"' in errors(refused)["start_time"]
    times, overrides = offered(refused)
    assert (len(times), overrides) == (3, [])
    lifted = browser.post(ADD, booking | {"start_time": start, "override": ["hours", "service"]})
    assert set(errors(lifted)) == {"start_time"}
    assert Appointment.objects.get() == taken


@pytest.mark.parametrize(
    ("start", "reason"),
    [
        ("18:00", "Ana Lee works on Monday, 30 November 2026 at Kemang 09:00–12:00 and 13:00–17:00."),
        # The hour itself lies within the working hours, what is kept free after it does not.
        (
            "11:00",
            "Ana Lee works on Monday, 30 November 2026 at Kemang 09:00–12:00 and 13:00–17:00. "
            "15 minutes are kept free after Haircut.",
        ),
    ],
)
def test_a_time_outside_working_hours_says_when_the_person_works(back_office, in_scope, booking, start, reason):
    browser = back_office("staff")
    refused = browser.post(ADD, booking | {"start_time": start})
    assert errors(refused) == {"start_time": reason}
    assert "Book outside working hours" in refused.content.decode()
    assert offered(refused)[1] == ["hours"]
    assert browser.post(ADD, sent_by(refused) | {"override": "hours"}).status_code == 302
    assert Appointment.objects.get().overrides == ["hours"]


def test_a_person_who_works_elsewhere_or_not_at_all_is_told(back_office, in_scope, booking):
    browser, menteng = back_office("staff"), OutletFactory(tenant=in_scope, name="Menteng")
    refused = browser.post(ADD, booking | {"outlet": menteng.pk})
    assert "works on Monday, 30 November 2026 at Kemang 09:00–12:00" in errors(refused)["start_time"]
    nobody = UserFactory(tenant=in_scope, first_name="Nia", last_name="New")
    refused = browser.post(ADD, booking | {"staff": nobody.pk})
    assert errors(refused) == {"start_time": "Nia New does not work on Monday, 30 November 2026."}
    assert browser.post(ADD, sent_by(refused) | {"override": "hours"}).status_code == 302


@pytest.mark.parametrize(
    ("bounds", "of_outlet", "reason"),
    [
        (((30,), (30, 23)), False, "Ana Lee is away until 23:00 on 30 November 2026 (Holiday)."),
        (((28,), (30, 15)), True, "Kemang is closed until 15:00 on 30 November 2026 (Holiday)."),
        (((29,), (30, 14, 30)), False, "Ana Lee is away until 14:30 on 30 November 2026 (Holiday)."),
    ],
)
def test_time_off_says_until_when_and_can_be_lifted(
    back_office, in_scope, booking, ana, kemang, bounds, of_outlet, reason
):
    close(*bounds, reason="Holiday", **({"outlet": kemang} if of_outlet else {"staff_id": ana.pk}))
    browser = back_office("staff")
    refused = browser.post(ADD, booking)
    assert errors(refused) == {"start_time": reason}
    assert "Book in the time off" in refused.content.decode()
    assert len(offered(refused)[0]) == 3
    assert browser.post(ADD, sent_by(refused) | {"override": "hours"}).status_code == 302


def test_time_off_until_midnight_ends_with_the_day(back_office, in_scope, booking, ana):
    TimeOff.objects.create(staff_id=ana.pk, local_start=dt.datetime(2026, 11, 30), local_end=dt.datetime(2026, 12, 3))
    refused = back_office("staff").post(ADD, booking)
    assert errors(refused) == {"start_time": "Ana Lee is away until the end of 2 December 2026."}


def test_a_service_that_somebody_does_not_offer_is_an_error_of_the_staff(back_office, in_scope, booking, haircut):
    budi = UserFactory(tenant=in_scope, first_name="Budi", last_name="Lee")
    ServiceStaff.objects.create(service=haircut, staff_id=budi.pk)
    browser = back_office("staff")
    refused = browser.post(ADD, booking)
    assert errors(refused) == {"staff": "Ana Lee does not offer Haircut. It is offered by: Budi Lee."}
    assert "Book although Ana Lee does not offer Haircut" in refused.content.decode()
    assert browser.post(ADD, sent_by(refused) | {"override": "hours"}).status_code == 200
    assert browser.post(ADD, sent_by(refused) | {"override": "service"}).status_code == 302
    assert Appointment.objects.get().overrides == ["service"]


def test_a_service_that_has_ended_is_booked_by_override_or_for_the_past(back_office, in_scope, booking, haircut):
    Service.objects.update(is_active=False)
    browser = back_office("staff")
    refused = browser.post(ADD, booking)
    assert errors(refused) == {"service": "Haircut is not on offer any more."}
    page = refused.content.decode()
    assert "Book although Haircut is not on offer any more" in page
    assert "Nothing is free" not in page
    assert browser.post(ADD, sent_by(refused) | {"override": "hours"}).status_code == 200
    assert browser.post(ADD, sent_by(refused) | {"override": "service"}).status_code == 302
    assert Appointment.objects.get().overrides == ["service"]
    visit = booking | {"appointment_date": "2026-11-27", "status": "completed"}
    assert browser.post(ADD, visit).status_code == 302
    assert Appointment.objects.get(status="completed").overrides == []


def test_two_rules_are_named_together_and_lifted_together(back_office, in_scope, booking, haircut):
    ServiceStaff.objects.create(service=haircut, staff_id=UserFactory(tenant=in_scope, first_name="Budi").pk)
    browser = back_office("staff")
    first = browser.post(ADD, booking | {"start_time": "20:00"})
    assert list(errors(first)) == ["staff", "start_time"]
    assert offered(first)[1] == ["hours", "service"]
    page = first.content.decode()
    assert "Ana Lee does not offer Haircut. It is offered by: Budi" in page
    assert ". Ana Lee works on Monday, 30 November 2026 at Kemang 09:00–12:00" in page
    second = browser.post(ADD, sent_by(first) | {"override": "service"})
    assert list(errors(second)) == ["start_time"]
    # The box that was ticked before is still ticked.
    assert sent_by(second)["override"] == ["service"]
    assert browser.post(ADD, sent_by(second) | {"override": ["hours", "service"]}).status_code == 302
    assert Appointment.objects.get().overrides == ["hours", "service"]


@pytest.mark.parametrize(("start", "end", "field"), [("02:30", "04:00", "start_time"), ("01:00", "02:30", "end_time")])
def test_a_time_that_no_clock_shows_is_an_error_of_its_field(back_office, start, end, field):
    oslo = TenantFactory(time_zone="Europe/Oslo")
    outlet, person = OutletFactory(tenant=oslo), UserFactory(tenant=oslo)
    works_daily(oslo, person.pk, outlet.pk, (dt.time(), dt.time(12)))
    booking = {
        "customer": CustomerFactory(tenant=oslo).pk,
        "service": ServiceFactory(tenant=oslo, duration_minutes=90).pk,
        "staff": person.pk,
        "outlet": outlet.pk,
        "appointment_date": "2027-03-28",
        "status": "confirmed",
        "payment_status": "unpaid",
        "paid_amount": "0",
    }
    browser = back_office("staff", tenant=oslo)
    refused = browser.post(ADD, booking | {"start_time": start, "end_time": end})
    sentence = "Clocks go forward then: this time does not exist on that day."
    assert errors(refused) == {field: sentence}
    # Ninety minutes after 01:00 the clock shows 03:30.
    assert browser.post(ADD, booking | {"start_time": "01:00"}).status_code == 302
    with tenant_scope(oslo):
        assert Appointment.objects.get().end_time == dt.time(3, 30)


# --- other times ----------------------------------------------------------------------------------------------------


def test_an_alternative_is_booked_by_one_click_without_a_script(back_office, in_scope, booking, taken):
    browser = back_office("staff")
    refused = browser.post(ADD, booking | {"start_time": "10:30", "notes": "Window"})
    assert offered(refused)[0] == ["Mon 13:00", "Mon 13:15", "Mon 13:30"]
    value, _ = form_of(refused).alternatives[1]
    assert f'<button name="slot" value="{value}">13:15–14:15 Ana Lee</button>' in refused.content.decode()
    click = sent_by(refused) | {"slot": value}
    assert browser.post(ADD, click).url == browser.post(ADD, click).url
    made = Appointment.objects.exclude(pk=taken.pk).get()
    assert (made.start_time, made.end_time, made.notes) == (dt.time(13, 15), dt.time(14, 15), "Window")


@pytest.mark.slow("books three times")
def test_each_alternative_can_be_booked(back_office, in_scope, booking, taken):
    browser = back_office("staff")
    for number in range(3):
        refused = browser.post(ADD, booking | {"start_time": "10:30"})
        value, _ = form_of(refused).alternatives[number]
        assert browser.post(ADD, sent_by(refused) | {"slot": value}).status_code == 302
        Appointment.objects.exclude(pk=taken.pk).delete()


def test_an_alternative_that_was_taken_meanwhile_is_refused_with_others(back_office, in_scope, booking, taken):
    browser = back_office("staff")
    refused = browser.post(ADD, booking | {"start_time": "10:30"})
    value, slot = form_of(refused).alternatives[0]
    assert browser.post(ADD, booking | {"start_time": f"{slot.start:%H:%M}"}).status_code == 302
    again = browser.post(ADD, sent_by(refused) | {"slot": value})
    assert set(errors(again)) == {"start_time"}
    assert len(offered(again)[0]) == 3


@pytest.mark.parametrize(
    "slot",
    ["", "banana", "2026-11-30T14:00", "2026-11-30T14:00 15:00 zzz zzz", "0 0 0 0", "2026-11-30T14:00 25:00 0 0"],
)
def test_a_malformed_alternative_is_a_400(back_office, in_scope, booking, slot):
    assert back_office("staff").post(ADD, booking | {"slot": slot}).status_code == 400
    assert not Appointment.objects.exists()


def test_an_alternative_of_another_business_is_an_error(back_office, in_scope, other_tenant, booking):
    theirs, outlet = UserFactory(tenant=other_tenant), OutletFactory(tenant=other_tenant)
    value = f"2026-11-30T14:00 15:00 {theirs.pk} {outlet.pk}"
    assert set(errors(back_office("staff").post(ADD, booking | {"slot": value}))) == {"staff", "outlet"}


# --- appointments that exist ----------------------------------------------------------------------------------------


def change(browser, appointment, **values):
    page = f"{PAGE}{appointment.pk}/change/"
    return browser.post(page, opened(browser, page) | values)


def test_a_move_is_refused_and_takes_an_alternative(back_office, in_scope, taken):
    browser = back_office("staff")
    refused = change(browser, taken, start_time="11:30")
    assert set(errors(refused)) == {"start_time"}
    value, slot = form_of(refused).alternatives[0]
    page = f"{PAGE}{taken.pk}/change/"
    assert browser.post(page, sent_by(refused) | {"slot": value}).status_code == 302
    taken.refresh_from_db()
    assert (taken.local_bounds, taken.sequence) == ((slot.start, slot.end), 1)


def test_only_a_change_of_the_booking_asks_the_rules(back_office, in_scope, taken):
    Appointment.objects.filter(pk=taken.pk).update(start_time=dt.time(20), end_time=dt.time(21))
    taken.refresh_from_db()
    browser = back_office("staff")
    assert change(browser, taken, notes="Late", total_price="1", status="pending").status_code == 302
    taken.refresh_from_db()
    assert (taken.notes, taken.sequence, taken.overrides) == ("Late", 1, [])
    assert set(errors(change(browser, taken, end_time="21:30"))) == {"start_time"}
    assert change(browser, taken, end_time="21:30", override="hours").status_code == 302
    taken.refresh_from_db()
    assert (taken.end_time, taken.sequence, taken.overrides) == (dt.time(21, 30), 2, ["hours"])


def test_a_cancelled_appointment_that_is_confirmed_again_is_booked_again(back_office, in_scope, booking, taken):
    browser = back_office("staff")
    assert change(browser, taken, status="cancelled").status_code == 302
    assert browser.post(ADD, booking | {"start_time": "10:30"}).status_code == 302
    refused = change(browser, taken, status="confirmed")
    assert "for Jane Doe (Haircut)." in errors(refused)["start_time"]
    Appointment.objects.exclude(pk=taken.pk).delete()
    assert change(browser, taken, status="confirmed").status_code == 302
    taken.refresh_from_db()
    # The customer, who was told of the cancellation, is told again.
    assert (taken.status, taken.sequence) == ("confirmed", 1)


def test_another_service_brings_its_buffer(back_office, in_scope, taken):
    colouring = ServiceFactory(tenant=in_scope, name="Colouring", duration_minutes=60, buffer_minutes=30)
    browser = back_office("staff")
    assert change(browser, taken, service=colouring.pk).status_code == 302
    taken.refresh_from_db()
    assert taken.buffer_minutes == 30


def test_a_form_locks_the_member_of_staff_before_the_appointment(back_office, in_scope, taken):
    browser, page = back_office("staff"), f"{PAGE}{taken.pk}/change/"
    other = UserFactory(tenant=in_scope)
    form = opened(browser, page) | {"staff": other.pk, "override": "hours"}
    with CaptureQueriesContext(connection) as queries:
        assert browser.post(page, form).status_code == 302
    texts = [query["sql"] for query in queries]
    row = next(number for number, text in enumerate(texts) if "FOR UPDATE" in text)
    before = [text for text in texts[:row] if "pg_advisory_xact_lock" in text]
    assert [pk in text for pk, text in zip(sorted([taken.staff_id, other.pk]), before, strict=True)] == [True, True]


def test_an_overlap_with_a_walk_in_without_a_name_is_named(back_office, in_scope, booking, taken):
    Appointment.objects.filter(pk=taken.pk).update(customer=None, is_walk_in=True)
    refused = back_office("staff").post(ADD, booking | {"start_time": "10:30"})
    assert "for a walk-in (Haircut)." in errors(refused)["start_time"]


def test_past_times_are_booked_whatever_the_hours(back_office, in_scope, booking):
    past = booking | {"appointment_date": "2026-11-27", "start_time": "22:00", "status": "completed"}
    assert back_office("staff").post(ADD, past).status_code == 302


# --- somebody without a name ----------------------------------------------------------------------------------------


def test_a_walk_in_without_a_name_is_booked_shown_and_named_later(back_office, in_scope, booking):
    browser = back_office("staff")
    assert set(errors(browser.post(ADD, booking | {"customer": ""}))) == {"customer"}
    assert browser.post(ADD, booking | {"customer": "", "walk_in": "on"}).status_code == 302
    walk_in = Appointment.objects.get()
    assert walk_in.is_walk_in
    page = browser.get(f"{PAGE}{walk_in.pk}/change/").content.decode()
    assert "Walk-in, 14:00" in page
    sheet = browser.get(f"{PAGE}day/?day=2026-11-30").content.decode()
    assert f'<a href="{PAGE}{walk_in.pk}/change/?sheet=all#booking"' in sheet
    assert 'aria-label="Give the walk-in of 14:00 to a customer">Give to a customer</a>' in sheet
    assert "Removed customer" not in sheet
    assert "Walk-in" in browser.get(f"{PAGE}?day=all").content.decode()
    assert change(browser, walk_in, customer=booking["customer"]).status_code == 302
    walk_in.refresh_from_db()
    assert (walk_in.is_walk_in, walk_in.customer_id) == (False, booking["customer"])


def test_an_appointment_of_a_purged_customer_is_given_to_nobody(back_office, in_scope, booking, taken, super_admin):
    assert super_admin.delete(f"/api/v1/customers/{taken.customer_id}?permanent=true").status_code == 200
    taken.refresh_from_db()
    assert change(back_office("staff"), taken, customer=booking["customer"], notes="Paid by card").status_code == 302
    taken.refresh_from_db()
    assert (taken.customer_id, taken.notes) == (None, "Paid by card")


def test_a_customer_who_is_named_is_no_walk_in_without_a_name(back_office, in_scope, booking):
    assert back_office("staff").post(ADD, booking | {"walk_in": "on"}).status_code == 302
    assert not Appointment.objects.get().is_walk_in
