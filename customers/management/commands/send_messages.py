"""Sends the messages that wait to be sent to the customers of all businesses, until it is stopped."""

import logging
import sys
import threading
import traceback
from argparse import ArgumentParser
from collections import Counter
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import InterfaceError, OperationalError, close_old_connections
from django.utils import timezone
from tqdm import tqdm

from customers.messages.sending import begin_round, count_due, send_each
from customers.messages.transport import MailServerAway
from customers.models import DeliveryState
from tenants.commands import EXIT_SOME_REFUSED, UsageError, delayed_signals

SECONDS_BETWEEN_ROUNDS = 3
# After each failed round in a row the pause doubles, up to MAX_SECONDS_BETWEEN_ROUNDS. It is that long well before
# MAX_FAILURES_COUNTED, and further failed rounds are not counted.
MAX_SECONDS_BETWEEN_ROUNDS, MAX_FAILURES_COUNTED = 60, 10
# The word for each state in the line that a round prints. A message that a round leaves queued is due later.
STATE_WORDS = {state: state.value for state in DeliveryState} | {DeliveryState.QUEUED: "postponed"}
BAD_STATES = (DeliveryState.FAILED, DeliveryState.UNKNOWN)

logger = logging.getLogger("circe.messages")


class Command(BaseCommand):
    """Sends messages in rounds until SIGTERM or SIGINT. Several of these processes may run side by side.

    With --once it ends after one round. The exit code is 1 if a message failed, if it is unknown whether one was sent, or if
    the round did not end well, such as when the database or the mail server is away.
    """

    help = "Send what waits to be sent to customers, until a signal ends it."
    examples = ("send_messages", "send_messages --once")

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="send what is due and end")

    def handle(self, *args: Any, once: bool, **options: Any) -> None:
        """Runs the rounds. Raises UsageError where no mail server is configured."""
        if not settings.MAIL_SETTINGS:
            raise UsageError("EMAIL_URL must be set, for example to smtp+tls://user:password@host:587.")
        self.stopped = threading.Event()
        # A signal waits until the current message is sent.
        with delayed_signals(lambda _: self.stopped.set()):
            if once:
                sys.exit(0 if self._send_round() else EXIT_SOME_REFUSED)
            failures, pause = 0, 0
            while not self.stopped.wait(pause):
                failures = 0 if self._send_round() is not None else min(failures + 1, MAX_FAILURES_COUNTED)
                pause = min(SECONDS_BETWEEN_ROUNDS * 2**failures, MAX_SECONDS_BETWEEN_ROUNDS)
                # This lets the next round connect again to a database that could not be reached.
                close_old_connections()

    def _send_round(self) -> bool | None:
        """Sends the messages that are due. Returns whether all went well. Returns None if an error ended the round, for
        example because the database or the mail server is away.
        """
        counts: Counter[DeliveryState] = Counter()
        try:
            self._send(counts)
        except MailServerAway as away:
            logger.error("The mail server is away (%s). Waiting messages are sent when it is back.", away)
            return None
        except (OperationalError, InterfaceError) as error:
            logger.error("The database is away (%s). Waiting messages are sent when it is back.", type(error).__name__)
            return None
        except Exception as error:
            # The text of an unexpected error may hold a name, an address or a token.
            place = traceback.extract_tb(error.__traceback__)[-1]
            logger.error("The round ended with %s in %s, line %s.", type(error).__name__, place.filename, place.lineno)
            return None
        finally:
            if counts:
                figures = ", ".join(f"{count:,} {STATE_WORDS[state]}" for state, count in sorted(counts.items()))
                self.stdout.write(figures)
                self.stdout.flush()
        return not any(counts[state] for state in BAD_STATES)

    def _send(self, counts: Counter[DeliveryState]) -> None:
        now = timezone.now()
        counts.update(begin_round(now))
        due = count_due(now)
        if not due:
            return
        with tqdm(desc="messages", total=due, unit="", disable=None, leave=False) as bar:
            for state in send_each(now):
                counts[state] += 1
                bar.update()
                if self.stopped.is_set():
                    return
