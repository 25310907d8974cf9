"""The ledger of consents: what each customer has agreed to receive, since when, by whom and by which words."""

from django.db import models
from django.utils import timezone

from circe.db.audit_trigger import AuditTrigger
from circe.db.foreign_keys import SameTenant, TenantForeignKey
from tenants.models import TenantModel, tenant_constraints


class Channel(models.TextChoices):
    """The ways by which a business can write to a customer."""

    EMAIL = "email", "e-mail"
    SMS = "sms", "SMS"
    PUSH = "push", "push notification"
    WHATSAPP = "whatsapp", "WhatsApp"


class Purpose(models.TextChoices):
    """What a message is for: the customer's own appointments and account, or advertising."""

    SERVICE = "service"
    MARKETING = "marketing"


class ConsentState(models.TextChoices):
    """What a customer has said about a channel and a purpose."""

    GRANTED = "granted"
    WITHDRAWN = "withdrawn"


class ConsentSource(models.TextChoices):
    """How the business learnt of it."""

    RECEPTION = "reception"
    PORTAL = "portal"
    IMPORT = "import"
    LINK = "link"
    PAPER = "paper"


class Consent(TenantModel):
    """An entry of the ledger. No entry is ever changed, and none is deleted but with its customer.

    For each channel and purpose the entry with the latest `at` counts. The booleans of the customer are their projection:
    `accepts_*` for service, and `marketing_consent`, which is true if marketing is granted on every channel. Triggers keep
    both the same, whichever is written. `recorded_by` is the id of the account that recorded it, without a reference,
    since it outlives the account.
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

    class Meta(TenantModel.Meta):
        ordering = ["-at", "-id"]
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
            models.Index(fields=["tenant", "customer", "purpose", "channel", "-at", "-id"], name="consent_latest"),
        ]

    def __str__(self) -> str:
        return f"{self.get_purpose_display()} by {self.get_channel_display()}: {self.get_state_display().lower()}"


class MarketingBlock(TenantModel):
    """An address to which no marketing is sent, since the person who had it was erased.

    Only a keyed hash of the address is kept: it tells nothing of the person to whoever has the database alone.
    """

    address_hash = models.CharField(max_length=64)

    class Meta(TenantModel.Meta):
        constraints = [
            *tenant_constraints(),
            models.UniqueConstraint(fields=["tenant", "address_hash"], name="%(class)s_once"),
        ]
