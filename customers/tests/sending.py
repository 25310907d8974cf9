"""Sends messages in tests."""

from django.utils import timezone

from customers.messages.sending import begin_round, send_each


def send_due():
    """Sends the messages that are due, as a round of the command `send_messages` does. Returns how many got each state."""
    now = timezone.now()
    counts = begin_round(now)
    counts.update(send_each(now))
    return counts
