"""What the back office shows of messages, and the business's switches."""

import pytest

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


def test_messages_of_another_business_are_not_shown(book, back_office, salon, stranger):
    pk = book()
    answer = back_office("staff", tenant=stranger).get(f"/admin/appointments/appointment/{pk}/change/")
    assert answer.status_code == 302
    assert b"Confirmation" not in answer.content
