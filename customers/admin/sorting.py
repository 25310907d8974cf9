"""Sorts the back office list of customers by columns of the table of totals. All but the visits have an index."""

from collections.abc import Callable
from functools import cached_property
from typing import Any, NamedTuple

from django.db.models import Expression, Q, QuerySet
from django.db.models.expressions import OrderBy
from django.http import HttpRequest

from circe.backoffice.paging import CappedChangeList
from customers.models import CustomerQuerySet
from tenants.admin.paging import TenantPaginator


class TotalsOrder(NamedTuple):
    """An order by the table of totals that a higher app registers.

    `rows` are the totals of customers. `key` returns the columns of the order from low to high. Rows that do not
    satisfy `is_known` have no value to be sorted by. They come last in both directions; with `unknown_is_lowest` they
    come first in the order from low to high.
    """

    rows: QuerySet
    key: Callable[[], list[str | Expression]]
    is_known: Q = Q()
    unknown_is_lowest: bool = False


_orders: dict[str, TotalsOrder] = {}


def register_order(name: str, order: TotalsOrder) -> None:
    """Lets the list be sorted by a column whose `ordering` has this name."""
    _orders[name] = order


class CustomerChangeList(CappedChangeList):
    """Leaves a registered order out of the ORDER BY of the list, and passes it to the paginator."""

    def get_ordering(self, request: HttpRequest, queryset: QuerySet) -> list[Any]:
        ordering = super().get_ordering(request, queryset)
        chosen = [one for one in ordering if isinstance(one, str) and one.removeprefix("-") in _orders]
        request.totals_order = next(iter(chosen), "")
        return [one for one in ordering if one not in chosen]


class CustomerPaginator(TenantPaginator):
    """Reads the ids of a list that is sorted by totals from the table of totals. `totals_order` may begin with a `-`."""

    def __init__(self, *args: Any, totals_order: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.totals_order = totals_order

    @cached_property
    def ids(self) -> list[Any]:
        """The ids in the order of the list. One id more than `max_rows` means that there are more rows."""
        if not self.totals_order:
            return list(self.object_list.values_list("pk", flat=True)[: self.max_rows + 1])
        name, is_descending = self.totals_order.removeprefix("-"), self.totals_order.startswith("-")
        return sort_ids(self.object_list, name, descending=is_descending, limit=self.max_rows + 1)


def sort_ids(customers: CustomerQuerySet, name: str, *, descending: bool, limit: int) -> list[Any]:
    """Returns the ids of the first `limit` customers by a registered order."""
    order = _orders[name]
    rows = order.rows.filter(customer_id__in=customers.order_by().values("pk")).values_list("customer_id", flat=True)
    key = order.key()
    known = rows.filter(order.is_known).order_by(*(map(_reverse, key) if descending else key))
    if not order.is_known:
        return list(known[:limit])
    unknown = rows.exclude(order.is_known).order_by("-customer_id")
    parts = [unknown, known] if order.unknown_is_lowest and not descending else [known, unknown]
    ids = list(parts[0][:limit])
    return ids + list(parts[1][: limit - len(ids)]) if len(ids) < limit else ids


def _reverse(column: str | Expression) -> str | OrderBy:
    if isinstance(column, str):
        return column.removeprefix("-") if column.startswith("-") else f"-{column}"
    return column.desc()
