"""The filters of the list of customers."""

from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

from django.core.exceptions import ValidationError
from django.db.models import F, Q, QuerySet
from django_filters.constants import EMPTY_VALUES
from rest_framework.exceptions import PermissionDenied

from circe.api.changes import ChangesFilter
from circe.api.pagination import PagedQuery
from circe.api.parameters import (
    BooleanFilter,
    Choice,
    DayOrInstantFilter,
    ListFilter,
    StrictFilter,
    first_instant,
    last_instant,
)
from customers.customer_list import AllCustomers, FilteredCustomers, SearchedCustomers, customer_changes
from customers.models.monthly_counts import CustomerMonthlyCounts
from customers.models.searchable import SearchableCustomer
from customers.search import MAX_SEARCH_LENGTH, search_condition
from customers.tags import clean_tags
from customers.validators import validate_source
from tenants.accounts.permissions import ADMINS, STAFF


class TotalsParameter(NamedTuple):
    """A query parameter that a higher app registers. It filters customers by the table of totals."""

    query_filter: StrictFilter
    # Returns the condition on a row of the table.
    condition: Callable[[Any], Q]
    # Other roles get a 403, whatever the value.
    roles: Collection[str] = STAFF
    # Returns the condition, and how many customers satisfy it. None if the number is not known without counting them.
    condition_and_count: Callable[[Any], tuple[Q, int]] | None = None


class Totals(NamedTuple):
    """The totals that a higher app registers.

    `get_rows` returns the rows in scope: one for each customer who is not deleted, with `customer_id`, `created_at` and
    other columns.
    """

    get_rows: Callable[[], QuerySet]
    # By name of an order: the column of the table by which the list is then sorted.
    columns: Mapping[str, str]


# Holds one table, after it was registered.
_totals: list[Totals] = []
_totals_parameters: dict[str, TotalsParameter] = {}


def to_search(text: str) -> str | None:
    """Returns the text to search for, or None if it is empty. Raises ValidationError if it is too long."""
    if len(text) > MAX_SEARCH_LENGTH:
        raise ValidationError(f"Search for at most {MAX_SEARCH_LENGTH} characters.", code="max_length")
    return text or None


def to_tags(texts: list[str]) -> list[str]:
    """Returns the tags in the form in which they are stored. Empty texts are left out."""
    return clean_tags(filter(None, texts))


def to_source(text: str) -> str:
    """Returns the source. Raises ValidationError for a text that no source can be."""
    source = text.lower()
    validate_source(source)
    return source


to_ordering = Choice(
    [sign + name for name in ("created_at", "name", "last_appointment_date", "total_spent") for sign in ("", "-")]
)


class CustomerFilter(ChangesFilter):
    """The query parameters of the list of customers, beside those that higher apps register."""

    list_name = "customers"
    ranges: tuple[tuple[str, str], ...] = (("created_from", "created_to"),)

    search = StrictFilter(
        convert=to_search,
        schema={"type": "string", "maxLength": MAX_SEARCH_LENGTH},
        help_text=(
            "Every word must occur in first name, last name, e-mail or phone. A part of a word is enough. One or two "
            "letters find only words that begin with them; in Chinese, Japanese, Korean, Thai and similar scripts any two "
            "characters are enough. Case, accents, vowel points, the forms of a letter and punctuation do not matter: "
            "`obrien` finds O'Brien and O Brien. "
            "Punctuation alone finds nobody; `%`, `_`, `\\` are no wildcards. A phone number is found however it is written."
        ),
    )
    tags = ListFilter(
        convert=to_tags,
        help_text="Separated by commas, or repeated: customers with any of them. Case does not matter.",
    )
    has_password = BooleanFilter(help_text="true: registered, false: walk-ins.")
    email_verified = BooleanFilter(help_text="Whether the e-mail address is verified.")
    created_from = DayOrInstantFilter(help_text="Created on this day of the tenant's or later.")
    created_to = DayOrInstantFilter(help_text="Created on this day of the tenant's or before.")
    source = StrictFilter(
        convert=to_source,
        schema={"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9_-]*$"},
        help_text="How the customer came, such as `website` or `walk-in`.",
    )
    is_active = BooleanFilter(help_text="Whether the customer is active.")
    ordering = StrictFilter(
        convert=to_ordering,
        schema=to_ordering.schema | {"default": "-created_at"},
        help_text=(
            "The order of the list, with `-` from the highest to the lowest. `name` is the first name, then the last "
            "name, without case and accents. By `last_appointment_date`, customers without a visit come last in both "
            "directions. Equal customers are sorted by id in the same direction. With `ordering`, "
            "a search does not list the names that begin with its words first."
        ),
    )

    class Meta:
        model = SearchableCustomer
        fields: list[str] = []

    def is_valid(self) -> bool:
        """Raises PermissionDenied for a parameter that the caller's role may not use, whatever its value."""
        for name in _totals_parameters.keys() & self.data.keys():
            if self.request.user.role not in _totals_parameters[name].roles:
                raise PermissionDenied(f"Your role does not allow to filter by {name}.")
        return super().is_valid()

    def filter_queryset(self, queryset: QuerySet) -> PagedQuery:  # type: ignore[override]
        """Returns the customers that match all filters, or with `updated_since` the changed customers. Both are read
        page by page.
        """
        if self.cursor:
            return customer_changes(self.cursor, with_deleted=self.request.user.role in ADMINS)
        chosen = {name: value for name, value in self.form.cleaned_data.items() if value not in EMPTY_VALUES}
        ordering = chosen.pop("ordering", None)
        if not chosen and ordering in (None, "-created_at"):
            return AllCustomers()
        search = chosen.pop("search", None)
        own = Q(*(CONDITIONS[name](value) for name, value in chosen.items() if name in CONDITIONS))
        order = (ordering or "created_at").removeprefix("-")
        if search:
            totals = _totals_condition(chosen)
            found = _narrow(queryset, own & search_condition(search), totals, order)
            return SearchedCustomers(found, search, _on_customers(own, totals), ordering=ordering)
        totals, known_total = _totals_condition_and_count(chosen)
        return FilteredCustomers(
            _narrow(queryset, own, totals, order),
            # The index of tags (GIN) finds customers in no order, so they are found once and then sorted.
            find_once=bool(own and totals) or "tags" in chosen,
            ordering=ordering,
            known_total=known_total,
        )


CONDITIONS: dict[str, Callable[[Any], Q]] = {
    "tags": lambda tags: Q(tags__overlap=tags),
    "has_password": lambda registered: Q(has_password=registered),
    "email_verified": lambda verified: Q(email_verified=verified),
    "created_from": lambda day: Q(created_at__gte=first_instant(day)),
    "created_to": lambda day: Q(created_at__lte=last_instant(day)),
    "source": lambda source: Q(source=source),
    "is_active": lambda active: Q(is_active=active),
}
# By name of an order: the column of the searchable view by which the list is then sorted.
ORDER_COLUMNS = {"created_at": "created_at", "name": "folded_name"}


def register_totals(totals: Totals, **parameters: TotalsParameter) -> None:
    """Sets the table of totals by which the list can be sorted, and adds query parameters that filter by it."""
    _totals[:] = [totals]
    register_parameters(**parameters)


def register_parameters(**parameters: TotalsParameter) -> None:
    """Adds query parameters to the list, by name. `x_from` and `x_to`, or `x_min` and `x_max`, are a range."""
    _totals_parameters.update(parameters)
    CustomerFilter.base_filters.update({name: parameter.query_filter for name, parameter in parameters.items()})
    for first, last in (("_from", "_to"), ("_min", "_max")):
        starts = [name.removesuffix(first) for name in parameters if name.endswith(first)]
        CustomerFilter.ranges += tuple((start + first, start + last) for start in starts)


def condition_on_customers(name: str, value: Any, *, with_deleted: bool) -> Q:
    """Returns the condition of a query parameter on rows of customers, as the back office filters its list.

    `with_deleted` says whether soft-deleted customers may be among the rows.
    """
    if name not in _totals_parameters:
        return CONDITIONS[name](value)
    rows = _totals[0].get_rows()
    if with_deleted:
        rows = rows.model._default_manager.all()
    return Q(pk__in=rows.filter(_totals_parameters[name].condition(value)).values("customer_id"))


def _totals_condition(chosen: Mapping[str, Any]) -> Q:
    """Returns the condition of the chosen parameters on the table of totals."""
    return Q(
        *(_totals_parameters[name].condition(value) for name, value in chosen.items() if name in _totals_parameters)
    )


def _totals_condition_and_count(chosen: Mapping[str, Any]) -> tuple[Q, int | None]:
    """Returns the condition of the chosen parameters on the table of totals. Also returns how many customers satisfy
    all parameters, or None if they would have to be counted.
    """
    if not chosen:
        return Q(), CustomerMonthlyCounts.objects.count_undeleted()
    if len(chosen) == 1:
        [(name, value)] = chosen.items()
        parameter = _totals_parameters.get(name)
        if parameter and parameter.condition_and_count:
            return parameter.condition_and_count(value)
    return _totals_condition(chosen), None


def _on_customers(own: Q, totals: Q) -> Q:
    """Returns one condition on the searchable view: `own`, and the condition on the table of totals."""
    return own & Q(id__in=_totals[0].get_rows().filter(totals).values("customer_id")) if totals else own


def _narrow(customers: QuerySet, own: Q, totals: Q, order: str) -> QuerySet:
    """Returns the customers who satisfy both conditions, with `sort_id` and `sort_key`, the value by which they are
    sorted. They are read from the table of totals if only that table has the column of the order. They are also read
    from it if all conditions are on that table and the order is `created_at`.
    """
    if order in ORDER_COLUMNS and (own or not totals or order != "created_at"):
        return customers.filter(_on_customers(own, totals)).values(sort_id=F("id"), sort_key=F(ORDER_COLUMNS[order]))
    if own:
        totals &= Q(customer_id__in=customers.filter(own).values("id"))
    rows = _totals[0].get_rows().filter(totals).order_by()
    return rows.values(sort_id=F("customer_id"), sort_key=F(_totals[0].columns[order]))
