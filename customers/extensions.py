"""The registry for what this app and higher apps add to a customer, each in its `AppConfig.ready()`."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from django.db.models import Model, QuerySet
from django.db.models.expressions import Combinable
from django.http import HttpRequest
from django.utils.safestring import SafeString

from tenants.accounts.permissions import STAFF

# Returns figures of a customer's profile by key, as expressions over the customer's row (`OuterRef("pk")` in a
# subquery).
ProfileFigures: TypeAlias = Callable[[], Mapping[str, Combinable]]
# Takes the customers who are about to be purged, and removes what the app keeps about them. Returns, by customer's id, how
# many rows stay without the person.
PurgeStep: TypeAlias = Callable[[Collection[Any]], Mapping[str, int]]
# Takes customers. Returns rows about them that are deleted with them: the certificate of an erasure counts these.
RowsOfCustomers: TypeAlias = Callable[[Collection[Any]], QuerySet]
# Takes the request and the customer. Returns a part of the customer's back office page, "" for people who may not see
# it.
Panel: TypeAlias = Callable[[HttpRequest, Any], SafeString]


class ListColumn(NamedTuple):
    """A column of the back office list of customers. `show` returns the cell of a customer who was read with the
    `annotations`.
    """

    show: Callable[[Any], Any]
    annotations: Callable[[], Mapping[str, Any]] = dict
    # Other roles do not see the column.
    roles: Collection[str] = STAFF


class ExportColumn(NamedTuple):
    """A column of an exported file beside those that an import reads. An import ignores it. `get_value` returns the
    cell of a customer who was read with the `annotations`. `prepare` is called first, with some thousand customers at
    a time, and can set attributes that `get_value` reads.
    """

    name: str
    get_value: Callable[[Any], Any]
    annotations: Callable[[], Mapping[str, Any]] = dict
    prepare: Callable[[Sequence[Any]], None] | None = None


_profile_figures: list[ProfileFigures] = []
_purge_steps: list[PurgeStep] = []
_rows_deleted_with_customers: dict[str, RowsOfCustomers] = {}
# The panels of the highest app come first, since reception needs them first.
panels: list[Panel] = []
list_filters: list[Any] = []
list_columns: list[ListColumn] = []
export_columns: list[ExportColumn] = []


def register_profile_figures(figures: ProfileFigures) -> None:
    """Adds figures to every customer's profile."""
    _profile_figures.append(figures)


def register_purge_step(step: PurgeStep) -> None:
    """Adds a step that runs before a customer's row is removed, in the same transaction."""
    _purge_steps.append(step)


def register_rows_deleted_with_customers(name: str, rows: RowsOfCustomers) -> None:
    """Adds a kind of rows that are deleted with their customer. `name` is its name in the certificate of an erasure."""
    _rows_deleted_with_customers[name] = rows


def rows_of(model: type[Model], customers: Collection[Any]) -> QuerySet:
    """Returns the rows of a model whose `customer` is one of these."""
    return model._default_manager.filter(customer__in=[customer.pk for customer in customers])


def register_panel(panel: Panel) -> None:
    """Adds a part to a customer's back office page, above the parts registered so far."""
    panels.insert(0, panel)


def register_list_filter(list_filter: Any) -> None:
    """Adds a filter to the back office list of customers, above the filters registered so far."""
    list_filters.insert(0, list_filter)


def register_list_column(column: ListColumn) -> None:
    """Adds a column to the back office list of customers, after the columns registered so far."""
    list_columns.append(column)


def register_export_columns(*columns: ExportColumn) -> None:
    """Adds columns to an exported file, after the columns registered so far."""
    export_columns.extend(columns)


def profile_figures() -> dict[str, Combinable]:
    """Returns all registered figures by key."""
    return {name: expression for figures in _profile_figures for name, expression in figures().items()}


def count_rows_deleted_with(customers: Collection[Any]) -> dict[str, int]:
    """Returns by name the numbers of the rows that are deleted with the customers."""
    return {name: rows(customers).count() for name, rows in _rows_deleted_with_customers.items()}


def run_purge_steps(customers: Collection[Any]) -> Counter[str]:
    """Runs every step of a purge. Returns, by customer's id, how many rows stay without the person."""
    kept: Counter[str] = Counter()
    for step in _purge_steps:
        kept.update(step(customers))
    return kept
