"""The calendar file (.ics, RFC 5545 and 5546) that is attached to messages about an appointment."""

import datetime as dt
from email.utils import parseaddr

from django.conf import settings
from django.utils import timezone
from icalendar import Calendar, Event, vCalAddress, vText

from appointments.models import Appointment, Status
from customers.messages.mail import Attachment, one_line


def build_calendar_file(appointment: Appointment) -> Attachment:
    """Returns the file by which a calendar enters the appointment, moves it, or takes it out where it is cancelled.

    A calendar knows the appointment again by its UID, and takes the highest SEQUENCE. Times are in UTC, which every calendar
    shows in the zone of its user.
    """
    is_cancelled = appointment.status == Status.CANCELLED
    method = "CANCEL" if is_cancelled else "REQUEST"
    begins, ends = appointment.instants
    event = Event()
    event.add("uid", f"{appointment.pk}@{appointment.tenant_id}.circe")
    event.add("sequence", appointment.sequence)
    event.add("dtstamp", timezone.now().astimezone(dt.UTC))
    event.add("dtstart", begins)
    event.add("dtend", ends)
    event.add("summary", one_line(f"{appointment.service.name}, {appointment.tenant.name}"))
    event.add("location", one_line(", ".join(filter(None, [appointment.outlet.name, appointment.outlet.address]))))
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
    # The library puts a value in quotation marks where it must, but can't write a quotation mark in it.
    person = vCalAddress(f"mailto:{one_line(address)}")
    person.params["CN"] = vText(one_line(name).replace('"', "'"))
    return person
