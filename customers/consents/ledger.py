"""Reads and writes the ledger of consents. Triggers keep the documented booleans of the customer equal to it."""

import datetime as dt
from collections.abc import Collection
from typing import NamedTuple

from django.db import transaction
from django.db.models import Max, Q

from customers.consents.texts import CONFIRMATION_TEXT
from customers.models import Channel, Consent, ConsentSource, ConsentState, Customer, MailedLink, Purpose
from customers.models.consent import ConsentQuerySet

# What counts for a channel and a purpose where the customer has said nothing.
GRANTED_BY_DEFAULT = {
    (Purpose.SERVICE, Channel.EMAIL),
    (Purpose.SERVICE, Channel.SMS),
    (Purpose.SERVICE, Channel.PUSH),
}


class CurrentConsent(NamedTuple):
    """What counts now for a channel and a purpose.

    `entry` is the latest entry of the ledger, or None where the customer has never said anything: then the default counts,
    which is to accept service messages by e-mail, SMS and push, and nothing else. `is_confirmed` is false for a grant that
    waits for the opening of the mailed link (double opt-in).
    """

    channel: Channel
    purpose: Purpose
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

    Raises ValidationError for an unknown value and for an `at` in the future. Read `customer` again for its booleans.
    """
    consent = Consent(
        tenant_id=customer.tenant_id,
        customer=customer,
        channel=channel,
        purpose=purpose,
        state=state,
        source=source,
        text_version=text_version,
        evidence=evidence,
        at=at,
    )
    consent.clean_fields(exclude={"tenant", "customer", *([] if at else ["at"])})
    consent.clean()
    consent.save(force_insert=True)
    # A trigger has set some of them.
    consent.refresh_from_db(fields=["at", "created_at", "recorded_by"])
    return consent


def consents_of(customer: Customer) -> ConsentQuerySet:
    """Returns all entries of the customer, the latest first."""
    return Consent.objects.filter(tenant=customer.tenant_id, customer=customer)


def current_consents(customer: Customer) -> list[CurrentConsent]:
    """Returns what counts now, for each purpose and channel."""
    entries = {(entry.purpose, entry.channel): entry for entry in consents_of(customer).latest()}
    return [
        _current_consent(customer, purpose, channel, entries.get((purpose, channel)))
        for purpose in Purpose
        for channel in Channel
    ]


def _current_consent(customer: Customer, purpose: Purpose, channel: Channel, entry: Consent | None) -> CurrentConsent:
    is_granted = entry.state == ConsentState.GRANTED if entry else (purpose, channel) in GRANTED_BY_DEFAULT
    needs_link = is_granted and (purpose, channel) == (Purpose.MARKETING, Channel.EMAIL)
    is_confirmed = is_granted and not (needs_link and customer.tenant.double_opt_in and not _opened_link(customer))
    return CurrentConsent(channel, purpose, is_granted, is_confirmed, entry)


def _opened_link(customer: Customer) -> bool:
    """Returns whether the customer has opened a link for marketing by e-mail, and not withdrawn since."""
    entries = consents_of(customer).filter(purpose=Purpose.MARKETING, channel=Channel.EMAIL)
    times = entries.order_by().aggregate(
        opened=Max("at", filter=Q(state=ConsentState.GRANTED, source=ConsentSource.LINK)),
        withdrawn=Max("at", filter=Q(state=ConsentState.WITHDRAWN)),
    )
    return times["opened"] is not None and not (times["withdrawn"] and times["withdrawn"] >= times["opened"])


def withdraw(
    customer: Customer,
    *,
    source: str,
    purpose: str = Purpose.MARKETING,
    channels: Collection[str] = tuple(Channel.values),
    evidence: str | None = None,
) -> list[Consent]:
    """Withdraws the purpose on each of the channels on which it isn't withdrawn already. Returns the new entries."""
    latest = consents_of(customer).filter(purpose=purpose).latest()
    withdrawn = {entry.channel for entry in latest if entry.state == ConsentState.WITHDRAWN}
    with transaction.atomic():
        return [
            record_consent(
                customer,
                channel=channel,
                purpose=purpose,
                state=ConsentState.WITHDRAWN,
                source=source,
                evidence=evidence,
            )
            for channel in channels
            if channel not in withdrawn
        ]


@transaction.atomic
def confirm_marketing(link: MailedLink) -> Consent | None:
    """Completes the double opt-in of the customer who opened this link: an entry with source `link`.

    It proves the mailbox too, so that the address is verified. Returns None, and changes nothing, if the customer has
    withdrawn marketing by e-mail after the link was asked for, or has another address by now.
    """
    customer = Customer.objects.select_for_update(of=("self",)).get(pk=link.customer_id)
    withdrawn_since = consents_of(customer).filter(
        purpose=Purpose.MARKETING,
        channel=Channel.EMAIL,
        state=ConsentState.WITHDRAWN,
        created_at__gt=link.created_at,
    )
    if customer.email_key != link.email_key or withdrawn_since.exists():
        return None
    if not customer.email_verified:
        customer.change({"email_verified": True})
    return record_consent(
        customer,
        channel=Channel.EMAIL,
        purpose=Purpose.MARKETING,
        state=ConsentState.GRANTED,
        source=ConsentSource.LINK,
        text_version=CONFIRMATION_TEXT,
        evidence=f"mailed link {link.pk}",
    )
