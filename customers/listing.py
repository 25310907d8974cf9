"""The list of customers by the page: how many there are, and a page without a walk through all those before it.

A page's ids are found first, by an index that needs no table, and its rows are read after.
"""

import datetime as dt
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from itertools import accumulate
from typing import Any

import orjson
from django.db.models import DateTimeField, QuerySet, Sum

from customers.findable import FindableCustomer, FindableQuerySet
from customers.models import Customer
from customers.serializers import CustomerSerializer
from customers.tallies import CustomerTally
from tenants.compiled import CompiledQuery
from tenants.rendered import as_json

# So many are sorted in no time; of more, an index in the order of the list has a page's worth soon.
FEW = 10_000

PROFILES = Customer.objects.with_profile().annotate(profile=as_json(CustomerSerializer))


class Listing:
    """The customers `found`, as what a paginator asks for: a count and a slice, of the JSON of each."""

    def __init__(self, found: FindableQuerySet) -> None:
        self.found = found

    def count(self) -> int:
        self.total = self.found.count()
        return self.total

    def __getitem__(self, wanted: slice) -> list[orjson.Fragment]:
        """Those from `wanted.start` up to `wanted.stop`, counted from the nearer end."""
        start, stop = wanted.start, wanted.stop
        found = self.found.sorted_apart() if self.total <= FEW else self.found
        if min(stop, self.total) <= self.total - start:
            return _fragments(_profiles(found, start, stop))
        return _fragments(_profiles(found.reverse(), max(self.total - stop, 0), self.total - start))


class WholeListing:
    """All the customers there are, by the tallies of each month: they tell how many, and near which month a page lies."""

    def count(self) -> int:
        self.months = [(dt.datetime(day.year, day.month, 1, tzinfo=dt.UTC), number) for day, number in TALLIES.rows()]
        # How many are of a month or newer.
        self.through = list(accumulate(number for _, number in self.months))
        return self.through[-1] if self.through else 0

    def __getitem__(self, wanted: slice) -> list[orjson.Fragment]:
        """As of Listing, counted from the end of the first one's month or the start of the last one's."""
        start, stop = wanted.start, wanted.stop
        end = min(stop, self.through[-1])
        first, last = bisect_right(self.through, start), bisect_left(self.through, end)
        newer, through = self.through[first - 1] if first else 0, self.through[last]
        if end - newer <= through - start:
            created = {"created_at__lt": self.months[first - 1][0]} if first else {}
            return _fragments(PAGE.rows(start=start - newer, stop=stop - newer, **created))
        since = self.months[last][0]
        return _fragments(
            PAGE.rows(start=max(through - stop, 0), stop=through - start, backwards=True, created_at__gte=since)
        )


def _profiles(found: FindableQuerySet, start: int, stop: int) -> QuerySet[Any, Any]:
    return PROFILES.filter(pk__in=found[start:stop].values("pk")).values_list("profile")


def _page(start: int, stop: int, *, backwards: bool = False, **created: Any) -> QuerySet[Any, Any]:
    found = FindableCustomer.objects.undeleted().filter(**created)
    return _profiles(found.reverse() if backwards else found, start, stop)


def _fragments(rows: Iterable[tuple[str]]) -> list[orjson.Fragment]:
    return [orjson.Fragment(text) for (text,) in rows]


PAGE = CompiledQuery(_page, created_at__lt=DateTimeField(), created_at__gte=DateTimeField())
TALLIES = CompiledQuery(
    lambda: CustomerTally.objects.order_by("-month").values_list("month").annotate(Sum("total_customers"))
)
