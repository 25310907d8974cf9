"""The filters of the list of messages."""

from collections.abc import Sequence

from appointments.models import Message, MessageKind
from circe.api.parameters import Choice, ExistingIdFilter, ListFilter, StrictFilterSet
from customers.models import Customer, DeliveryState


class WordsFilter(ListFilter):
    """A filter that reads one or several of the allowed words."""

    def __init__(self, words: Sequence[str]) -> None:
        choice = Choice(words)
        super().__init__(
            convert=lambda given: [choice(word) for word in given],
            lookup_expr="in",
            schema={"type": "array", "items": choice.schema, "minItems": 1},
            help_text="One or several, separated by commas or repeated.",
        )


class MessageFilter(StrictFilterSet):
    """The query parameters that filter the list of messages."""

    customer_id = ExistingIdFilter(queryset=Customer.objects.undeleted(), help_text="To this customer.")
    state = WordsFilter(DeliveryState.values)
    kind = WordsFilter(MessageKind.values)

    class Meta:
        model = Message
        fields: list[str] = []
