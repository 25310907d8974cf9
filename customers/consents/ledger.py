"""Reads and writes the ledger of consents. Triggers keep the documented booleans of the customer equal to it."""

import datetime as dt
from collections.abc import Collection
from typing import NamedTuple

from django.db.models import QuerySet

from customers.models import Channel, Consent, Customer, MailedLink, Purpose


class CurrentConsent(NamedTuple):
    """What counts now for a channel and a purpose.

    `entry` is the latest entry of the ledger, or None where the customer has never said anything: then the default counts,
    which is to accept service messages by e-mail, SMS and push, and nothing else. `is_confirmed` is false for a grant that
    waits for the opening of the mailed link (double opt-in).
    """

    channel: str
    purpose: str
    is_granted: bool
    is_confirmed: bool
    entry: Consent | None


def record_consent(
    customer: Customer,
    *,
    channel: str,
    purpose: str,
    state: str,
    source: str,
    text_version: str | None = None,
    evidence: str | None = None,
    at: dt.datetime | None = None,
) -> Consent:
    """Adds an entry to the ledger, and returns it as stored. Without `at` it is later than every other entry.

    Raises ValidationError for an unknown value and for an `at` in the future. `customer` keeps the booleans that it has.
    """
    raise NotImplementedError


def consents_of(customer: Customer) -> QuerySet[Consent]:
    """Returns all entries of the customer, the latest first."""
    return Consent.objects.filter(customer=customer)


def current_consents(customer: Customer) -> list[CurrentConsent]:
    """Returns what counts now, for each purpose and channel."""
    raise NotImplementedError


def withdraw(
    customer: Customer,
    *,
    source: str,
    purpose: str = Purpose.MARKETING,
    channels: Collection[str] = tuple(Channel.values),
    evidence: str | None = None,
) -> list[Consent]:
    """Withdraws the purpose on each of the channels on which it isn't withdrawn already. Returns the new entries."""
    raise NotImplementedError


def confirm_marketing(link: MailedLink) -> Consent | None:
    """Completes the double opt-in of the customer who opened this link: an entry with source `link`.

    It proves the mailbox too, so that the address is verified. Returns None, and changes nothing, if the customer has
    withdrawn marketing by e-mail after the link was asked for.
    """
    raise NotImplementedError
