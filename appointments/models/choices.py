"""The values that the fields of an appointment may have."""

from django.db import models


class Status(models.TextChoices):
    """The status of an appointment. A completed appointment is a visit."""

    PENDING = "pending"
    CONFIRMED = "confirmed"
    IN_PROGRESS = "in_progress", "In progress"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    NO_SHOW = "no_show", "No-show"


class PaymentStatus(models.TextChoices):
    """Whether an appointment is paid."""

    UNPAID = "unpaid"
    PARTIALLY_PAID = "partially_paid", "Partially paid"
    PAID = "paid"
    REFUNDED = "refunded"


class PaymentMethod(models.TextChoices):
    """The means of payment."""

    CASH = "cash"
    CARD = "card"
    TRANSFER = "transfer"
    WALLET = "wallet"


class Override(models.TextChoices):
    """A rule that a booking broke, since staff said so."""

    HOURS = "hours"
    SERVICE = "service"
