"""Circe's own texts of messages about appointments. They have the placeholders that a business can use in its texts."""

from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from appointments.models import MessageKind


class DefaultText(NamedTuple):
    """The subject and the body of a kind of message. They are translated into the active language when they become text."""

    subject: str | Promise
    body: str | Promise


DEFAULT_TEXTS = {
    MessageKind.CONFIRMATION: DefaultText(
        _("Your appointment at {business} on {date}"),
        _("""Hello {customer},

your appointment is confirmed:

{service} with {staff}
{date} at {time}
{outlet}

If you need another time or can't come, you can change it here:
{link}

See you soon!
{business}"""),
    ),
    MessageKind.CHANGE: DefaultText(
        _("Your new time at {business}: {date}"),
        _("""Hello {customer},

your appointment has been changed. It is now:

{service} with {staff}
{date} at {time}
{outlet}

If this time does not suit you, you can change it here:
{link}

See you soon!
{business}"""),
    ),
    MessageKind.CANCELLATION: DefaultText(
        _("Your appointment at {business} on {date} is cancelled"),
        _("""Hello {customer},

your appointment is cancelled:

{service} with {staff}
{date} at {time}
{outlet}

We would be glad to see you another time. The appointment is still shown here:
{link}

{business}"""),
    ),
    MessageKind.REMINDER: DefaultText(
        _("Reminder: {business}, {date} at {time}"),
        _("""Hello {customer},

we look forward to seeing you:

{service} with {staff}
{date} at {time}
{outlet}

If you can't come, please tell us here in good time:
{link}

See you soon!
{business}"""),
    ),
}
