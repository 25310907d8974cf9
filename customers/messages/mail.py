"""Defines what composing a message can give: a mail, a short text for another channel, the reasons why nothing is sent, or
the time until which the message is postponed.
"""

import datetime as dt
import re
from collections.abc import Sequence
from email.utils import formataddr, make_msgid, parseaddr
from typing import NamedTuple, TypeAlias

from django.conf import settings
from django.core.mail import EmailMultiAlternatives

from customers.models import Channel
from tenants.identity import with_ascii_domain
from tenants.models import Tenant

# The name of the header that tells the page "Mails" of a demo to which business a mail belongs.
BUSINESS_HEADER = "X-Circe-Business"
# They include the marks that change the direction of the text after them.
_line_breaks_and_controls = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")


class Attachment(NamedTuple):
    """A file that is attached to a mail."""

    name: str
    content: str
    content_type: str


class Mail(NamedTuple):
    """A mail to one address. `build_email` adds the sender, and the business's address for answers.

    `unsubscribe_url` is for a mail that advertises: mail programs then offer to unsubscribe with one click (RFC 8058).
    """

    to: str
    subject: str
    text: str
    html: str
    language: str
    attachments: Sequence[Attachment] = ()
    unsubscribe_url: str | None = None


class TextMessage(NamedTuple):
    """A short text to a phone number. A push notification goes to the app of the customer with this number."""

    channel: Channel
    to: str
    text: str
    language: str


class Skipped(NamedTuple):
    """A message that is not sent, with the codes of the reasons."""

    reasons: Sequence[str]


class Postponed(NamedTuple):
    """A message that is not sent now. It is decided anew at `until`."""

    until: dt.datetime


Composed: TypeAlias = Mail | TextMessage | Skipped | Postponed


def without_line_breaks(text: str) -> str:
    """Returns the text in one line, without control characters, so that it can be the value of a header."""
    return _line_breaks_and_controls.sub(" ", text).strip()


def build_email(mail: Mail, tenant: Tenant) -> EmailMultiAlternatives:
    """Returns the mail as Django sends it, with its text in plain form and in HTML. The sender has the name of the
    business and the address of this installation.
    """
    address = with_ascii_domain(parseaddr(settings.DEFAULT_FROM_EMAIL)[1])
    unsubscribe = (
        {"List-Unsubscribe": f"<{mail.unsubscribe_url}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
        if mail.unsubscribe_url
        else {}
    )
    message = EmailMultiAlternatives(
        subject=without_line_breaks(mail.subject),
        body=mail.text,
        from_email=formataddr((without_line_breaks(tenant.name), address)),
        # Django would encode a domain by IDNA 2003, which makes `strasse.example` of `straße.example`: another domain, so
        # that a stranger would get the mail.
        to=[with_ascii_domain(mail.to)],
        reply_to=[with_ascii_domain(tenant.reply_to)] if tenant.reply_to else None,
        headers={
            "Message-ID": make_msgid(domain=address.rpartition("@")[2]),
            # This keeps programs from answering, such as with an out-of-office note (RFC 3834).
            "Auto-Submitted": "auto-generated",
            "Content-Language": mail.language,
            BUSINESS_HEADER: tenant.pk,
            **unsubscribe,
        },
    )
    message.attach_alternative(mail.html, "text/html")
    for attachment in mail.attachments:
        message.attach(*attachment)
    return message
