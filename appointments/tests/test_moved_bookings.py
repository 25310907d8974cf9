"""The form of an appointment that is changed: the end and the price follow the start and the service."""

import datetime as dt

import pytest
from django.contrib.messages import get_messages

from appointments.models import Appointment
from appointments.tests.factories import AppointmentFactory, works_always
from tenants.models import Tenant
from tenants.tests.factories import ServiceFactory
from tenants.tests.forms import opened, sent_by

PAGE = "/admin/appointments/appointment/"
ADD = f"{PAGE}add/"


@pytest.fixture
def haircut(tenant):
    return ServiceFactory(tenant=tenant, name="Haircut", duration_minutes=60, price=350000)


@pytest.fixture
def colouring(tenant):
    return ServiceFactory(tenant=tenant, name="Colouring", duration_minutes=120, price=900000)


@pytest.fixture
def booked(tenant, haircut):
    """Returns a function that books a haircut: from 14:00 to 15:00, at its price."""

    def book(**values):
        times = {"appointment_date": dt.date(2026, 12, 5), "start_time": dt.time(14), "end_time": dt.time(15)}
        one = AppointmentFactory(
            **{"tenant": tenant, "service": haircut, "total_price": 350000, "status": "confirmed"} | times | values
        )
        works_always(tenant, one.staff_id, one.outlet_id)
        return one

    return book


def page_of(appointment):
    return f"{PAGE}{appointment.pk}/change/"


def save(browser, appointment, **changes):
    """Changes values in the form of the appointment, and returns the response."""
    return browser.post(page_of(appointment), opened(browser, page_of(appointment)) | changes)


def stored(appointment):
    found = Appointment.objects.get(pk=appointment.pk)
    return f"{found.start_time:%H:%M}", f"{found.end_time:%H:%M}", found.total_price


def errors(response):
    assert response.status_code == 200, response
    return dict(response.context["adminform"].form.errors)


def shown_messages(response):
    return [str(message) for message in get_messages(response.wsgi_request)]


@pytest.mark.slow("is a table of moves")
@pytest.mark.parametrize(
    ("values", "changes", "expected"),
    [
        ({}, {"start_time": "10:00"}, ("10:00", "11:00")),
        ({}, {"start_time": "23:30"}, ("23:30", "00:30")),
        ({}, {"start_time": "15:30", "appointment_date": "2026-12-06"}, ("15:30", "16:30")),
        # As long as it was, not as its service is.
        ({"end_time": dt.time(15, 20)}, {"start_time": "10:00"}, ("10:00", "11:20")),
        ({"start_time": dt.time(23), "end_time": dt.time(0, 30)}, {"start_time": "20:00"}, ("20:00", "21:30")),
        # The end was changed too.
        ({}, {"start_time": "10:00", "end_time": "12:00"}, ("10:00", "12:00")),
        ({}, {"end_time": "15:45"}, ("14:00", "15:45")),
        ({}, {"start_time": "10:00", "end_time": ""}, ("10:00", "11:00")),
        ({}, {"appointment_date": "2026-12-06"}, ("14:00", "15:00")),
        ({}, {"notes": "Late"}, ("14:00", "15:00")),
    ],
)
def test_a_booking_that_is_moved_keeps_its_length(back_office, in_scope, booked, values, changes, expected):
    one = booked(**values)
    assert save(back_office("staff"), one, **changes).status_code == 302
    assert stored(one)[:2] == expected


def test_a_booking_that_would_last_a_day_by_the_clock_is_refused(back_office, in_scope, booked, tenant):
    Tenant.objects.filter(pk=tenant.pk).update(time_zone="Europe/Oslo")
    course = ServiceFactory(tenant=tenant, name="Course", duration_minutes=24 * 60 - 20)
    one = booked(service=course, start_time=dt.time(0, 30), end_time=dt.time(0, 10))
    # Clocks go forward that night, so the course would end at 01:10 of the next day: 40 minutes, by its clock times.
    refused = save(back_office("staff"), one, appointment_date="2027-03-28")
    assert errors(refused)["end_time"] == [
        "An appointment must end less than 24 hours after its start, by the local clock."
    ]
    assert stored(one)[:2] == ("00:30", "00:10")


def test_a_form_without_initial_values_moves_a_booking_too(back_office, in_scope, booked):
    browser, one = back_office("staff"), booked()
    form = {name: value for name, value in opened(browser, page_of(one)).items() if not name.startswith("initial-")}
    assert browser.post(page_of(one), form | {"start_time": "09:00"}).status_code == 302
    assert stored(one)[:2] == ("09:00", "10:00")


def test_the_person_is_told_what_followed(back_office, in_scope, booked, colouring):
    browser = back_office("staff")
    moved = save(browser, booked(), start_time="10:00")
    assert "It ends at 11:00 now: it is as long as before." in shown_messages(moved)
    told = shown_messages(save(browser, booked(), service=colouring.pk))
    assert "It ends at 16:00 now: Colouring takes that long." in told
    assert any(text.startswith("It costs 900") and text.endswith("now, the price of Colouring.") for text in told)


@pytest.mark.slow("is a table of changes")
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ("14:00", "16:00", 900000)),
        ({"start_time": "10:00"}, ("10:00", "12:00", 900000)),
        ({"end_time": "15:30"}, ("14:00", "15:30", 900000)),
        ({"total_price": "800000"}, ("14:00", "16:00", 800000)),
        ({"end_time": "", "total_price": ""}, ("14:00", "16:00", 900000)),
    ],
)
def test_another_service_brings_its_length_and_price(back_office, in_scope, booked, colouring, changes, expected):
    one = booked()
    assert save(back_office("staff"), one, service=colouring.pk, **changes).status_code == 302
    assert stored(one) == expected


@pytest.mark.slow("sends every form twice")
@pytest.mark.parametrize("values", [{"total_price": 300000}, {"payment_status": "paid", "paid_amount": 350000}])
@pytest.mark.parametrize(("answer", "price"), [(None, 900000), ("300000", 300000), ("350000", 350000)])
def test_an_agreed_or_a_paid_price_is_asked(back_office, in_scope, booked, colouring, values, answer, price):
    browser, one = back_office("staff"), booked(**values)
    asked = save(browser, one, service=colouring.pk)
    assert set(errors(asked)) == {"total_price"}
    assert "Save again, or write the price that holds." in errors(asked)["total_price"][0]
    assert stored(one)[2] == one.total_price
    form = sent_by(asked)
    assert form["total_price"] == ["900000"]
    if answer:
        form["total_price"] = answer
    assert browser.post(page_of(one), form).status_code == 302
    assert stored(one) == ("14:00", "16:00", price)


@pytest.mark.slow("is a table of slips")
@pytest.mark.parametrize(
    ("start", "end", "length"),
    [
        ("14:00", "10:00", "From 14:00 to 10:00 on the next day is 20 hours"),
        ("14:00", "13:30", "From 14:00 to 13:30 on the next day is 23 hours 30 minutes"),
        ("02:00", "15:30", "From 02:00 to 15:30 is 13 hours 30 minutes"),
        ("14:00", "01:00", "From 14:00 to 01:00 on the next day is 11 hours"),
    ],
)
@pytest.mark.parametrize("adding", [True, False])
def test_an_unlikely_length_is_asked(back_office, in_scope, booked, start, end, length, adding):
    browser, one = back_office("staff"), booked(status="cancelled")
    page, form = page_of(one), opened(browser, page_of(one))
    if adding:
        page, form = ADD, {name: value for name, value in form.items() if not name.startswith("initial-")}
    asked = browser.post(page, form | {"start_time": start, "end_time": end})
    sentence = f"{length}, and Haircut takes 1 hour. Save again if that is meant."
    assert errors(asked) == {"end_time": [sentence]}
    # Clicked twice, the first page asks twice. The page that asked is the answer.
    again = browser.post(page, form | {"start_time": start, "end_time": end})
    assert errors(again) == {"end_time": [sentence]}
    other = browser.post(page, sent_by(asked) | {"end_time": "12:00" if start != "02:00" else "16:00"})
    assert set(errors(other)) == {"end_time"}
    assert browser.post(page, sent_by(asked)).status_code == 302


@pytest.mark.parametrize(("start", "end"), [("20:00", "01:00"), ("23:00", "00:00"), ("09:00", "14:00")])
def test_a_likely_length_is_not_asked(back_office, in_scope, booked, start, end):
    assert save(back_office("staff"), booked(), start_time=start, end_time=end).status_code == 302


def test_a_long_booking_is_not_asked_again_when_something_else_is_changed(back_office, in_scope, booked):
    long = booked(end_time=dt.time(23))
    assert save(back_office("staff"), long, notes="Late").status_code == 302


def test_a_long_service_takes_its_time(back_office, in_scope, booked):
    course = ServiceFactory(tenant=in_scope, name="Course", duration_minutes=600)
    one = booked()
    assert save(back_office("staff"), one, service=course.pk).status_code == 302
    assert stored(one)[:2] == ("14:00", "00:00")
