"""A business."""

import zoneinfo

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.utils import timezone

from circe.db.audit_trigger import AuditTrigger
from circe.db.fields import ValidatedCharField
from circe.db.ids import IdField
from circe.db.row_level_security import RowLevelSecurity
from tenants.identity import validate_email_address, validate_region

validate_language = RegexValidator(
    r"\A[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}\Z", "A language is a tag such as en, id or pt-BR.", code="invalid"
)
validate_currency = RegexValidator(r"\A[A-Z]{3}\Z", "A currency is a code such as IDR or NOK.", code="invalid")


# Keeps sums over many years within 64 bits.
validate_amount = MaxValueValidator(10**12)


def validate_time_zone(value: str) -> None:
    """Raises ValidationError if `value` is no IANA time zone. It refuses `localtime`: that is the zone of the server."""
    if value not in zoneinfo.available_timezones() - {"localtime"}:
        raise ValidationError("A time zone is a name such as Asia/Jakarta.", code="invalid")


class Tenant(models.Model):
    """A business. Its time zone, currency, region and language apply to all its rows."""

    id = IdField(primary_key=True)
    name = models.CharField(max_length=100)
    slug = models.SlugField("short name", max_length=50, unique=True)
    time_zone = ValidatedCharField(max_length=50, validators=[validate_time_zone])
    currency = ValidatedCharField(max_length=3, validators=[validate_currency])
    phone_region = ValidatedCharField(max_length=2, validators=[validate_region])
    language = ValidatedCharField(max_length=35, default="en", validators=[validate_language])
    is_active = models.BooleanField("active", default=True)
    is_demo = models.BooleanField(default=False, editable=False)
    at_risk_after_days = models.PositiveIntegerField(
        "at risk after (days)",
        default=90,
        validators=[MinValueValidator(1)],
        help_text="A customer whose last visit is longer ago is at risk.",
    )
    new_within_days = models.PositiveIntegerField(
        "new within (days)",
        default=30,
        validators=[MinValueValidator(1)],
        help_text="A customer whose first visit is more recent is new.",
    )
    vip_min_visits = models.PositiveIntegerField(
        "VIP from (visits)", default=5, help_text="A VIP by spending has at least this many visits …"
    )
    vip_top_percent = models.PositiveIntegerField(
        "VIP top (percent)",
        default=10,
        validators=[MaxValueValidator(100)],
        help_text="… and is among this percentage of customers who spent most.",
    )
    # The totals of customers include all recent spending since this day. `remove_expired_spending` moves it.
    spending_since = models.DateField(null=True, editable=False)
    slot_minutes = models.PositiveIntegerField(
        "free times every (minutes)",
        default=15,
        validators=[MinValueValidator(5), MaxValueValidator(240)],
        help_text="Counted from midnight.",
    )
    rebooking_days = models.PositiveIntegerField(
        "due again after (days)",
        default=42,
        validators=[MinValueValidator(1), MaxValueValidator(3650)],
        help_text="When a service is due again, unless the service or the customer's visits say otherwise.",
    )
    cancellation_notice_hours = models.PositiveIntegerField(
        "notice of changes (hours)",
        default=24,
        validators=[MaxValueValidator(720)],
        help_text="Customers can move or cancel an appointment by themselves until this long before it.",
    )
    quiet_from = models.TimeField(
        "quiet hours from",
        null=True,
        blank=True,
        help_text="No message is sent from this time on … Empty: messages are sent at any time.",
    )
    quiet_until = models.TimeField("quiet hours until", null=True, blank=True, help_text="… until this time.")
    double_opt_in = models.BooleanField(
        "double opt-in",
        default=False,
        help_text="Consent to marketing by e-mail counts when the customer has opened the link in a mail.",
    )
    sends_confirmations = models.BooleanField(default=False, help_text="By e-mail, when an appointment is booked.")
    sends_changes = models.BooleanField(default=False, help_text="By e-mail, when an appointment is moved.")
    sends_cancellations = models.BooleanField(default=False, help_text="By e-mail, when an appointment is cancelled.")
    sends_reminders = models.BooleanField(default=False, help_text="By e-mail, before an appointment.")
    reminder_hours = models.PositiveIntegerField(
        "reminder before (hours)",
        default=24,
        validators=[MinValueValidator(1), MaxValueValidator(720)],
        help_text="How long before the appointment a reminder is sent.",
    )
    reply_to = ValidatedCharField(
        "address for answers",
        max_length=254,
        null=True,
        blank=True,
        validators=[validate_email_address],
        help_text="Where a customer's answer to a message goes.",
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name", "id"]
        # The people who work there say business.
        verbose_name = "business"
        verbose_name_plural = "businesses"
        constraints = [
            AuditTrigger(name="tenant_audit"),
            # At sign-in the account is read with its business, before a scope is known.
            RowLevelSecurity(
                name="tenant_rls", column="id", is_public=True, also_readable="{tenant_setting} LIKE '@%'"
            ),
            models.CheckConstraint(
                condition=models.Q(quiet_from=None, quiet_until=None)
                | models.Q(quiet_from__isnull=False, quiet_until__isnull=False)
                & ~models.Q(quiet_from=models.F("quiet_until")),
                name="tenant_quiet_hours_have_both_ends",
                violation_error_message="Quiet hours need a begin and an end, which differ.",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def zone(self) -> zoneinfo.ZoneInfo:
        return zoneinfo.ZoneInfo(self.time_zone)
