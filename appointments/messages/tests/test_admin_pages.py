"""Messages on the pages of the back office, and the business's switches."""

import datetime as dt

import pytest

from appointments.messages.tests.conftest import MONDAY
from customers.tests.factories import CustomerFactory
from tenants.tests.factories import ServiceFactory
from tenants.tests.forms import opened

pytestmark = pytest.mark.django_db


def test_the_pages_of_a_customer_and_of_an_appointment_say_what_was_sent(book, act, sent, back_office, salon):
    pk = book()
    act(pk, status="cancelled")
    sent()
    browser = back_office("staff")
    for page in (f"customers/customer/{salon.jane.pk}", f"appointments/appointment/{pk}"):
        content = browser.get(f"/admin/{page}/change/").content.decode()
        assert "Confirmation: skipped (cancelled)" in content, page
        assert "Cancellation: sent" in content, page


def test_messages_of_another_business_are_not_shown(book, back_office, salon, other_tenant):
    pk = book()
    answer = back_office("staff", tenant=other_tenant).get(f"/admin/appointments/appointment/{pk}/change/")
    assert answer.status_code == 302
    assert b"Confirmation" not in answer.content


def set_on_the_day_sheet(browser, pk, seen, status):
    values = {"appointment": pk, "seen": seen, "status": status}
    assert browser.post(f"/admin/appointments/appointment/day/?day={MONDAY}", values).status_code == 302


def set_in_the_form(browser, pk, seen, status):
    page = f"/admin/appointments/appointment/{pk}/change/"
    assert browser.post(page, opened(browser, page) | {"status": status}).status_code == 302


@pytest.mark.parametrize("set_status", [set_on_the_day_sheet, set_in_the_form])
def test_what_reception_cancels_and_takes_back_is_told_each_time(book, sent, back_office, set_status):
    browser, pk = back_office("staff"), book()
    assert [mail.told[:2] for mail in sent()] == [("REQUEST", 0)]
    for sequence in (0, 1):
        set_status(browser, pk, "confirmed", "cancelled")
        assert [mail.told[:2] for mail in sent()] == [("CANCEL", sequence)]
        set_status(browser, pk, "cancelled", "confirmed")
        assert [mail.told[:2] for mail in sent()] == [("REQUEST", sequence + 1)]


def test_another_service_and_another_customer_are_told_and_a_note_is_not(book, sent, back_office, salon):
    browser, page = back_office("staff"), f"/admin/appointments/appointment/{book()}/change/"
    sent()
    assert browser.post(page, opened(browser, page) | {"notes": "Likes tea"}).status_code == 302
    assert sent() == []
    longer = ServiceFactory(tenant=salon.tenant, name="Colour", duration_minutes=90, buffer_minutes=0, price=350000)
    assert browser.post(page, opened(browser, page) | {"service": longer.pk}).status_code == 302
    (mail,) = sent()
    assert mail.told[:2] == ("REQUEST", 1)
    assert mail.event.decoded("dtend") - mail.event.decoded("dtstart") == dt.timedelta(minutes=90)
    bo = CustomerFactory(tenant=salon.tenant, email="bo@example.com")
    assert browser.post(page, opened(browser, page) | {"customer": bo.pk}).status_code == 302
    assert sorted((mail.to, mail.told[:2]) for mail in sent()) == [
        ("bo@example.com", ("REQUEST", 2)),
        ("jane@example.com", ("CANCEL", 1)),
    ]
