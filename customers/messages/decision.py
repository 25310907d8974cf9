"""Decides whether a customer may be sent something, and by which channel."""

import datetime as dt
from collections.abc import Sequence
from typing import NamedTuple

from customers.models import Customer


class Decision(NamedTuple):
    """Whether a customer may be sent something, by which channel, in which language, and why not."""

    allowed: bool
    channel: str | None
    language: str
    reasons: list[str]


def decide(
    customer: Customer, purpose: str, channels: Sequence[str] | None = None, at: dt.datetime | None = None
) -> Decision:
    """Returns whether the customer may be sent something for that purpose."""
    reasons = [
        *(["deleted"] if customer.is_deleted else []),
        *(["inactive"] if not customer.is_active else []),
        *(["no_email"] if not customer.email else []),
        *(["channel_off"] if not customer.accepts_email else []),
    ]
    return Decision(not reasons, None if reasons else "email", customer.language, reasons)
