"""The text of a message: the business's own, or Circe's, which are templates in `appointments/messages/`."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from django.template.loader import render_to_string
from django.utils import translation
from django.utils.formats import date_format

from appointments.models import Appointment, MessageText
from customers.messages.mail import one_line

_placeholder = re.compile(r"\{(\w+)\}")


class Text(NamedTuple):
    """The subject of a message, and its body as text and as HTML."""

    subject: str
    text: str
    html: str


def placeholders(appointment: Appointment) -> dict[str, str]:
    """Returns what a business may put into its own texts, by name, in the active language."""
    return {
        "customer": appointment.customer.first_name,
        "business": appointment.tenant.name,
        "service": appointment.service.name,
        "staff": appointment.staff.full_name,
        "outlet": appointment.outlet.name,
        "address": appointment.outlet.address or "",
        "day": date_format(appointment.appointment_date, "l j F Y"),
        "time": f"{appointment.start_time:%H:%M}",
    }


def render_message(
    kind: str, language: str, appointment: Appointment, *, manage_url: str, own_text: MessageText | None
) -> Text:
    """Returns the text of a message of that kind about the appointment. `own_text` takes the place of Circe's words."""
    with translation.override(language):
        values = placeholders(appointment)
        context: dict[str, Any] = values | {
            "kind": kind,
            "appointment": appointment,
            "language": language,
            "manage_url": manage_url,
        }
        if own_text:
            context["own_text"] = fill_in(own_text.body, values)
        subject = (
            fill_in(own_text.subject, values)
            if own_text
            else render_to_string(f"appointments/messages/{kind}_subject.txt", context)
        )
        return Text(
            one_line(subject),
            render_to_string(f"appointments/messages/{kind}.txt", context),
            render_to_string(f"appointments/messages/{kind}.html", context),
        )


def fill_in(text: str, values: Mapping[str, str]) -> str:
    """Returns the text with a value in the place of each `{name}` that is known. Other braces stay."""
    return _placeholder.sub(lambda found: values.get(found[1], found[0]), text)
