"""A salon that sends messages about its appointments."""

import datetime as dt
from email import message_from_bytes, policy
from types import SimpleNamespace

import pytest
from django.core import mail
from icalendar import Calendar

from appointments.models import Message
from appointments.tests.factories import WorkingHoursFactory
from customers.tests.factories import CustomerFactory
from customers.tests.sending import send_due
from tenants.models import Tenant
from tenants.scope import ALL_TENANTS, tenant_scope
from tenants.tests.factories import OutletFactory, ServiceFactory, UserFactory

APPOINTMENTS = "/api/v1/appointments"
MONDAY = "2030-06-03"
SWITCHES = ("sends_confirmations", "sends_changes", "sends_cancellations", "sends_reminders")


class Parsed:
    """A mail as a mail program reads it."""

    def __init__(self, content):
        self.mail = message_from_bytes(content, policy=policy.default)
        self.to = self.mail["To"]
        self.subject = self.mail["Subject"]
        self.text = self.mail.get_body(("plain",)).get_content()
        self.html = self.mail.get_body(("html",)).get_content()
        (self.attachment,) = self.mail.iter_attachments()
        self.calendar = Calendar.from_ical(self.attachment.get_content())
        (self.event,) = self.calendar.walk("VEVENT")

    @property
    def told(self):
        """Returns the content of the calendar file: method, the appointment's sequence, and begin."""
        method, number = str(self.calendar["method"]), self.event["sequence"]
        assert number % 2 == (method == "CANCEL"), (
            "a cancellation comes after what it cancels, and before the next change"
        )
        return method, number // 2, self.event.decoded("dtstart")


@pytest.fixture
def sent():
    """Returns a function that sends what is due and returns the new mails."""

    def send():
        mail.outbox.clear()
        send_due()
        return [Parsed(message.message().as_bytes()) for message in mail.outbox]

    return send


@pytest.fixture
def salon(tenant):
    """A salon that sends every kind of message. Ana works on Mondays from 9 to 17, and a cut takes an hour."""
    Tenant.objects.filter(pk=tenant.pk).update(
        **dict.fromkeys(SWITCHES, True), language="en", reply_to="hello@lotus.example"
    )
    tenant.refresh_from_db()
    outlet = OutletFactory(tenant=tenant, name="Kemang", address="Jl. Kemang Raya 5")
    ana = UserFactory(tenant=tenant, first_name="Ana", last_name="Lee")
    WorkingHoursFactory(tenant=tenant, outlet=outlet, staff_id=ana.pk, end_time=dt.time(17))
    return SimpleNamespace(
        tenant=tenant,
        outlet=outlet,
        ana=ana,
        jane=CustomerFactory(tenant=tenant, first_name="Jane", last_name="Doe", email="jane@example.com"),
        cut=ServiceFactory(tenant=tenant, name="Cut", duration_minutes=60, buffer_minutes=0, price=350000),
    )


@pytest.fixture
def book(staff, salon):
    """Returns a function that books Jane with Ana on a Monday at 9, unless told otherwise."""

    def book(**changes):
        body = {
            "customer_id": salon.jane.pk,
            "service_id": salon.cut.pk,
            "outlet_id": salon.outlet.pk,
            "staff_id": salon.ana.pk,
            "appointment_date": MONDAY,
            "start_time": "09:00:00",
        }
        answer = staff.post(APPOINTMENTS, body | changes)
        assert answer.status_code == 201, answer.content
        return answer.json()["id"]

    return book


@pytest.fixture
def act(staff):
    """Returns a function that moves an appointment or sets its status."""

    def act(appointment_id, **changes):
        what = "status" if "status" in changes else "reschedule"
        answer = staff.post(f"{APPOINTMENTS}/{appointment_id}/{what}", changes)
        assert answer.status_code == 200, answer.content
        return answer.json()

    return act


@tenant_scope(ALL_TENANTS)
def change(row, **values):
    """Changes columns without validation."""
    type(row).objects.filter(pk=row.pk).update(**values)


@tenant_scope(ALL_TENANTS)
def states():
    """Returns the messages: kind, sequence, state and reasons, in the order of their creation."""
    return [(row.kind, row.sequence, row.state, *row.reasons) for row in Message.objects.order_by("created_at", "pk")]
