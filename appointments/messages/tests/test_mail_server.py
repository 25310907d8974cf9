"""The sender and a real mail server: what it accepts, refuses, or loses halfway."""

import datetime as dt

import pytest
import time_machine
from django.core.management import call_command
from django.utils import timezone

from appointments.messages.tests.conftest import change, states
from appointments.messages.tests.mail_server import free_port, serve_mail
from appointments.models import Message
from customers.messages.sending import MAX_ATTEMPTS, begin_round
from customers.messages.transport import Outcome, Result
from customers.tests.factories import CustomerFactory
from customers.tests.sending import send_due
from tenants.scope import ALL_TENANTS, tenant_scope

pytestmark = pytest.mark.django_db


@pytest.fixture
def server():
    with serve_mail() as server:
        yield server


@pytest.fixture
def send(settings, capsys):
    """Returns a function that runs `send_messages --once`. It returns the exit code and what was printed."""
    settings.EMAIL_BACKEND = "customers.messages.transport.SMTPBackend"
    settings.EMAIL_HOST, settings.EMAIL_TIMEOUT = "127.0.0.1", 5

    def send(port, *, later=dt.timedelta()):
        settings.EMAIL_PORT = port
        with time_machine.travel(timezone.now() + later, tick=True), pytest.raises(SystemExit) as end:
            call_command("send_messages", "--once")
        return end.value.code, capsys.readouterr().out.strip()

    return send


def test_a_real_mail_server_gets_a_mail_that_programs_can_read(book, server, send):
    book()
    assert send(server.port) == (0, "1 sent")
    (mail,) = server.accepted
    assert (mail.to, mail.told[:2]) == ("jane@example.com", ("REQUEST", 0))
    assert "Kemang" in mail.text
    assert send(server.port) == (0, "")


@pytest.mark.parametrize(
    ("domain", "ascii_domain"),
    [
        ("müller.example", "xn--mller-kva.example"),
        # IDNA 2003 makes another domain of these: strasse.example, xn--nxasmq6b.com.
        ("straße.example", "xn--strae-oqa.example"),
        ("βόλος.com", "xn--nxasmm1c.com"),
    ],
)
def test_a_mail_goes_to_the_domain_that_the_customer_and_the_business_have(
    book, server, send, salon, domain, ascii_domain
):
    change(salon.tenant, reply_to=f"Hello@{domain}")
    change(salon.jane, email=f"Jane@{domain}")
    book()
    assert send(server.port) == (0, "1 sent")
    (mail,) = server.accepted
    assert (server.recipients, mail.to) == ([f"Jane@{ascii_domain}"], f"Jane@{ascii_domain}")
    assert mail.mail["Reply-To"] == f"Hello@{ascii_domain}"


def test_names_can_add_no_header_and_no_recipient(book, server, send, salon):
    evil = 'Jane"\r\nBcc: x@evil.example\r\n\r\n<script>é'
    change(salon.tenant, name=f"Lotus {evil}")
    change(salon.jane, first_name=evil)
    change(salon.cut, name=f"Cut\nATTENDEE:mailto:x@evil.example {evil}")
    book()
    assert send(server.port) == (0, "1 sent")
    (mail,) = server.accepted
    assert mail.mail["Bcc"] is None
    assert mail.to == "jane@example.com"
    assert mail.mail["From"].addresses[0].addr_spec == "appointments@circe.test"
    assert "<script>" not in mail.html
    assert str(mail.event["attendee"]) == "mailto:jane@example.com"
    assert mail.event["attendee"].params["CN"].startswith("Jane'")


@pytest.mark.parametrize("reply", ["450 try later", "421 closing", "550 no such person"])
@pytest.mark.parametrize("command", ["RCPT", "DATA"])
def test_a_refusal_for_now_is_tried_again_and_a_final_one_fails(book, server, send, command, reply):
    book()
    server.replies[command] = [reply]
    code = reply[:3]
    if code == "550":
        assert send(server.port) == (1, "1 failed")
        assert states() == [("confirmation", 0, "failed", "mail_server_said_550")]
        return
    assert send(server.port) == (0, "1 postponed")
    assert states() == [("confirmation", 0, "queued", f"mail_server_said_{code}")]
    assert send(server.port) == (0, "")
    assert send(server.port, later=dt.timedelta(minutes=2)) == (0, "1 sent")
    assert states() == [("confirmation", 0, "sent")]
    assert len(server.accepted) == 1


def test_an_absent_mail_server_loses_nothing(book, act, server, send, caplog):
    pk, port = book(), free_port()
    assert send(port) == (1, "")
    assert [record.message for record in caplog.records if record.name == "circe.messages"] == [
        "The mail server is away (ConnectionRefusedError 111). Waiting messages are sent when it is back."
    ]
    # Requests are answered as before.
    act(pk, status="cancelled")
    assert send(server.port) == (0, "1 sent, 1 skipped")
    assert [mail.told[0] for mail in server.accepted] == ["CANCEL"]


def test_a_connection_that_breaks_before_the_mail_was_given_is_tried_again(book, server, send):
    book()
    server.hangs_up_at = "MAIL"
    assert send(server.port) == (1, "")
    assert states() == [("confirmation", 0, "queued", "mail_server_away")]
    server.hangs_up_at = None
    assert send(server.port, later=dt.timedelta(minutes=2)) == (0, "1 sent")


def test_a_connection_that_breaks_while_the_mail_is_given_leaves_it_unknown(book, server, send, staff, salon):
    book()
    server.hangs_up_at = "DATA"
    assert send(server.port) == (1, "1 unknown")
    server.hangs_up_at = None
    assert send(server.port, later=dt.timedelta(days=1)) == (0, "")
    assert states() == [("confirmation", 0, "unknown", "connection_lost")]
    assert server.accepted == []


@pytest.mark.parametrize(
    ("attempts", "minutes"), [(1, 2), (2, 4), (5, 30), (MAX_ATTEMPTS - 2, 30), (MAX_ATTEMPTS - 1, None)]
)
def test_what_is_refused_waits_longer_each_time_and_fails_in_the_end(book, server, send, attempts, minutes):
    book()
    with tenant_scope(ALL_TENANTS):
        Message.objects.update(attempts=attempts)
    server.replies["RCPT"] = ["450 try later"]
    if minutes is None:
        assert send(server.port) == (1, "1 failed")
        assert send(server.port, later=dt.timedelta(days=1)) == (0, "")
        return
    assert send(server.port) == (0, "1 postponed")
    assert send(server.port, later=dt.timedelta(minutes=minutes, seconds=-10)) == (0, "")
    assert send(server.port, later=dt.timedelta(minutes=minutes)) == (0, "1 sent")


def test_one_mail_that_no_server_takes_does_not_stop_the_others(book, server, send, salon):
    change(salon.jane, email="bad\r\naddress@example.com")
    book()
    other = CustomerFactory(tenant=salon.tenant, email="bo@example.com")
    book(customer_id=other.pk, start_time="11:00")
    assert send(server.port) == (0, "1 sent, 1 skipped")
    assert states()[0] == ("confirmation", 0, "skipped", "not_composable")
    assert [mail.to for mail in server.accepted] == ["bo@example.com"]


def test_a_text_message_goes_to_the_back_end_of_its_channel(book, server, send, salon):
    book()
    with tenant_scope(ALL_TENANTS):
        Message.objects.update(channel="sms")
    code, printed = send(server.port)
    assert code == 0
    assert printed.startswith(f"sms to {salon.jane.phone} (")
    assert printed.endswith("\n1 sent")
    assert server.accepted == []
    assert states() == [("confirmation", 0, "sent")]


def test_no_sender_gives_up_a_message_of_a_round_that_lasts_long(book, salon, settings, monkeypatch):
    for start in ("09:00", "11:00"):
        book(start_time=start)
    with tenant_scope(ALL_TENANTS):
        Message.objects.update(channel="sms")
    given_up = []

    def take_text(message):
        """Takes ten minutes. Another sender begins a round in the last of them."""
        clock.shift(dt.timedelta(minutes=10))
        given_up.append(begin_round(timezone.now()))
        return Outcome(Result.NOT_ACCEPTED, "busy")

    monkeypatch.setattr(f"{__name__}.take_text", take_text, raising=False)
    settings.TEXT_MESSAGE_BACKENDS = {"sms": f"{__name__}.take_text"}
    with time_machine.travel(timezone.now(), tick=False) as clock:
        begin = timezone.now()
        assert send_due() == {"queued": 2}
    assert given_up == [{}, {}]
    # Each is tried again a minute after its own attempt.
    with tenant_scope(ALL_TENANTS):
        due = Message.objects.order_by("due_at").values_list("due_at", flat=True)
        assert [at - begin for at in due] == [dt.timedelta(minutes=11), dt.timedelta(minutes=21)]


def test_the_log_names_no_person(book, server, send, salon, caplog):
    book()
    server.replies["RCPT"] = ["550 jane@example.com is unknown"]
    send(server.port)
    change(salon.jane, email="jane\r\n@example.com")
    book(start_time="11:00")
    assert send(server.port)[1] == "1 skipped"
    assert caplog.records
    assert "jane" not in caplog.text.lower()
