"""Tells reception why an appointment can't be booked, and what can be done instead."""

import datetime as dt
from typing import NamedTuple

from django.core.exceptions import BadRequest
from django.db.models import Q
from django.http import QueryDict
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from appointments.admin.working_day import bounds_of, describe_hours, describe_time_off, overlapping_day
from appointments.availability import Slot
from appointments.booking import OVERRIDE_OF, BookingRefused
from appointments.models import Appointment, DoubleBooking, Override, TimeOff
from appointments.models.schedule import read_schedules
from circe.api.local_time import Range
from circe.db.ids import is_id
from tenants.models import Outlet, Service, ServiceStaff

# The name of the buttons that book a slot.
SLOT_BUTTON = "slot"


class OverrideChoice(NamedTuple):
    """A checkbox that lifts a rule for this booking."""

    value: str
    label: str
    is_checked: bool


def explain_by_field(refusal: BookingRefused, appointment: Appointment) -> list[tuple[str, str]]:
    """Returns for each reason the field that would have to be changed, and the reason in words."""
    sentences = {
        "overlap": _explain_overlap,
        "time_off": _explain_time_off,
        "outside_hours": _explain_hours,
        "service_not_offered": _explain_offer,
    }
    # By the code of a refusal: the field whose error it is.
    field_of = {
        "service_not_offered": "staff" if appointment.service.is_active else "service",
        "customer_inactive": "customer",
    }
    return [
        (field_of.get(code, "start_time"), sentences.get(code, lambda *_: str(refusal))(refusal, appointment))
        for code in refusal.codes
    ]


def join_reasons(reasons: list[tuple[str, str]]) -> SafeString:
    """Returns the sentences of `explain_by_field` as one text."""
    return format_html_join(" ", "{}", ([sentence] for _, sentence in reasons))


def explain_refused_status(refusal: BookingRefused, appointment: Appointment) -> str:
    """Returns why the appointment can't get a status that blocks its time again, with a link to the form if the rules
    can be lifted there.
    """
    reason = join_reasons(explain_by_field(refusal, appointment))
    if not OVERRIDE_OF.keys() >= {*refusal.codes}:
        return reason
    url = reverse("admin:appointments_appointment_change", args=[appointment.pk])
    return format_html('{} To do it nevertheless, <a href="{}">set the status in the form</a>.', reason, url)


def offer_overrides(
    refusal: BookingRefused | None, appointment: Appointment, chosen: list[Override]
) -> list[OverrideChoice]:
    """Returns the checkboxes of the rules that were broken, if all of them can be lifted, and the checkboxes that are
    ticked already.
    """
    if not (refusal or chosen):
        return []
    labels = {
        Override.HOURS: "Book outside working hours",
        Override.SERVICE: f"Book although {appointment.staff} does not offer {appointment.service}",
    }
    if not appointment.service.is_active:
        labels[Override.SERVICE] = f"Book although {appointment.service} is not on offer any more"
    codes = refusal.codes if refusal else []
    if "time_off" in codes:
        labels[Override.HOURS] = "Book in the time off"
    offered = {OVERRIDE_OF[code] for code in codes} if OVERRIDE_OF.keys() >= {*codes} else set()
    return [
        OverrideChoice(override.value, label, override in chosen)
        for override, label in labels.items()
        if override in offered or override in chosen
    ]


def as_button_value(slot: Slot) -> str:
    """Returns the value of the button that books the slot."""
    return f"{slot.start:%Y-%m-%dT%H:%M} {slot.end:%H:%M} {slot.staff_id} {slot.outlet_id}"


def fill_in_slot(sent: QueryDict) -> QueryDict:
    """Returns the values of the form, with the values of the slot whose button was pressed. Raises BadRequest for a
    malformed slot.
    """
    start, end, staff, outlet = (sent[SLOT_BUTTON].split(" ") + [""] * 4)[:4]
    try:
        begin, until = dt.datetime.fromisoformat(start), dt.time.fromisoformat(end)
    except ValueError:
        raise BadRequest("There is no such time to book.") from None
    if not (is_id(staff) and is_id(outlet)):
        raise BadRequest("There is no such time to book.")
    filled = sent.copy()
    del filled[SLOT_BUTTON]
    filled["appointment_date"], filled["start_time"] = f"{begin:%Y-%m-%d}", f"{begin:%H:%M}"
    filled["end_time"], filled["staff"], filled["outlet"] = f"{until:%H:%M}", staff, outlet
    return filled


def _explain_overlap(refusal: BookingRefused, appointment: Appointment) -> str:
    other = refusal.other
    message = _name_other(DoubleBooking(other))
    if other and other.local_bounds[1] <= appointment.local_bounds[0]:
        return format_html("{} {}", _explain_buffer(other.buffer_minutes, other.service), message)
    if other and appointment.local_bounds[1] <= other.local_bounds[0]:
        return format_html("{} {}", _explain_buffer(appointment.service.buffer_minutes, appointment.service), message)
    return message


def _name_other(error: DoubleBooking) -> SafeString:
    """Returns the error with a link to the conflicting appointment. The link opens a new window, so that the form
    keeps what the person wrote.
    """
    if error.other is None:
        return format_html("{}", error)
    url = reverse("admin:appointments_appointment_change", args=[error.other.pk])
    return format_html('{} <a href="{}" target="_blank">Show it</a>', error, url)


def _explain_buffer(minutes: int, service: Service) -> str:
    return f"{minutes} minutes are kept free after {service}."


def _explain_time_off(refusal: BookingRefused, appointment: Appointment) -> str:
    begin, end = appointment.occupied
    theirs = TimeOff.objects.filter(
        Q(staff=appointment.staff_id) | Q(outlet=appointment.outlet_id), local_start__lt=end, local_end__gt=begin
    )
    last_to_end = theirs.select_related("staff", "outlet").order_by("-local_end").first()
    return describe_time_off(last_to_end) if last_to_end else str(refusal)


def _explain_hours(refusal: BookingRefused, appointment: Appointment) -> str:
    day, staff = appointment.appointment_date, appointment.staff
    begin, end = bounds_of(day)
    schedules = read_schedules(appointment.tenant_id, first=begin, last=end, staff=[appointment.staff_id])
    when = f"{date_format(day, 'l')}, {date_format(day)}"
    hours = {one.outlet_id: describe_hours(one.working, day) for one in schedules if overlapping_day(one.working, day)}
    if not hours:
        return f"{staff} does not work on {when}."
    outlets = Outlet.objects.in_bulk(hours)
    works = ", ".join(f"at {outlets[pk]} {text}" for pk, text in hours.items())
    sentence = f"{staff} works on {when} {works}."
    if any(one.outlet_id == appointment.outlet_id and _lies_within(one.working, appointment) for one in schedules):
        return f"{sentence} {_explain_buffer(appointment.service.buffer_minutes, appointment.service)}"
    return sentence


def _lies_within(times: list[Range], appointment: Appointment) -> bool:
    """Returns whether the appointment without its buffer lies within one of the times."""
    begin, end = appointment.local_bounds
    return any(first <= begin and end <= last for first, last in times)


def _explain_offer(refusal: BookingRefused, appointment: Appointment) -> str:
    service = appointment.service
    if not service.is_active:
        return f"{service} is not on offer any more."
    named = ServiceStaff.objects.filter(service=service, staff__is_active=True).select_related("staff")
    names = sorted(str(one.staff) for one in named)
    return f"{appointment.staff} does not offer {service}. It is offered by: {', '.join(names) or 'nobody'}."
