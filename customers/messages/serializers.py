"""Serializers of the decision about a message."""

import datetime as dt
from typing import Any

from rest_framework import serializers

from circe.api.serializers import BoundedListField, ChoiceField, InstantField, LocalInstantField, StrictSerializer
from customers.messages.decision import RULES
from customers.models import Channel, Purpose

REASONS = list(dict.fromkeys(slug for rule in RULES for slug in (rule.unmet, rule.met)))


class ConvertibleInstantField(LocalInstantField):
    """An instant that can be converted to the local time of every zone. It is refused in the first two years and in the last
    year of the calendar, since its local time might lie outside the calendar.
    """

    def to_internal_value(self, value: Any) -> dt.datetime:
        instant = super().to_internal_value(value)
        if not dt.MINYEAR + 1 < instant.year < dt.MAXYEAR:
            self.fail("invalid")
        return instant


class DecisionQuestionSerializer(StrictSerializer):
    """The message that is to be decided about."""

    purpose = ChoiceField(Purpose.choices, help_text="The purpose of the message.")
    channels = BoundedListField(
        child=ChoiceField(Channel.choices),
        allow_null=True,
        min_length=1,
        required=False,
        max_length=len(Channel),
        help_text="The channels to try, in this order. Absent or null: all, the preferred one first.",
    )
    at = ConvertibleInstantField(
        allow_null=True, required=False, help_text="When it is to be sent. Absent or null: now."
    )


class DecisionSerializer(serializers.Serializer):
    """Whether the message may be sent, by which channel and in which language, and why."""

    allowed = serializers.BooleanField()
    channel = ChoiceField(Channel.choices, allow_null=True, help_text="The first channel that is allowed, or null.")
    language = serializers.CharField(help_text="The customer's.")
    reasons = serializers.ListField(
        child=ChoiceField(REASONS),
        help_text="Why it may be sent by this channel, or why it may be sent by none. Never empty.",
    )
    by_channel = serializers.DictField(
        child=serializers.ListField(child=ChoiceField(REASONS)),
        help_text="The reasons for or against each channel that was asked for.",
    )
    allowed_from = InstantField(
        allow_null=True, help_text="When quiet hours end, if nothing else forbids the message; otherwise null."
    )
