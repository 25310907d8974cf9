"""The text of a message about an appointment: the business's own, or Circe's."""

import datetime as dt
from collections.abc import Mapping
from typing import NamedTuple

from django.template.loader import render_to_string
from django.utils.html import escape, format_html, linebreaks
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext

from appointments.messages.default_texts import DEFAULT_TEXTS
from appointments.models import PLACEHOLDER_PATTERN, Appointment, MessageKind, MessageText
from customers.messages.mail import without_line_breaks
from customers.portal.languages import customer_language, format_clock, format_day, written_for
from tenants.models import Tenant


class AppointmentFacts(NamedTuple):
    """The facts of an appointment that a message can mention. `link` is the address of the page on which the customer can
    change it.
    """

    tenant: Tenant
    customer: str
    day: dt.date
    start: dt.time
    service: str
    staff: str
    outlet: str
    link: str


class RenderedText(NamedTuple):
    """The subject of a message, and its body as text and as HTML."""

    subject: str
    text: str
    html: str


def render_message(kind: str, language: str, appointment: Appointment, *, manage_url: str) -> RenderedText:
    """Returns the text of a message of that kind about the appointment. It is the business's own text in that language, or
    else Circe's.
    """
    own_text = MessageText.objects.filter(kind=kind, language=customer_language(language)).first()
    return render(kind, language, facts_of(appointment, link=manage_url), own_text=own_text)


def facts_of(appointment: Appointment, *, link: str) -> AppointmentFacts:
    """Returns the facts of the appointment. It must have a customer."""
    outlet = appointment.outlet
    return AppointmentFacts(
        tenant=appointment.tenant,
        customer=appointment.customer.first_name,
        day=appointment.appointment_date,
        start=appointment.start_time,
        service=appointment.service.name,
        staff=appointment.staff.full_name,
        outlet=f"{outlet.name}, {outlet.address}" if outlet.address else outlet.name,
        link=link,
    )


def render(kind: str, language: str, facts: AppointmentFacts, *, own_text: MessageText | None = None) -> RenderedText:
    """Returns the text of a message of that kind with the facts. If the body has no `{link}`, the link is added at its
    end.
    """
    words = own_text or DEFAULT_TEXTS[MessageKind(kind)]
    with written_for(facts.tenant, language) as code:
        body = str(words.body)
        if "{link}" not in body:
            body += "\n\n{link}"
        values = _values(facts)
        subject = without_line_breaks(fill_in(str(words.subject), values))
        context = {"language": code, "subject": subject, "body": _as_html(body, values)}
        return RenderedText(
            subject, fill_in(body, values), render_to_string("appointments/messages/message.html", context)
        )


def _values(facts: AppointmentFacts) -> dict[str, str]:
    """Returns the value of each placeholder. It has no line breaks, so that a name can't add a paragraph to the text."""
    values = {
        name: without_line_breaks(getattr(facts, name)) for name in ("customer", "service", "staff", "outlet", "link")
    }
    return values | {
        "business": without_line_breaks(facts.tenant.name),
        "date": format_day(facts.day, facts.tenant),
        "time": format_clock(facts.start, facts.tenant),
    }


def _as_html(body: str, values: Mapping[str, str]) -> SafeString:
    link = format_html('<a href="{}">{}</a>', values["link"], gettext("My appointment"))
    shown = {name: escape(value) for name, value in values.items()} | {"link": link}
    # `linebreaks` escapes the body, and the values in `shown` are escaped.
    return mark_safe(fill_in(linebreaks(body, autoescape=True), shown))  # noqa: S308


def fill_in(text: str, values: Mapping[str, str]) -> str:
    """Returns the text with a value in the place of each `{name}` that is known. Other braces stay."""
    return PLACEHOLDER_PATTERN.sub(lambda found: values.get(found[1], found[0]), text)
