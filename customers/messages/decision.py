"""Decides whether a customer may be sent a message, and by which channel."""

import datetime as dt
from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

from django.db.models import Max
from django.utils import timezone

from circe.api.local_time import to_instant
from customers.consents.ledger import current_consents
from customers.models import (
    CHANNELS_BY_CONTACT,
    Channel,
    Consent,
    ConsentSource,
    ConsentState,
    Customer,
    Purpose,
    find_marketing_block_times,
)
from customers.models.consent import counting_marketing_grants
from tenants.models import Tenant


class ChannelFacts(NamedTuple):
    """The facts on which the decision about one channel and one purpose depends. `has_contact`: there is an e-mail address
    or a phone number for the channel. `is_verified`: the e-mail address is verified. `is_accepted`: the customer accepts the
    channel (`accepts_*`). `is_granted` and `is_confirmed` are about the consent to marketing, as in CurrentConsent.
    `is_blocked`: a MarketingBlock forbids marketing to the contact. `is_quiet`: it is a quiet hour of the business.
    """

    is_deleted: bool = False
    is_active: bool = True
    has_contact: bool = True
    is_verified: bool = True
    is_accepted: bool = True
    is_granted: bool = True
    is_confirmed: bool = True
    is_blocked: bool = False
    is_quiet: bool = False


class Rule(NamedTuple):
    """A condition that a message must satisfy. `met` is the reason for the message if the condition holds, and `unmet`
    the reason against it if it does not. `meaning` explains `unmet`. The rule is about messages by `channel` and for
    `purpose`; None stands for all.
    """

    unmet: str
    met: str
    holds: Callable[[ChannelFacts], bool]
    meaning: str
    channel: Channel | None = None
    purpose: Purpose | None = None

    def applies(self, channel: str, purpose: str) -> bool:
        return self.channel in (None, channel) and self.purpose in (None, purpose)


_NO_PHONE = "SMS, push and WhatsApp need a phone number."
RULES = [
    Rule("deleted", "not_deleted", lambda facts: not facts.is_deleted, "The customer was deleted."),
    Rule("inactive", "active", lambda facts: facts.is_active, "The customer is not active."),
    Rule("no_email", "has_email", lambda facts: facts.has_contact, "There is no e-mail address.", Channel.EMAIL),
    *(
        Rule("no_phone", "has_phone", lambda facts: facts.has_contact, _NO_PHONE, channel)
        for channel in CHANNELS_BY_CONTACT["phone"]
    ),
    Rule(
        "not_verified",
        "verified",
        lambda facts: facts.is_verified,
        "Marketing by e-mail needs an address that the customer has proved to be theirs.",
        Channel.EMAIL,
        Purpose.MARKETING,
    ),
    Rule(
        "channel_off",
        "channel_on",
        lambda facts: facts.is_accepted,
        "The customer does not accept messages by this channel: `communication_preferences`.",
    ),
    Rule(
        "no_consent",
        "consent",
        lambda facts: facts.is_granted,
        "The customer has not granted marketing by this channel, or has withdrawn it.",
        purpose=Purpose.MARKETING,
    ),
    Rule(
        "not_confirmed",
        "confirmed",
        lambda facts: facts.is_confirmed or not facts.is_granted,
        "The business wants double opt-in, and the customer has not opened the mailed link.",
        Channel.EMAIL,
        Purpose.MARKETING,
    ),
    Rule(
        "address_blocked",
        "not_blocked",
        lambda facts: not facts.is_blocked,
        "The e-mail address or phone number belonged to a person who was erased, or who withdrew marketing and was purged. "
        "Since then, its present owner has not granted marketing themselves.",
        purpose=Purpose.MARKETING,
    ),
    Rule("quiet_hours", "no_quiet_hours", lambda facts: not facts.is_quiet, "It is within the business's quiet hours."),
]


class Decision(NamedTuple):
    """The answer, with its reasons as slugs that never change. `channel` is the first channel by which the message may
    be sent, or None. `by_channel` has the reasons for or against each wanted channel. `reasons` are those for
    `channel`; if it is None, they are all reasons against the wanted channels. `allowed_from` is when quiet hours end, if
    nothing else forbids the message by one of the wanted channels. Otherwise it is None.
    """

    allowed: bool
    channel: str | None
    language: str
    reasons: list[str]
    by_channel: dict[str, list[str]]
    allowed_from: dt.datetime | None = None


def decide(
    customer: Customer, purpose: str, channels: Sequence[str] | None = None, at: dt.datetime | None = None
) -> Decision:
    """Decides about a message for `purpose` (`service` or `marketing`) at the instant `at`. None means now. `channels`
    are tried in their order. None stands for all channels, the preferred one first. The customer's
    `tenant` is read, so select it with the customer. Raises ValueError for an unknown purpose or channel.
    """
    purpose, at = Purpose(purpose), at or timezone.now()
    by_preference = sorted(Channel, key=lambda channel: channel != customer.preferred_channel)
    wanted = by_preference if channels is None else [Channel(channel) for channel in dict.fromkeys(channels)]
    facts = find_facts(customer, purpose, at)
    against = {channel: reasons_against(facts[channel], channel, purpose) for channel in wanted}
    chosen = next((channel for channel in wanted if not against[channel]), None)
    by_channel = {str(channel): against[channel] or reasons_for(channel, purpose) for channel in wanted}
    reasons = (
        by_channel[chosen] if chosen else list(dict.fromkeys(slug for group in against.values() for slug in group))
    )
    waits = chosen is None and ["quiet_hours"] in against.values()
    allowed_from = end_of_quiet_hours(customer.tenant, at) if waits else None
    return Decision(chosen is not None, chosen, customer.language, reasons, by_channel, allowed_from)


def reasons_against(facts: ChannelFacts, channel: str, purpose: str) -> list[str]:
    """Returns the slugs (`unmet`) of the rules that forbid the message."""
    return [rule.unmet for rule in RULES if rule.applies(channel, purpose) and not rule.holds(facts)]


def reasons_for(channel: str, purpose: str) -> list[str]:
    """Returns the slugs (`met`) of all rules about such a message, as the reasons for a message that is allowed."""
    return [rule.met for rule in RULES if rule.applies(channel, purpose)]


def find_marketing_channels(customers: Collection[Customer]) -> dict[str, list[Channel]]:
    """Returns by id of customer the channels by which they may be sent marketing outside quiet hours. Takes at most four
    statements for any number of customers, and reads no tenant.
    """
    grants = counting_marketing_grants().filter(
        tenant__in={customer.tenant_id for customer in customers}, customer__in=[customer.pk for customer in customers]
    )
    granted = {*grants.values_list("customer_id", "channel")}
    with_grant = {pk for pk, _ in granted}
    allowed = granted - _find_blocked_channels([customer for customer in customers if customer.pk in with_grant])
    return {
        customer.pk: [
            channel
            for channel, facts in _find_facts_of_row(customer).items()
            if (customer.pk, channel) in allowed and not reasons_against(facts, channel, Purpose.MARKETING)
        ]
        for customer in customers
    }


def find_facts(customer: Customer, purpose: Purpose, at: dt.datetime) -> dict[Channel, ChannelFacts]:
    """Returns the facts about a message for the purpose, by channel. Reads the ledger for marketing only."""
    quiet = is_quiet(customer.tenant, at)
    facts = {channel: one._replace(is_quiet=quiet) for channel, one in _find_facts_of_row(customer).items()}
    return facts if purpose == Purpose.SERVICE else _add_marketing_facts(facts, customer)


def _find_facts_of_row(customer: Customer) -> dict[Channel, ChannelFacts]:
    """Returns by channel the facts that the customer's own row tells."""
    contacts = {channel: name for name, channels in CHANNELS_BY_CONTACT.items() for channel in channels}
    common = ChannelFacts(
        is_deleted=customer.is_deleted,
        is_active=customer.is_active,
        is_verified=customer.email_verified,
    )
    return {
        channel: common._replace(
            has_contact=bool(getattr(customer, contact)), is_accepted=getattr(customer, f"accepts_{channel}")
        )
        for channel, contact in contacts.items()
    }


def _add_marketing_facts(facts: dict[Channel, ChannelFacts], customer: Customer) -> dict[Channel, ChannelFacts]:
    blocked = _find_blocked_channels([customer])
    return {
        consent.channel: facts[consent.channel]._replace(
            is_granted=consent.is_granted,
            is_confirmed=consent.is_confirmed,
            is_blocked=(customer.pk, consent.channel) in blocked,
        )
        for consent in current_consents(customer)
        if consent.purpose == Purpose.MARKETING
    }


def _find_blocked_channels(customers: Collection[Customer]) -> set[tuple[str, str]]:
    """Returns the ids of customers, each with a channel on which a block forbids marketing: the customer has not granted
    it in the portal or by a mailed link since.
    """
    blocked_since = find_marketing_block_times(customers)
    if not blocked_since:
        return set()
    granted = Consent.objects.filter(
        tenant__in={customer.tenant_id for customer in customers},
        customer__in={pk for pk, _ in blocked_since},
        purpose=Purpose.MARKETING,
        state=ConsentState.GRANTED,
        source__in=[ConsentSource.PORTAL, ConsentSource.LINK],
    )
    granted_at = {
        (pk, channel): at
        for pk, channel, at in granted.order_by().values_list("customer_id", "channel").annotate(Max("at"))
    }
    return {one for one, since in blocked_since.items() if one not in granted_at or granted_at[one] < since}


def is_quiet(tenant: Tenant, at: dt.datetime) -> bool:
    """Returns whether the clock of the business shows a quiet hour at that instant."""
    start, end = tenant.quiet_from, tenant.quiet_until
    if start is None or end is None:
        return False
    clock = at.astimezone(tenant.zone).time()
    return start <= clock < end if start < end else clock >= start or clock < end


def end_of_quiet_hours(tenant: Tenant, at: dt.datetime) -> dt.datetime | None:
    """Returns the end of the quiet hours in which the instant `at` lies, or None if the business has none. Days on
    which clocks go forward or back are taken into account.
    """
    if tenant.quiet_until is None:
        return None
    today = at.astimezone(tenant.zone).date()
    local = [dt.datetime.combine(today + dt.timedelta(days=days), tenant.quiet_until) for days in (0, 1)]
    first = [to_instant(end, tenant.zone) for end in local]
    # A local time that comes twice has two instants. These are the second ones.
    second = [end.replace(tzinfo=tenant.zone, fold=1).astimezone(dt.UTC) for end in local]
    return next(end for end in sorted(first + second) if end > at and not is_quiet(tenant, end))
