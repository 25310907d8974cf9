"""The back office page "Mails" of a demo: the mails that would have been sent."""

import datetime as dt
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import NamedTuple

from django.conf import settings
from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from circe.demo.mails.mailbox import find_newest, keeps_mails_as_files

MAX_MAILS = 50


class ShownMail(NamedTuple):
    """A mail as the page shows it: its text, and never its HTML, which could contain a script."""

    at: dt.datetime
    sender: str
    recipient: str
    subject: str
    text: str
    attachments: list[str]


def show_mails(request: HttpRequest) -> HttpResponse:
    """Shows the newest mails of the business of whoever is signed in; a super_admin sees those of every business.

    Raises Http404 if Circe sends its mails instead of keeping them.
    """
    if not keeps_mails_as_files(settings.EMAIL_BACKEND):
        raise Http404
    mails = list(_read(request.user.tenant_id))
    context = admin.site.each_context(request) | {"title": "Mails", "mails": mails, "max_mails": MAX_MAILS}
    return TemplateResponse(request, "admin/mails.html", context)


def _read(tenant_id: str | None) -> Iterator[ShownMail]:
    for file in find_newest(tenant_id, MAX_MAILS):
        # The file's name is an id, which begins with the time.
        at = dt.datetime.fromtimestamp(int(file.stem[:8], 16), dt.UTC)
        yield _to_shown_mail(message_from_bytes(file.read_bytes(), policy=policy.default), at)


def _to_shown_mail(mail: EmailMessage, at: dt.datetime) -> ShownMail:
    body = mail.get_body(("plain",))
    return ShownMail(
        at=at,
        sender=str(mail["From"]),
        recipient=str(mail["To"]),
        subject=str(mail["Subject"]),
        text=body.get_content() if body else "",
        attachments=[part.get_filename() or part.get_content_type() for part in mail.iter_attachments()],
    )
