"""The calendar file (.ics, RFC 5545 and 5546) that is attached to messages about an appointment."""

import datetime as dt
from email.utils import parseaddr

from django.conf import settings
from django.utils import timezone
from icalendar import Calendar, Event, vCalAddress, vText

from appointments.models import Appointment, Status
from customers.messages.mail import Attachment, without_line_breaks


def build_calendar_file(appointment: Appointment) -> Attachment:
    """Returns a file that adds the appointment to a calendar, updates it, or removes it if it is cancelled.

    A calendar finds the appointment by its UID and takes the file with the highest SEQUENCE. Times are in UTC, which every
    calendar shows in the zone of its user.
    """
    is_cancelled = appointment.status == Status.CANCELLED
    method = "CANCEL" if is_cancelled else "REQUEST"
    begins, ends = appointment.instants
    event = Event()
    event.add("uid", f"{appointment.pk}@{appointment.tenant_id}.circe")
    # A cancellation must have a higher number (RFC 5546, 2.1.4), but Circe does not count it in `sequence`.
    event.add("sequence", 2 * appointment.sequence + is_cancelled)
    event.add("dtstamp", timezone.now().astimezone(dt.UTC))
    event.add("dtstart", begins)
    event.add("dtend", ends)
    event.add("summary", without_line_breaks(f"{appointment.service.name}, {appointment.tenant.name}"))
    outlet = filter(None, [appointment.outlet.name, appointment.outlet.address])
    event.add("location", without_line_breaks(", ".join(outlet)))
    event.add("status", "CANCELLED" if is_cancelled else "CONFIRMED")
    business_address = appointment.tenant.reply_to or parseaddr(settings.DEFAULT_FROM_EMAIL)[1]
    event["organizer"] = _person(appointment.tenant.name, business_address)
    if appointment.customer.email:
        attendee = _person(str(appointment.customer), appointment.customer.email)
        attendee.params["PARTSTAT"], attendee.params["RSVP"] = vText("ACCEPTED"), vText("FALSE")
        event.add("attendee", attendee, encode=False)
    calendar = Calendar()
    calendar.add("prodid", "-//Circe//Appointments//EN")
    calendar.add("version", "2.0")
    calendar.add("method", method)
    calendar.add_component(event)
    content = calendar.to_ical().decode()
    return Attachment("appointment.ics", content, f"text/calendar; method={method}")


def _person(name: str, address: str) -> vCalAddress:
    # The library quotes a value if it must, but can't escape a quotation mark within it.
    person = vCalAddress(f"mailto:{without_line_breaks(address)}")
    person.params["CN"] = vText(without_line_breaks(name).replace('"', "'"))
    return person
