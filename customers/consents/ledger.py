"""Reads and writes the ledger of consents. Triggers set the customer's booleans (`accepts_*`, `marketing_consent`) by
it.
"""

import datetime as dt
from collections.abc import Collection
from typing import NamedTuple

from django.db import transaction

from customers.consents.texts import CONFIRMATION_TEXT
from customers.models import Channel, Consent, ConsentSource, ConsentState, Customer, MailedLink, Purpose
from customers.models.consent import ConsentQuerySet, counting_marketing_grants, find_consent_boolean

# The purposes and channels that count as granted if the customer has said nothing: those of a new customer's booleans.
GRANTED_BY_DEFAULT = {
    (purpose, channel)
    for purpose in Purpose
    for channel in Channel
    if Customer._meta.get_field(find_consent_boolean(purpose, channel)).default
}


class CurrentConsent(NamedTuple):
    """The consent that counts now for a channel and a purpose. `entry` is the latest entry of the ledger. It is None if the
    customer has never said anything: then the default counts (GRANTED_BY_DEFAULT). `is_confirmed` is true for a grant
    that needs no confirmation, or for which the customer has opened the mailed link (double opt-in).
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
    """Adds an entry to the ledger, and returns it as stored. Without `at` the entry gets a later time than the earlier
    entries of its channel and purpose. Raises ValidationError for an unknown value and for an `at` in the future. The
    booleans in `customer` stay as they were read: only the stored row has the new ones.
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
    # A trigger sets `recorded_by`, `at` if it is None, and `created_at` of a withdrawal.
    consent.refresh_from_db(fields=["at", "created_at", "recorded_by"])
    return consent


def consents_of(customer: Customer) -> ConsentQuerySet:
    """Returns all entries of the customer, the latest first."""
    return Consent.objects.filter(tenant=customer.tenant_id, customer=customer)


def current_consents(customer: Customer) -> list[CurrentConsent]:
    """Returns what counts now, for each purpose and channel."""
    entries = {(entry.purpose, entry.channel): entry for entry in consents_of(customer).latest_per_channel()}
    return [
        _current_consent(customer, purpose, channel, entries.get((purpose, channel)))
        for purpose in Purpose
        for channel in Channel
    ]


def _current_consent(customer: Customer, purpose: Purpose, channel: Channel, entry: Consent | None) -> CurrentConsent:
    is_granted = entry.state == ConsentState.GRANTED if entry else (purpose, channel) in GRANTED_BY_DEFAULT
    needs_link = (purpose, channel) == (Purpose.MARKETING, Channel.EMAIL) and customer.tenant.double_opt_in
    grants = counting_marketing_grants().filter(tenant=customer.tenant_id, customer=customer, channel=channel)
    is_confirmed = is_granted and (not needs_link or grants.exists())
    return CurrentConsent(channel, purpose, is_granted, is_confirmed, entry)


def has_granted_marketing_by_email(customer: Customer) -> bool:
    """Returns whether the latest entry about marketing by e-mail grants it, whether or not it is confirmed."""
    latest = consents_of(customer).filter(purpose=Purpose.MARKETING, channel=Channel.EMAIL).first()
    return latest is not None and latest.state == ConsentState.GRANTED


def withdraw_consents(
    customer: Customer,
    *,
    source: str,
    purpose: str = Purpose.MARKETING,
    channels: Collection[str] = tuple(Channel.values),
    evidence: str | None = None,
) -> list[Consent]:
    """Adds a withdrawal of the purpose for each of the channels on which it is not withdrawn yet. Returns the new
    entries.
    """
    latest = consents_of(customer).filter(purpose=purpose).latest_per_channel()
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
    """Completes the double opt-in of the customer who opened this link, and returns the new entry, whose source is
    `link`. Opening the link also proves that the mailbox is the customer's, so the e-mail address becomes verified. If
    it was not verified before, the password is removed: whoever had set it may be somebody else, who would now get into
    the account. Returns None, and changes nothing, if marketing by e-mail is not granted now, or if the customer has
    another address by now.
    """
    customer = Customer.objects.select_for_update(of=("self",)).get(pk=link.customer_id)
    if customer.email_key != link.email_key or not has_granted_marketing_by_email(customer):
        return None
    if not customer.email_verified:
        customer.change({"email_verified": True, "password": None})
    return record_consent(
        customer,
        channel=Channel.EMAIL,
        purpose=Purpose.MARKETING,
        state=ConsentState.GRANTED,
        source=ConsentSource.LINK,
        text_version=CONFIRMATION_TEXT,
        evidence=f"mailed link {link.pk}",
    )
