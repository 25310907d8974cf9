"""How the lists of the admin are paged, however long they are."""

from functools import cached_property
from typing import Any

from django.core.paginator import Paginator


class Counted(int):
    """How many rows there are. With `and_more` there are more than that many: as text `10,000+`, as a number one more."""

    and_more: bool

    def __new__(cls, rows: int, *, and_more: bool = False) -> "Counted":
        counted = super().__new__(cls, rows + and_more)
        counted.and_more = and_more
        return counted

    def __str__(self) -> str:
        return f"{self - self.and_more:,}{'+' if self.and_more else ''}"


class BoundedPaginator(Paginator):
    """Pages of a list whose rows are counted up to `bound` only, or up to the end of the page `asked` if that lies beyond.

    A row more is looked for, so that the page after the last one counted can be asked for.
    """

    bound = 10_000

    def __init__(self, *args: Any, asked: int = 1, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.most = max(self.bound, asked * self.per_page)

    @cached_property
    def count(self) -> int:
        found = self.object_list.order_by()[: self.most + 1].count()
        return Counted(min(found, self.most), and_more=found > self.most)
