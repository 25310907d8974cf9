"""The list of customers by the page: how many there are, and a page without a walk through all those before it.

A page's ids are found first, by an index that needs no table, and its rows are read after.
"""

import datetime as dt
from bisect import bisect_left, bisect_right
from itertools import accumulate

import orjson
from django.db.models import QuerySet, Sum

from customers.findable import FindableQuerySet
from customers.tallies import CustomerTally

# So many are sorted in no time; of more, an index in the order of the list has a page's worth soon.
FEW = 10_000


class Listing:
    """The customers `found`, as what a paginator asks for: a count and a slice. `rows` are the JSON texts of customers."""

    def __init__(self, found: FindableQuerySet, rows: QuerySet) -> None:
        self.found, self.rows = found, rows

    def count(self) -> int:
        self.total = self.found.count()
        return self.total

    def __getitem__(self, wanted: slice) -> list[orjson.Fragment]:
        ids = self.ids(wanted.start, wanted.stop).values("pk")
        return [orjson.Fragment(text) for text in self.rows.filter(pk__in=ids)]

    def ids(self, start: int, stop: int) -> FindableQuerySet:
        """Those from `start` up to `stop`, counted from the nearer end."""
        found = self.found.sorted_apart() if self.total <= FEW else self.found
        if min(stop, self.total) <= self.total - start:
            return found[start:stop]
        return found.reverse()[max(self.total - stop, 0) : self.total - start]


class WholeListing(Listing):
    """All the customers there are, by the tallies of each month: they tell how many, and near which month a page lies."""

    def count(self) -> int:
        tallies = CustomerTally.objects.order_by("-month").values_list("month").annotate(Sum("total_customers"))
        self.months = [(dt.datetime(day.year, day.month, 1, tzinfo=dt.UTC), number) for day, number in tallies]
        # How many are of a month or newer.
        self.through = list(accumulate(number for _, number in self.months))
        return self.through[-1] if self.through else 0

    def ids(self, start: int, stop: int) -> FindableQuerySet:
        """Those from `start` up to `stop`, counted from the end of the first one's month or the start of the last one's."""
        end = min(stop, self.through[-1])
        first, last = bisect_right(self.through, start), bisect_left(self.through, end)
        newer, through = self.through[first - 1] if first else 0, self.through[last]
        if end - newer <= through - start:
            found = self.found.filter(created_at__lt=self.months[first - 1][0]) if first else self.found
            return found[start - newer : stop - newer]
        found = self.found.filter(created_at__gte=self.months[last][0])
        return found.reverse()[max(through - stop, 0) : through - start]
