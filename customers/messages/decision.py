"""Decides whether a customer may be sent a message, and by which channel."""

import datetime as dt
from collections.abc import Sequence
from typing import NamedTuple

from customers.models import Customer


class Decision(NamedTuple):
    """The answer, with its reasons as stable slugs.

    `channel` is the first channel by which the message may be sent, None if there is none. `allowed_from` is when quiet
    hours end, if nothing else forbids the message.
    """

    allowed: bool
    channel: str | None
    language: str
    reasons: list[str]
    allowed_from: dt.datetime | None = None


def decide(
    customer: Customer, purpose: str, channels: Sequence[str] | None = None, at: dt.datetime | None = None
) -> Decision:
    """Decides about a message for `purpose` (`service` or `marketing`) at `at`, which is now if it is None.

    `channels` are in the order in which they are tried; None stands for all. The customer's `tenant` is read, so select it
    with the customer.
    """
    raise NotImplementedError
