"""How the lists of the admin are paged, however many rows there are."""

from functools import cached_property
from typing import Any

from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import HttpRequest


class Counted(int):
    """How many rows were counted. With `and_more` there are others: as text `10,000+`."""

    and_more: bool

    def __new__(cls, number: int, *, and_more: bool = False) -> "Counted":
        counted = super().__new__(cls, number)
        counted.and_more = and_more
        return counted

    def __str__(self) -> str:
        return f"{int(self):,}{'+' if self.and_more else ''}"


class BoundedPaginator(Paginator):
    """Pages of the first rows of a list, up to `bound`: whoever looks for another narrows the list.

    One query finds the ids, and thereby the count, so that a costly condition is met once; a second one reads the page's
    `rows`, so that what these show beside is not json_expressions for those before them.
    """

    bound = 10_000

    def __init__(self, *args: Any, rows: QuerySet, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.rows = rows

    @cached_property
    def ids(self) -> list[Any]:
        """In the order of the list; one beyond the bound tells that there are more."""
        return list(self.object_list.values_list("pk", flat=True)[: self.bound + 1])

    @cached_property
    def count(self) -> int:
        return Counted(min(len(self.ids), self.bound), and_more=len(self.ids) > self.bound)

    def page(self, number: Any) -> Page:
        number = self.validate_number(number)
        start = (number - 1) * self.per_page
        return self._get_page(self.listed(start, min(start + self.per_page, self.count)), number, self)

    def listed(self, start: int, end: int) -> list[Any]:
        """The rows from `start` up to `end`, that one not included."""
        ids = self.ids[start:end]
        found = self.rows.in_bulk(ids)
        return [found[pk] for pk in ids if pk in found]


class BoundedList(ChangeList):
    """A list that reads its rows through the paginator, also where one page holds them all."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        if not isinstance(self.result_list, list):
            self.result_list = self.paginator.listed(0, self.result_count)
