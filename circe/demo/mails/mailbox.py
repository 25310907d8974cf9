"""Keeps the mails of a demo as files: a folder for each business, a file for each mail."""

from collections.abc import Sequence
from pathlib import Path

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

from circe.db.ids import is_id, new_id
from customers.messages.mail import BUSINESS_HEADER

SUFFIX = ".eml"


def keeps_mails_as_files(backend: str) -> bool:
    """Returns whether this setting EMAIL_BACKEND keeps mails as files."""
    return backend == f"{__name__}.MailboxBackend"


def find_newest(tenant_id: str | None, number: int) -> list[Path]:
    """Returns the files of the newest mails of the business, or of every business, the newest first."""
    files = settings.MAIL_FOLDER.glob(f"{tenant_id or '*'}/*{SUFFIX}")
    return sorted(files, key=lambda file: file.name, reverse=True)[:number]


class MailboxBackend(BaseEmailBackend):
    """Writes each mail into the folder of its business. The file's name is an id, so that names sort by time."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        for message in email_messages:
            tenant_id = message.extra_headers[BUSINESS_HEADER]
            if not is_id(tenant_id):
                raise ValueError("A folder is named by an id.")
            folder = settings.MAIL_FOLDER / tenant_id
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{new_id()}{SUFFIX}").write_bytes(message.message().as_bytes())
        return len(email_messages)
