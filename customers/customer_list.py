"""The list of customers by the page: how many there are, and a page without a walk through all those before it.

A page's ids are found first, by an index that needs no table, and its rows are read after.
"""

import datetime as dt
from bisect import bisect_left, bisect_right
from itertools import accumulate
from typing import Any, NamedTuple, TypeAlias

import orjson
from django.contrib.postgres.fields import ArrayField
from django.db.models import BigIntegerField, DateTimeField, Expression, Field, Func, Q, QuerySet, Sum, TextField
from django.db.models.functions import Cast

from circe.db.ids import IdField
from circe.db.json_sql import as_json
from circe.db.prepared import PreparedQuery
from customers.models import Customer
from customers.models.monthly_counts import CustomerMonthlyCounts
from customers.models.searchable import INDEXED, TAGS, SearchableCustomer
from customers.search import MAX_LENGTH
from customers.serializers import CustomerSerializer

# A condition: how its parts are connected, and each of them, one that is itself a condition or a lookup and what it wants.
Shape: TypeAlias = tuple[str, tuple[tuple[str, Any], ...]]

# So many are found and sorted in no time; of more, an index in the order of the list has a page's worth soon.
FEW = 10_000
IDS = ArrayField(IdField())

PROFILES = Customer.objects.with_profile().annotate(profile=as_json(CustomerSerializer))


class Place(NamedTuple):
    """Stands for a value in the shape of a condition."""

    name: str


class FilteredCustomers:
    """The customers under a condition, as what a paginator asks for: a count and a slice, of the JSON of each.

    Conditions of one shape are one query, whatever their values.
    """

    def __init__(self, condition: Q) -> None:
        self.values: dict[str, Any] = {}
        self.shape = self._shape(condition)

    def _shape(self, condition: Q) -> Shape:
        children: list[Any] = []
        for child in condition.children:
            if isinstance(child, Q):
                children.append(self._shape(child))
                continue
            lookup, value = child
            if value and type(value) in KINDS:
                place = Place(f"{type(value).__name__}{len(self.values)}")
                self.values[place.name], value = value, place
            # No value, but what there always is, such as an empty list.
            children.append((lookup, () if value == [] else value))
        return condition.connector, tuple(children)

    def count(self) -> int:
        self.found = self._found() if self.is_telling else None
        if self.found is None or len(self.found) > FEW:
            ((self.total,),) = COUNT.rows(shape=self.shape, **self.values)
        else:
            self.total = len(self.found)
        return self.total

    @property
    def is_telling(self) -> bool:
        """Whether few are to be expected: many share a name or a domain, hardly any a number, or two things. Found before
        they are counted, they cost one look; of many the first look is in vain, about a quarter of the count.
        """
        words = [value for value in self.values.values() if isinstance(value, str)]
        return len(self.values) > 1 or any(character.isdigit() for word in words for character in word)

    def _found(self) -> list[str]:
        ((ids,),) = FOUND.rows(shape=self.shape, **self.values)
        return ids or []

    def __getitem__(self, wanted: slice) -> list[orjson.Fragment]:
        """Those from `wanted.start` up to `wanted.stop`, counted from the nearer end."""
        start, stop = wanted.start, wanted.stop
        if self.total <= FEW:
            return _fragments(BY_ID.rows(ids=(self.found or self._found())[start:stop]))
        if min(stop, self.total) <= self.total - start:
            return self.page(start, stop)
        return self.page(max(self.total - stop, 0), self.total - start, backwards=True)

    def page(self, start: int, stop: int, *, backwards: bool = False) -> list[orjson.Fragment]:
        """Those from `start` up to `stop`, or `backwards` from the oldest: a walk meets enough of many."""
        return _fragments(PAGE.rows(shape=self.shape, start=start, stop=stop, backwards=backwards, **self.values))


class AllCustomers:
    """All the customers there are, by the tallies of each month: they tell how many, and near which month a page lies."""

    def count(self) -> int:
        self.months = [(dt.datetime(day.year, day.month, 1, tzinfo=dt.UTC), number) for day, number in TALLIES.rows()]
        # How many are of a month or newer.
        self.through = list(accumulate(number for _, number in self.months))
        return self.through[-1] if self.through else 0

    def __getitem__(self, wanted: slice) -> list[orjson.Fragment]:
        """As of FilteredCustomers, counted from the end of the first one's month or the start of the last one's."""
        start, stop = wanted.start, wanted.stop
        end = min(stop, self.through[-1])
        first, last = bisect_right(self.through, start), bisect_left(self.through, end)
        newer, through = self.through[first - 1] if first else 0, self.through[last]
        if end - newer <= through - start:
            older = FilteredCustomers(Q(created_at__lt=self.months[first - 1][0]) if first else Q())
            return older.page(start - newer, stop - newer)
        since = FilteredCustomers(Q(created_at__gte=self.months[last][0]))
        return since.page(max(through - stop, 0), through - start, backwards=True)


def _condition(shape: Shape, values: dict[str, Any], beside: str = "") -> Q:
    """The condition of that shape, with these values; `beside` the indexes, of fields whose names begin so."""
    connector, children = shape
    parts: list[Any] = []
    for first, second in children:
        if first in {Q.AND, Q.OR}:
            parts.append(_condition((first, second), values, beside))
        else:
            value = values[second.name] if isinstance(second, Place) else second
            parts.append((f"{beside if first.startswith(INDEXED) else ''}{first}", value))
    return Q(*parts, _connector=connector)


def _all(shape: Shape, values: dict[str, Any]) -> QuerySet[Any, Any]:
    return SearchableCustomer.objects.undeleted().filter(_condition(shape, values)).order_by()


def _count(shape: Shape, **values: Any) -> QuerySet[Any, Any]:
    number = Func(function="count", template="%(function)s(*)", output_field=BigIntegerField())
    return _all(shape, values).values_list(number)


def _some(shape: Shape, **values: Any) -> QuerySet[Any, Any]:
    return _all(shape, values).values_list("id", "created_at")[: FEW + 1]


def _page(shape: Shape, *, start: int, stop: int, backwards: bool, **values: Any) -> QuerySet[Any, Any]:
    found = SearchableCustomer.objects.undeleted().beside_the_indexes().filter(_condition(shape, values, "unindexed_"))
    found = found.reverse() if backwards else found
    return PROFILES.filter(pk__in=found[start:stop].values("pk")).values_list("profile")


def _by_id(ids: Expression) -> QuerySet[Any, Any]:
    each = Func(Cast(ids, IDS), template="SELECT unnest(%(expressions)s)")
    return PROFILES.undeleted().filter(pk__in=each).values_list("profile")


def _fragments(rows: list[tuple[str]]) -> list[orjson.Fragment]:
    return [orjson.Fragment(text) for (text,) in rows]


# Of what field a value is. A character of a search makes less than three values.
KINDS: dict[type, Field] = {
    str: TextField(),
    dt.datetime: DateTimeField(),
    list: TAGS,
}
FIELDS: dict[str, Any] = {
    f"{kind.__name__}{number}": field for kind, field in KINDS.items() for number in range(3 * MAX_LENGTH)
}
# An array of ids: of all there are up to FEW, or of one more.
NEWEST_FIRST = "SELECT array_agg(id ORDER BY created_at DESC, id DESC) FROM ({}) AS found"
# Whom a search finds, and so by which index, is a matter of its words.
FOUND = PreparedQuery(_some, kept=False, around=NEWEST_FIRST, **FIELDS)
COUNT = PreparedQuery(_count, kept=False, **FIELDS)
PAGE = PreparedQuery(_page, **FIELDS)
BY_ID = PreparedQuery(_by_id, ids=IDS)
TALLIES = PreparedQuery(
    lambda: CustomerMonthlyCounts.objects.order_by("-month").values_list("month").annotate(Sum("total_customers"))
)
