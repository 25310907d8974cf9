"""Senders are killed while the mail server takes a mail over: each mail goes out at most once, and each doubt is told."""

import datetime as dt
import os
import signal
from collections import Counter

import pytest

from appointments.messages.tests.conftest import states
from appointments.messages.tests.mail_server import serve_mail
from appointments.models import Message, Status
from appointments.tests.factories import AppointmentFactory
from tenants.scope import ALL_TENANTS, tenant_scope
from tenants.tests.shell import forks, run, start

pytestmark = [
    pytest.mark.slow("kills 50 processes, five at a time"),
    pytest.mark.django_db(transaction=True),
]
SENDERS, ROUNDS = 5, 10
MOMENTS = ["MAIL", "before DATA is accepted", "after DATA is accepted"]


@pytest.fixture
def server(monkeypatch, settings):
    with serve_mail() as server:
        monkeypatch.setenv("EMAIL_URL", f"smtp://127.0.0.1:{server.port}")
        settings.EMAIL_BACKEND = "customers.messages.transport.SMTPBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
        yield server
        server.go_on.set()


@pytest.fixture
def appointments(salon):
    """More confirmed appointments than senders are killed."""
    shared = {"tenant": salon.tenant, "outlet": salon.outlet, "service": salon.cut, "customer": salon.jane}
    return [
        AppointmentFactory(
            **shared,
            staff_id=salon.ana.pk,
            status=Status.CONFIRMED,
            appointment_date=dt.date(2030, 1, 1) + dt.timedelta(days=day),
        )
        for day in range(SENDERS * ROUNDS + 10)
    ]


def test_fifty_killed_senders_send_nothing_twice_and_hide_nothing(server, appointments, staff):
    with forks("send_messages") as senders:
        for number in range(ROUNDS):
            server.go_on.clear()
            server.waits_at = {MOMENTS[number % len(MOMENTS)]}
            pids = senders.start(SENDERS)
            # Each has a message of its own: they don't wait for each other.
            for _ in range(SENDERS):
                server.waiting.get(timeout=60)
            for pid in pids:
                os.kill(pid, signal.SIGKILL)
            assert senders.wait() == [-signal.SIGKILL] * SENDERS
            server.waits_at = set()
            server.go_on.set()
    killed = SENDERS * ROUNDS
    assert Counter(state for _, _, state in states()) == {"sending": killed, "queued": len(appointments) - killed}
    # None of them is given up before its time, and each other one is sent.
    assert run("send_messages", "--once").stdout == "10 sent\n"
    with tenant_scope(ALL_TENANTS):
        long_ago = Message.objects.earliest("claimed_at").claimed_at - dt.timedelta(hours=1)
        Message.objects.filter(state="sending").update(claimed_at=long_ago)
    ran = run("send_messages", "--once")
    assert (ran.code, ran.stdout) == (1, f"{killed} unknown\n")
    assert run("send_messages", "--once").stdout == ""
    assert Counter(states()) == {
        ("confirmation", 0, "unknown", "sender_died"): killed,
        ("confirmation", 0, "sent"): 10,
    }
    accepted = Counter(str(mail.event["uid"]) for mail in server.accepted)
    assert set(accepted.values()) == {1}
    # In three of ten rounds the server had taken the mail over, and the sender did not learn it.
    assert len(accepted) == 10 + SENDERS * 3


def test_a_signal_ends_the_sender_after_the_message_in_hand(server, appointments):
    server.waits_at = {"before DATA is accepted"}
    sender = start("send_messages")
    server.waiting.get(timeout=60)
    sender.send_signal(signal.SIGTERM)
    server.waits_at = set()
    server.go_on.set()
    assert sender.wait(timeout=60) == 0
    assert Counter(state for _, _, state in states()) == {"sent": 1, "queued": len(appointments) - 1}
