"""Messages about appointments, and the texts that a business has written for them."""

import re
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

from appointments.models.appointment import Appointment
from circe.db.foreign_keys import SameTenant, TenantForeignKey
from customers.models import Channel, Customer, Outgoing
from tenants.models import TenantModel, tenant_constraints, validate_language

# The placeholders that a business can put into its texts: `{customer}` is replaced by the first name of the customer, and so
# on.
PLACEHOLDER_NAMES = ("customer", "date", "time", "service", "staff", "outlet", "business", "link")
PLACEHOLDER_PATTERN = re.compile(r"\{([^{}]*)\}")


class MessageKind(models.TextChoices):
    """The kind of a message about an appointment."""

    CONFIRMATION = "confirmation"
    CHANGE = "change"
    CANCELLATION = "cancellation"
    REMINDER = "reminder"


class Message(TenantModel, Outgoing):
    """A message about an appointment as of one `sequence`. There is at most one message of each kind for each
    `sequence`.

    Neither its text nor the address is kept. `former` is the appointment as a customer knew it before another customer
    got it. That customer is told that it is cancelled.
    """

    customer_column = "customer_id"

    customer = TenantForeignKey(Customer, models.CASCADE, db_index=True, related_name="+")
    appointment = TenantForeignKey(Appointment, models.CASCADE, related_name="+")
    kind = models.CharField(max_length=20, choices=MessageKind)
    sequence = models.PositiveIntegerField()
    former = models.JSONField(null=True, editable=False)
    channel = models.CharField(max_length=10, choices=Channel, default=Channel.EMAIL)
    language = models.CharField(max_length=35, null=True, editable=False)

    class Meta(TenantModel.Meta):
        ordering = ["-created_at", "-id"]
        constraints = [
            # Not in the audit trail: a row is itself the record of what was sent, and nobody edits it.
            *tenant_constraints(subject_column="customer_id", subject_commands=["SELECT", "INSERT"]),
            SameTenant(field="customer", name="%(class)s_customer"),
            SameTenant(field="appointment", name="%(class)s_appointment"),
            models.UniqueConstraint(
                fields=["tenant", "appointment", "kind", "sequence"], name="%(class)s_at_most_once"
            ),
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=models.Q(state="queued"), name="message_due"),
            models.Index(fields=["tenant", "-created_at", "-id"], name="message_newest"),
        ]

    def __str__(self) -> str:
        why = f" ({', '.join(reason.replace('_', ' ') for reason in self.reasons)})" if self.reasons else ""
        return f"{self.get_kind_display()}: {self.get_state_display().lower()}{why}"


class MessageText(TenantModel):
    """A business's own text of a kind of message in a language. Without one, Circe's text is sent."""

    kind = models.CharField(max_length=20, choices=MessageKind)
    language = models.CharField(max_length=35, validators=[validate_language])
    subject = models.CharField(max_length=200)
    body = models.TextField(max_length=5000)

    class Meta(TenantModel.Meta):
        ordering = ["kind", "language"]
        constraints = [
            *TenantModel.Meta.constraints,
            models.UniqueConstraint(
                fields=["tenant", "kind", "language"],
                name="%(class)s_once",
                violation_error_message="There is a text of this kind in this language.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} ({self.language})"

    def clean(self) -> None:
        """Raises ValidationError for a placeholder that does not exist: customers would see it unreplaced."""
        super().clean()
        errors: dict[str, Any] = {name: _find_errors(getattr(self, name)) for name in ("subject", "body")}
        if any(errors.values()):
            raise ValidationError({name: found for name, found in errors.items() if found})


def _find_errors(text: str) -> list[ValidationError]:
    known = ", ".join(f"{{{name}}}" for name in PLACEHOLDER_NAMES)
    unknown = [name for name in dict.fromkeys(PLACEHOLDER_PATTERN.findall(text)) if name not in PLACEHOLDER_NAMES]
    errors = [
        ValidationError(f"There is no placeholder {{{name}}}. Use one of {known}.", code="placeholder")
        for name in unknown
    ]
    if re.search("[{}]", PLACEHOLDER_PATTERN.sub("", text)):
        sentence = f"A brace stands alone: a placeholder begins with {{ and ends with }}. Use one of {known}."
        errors.append(ValidationError(sentence, code="placeholder"))
    return errors
