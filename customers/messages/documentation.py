"""The documentation of the decision about a message, for the OpenAPI document."""

from circe.api.operations import Example, Operation
from customers.messages.decision import RULES
from customers.messages.serializers import DecisionQuestionSerializer, DecisionSerializer

QUESTION: Example = {"purpose": "marketing", "channels": ["email", "sms"], "at": "2025-01-15T10:30:00Z"}
DECISION: Example = {
    "allowed": True,
    "channel": "sms",
    "language": "en",
    "reasons": ["not_deleted", "active", "has_phone", "channel_on", "consent", "not_blocked", "no_quiet_hours"],
    "by_channel": {
        "email": ["not_verified", "no_consent"],
        "sms": ["not_deleted", "active", "has_phone", "channel_on", "consent", "not_blocked", "no_quiet_hours"],
    },
    "allowed_from": None,
}
_meanings = "\n".join(
    f"| `{unmet}` | `{met}` | {meaning} |"
    for unmet, met, meaning in dict.fromkeys((rule.unmet, rule.met, rule.meaning) for rule in RULES)
)
DESCRIPTION = f"""\
Circe decides about its own messages by the same rules, at the moment when it sends them. `service` is about the customer's
own appointments and account, `marketing` is advertising. The answer changes nothing and promises nothing for later.

A message by a channel is allowed if every rule about such messages holds. `reasons` always says why:

| against | for | |
|---|---|---|
{_meanings}

Quiet hours are those of the business, by its clock. They begin at `quiet_from` and end just before `quiet_until`. They may
go over midnight."""

OPERATIONS = {
    "decide": Operation(
        id="decideMessage",
        summary="Decide whether a customer may be sent a message",
        description=DESCRIPTION,
        body=DecisionQuestionSerializer,
        body_examples={"documented": QUESTION},
        response=DecisionSerializer,
        example=DECISION,
        reads_only=True,
    ),
}
