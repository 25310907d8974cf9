"""Gives composed messages to the mail server, and short texts to the back ends of their channels."""

import smtplib
from contextlib import suppress
from enum import Enum
from functools import cached_property
from typing import Any, NamedTuple

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.backends import smtp
from django.utils.module_loading import import_string

from customers.messages.mail import TextMessage


class MailServerAway(Exception):
    """The mail server can't be reached, or refuses this installation. Nothing was given to it.

    The text of the exception names the kind of failure, without an address or a password.
    """


class Result(Enum):
    """The result of giving a message to a server."""

    SENT = "sent"
    # Nothing was accepted. It can be given to the server again.
    NOT_ACCEPTED = "not_accepted"
    # The server will never accept it.
    REFUSED = "refused"
    # The connection broke while the server was taking it over.
    UNKNOWN = "unknown"


class Outcome(NamedTuple):
    """The result for a message, and the code of the reason if it was not sent."""

    result: Result
    reason: str | None = None


class _TrackingSMTP(smtplib.SMTP):
    """A connection that remembers whether it has sent the data of the mail. If it has not, the server can't have
    accepted the mail.
    """

    was_data_sent = False

    def sendmail(self, *args: Any, **kwargs: Any) -> Any:
        self.was_data_sent = False
        return super().sendmail(*args, **kwargs)

    def data(self, msg: Any) -> Any:
        self.was_data_sent = True
        return super().data(msg)


class _TrackingSMTPOverTLS(_TrackingSMTP, smtplib.SMTP_SSL):
    """A `_TrackingSMTP` whose connection begins with TLS."""


class SMTPBackend(smtp.EmailBackend):
    """Django's back end for SMTP. Its connection remembers whether a mail that was not acknowledged may have been
    accepted.
    """

    @property
    def connection_class(self) -> type[_TrackingSMTP]:
        return _TrackingSMTPOverTLS if self.use_ssl else _TrackingSMTP


class Transport:
    """The connection to the mail server, and the back ends of the other channels, for one round of the sender."""

    @cached_property
    def mailer(self) -> Any:
        return get_connection()

    def open(self) -> None:
        """Opens the connection, or checks the one that is open. Raises MailServerAway."""
        try:
            if isinstance(self.mailer, SMTPBackend) and self.mailer.connection and not self._is_alive():
                self.close()
            self.mailer.open()
        except (OSError, UnicodeError) as error:
            # A failed log-in, too: SMTPException is an OSError.
            raise MailServerAway(_describe(error)) from None

    def close(self) -> None:
        """Closes the connection."""
        # The server may have closed it already.
        with suppress(OSError):
            self.mailer.close()

    def send_email(self, email: EmailMultiAlternatives) -> Outcome:
        """Gives the mail to the server. Raises MailServerAway if the server refuses mail from this installation."""
        try:
            self.mailer.send_messages([email])
        except smtplib.SMTPRecipientsRefused as error:
            (code, _), *_ = error.recipients.values()
            return _judge_reply(code)
        except (smtplib.SMTPSenderRefused, smtplib.SMTPHeloError, smtplib.SMTPNotSupportedError) as error:
            raise MailServerAway(_describe(error)) from None
        except smtplib.SMTPDataError as error:
            return _judge_reply(error.smtp_code)
        except OSError as error:
            was_data_sent = getattr(self.mailer, "connection", None) and self.mailer.connection.was_data_sent
            self.close()
            if was_data_sent:
                return Outcome(Result.UNKNOWN, "connection_lost")
            raise MailServerAway(_describe(error)) from None
        return Outcome(Result.SENT)

    def send_text(self, message: TextMessage) -> Outcome:
        """Gives the text to the back end of its channel, which the setting TEXT_MESSAGE_BACKENDS names."""
        return import_string(settings.TEXT_MESSAGE_BACKENDS[message.channel])(message)

    def _is_alive(self) -> bool:
        try:
            return self.mailer.connection.noop()[0] == 250
        except OSError:
            return False


def print_text(message: TextMessage) -> Outcome:
    """Prints a short text instead of sending it: the back end of channels for which there is no provider yet."""
    print(f"{message.channel} to {message.to} ({message.language}): {message.text}")  # noqa: T201
    return Outcome(Result.SENT)


def _judge_reply(code: int) -> Outcome:
    """Returns the outcome by the code of the server's reply (RFC 5321): a code from 500 on refuses the mail for good, a
    lower one only for now.
    """
    return Outcome(Result.REFUSED if code >= 500 else Result.NOT_ACCEPTED, f"mail_server_said_{code}")


def _describe(error: Exception) -> str:
    """Returns the kind of the failure, and its code from the mail server or the operating system. Leaves out its text,
    which may hold an address.
    """
    code = getattr(error, "smtp_code", None) or getattr(error, "errno", None)
    return f"{type(error).__name__} {code}" if code else type(error).__name__
