"""What mails and messages that wait to be sent have in common."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone


class DeliveryState(models.TextChoices):
    """How far a message has come.

    A message is claimed, and the claim is stored, before it is given to the mail server. One whose sender died in between
    may or may not have been sent: it is `unknown`, and never sent again.
    """

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    SKIPPED = "skipped"
    FAILED = "failed"
    UNKNOWN = "unknown"


class Outgoing(models.Model):
    """A message that waits, is being sent, or was sent. It is decided when it is claimed whether it may be sent."""

    state = models.CharField(max_length=10, choices=DeliveryState, default=DeliveryState.QUEUED, editable=False)
    # Not sent before this time: a reminder, quiet hours, or a mail server that is away.
    due_at = models.DateTimeField(default=timezone.now, editable=False)
    attempts = models.PositiveSmallIntegerField(default=0, editable=False)
    claimed_at = models.DateTimeField(null=True, editable=False)
    sent_at = models.DateTimeField(null=True, editable=False)
    # Why it was skipped, failed, or has to be sent again.
    reasons = ArrayField(models.CharField(max_length=50), default=list, editable=False)

    class Meta:
        abstract = True
