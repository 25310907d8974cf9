"""How the list of customers is narrowed."""

import datetime as dt

from django.core.exceptions import ValidationError

from customers.findable import FindableCustomer, FindableQuerySet
from customers.search import MAX_LENGTH
from tenants.parameters import BooleanFilter, DayFilter, StrictFilter, StrictFilterSet, first_instant, last_instant


def to_search(text: str) -> str | None:
    """The text to search, None where it is empty. Raises ValidationError where it is overlong."""
    if len(text) > MAX_LENGTH:
        raise ValidationError(f"Search for at most {MAX_LENGTH} characters.", code="max_length")
    return text or None


def to_tags(text: str) -> list[str]:
    """The tags of a comma-separated list."""
    return [tag.strip().lower() for tag in text.split(",") if tag.strip()]


class CustomerFilter(StrictFilterSet):
    """The query parameters of the list of customers."""

    ranges = (("created_from", "created_to"),)

    search = StrictFilter(
        convert=to_search,
        method="filter_search",
        help_text=(
            "Every word must occur in first name, last name, e-mail or phone: part of a word is enough (of a word of one or "
            "two letters its beginning). Case and accents do not matter; a phone number is found however it is written."
        ),
    )
    tags = StrictFilter(convert=to_tags, method="filter_tags", help_text="Comma-separated: customers with any of them.")
    has_password = BooleanFilter(method="filter_has_password", help_text="true: registered, false: walk-ins.")
    email_verified = BooleanFilter(help_text="Whether the e-mail address is verified.")
    created_from = DayFilter(method="filter_created_from", help_text="Created on this day of the tenant's or later.")
    created_to = DayFilter(method="filter_created_to", help_text="Created on this day of the tenant's or before.")

    class Meta:
        model = FindableCustomer
        fields: list[str] = []

    def filter_search(self, customers: FindableQuerySet, name: str, text: str) -> FindableQuerySet:
        return customers.matching(text)

    def filter_tags(self, customers: FindableQuerySet, name: str, tags: list[str]) -> FindableQuerySet:
        return customers.tagged(tags)

    def filter_has_password(self, customers: FindableQuerySet, name: str, registered: bool) -> FindableQuerySet:
        return customers.registered(registered)

    def filter_created_from(self, customers: FindableQuerySet, name: str, day: dt.date) -> FindableQuerySet:
        return customers.filter(created_at__gte=first_instant(day))

    def filter_created_to(self, customers: FindableQuerySet, name: str, day: dt.date) -> FindableQuerySet:
        return customers.filter(created_at__lte=last_instant(day))
