"""Messages about appointments: what is queued, what is sent, and what is skipped for which reason."""

import datetime as dt

import pytest

from appointments.messages.tests.conftest import MONDAY, states

pytestmark = pytest.mark.django_db
NINE, TEN = (dt.datetime(2030, 6, 3, hour, tzinfo=dt.UTC) for hour in (2, 3))


def test_a_booking_is_confirmed_by_mail(book, sent, salon):
    pk = book()
    (mail,) = sent()
    assert mail.to == "jane@example.com"
    assert mail.mail["From"] == "Lotus <appointments@circe.test>"
    assert mail.mail["Reply-To"] == "hello@lotus.example"
    assert mail.mail["Auto-Submitted"] == "auto-generated"
    assert mail.mail["Message-ID"].endswith("@circe.test>")
    assert mail.mail["List-Unsubscribe"] is None
    for part in (mail.text, mail.html):
        for words in ("Jane", "Monday 3 June 2030", "09:00", "Cut", "Ana Lee", "Kemang", "Jl. Kemang Raya 5", "Lotus"):
            assert words in part
        assert "http://localhost:8000/portal/lotus/appointment?token=" in part
    assert mail.attachment.get_content_type() == "text/calendar"
    assert mail.attachment["Content-Type"].params["method"] == "REQUEST"
    assert mail.event["uid"] == f"{pk}@{salon.tenant.pk}.circe"
    assert mail.told == ("REQUEST", 0, NINE)
    assert mail.event.decoded("dtend") == TEN
    assert str(mail.event["organizer"]) == "mailto:hello@lotus.example"
    assert str(mail.event["attendee"]) == "mailto:jane@example.com"
    assert states() == [("confirmation", 0, "sent")]
    assert sent() == []


def test_each_step_is_told_once_with_its_sequence(book, act, sent):
    pk = book()
    assert [mail.told for mail in sent()] == [("REQUEST", 0, NINE)]
    act(pk, appointment_date=MONDAY, start_time="10:00")
    assert [mail.told for mail in sent()] == [("REQUEST", 1, TEN)]
    act(pk, status="cancelled")
    assert [mail.told for mail in sent()] == [("CANCEL", 1, TEN)]
    act(pk, status="confirmed")
    assert [mail.told for mail in sent()] == [("REQUEST", 2, TEN)]
    act(pk, status="cancelled")
    assert [mail.told for mail in sent()] == [("CANCEL", 2, TEN)]
    assert sent() == []


def test_a_move_to_the_time_that_it_has_is_told_to_nobody(book, act, sent):
    pk = book()
    assert [mail.told for mail in sent()] == [("REQUEST", 0, NINE)]
    assert act(pk, appointment_date=MONDAY, start_time="09:00")["sequence"] == 0
    assert sent() == []


def test_what_is_out_of_date_when_it_is_sent_is_skipped(book, act, sent):
    pk = book()
    act(pk, appointment_date=MONDAY, start_time="10:00")
    assert [mail.told for mail in sent()] == [("REQUEST", 1, TEN)]
    act(pk, appointment_date=MONDAY, start_time="11:00")
    act(pk, status="cancelled")
    assert [mail.told[0] for mail in sent()] == ["CANCEL"]
    assert states() == [
        ("confirmation", 0, "skipped", "superseded"),
        ("change", 1, "sent"),
        ("change", 2, "skipped", "cancelled"),
        ("cancellation", 2, "sent"),
    ]
