"""Pages of a list, answered as `{"items", "total", "page", "size", "pages"}`."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response

from circe.api.parameters import get_number_param

MAX_PAGE_NUMBER = 2**31 - 1
MAX_PAGE_SIZE = 100
DEFAULT_PAGE_SIZE = 20


class PagedQuery(ABC):
    """A query that reads a page of its rows and counts them, in one step. NumberedPages accepts it as a queryset.

    `members` are additional members of the answer. They are read after the page.
    """

    members: Mapping[str, Any] = {}

    @abstractmethod
    def page(self, start: int, stop: int) -> tuple[list[Any], int]:
        """Returns the rows from `start` up to `stop`, without `stop`, and the number of all rows."""


class NumberedPages(BasePagination):
    """Numbered pages: `page` from 1, `size` from 1 to 100. A page past the end is empty and has the true total."""

    members: Mapping[str, Any] = {}
    # The schemas, by name, of the additional members that an operation documents.
    member_schemas: Mapping[str, Any] = {}
    # The schema of items of another form that a page may have, or None.
    other_item_schema: Mapping[str, Any] | None = None

    def read_parameters(self, request: Request) -> slice:
        """Reads `page` and `size`. Returns the slice of the rows that are on the page."""
        self.page = get_number_param(request, "page", default=1, maximum=MAX_PAGE_NUMBER)
        self.size = get_number_param(request, "size", default=DEFAULT_PAGE_SIZE, maximum=MAX_PAGE_SIZE)
        first = (self.page - 1) * self.size
        return slice(first, first + self.size)

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        """Returns the rows of the page of a queryset or of a PagedQuery."""
        wanted = self.read_parameters(request)
        if isinstance(queryset, PagedQuery):
            rows, self.total = queryset.page(wanted.start, wanted.stop)
            self.members = queryset.members
            return rows
        self.total = queryset.count()
        rows = list(queryset[wanted.start : wanted.stop + 1]) if wanted.start < self.total else []
        # If a row was added after the count, there may be one more page. Then the total is raised.
        self.total = max(self.total, wanted.start + len(rows)) if rows else self.total
        return rows[: self.size]

    @property
    def page_info(self) -> dict[str, int]:
        """The page as `{"total", "page", "size", "pages"}`."""
        pages = math.ceil(self.total / self.size)
        return {"total": self.total, "page": self.page, "size": self.size, "pages": pages}

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"items": data, **self.page_info, **self.members})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        if self.other_item_schema:
            schema = schema | {"items": {"anyOf": [schema["items"], self.other_item_schema]}}
        members = {"items": schema, **PAGE_INFO_SCHEMA, **self.member_schemas}
        return {"type": "object", "required": [*members], "properties": members}

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        return [
            _parameter("page", "The number of the page, from 1.", default=1, maximum=MAX_PAGE_NUMBER),
            _parameter("size", "The number of items on a page.", default=DEFAULT_PAGE_SIZE, maximum=MAX_PAGE_SIZE),
        ]


PAGE_INFO_SCHEMA: dict[str, Any] = {
    "total": {"type": "integer", "minimum": 0, "example": 28, "description": "Rows in all pages together."},
    "page": {"type": "integer", "minimum": 1, "example": 1},
    "size": {"type": "integer", "minimum": 1, "maximum": MAX_PAGE_SIZE, "example": 20},
    "pages": {"type": "integer", "minimum": 0, "example": 2, "description": "total / size, rounded up."},
}


def _parameter(name: str, description: str, *, default: int, maximum: int) -> dict[str, Any]:
    schema = {"type": "integer", "minimum": 1, "maximum": maximum, "default": default}
    return {"name": name, "in": "query", "required": False, "description": description, "schema": schema}
