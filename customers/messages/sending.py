"""Sends what waits to be sent: mails with a link, and messages about appointments.

A message is claimed, decided and composed in one transaction, which stores it as `sending`. Only then is it given to
the mail server, and the outcome is stored. If the sender dies before it has stored the outcome, the message becomes
`unknown`, and is not sent again. So a message is sent at most once.
Several senders work side by side, since a claim skips the rows that another sender holds.
"""

import datetime as dt
import logging
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeAlias

from django.core.mail import EmailMultiAlternatives
from django.db import InterfaceError, OperationalError, transaction
from django.utils import timezone

from customers.messages.mail import Composed, Mail, Postponed, Skipped, TextMessage, build_email
from customers.messages.transport import MailServerAway, Outcome, Result, Transport
from customers.models import DeliveryState, Outgoing
from tenants.audit.context import audit_context
from tenants.models import Tenant
from tenants.scope import ALL_TENANTS, scope_spans_nodes, tenant_scope

# Decides about a claimed row, and composes its mail or text. It may set fields of the row, such as the hash of a
# token. The caller stores the row. None means that nothing is to be sent, without a reason to be stored.
Compose: TypeAlias = Callable[[Any], Composed | None]
# Puts rows that have become due into the table, such as reminders.
Enqueue: TypeAlias = Callable[[dt.datetime], None]

# A message that has been in the state `sending` for longer than this becomes `unknown`. Sending one mail ends earlier,
# even if each step of it takes as long as EMAIL_TIMEOUT allows.
UNKNOWN_AFTER = dt.timedelta(minutes=15)
FIRST_RETRY_AFTER, LAST_RETRY_AFTER = dt.timedelta(minutes=1), dt.timedelta(minutes=30)
# With the waiting times above between the attempts, a message is tried for about a day.
MAX_ATTEMPTS = 50

logger = logging.getLogger("circe.messages")


class OutgoingTable(NamedTuple):
    """A table of outgoing messages."""

    model: type[Outgoing]
    compose: Compose
    enqueue: Enqueue | None


class Claim(NamedTuple):
    """A message that this sender has claimed, and will send next."""

    row: Any
    message: EmailMultiAlternatives | TextMessage


# In a cluster, a sender looks at this many waiting messages at most to find one that no other sender has locked.
MAX_TRIED = 100
_tables: dict[type[Outgoing], OutgoingTable] = {}


def register_outgoing(model: type[Outgoing], compose: Compose, *, enqueue: Enqueue | None = None) -> None:
    """Makes the sender send the rows of `model`.

    `compose` is called in the claiming transaction, in the scope of the row's business and on its clock. `enqueue` is called
    before each round, in the scope of all businesses.
    """
    _tables[model] = OutgoingTable(model, compose, enqueue)


def begin_round(now: dt.datetime) -> Counter[DeliveryState]:
    """Enqueues messages that have become due by themselves, such as reminders, and gives up messages whose sender died.
    Returns the number of those given up, by their state.
    """
    given_up = 0
    with _as_sender():
        for table in _tables.values():
            if table.enqueue:
                table.enqueue(now)
            given_up += _give_up_lost(table, now)
    return Counter({DeliveryState.UNKNOWN: given_up} if given_up else {})


def send_each(now: dt.datetime) -> Iterator[DeliveryState]:
    """Sends the messages that are due, one by one. Yields the state that each got. Raises MailServerAway if the mail
    server can't be reached. The other messages then stay queued.
    """
    transport = Transport()
    try:
        for table in _tables.values():
            while (state := _send_next(table, transport, now)) is not None:
                yield state
    finally:
        transport.close()


def count_due(now: dt.datetime) -> int:
    """Returns the number of messages that are due."""
    with _as_sender():
        return sum(_due(table, now).count() for table in _tables.values())


@contextmanager
def _as_sender() -> Iterator[None]:
    with tenant_scope(ALL_TENANTS), audit_context(command="send_messages"):
        yield


def _due(table: OutgoingTable, now: dt.datetime) -> Any:
    return table.model.objects.filter(state=DeliveryState.QUEUED, due_at__lte=now)


def _give_up_lost(table: OutgoingTable, now: dt.datetime) -> int:
    """Marks as unknown the messages whose sender died while it was sending them. Returns their number."""
    lost = table.model.objects.filter(state=DeliveryState.SENDING, claimed_at__lt=now - UNKNOWN_AFTER)
    pks = list(lost.values_list("pk", flat=True))
    for pk in pks:
        logger.warning("%s %s may have been sent or not: its sender died.", table.model._meta.model_name, pk)
    return lost.filter(pk__in=pks).update(state=DeliveryState.UNKNOWN, reasons=["sender_died"])


def _send_next(table: OutgoingTable, transport: Transport, now: dt.datetime) -> DeliveryState | None:
    """Sends the message that has waited longest. Returns the state that it got, or None if no message is due or others
    have locked all. A message is claimed only after the mail server was reached, so that it is not claimed and put back
    again and again.
    """
    with _as_sender():
        if not _due(table, now).exists():
            return None
        transport.open()
        with transaction.atomic():
            row = _lock_next(table, now)
            claim = row and _claim(table, row)
        if claim is None:
            return row and DeliveryState(row.state)
        try:
            outcome = _deliver(transport, claim.message)
        except MailServerAway as away:
            _store_outcome(claim, Outcome(Result.NOT_ACCEPTED, "mail_server_away"))
            raise away from None
        return _store_outcome(claim, outcome)


def _lock_next(table: OutgoingTable, now: dt.datetime) -> Any:
    """Locks the message that has waited longest, and returns it. Returns None if others have locked all that are due."""
    due = _due(table, now).select_related("tenant").order_by("due_at", "pk")
    locking = due.select_for_update(of=("self",), skip_locked=True)
    if not scope_spans_nodes():
        return locking.first()
    # A cluster locks rows of one business only.
    for pk, tenant_id in due.values_list("pk", "tenant_id")[:MAX_TRIED]:
        with tenant_scope(Tenant.objects.get(pk=tenant_id)):
            if row := locking.filter(pk=pk).first():
                return row
    return None


def _claim(table: OutgoingTable, row: Any) -> Claim | None:
    """Decides about the row and stores the decision. Returns the claim of a message that is to be sent, or None."""
    with tenant_scope(row.tenant), timezone.override(row.tenant.zone):
        message = _compose(table, row)
        if isinstance(message, Postponed):
            row.due_at = message.until
        elif isinstance(message, Skipped):
            row.state, row.reasons = DeliveryState.SKIPPED, list(message.reasons)
        else:
            # Not the time at which the round began: that may be longer ago than UNKNOWN_AFTER.
            row.state, row.claimed_at, row.attempts = DeliveryState.SENDING, timezone.now(), row.attempts + 1
        row.save()
    return None if isinstance(message, Postponed | Skipped) else Claim(row, message)


def _compose(table: OutgoingTable, row: Any) -> EmailMultiAlternatives | TextMessage | Skipped | Postponed:
    """Composes the message. A message that can't be composed is skipped, so that it does not stop all others."""
    if not row.tenant.is_active:
        return Skipped(["business_suspended"])
    try:
        with transaction.atomic():
            composed = table.compose(row)
            if not isinstance(composed, Mail):
                return composed or Skipped([])
            email = build_email(composed, row.tenant)
            # Refuses what can't be a header, before it is given to a server.
            email.message()
            return email
    except (InterfaceError, OperationalError):
        raise
    except Exception as error:
        # The text of the error may hold a name, an address or a token.
        logger.error("%s %s can't be composed: %s.", table.model._meta.model_name, row.pk, type(error).__name__)
        return Skipped(["not_composable"])


def _deliver(transport: Transport, message: EmailMultiAlternatives | TextMessage) -> Outcome:
    if isinstance(message, TextMessage):
        return transport.send_text(message)
    return transport.send_email(message)


def _store_outcome(claim: Claim, outcome: Outcome) -> DeliveryState:
    """Stores what became of the claimed message. Returns its state."""
    row = claim.row
    state, values = _next_state(row, outcome)
    # The outcome is stored also if another sender has marked the message as unknown meanwhile: `claimed_at` stayed the same.
    claimed = type(row).objects.filter(pk=row.pk, claimed_at=row.claimed_at)
    claimed.update(state=state, reasons=[outcome.reason] if outcome.reason else [], updated_at=timezone.now(), **values)
    return state


def _next_state(row: Any, outcome: Outcome) -> tuple[DeliveryState, dict[str, Any]]:
    if outcome.result is Result.SENT:
        return DeliveryState.SENT, {"sent_at": timezone.now()}
    if outcome.result is Result.UNKNOWN:
        return DeliveryState.UNKNOWN, {}
    if outcome.result is Result.REFUSED or row.attempts >= MAX_ATTEMPTS:
        return DeliveryState.FAILED, {}
    wait = min(FIRST_RETRY_AFTER * 2 ** min(row.attempts - 1, 10), LAST_RETRY_AFTER)
    return DeliveryState.QUEUED, {"due_at": timezone.now() + wait}
