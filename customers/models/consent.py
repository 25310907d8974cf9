"""The ledger of consents: what each customer has agreed to receive, when, to which words, and who recorded it."""

import datetime as dt
from collections.abc import Collection
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone
from django.utils.crypto import salted_hmac

from circe.db.audit_trigger import AuditTrigger
from circe.db.foreign_keys import SameTenant, TenantForeignKey
from tenants.audit.context import current_actor
from tenants.models import TenantModel, tenant_constraints
from tenants.scope import TenantManager


class Channel(models.TextChoices):
    """The ways by which a business can write to a customer."""

    EMAIL = "email", "e-mail"
    SMS = "sms", "SMS"
    PUSH = "push", "push notification"
    WHATSAPP = "whatsapp", "WhatsApp"


# By the field of a customer that holds a contact: the channels that need this contact.
CHANNELS_BY_CONTACT = {"email_key": [Channel.EMAIL], "phone": [Channel.SMS, Channel.PUSH, Channel.WHATSAPP]}


class Purpose(models.TextChoices):
    """The purpose of a message: the customer's own appointments and account, or advertising."""

    SERVICE = "service"
    MARKETING = "marketing"


class ConsentState(models.TextChoices):
    """An entry either grants or withdraws the consent to a channel and a purpose."""

    GRANTED = "granted"
    WITHDRAWN = "withdrawn"


class ConsentSource(models.TextChoices):
    """How the business learnt of the consent or the withdrawal."""

    RECEPTION = "reception"
    PORTAL = "portal"
    IMPORT = "import"
    LINK = "link"
    PAPER = "paper"


class ConsentQuerySet(models.QuerySet):
    """Queries on the ledger."""

    def latest_per_channel(self) -> "ConsentQuerySet":
        """Keeps the entries that count: the latest one for each customer, purpose and channel."""
        kind = ["customer_id", "purpose", "channel"]
        return self.order_by(*kind, "-at", "-state", "-id").distinct(*kind)


class Consent(TenantModel):
    """An entry of the ledger. It is never changed, and it is deleted only together with its customer. For each channel
    and purpose the entry with the latest `at` counts. If a grant and a withdrawal have the same `at`, the withdrawal
    counts. The booleans of the customer say what counts: `accepts_*` for service, and `marketing_consent`, which is
    true if marketing is granted on every channel. Triggers keep the ledger and the booleans the same, whichever of the
    two is written. A trigger gives an entry that is saved with `at=None` a later `at` than every earlier entry of this
    channel and purpose has. It also sets `recorded_by`, the id of the account that recorded the entry. That id is no
    foreign key, since the entry outlives the account. `text_version` names the words to which the customer agreed.
    """

    customer_column = "customer_id"

    # A trigger deletes the entries with their customer.
    customer = TenantForeignKey("customers.Customer", models.DO_NOTHING, related_name="consents")
    channel = models.CharField(max_length=10, choices=Channel)
    purpose = models.CharField(max_length=10, choices=Purpose)
    state = models.CharField(max_length=10, choices=ConsentState)
    source = models.CharField(max_length=10, choices=ConsentSource)
    text_version = models.CharField(max_length=50, null=True, blank=True)
    evidence = models.CharField(max_length=500, null=True, blank=True)
    at = models.DateTimeField(default=timezone.now)
    recorded_by = models.CharField(max_length=24, null=True, editable=False)

    objects = TenantManager.from_queryset(ConsentQuerySet)()

    class Meta(TenantModel.Meta):
        ordering = ["-at", "-state", "-id"]
        constraints = [
            AuditTrigger(name="%(class)s_audit", subject_column="customer_id"),
            *tenant_constraints(subject_column="customer_id", subject_commands=["SELECT", "INSERT"]),
            SameTenant(field="customer", name="%(class)s_customer"),
            *(
                models.CheckConstraint(
                    condition=models.Q(**{f"{field}__in": choices.values}), name=f"%(class)s_{field}_known"
                )
                for field, choices in (
                    ("channel", Channel),
                    ("purpose", Purpose),
                    ("state", ConsentState),
                    ("source", ConsentSource),
                )
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "customer", "purpose", "channel", "-at", "-state"], name="consent_latest"),
        ]

    def __str__(self) -> str:
        return f"{self.get_purpose_display()} by {self.get_channel_display()}: {self.get_state_display().lower()}"

    def clean(self) -> None:
        """Raises ValidationError if `at` is in the future."""
        if self.at and self.at > timezone.now():
            raise ValidationError({"at": "This is in the future. Give the moment at which the customer said it."})


def counting_marketing_grants() -> models.QuerySet[Consent]:
    """Returns the entries by which marketing to a customer counts as granted on a channel now. If the business wants
    double opt-in, marketing by e-mail counts if the customer opened the mailed link and has not withdrawn it since.
    """
    same = Consent.objects.order_by("-at", "-state", "-id").filter(
        tenant=models.OuterRef("tenant"),
        customer=models.OuterRef("customer"),
        purpose=Purpose.MARKETING,
        channel=models.OuterRef("channel"),
    )
    withdrawn_since = same.filter(state=ConsentState.WITHDRAWN, at__gte=models.OuterRef("at"))
    opened_link = same.filter(state=ConsentState.GRANTED, source=ConsentSource.LINK).exclude(
        models.Exists(withdrawn_since)
    )
    needs_link = models.Q(channel=Channel.EMAIL, tenant__double_opt_in=True)
    granted = Consent.objects.filter(purpose=Purpose.MARKETING, state=ConsentState.GRANTED).order_by()
    return granted.filter(~needs_link | models.Exists(opened_link), pk=models.Subquery(same.values("pk")[:1]))


# By boolean of a customer: the purpose and the channels whose entries of the ledger decide it.
CONSENT_BOOLEANS: dict[str, tuple[Purpose, list[Channel]]] = {
    "accepts_email": (Purpose.SERVICE, [Channel.EMAIL]),
    "accepts_sms": (Purpose.SERVICE, [Channel.SMS]),
    "accepts_push": (Purpose.SERVICE, [Channel.PUSH]),
    "accepts_whatsapp": (Purpose.SERVICE, [Channel.WHATSAPP]),
    "marketing_consent": (Purpose.MARKETING, list(Channel)),
}


def find_consent_boolean(purpose: str, channel: str) -> str:
    """Returns the name of the customer's boolean that entries of this purpose and channel decide."""
    return next(name for name, (kind, channels) in CONSENT_BOOLEANS.items() if kind == purpose and channel in channels)


def find_stale_grants(customer: Any, changes: dict[str, Any], seen_at: dt.datetime | None) -> set[str]:
    """Returns the names of the booleans that `changes` would grant although the customer has withdrawn them after
    `seen_at`. `seen_at` is the `updated_at` that the client read. Clients see only whole seconds of it. None means that
    the client sent none: then nothing is stale.
    """
    granted = {name for name in CONSENT_BOOLEANS if changes.get(name) is True and not getattr(customer, name)}
    if not granted or seen_at is None:
        return set()
    next_second = seen_at.replace(microsecond=0) + dt.timedelta(seconds=1)
    withdrawn = Consent.objects.filter(
        customer=customer, state=ConsentState.WITHDRAWN, created_at__gte=next_second
    ).values_list("purpose", "channel")
    return granted & {find_consent_boolean(purpose, channel) for purpose, channel in withdrawn}


def withdraw_granted_marketing(customer: Any) -> None:
    """Withdraws marketing on each channel on which it is granted, whether it is granted on all channels or only on
    some.
    """
    granted = Consent.objects.filter(customer=customer, purpose=Purpose.MARKETING).latest_per_channel()
    Consent.objects.bulk_create(
        Consent(
            tenant_id=customer.tenant_id,
            customer=customer,
            channel=entry.channel,
            purpose=Purpose.MARKETING,
            state=ConsentState.WITHDRAWN,
            source=current_actor().source or ConsentSource.RECEPTION,
            at=None,
        )
        for entry in granted
        if entry.state == ConsentState.GRANTED
    )


class MarketingBlock(TenantModel):
    """An e-mail address or phone number to which no marketing is sent. The person who had it was erased, or was purged
    after they had withdrawn marketing. Only a keyed hash of the address is kept. Without the key, which is not in the
    database, it tells nothing of the person. A later customer with the address gets marketing there only after they
    have granted it themselves, later than `created_at`.
    """

    address_hash = models.CharField(max_length=64)

    class Meta(TenantModel.Meta):
        constraints = [
            *tenant_constraints(),
            models.UniqueConstraint(fields=["tenant", "address_hash"], name="%(class)s_once"),
        ]


def address_hashes(tenant_id: str, address: str) -> list[str]:
    """Returns the keyed hashes of an address: first by the present key, then by the former keys that are still
    accepted.
    """
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    value = f"{tenant_id}/{address}"
    return [salted_hmac("customers.marketing_block", value, secret=key, algorithm="sha256").hexdigest() for key in keys]


def block_marketing(customers: Collection[Any], *, only_refused: bool) -> int:
    """Blocks marketing to the addresses of customers who are about to be removed. Returns the number of addresses. With
    `only_refused`, blocks an address only if the customer has withdrawn marketing on a channel that uses it.
    """
    refused = set(
        Consent.objects.filter(customer__in=[customer.pk for customer in customers], purpose=Purpose.MARKETING)
        .latest_per_channel()
        .values_list("customer_id", "channel", "state")
        if only_refused
        else ()
    )
    blocks: dict[str, MarketingBlock] = {}
    for customer in customers:
        for name, channels in CHANNELS_BY_CONTACT.items():
            address = getattr(customer, name)
            is_blocked = not only_refused or any(
                (customer.pk, channel, ConsentState.WITHDRAWN) in refused for channel in channels
            )
            if address and is_blocked:
                address_hash = address_hashes(customer.tenant_id, address)[0]
                blocks[address_hash] = MarketingBlock(tenant_id=customer.tenant_id, address_hash=address_hash)
    MarketingBlock.objects.bulk_create(
        blocks.values(),
        update_conflicts=True,
        unique_fields=["tenant", "address_hash"],
        update_fields=["created_at", "updated_at"],
    )
    return len(blocks)


def find_marketing_block_times(customers: Collection[Any]) -> dict[tuple[str, str], dt.datetime]:
    """Returns by id of customer and channel since when marketing to the address is blocked. An address that is not
    blocked is left out.
    """
    # Hashes of thousands of addresses take longer than this query, and most businesses have no block.
    if not MarketingBlock.objects.exists():
        return {}
    hashes = {
        (customer.pk, name): address_hashes(customer.tenant_id, getattr(customer, name))
        for customer in customers
        for name in CHANNELS_BY_CONTACT
        if getattr(customer, name)
    }
    blocks = MarketingBlock.objects.filter(address_hash__in={one for group in hashes.values() for one in group})
    since = dict(blocks.values_list("address_hash", "created_at"))
    return {
        (pk, channel): max(since[one] for one in group if one in since)
        for (pk, name), group in hashes.items()
        if not since.keys().isdisjoint(group)
        for channel in CHANNELS_BY_CONTACT[name]
    }
