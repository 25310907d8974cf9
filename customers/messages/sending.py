"""Sends what waits to be sent: mails with a link, and messages about appointments.

A message is claimed, decided and composed in one transaction, which stores it as `sending`. Only then it is given to the
mail server, and the outcome is stored. So it is sent at most once: if the sender dies in between, it becomes `unknown`.
"""

import datetime as dt
from collections import Counter
from collections.abc import Callable
from typing import Any, TypeAlias

from customers.messages.mail import Attachment, Composed, Mail, Postponed, Skipped, TextMessage
from customers.models import Outgoing

# Decides about a claimed row, and composes its mail. It may set fields of the row, which is stored afterwards: a token's
# hash, for example. None means that nothing is to be sent and there is nothing to say about it.
Compose: TypeAlias = Callable[[Any], Composed | None]

__all__ = ["Attachment", "Mail", "Postponed", "Skipped", "TextMessage", "register_outgoing", "send_due"]


def register_outgoing(model: type[Outgoing], compose: Compose) -> None:
    """Makes the sender send the rows of `model`.

    `compose` is called in the claiming transaction, in the scope of the row's business and on its clock.
    """
    raise NotImplementedError


def send_due(now: dt.datetime) -> Counter[str]:
    """Sends all messages that are due. Returns how many had which outcome, by DeliveryState."""
    raise NotImplementedError
