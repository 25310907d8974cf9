"""The fields that mails with links and messages about appointments have in common, for the sender."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone


class DeliveryState(models.TextChoices):
    """How far a message has come.

    A message is claimed, and the claim is stored, before the message is given to the mail server. If the sender dies
    after that, nobody knows whether the message was sent: its state becomes `unknown`, and it is never sent again.
    """

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    SKIPPED = "skipped"
    FAILED = "failed"
    UNKNOWN = "unknown"


class Outgoing(models.Model):
    """A message that waits, is being sent, or was sent. Whether it may be sent is decided when it is claimed."""

    state = models.CharField(max_length=10, choices=DeliveryState, default=DeliveryState.QUEUED, editable=False)
    # The message is not sent before this time. It is put off in quiet hours and after a failed attempt.
    due_at = models.DateTimeField(default=timezone.now, editable=False)
    attempts = models.PositiveSmallIntegerField(default=0, editable=False)
    claimed_at = models.DateTimeField(null=True, editable=False)
    sent_at = models.DateTimeField(null=True, editable=False)
    # Why it was skipped, failed, or has to be sent again.
    reasons = ArrayField(models.CharField(max_length=50), default=list, editable=False)

    class Meta:
        abstract = True
