"""Paging of the lists in the back office, whose cost does not grow with the number of rows."""

from functools import cached_property
from typing import Any

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import HttpRequest

from circe.backoffice.filters import refuse_unknown_value
from circe.backoffice.regional import format_number


class CappedCount(int):
    """A number of rows that was counted up to a limit. With `and_more` there are more rows: its text is `10,000+`."""

    and_more: bool

    def __new__(cls, number: int, *, and_more: bool = False) -> "CappedCount":
        counted = super().__new__(cls, number)
        counted.and_more = and_more
        return counted

    def __str__(self) -> str:
        return f"{format_number(int(self))}{'+' if self.and_more else ''}"


class CappedPaginator(Paginator):
    """Pages the first `max_rows` rows of a list. To find other rows, a person filters or searches.

    One query reads the ids, which also give the count, so that PostgreSQL evaluates a costly condition once. A second
    query reads the page from `rows`, so that annotations are computed for the rows of the page only.
    """

    max_rows = 10_000

    def __init__(self, *args: Any, rows: QuerySet, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.rows = rows

    @cached_property
    def ids(self) -> list[Any]:
        """The ids in the order of the list. One id more than `max_rows` means that there are more rows."""
        return list(self.object_list.values_list("pk", flat=True)[: self.max_rows + 1])

    @cached_property
    def count(self) -> int:
        return CappedCount(min(len(self.ids), self.max_rows), and_more=len(self.ids) > self.max_rows)

    def page(self, number: Any) -> Page:
        number = self.validate_number(number)
        start = (number - 1) * self.per_page
        return Page(self.read_rows(start, min(start + self.per_page, self.count)), number, self)

    def read_rows(self, start: int, end: int) -> list[Any]:
        """Returns the rows from `start` up to but not including `end`."""
        ids = self.ids[start:end]
        by_id = self.read_by_ids(ids)
        return [by_id[pk] for pk in ids if pk in by_id]

    def read_by_ids(self, ids: list[Any]) -> dict[Any, Any]:
        """Returns the rows with these ids, by id."""
        return self.rows.in_bulk(ids)


class CappedChangeList(ChangeList):
    """A change list that reads its rows through the paginator, also if they fit on one page.

    It refuses an address with a condition or a value that none of its filters knows.
    """

    def get_filters(self, request: HttpRequest) -> tuple[Any, bool, dict[str, Any], bool, bool]:
        specs, has_filters, remaining, *others = super().get_filters(request)
        if remaining:
            raise IncorrectLookupParameters
        for spec in specs:
            refuse_unknown_value(spec, self)
        return specs, has_filters, remaining, *others

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        if not isinstance(self.result_list, list):
            self.result_list = self.paginator.read_rows(0, self.result_count)
