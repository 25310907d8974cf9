"""Time off tells of the bookings that lie in it, and leads to the page that hands them on."""

import datetime as dt
import re
from html import unescape

import pytest

from appointments.hand_on import find_bookings_in_time_off
from appointments.models import Appointment, TimeOff
from appointments.tests.test_hand_on import HAND_ON, MONDAY, Salon, places, send
from tenants.tests.forms import messages_without_undo


@pytest.fixture
def salon(in_scope):
    return Salon(in_scope)


def close(browser, **values):
    """Enters a time off. Returns the messages about the bookings in it."""
    empty = dict.fromkeys(("staff", "outlet", "start_time", "last_day", "end_time", "reason"), "")
    answer = browser.post("/admin/appointments/timeoff/add/", empty | {"first_day": f"{MONDAY}"} | values)
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    return [text for level, text in messages_without_undo(answer) if level == "warning"]


def test_a_closing_day_says_which_bookings_lie_in_it_and_hands_them_on(back_office, salon):
    browser = back_office("outlet_manager")
    salon.book(14, outlet=salon.senopati)
    [sentence] = close(browser, outlet=salon.kemang.pk)
    assert "3 appointments to come</a> lie in this time." in sentence
    listed, page = re.findall(r'href="([^"]+)"', sentence)
    changelist = browser.get(unescape(listed)).context["cl"]
    assert {row.pk for row in changelist.result_list} == {salon.nine.pk, salon.ten.pk, salon.eleven.pk}
    time_off = TimeOff.objects.get()
    assert page == f"{HAND_ON}?timeoff={time_off.pk}"
    text = send(browser, browser.get(page), outlet=salon.senopati.pk)
    assert "Handed on: 3." in text
    assert {place[1] for place in places(salon.nine, salon.ten, salon.eleven)} == {"Senopati"}
    assert close(browser, outlet=salon.kemang.pk) == []


def test_time_off_of_some_hours_counts_the_bookings_of_these_hours(back_office, salon):
    night = salon.book(22, appointment_date=MONDAY - dt.timedelta(days=1), start_time=dt.time(23), end_time=dt.time(1))
    hours = {"start_time": "10:30", "end_time": "11:00"}
    [sentence] = close(back_office("outlet_manager"), staff=salon.ana.pk, **hours)
    assert "1 appointment to come</a> lies in this time." in sentence
    assert find_bookings_in_time_off(TimeOff.objects.get()) == [salon.ten]
    TimeOff.objects.all().delete()
    close(back_office("outlet_manager"), staff=salon.ana.pk, end_time="00:30")
    assert find_bookings_in_time_off(TimeOff.objects.get()) == [night]


def test_who_may_not_hand_on_is_told_to_ask(back_office, salon):
    browser = back_office("staff")
    Appointment.objects.filter(pk=salon.nine.pk).update(staff=browser.user.pk)
    [sentence] = close(browser)
    assert sentence.endswith("1 appointment to come</a> lies in this time. Ask a manager to hand it on.")
    assert browser.get(f"{HAND_ON}?timeoff={TimeOff.objects.get().pk}").status_code == 403
