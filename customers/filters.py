"""The filters of the list of customers."""

from collections.abc import Callable
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django_filters.constants import EMPTY_VALUES

from circe.api.parameters import BooleanFilter, DayFilter, StrictFilter, StrictFilterSet, first_instant, last_instant
from customers.customer_list import AllCustomers, FilteredCustomers, SearchedCustomers
from customers.models.searchable import SearchableCustomer
from customers.search import MAX_LENGTH


def to_search(text: str) -> str | None:
    """Returns the text to search for, or None if it is empty. Raises ValidationError if it is too long."""
    if len(text) > MAX_LENGTH:
        raise ValidationError(f"Search for at most {MAX_LENGTH} characters.", code="max_length")
    return text or None


def to_tags(text: str) -> list[str]:
    """Returns the tags of a comma-separated list."""
    return [tag.strip().lower() for tag in text.split(",") if tag.strip()]


class CustomerFilter(StrictFilterSet):
    """The query parameters of the list of customers."""

    ranges = (("created_from", "created_to"),)

    search = StrictFilter(
        convert=to_search,
        schema={"type": "string", "maxLength": MAX_LENGTH},
        help_text=(
            "Every word must occur in first name, last name, e-mail or phone: part of a word is enough (of a word of one or "
            "two letters its beginning; of Chinese, Japanese, Korean, Thai and the like any two characters). Case, accents, "
            "vowel points, the forms of a letter and punctuation do not matter: `obrien` finds O'Brien and O Brien. "
            "Punctuation alone finds nobody; `%`, `_`, `\\` are no wildcards. A phone number is found however it is written."
        ),
    )
    tags = StrictFilter(
        convert=to_tags,
        schema={"type": "array", "items": {"type": "string"}},
        help_text="Comma-separated: customers with any of them.",
    )
    has_password = BooleanFilter(help_text="true: registered, false: walk-ins.")
    email_verified = BooleanFilter(help_text="Whether the e-mail address is verified.")
    created_from = DayFilter(help_text="Created on this day of the tenant's or later.")
    created_to = DayFilter(help_text="Created on this day of the tenant's or before.")

    class Meta:
        model = SearchableCustomer
        fields: list[str] = []

    def filter_queryset(self, queryset: QuerySet) -> FilteredCustomers | AllCustomers:  # type: ignore[override]
        """Returns the customers that match all filters, to be read by the page."""
        chosen = {name: value for name, value in self.form.cleaned_data.items() if value not in EMPTY_VALUES}
        if not chosen:
            return AllCustomers()
        search = chosen.pop("search", None)
        filters = Q(*(CONDITIONS[name](value) for name, value in chosen.items()))
        if search:
            return SearchedCustomers(search, filters)
        # Tags have an index of their own (GIN), which finds customers in no order.
        return FilteredCustomers(queryset.filter(filters), found_by_index="tags" in chosen)


CONDITIONS: dict[str, Callable[[Any], Q]] = {
    "tags": lambda tags: Q(tags__overlap=tags),
    "has_password": lambda registered: Q(has_password=registered),
    "email_verified": lambda verified: Q(email_verified=verified),
    "created_from": lambda day: Q(created_at__gte=first_instant(day)),
    "created_to": lambda day: Q(created_at__lte=last_instant(day)),
}
