"""The envelope of every list: `{"items", "total", "page", "size", "pages"}`."""

import math
import re
from abc import ABC, abstractmethod
from typing import Any

from rest_framework.exceptions import ValidationError
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response

from circe.api.parameters import single

MAX_PAGE = 2**31 - 1
MAX_SIZE = 100
DEFAULT_SIZE = 20
_natural = re.compile(r"[0-9]{1,10}\Z").match


class PagedQuery(ABC):
    """Rows that are read by the page, together with their number."""

    @abstractmethod
    def page(self, start: int, stop: int) -> tuple[list[Any], int]:
        """Returns the rows from `start` up to `stop`, and how many rows there are in all."""


class Pages(BasePagination):
    """Numbered pages: `page` from 1, `size` 1..100. A page past the end is empty and tells the true total."""

    def read(self, request: Request) -> slice:
        """The rows asked for, of all there are."""
        self.page = _number(request, "page", default=1, most=MAX_PAGE)
        self.size = _number(request, "size", default=DEFAULT_SIZE, most=MAX_SIZE)
        first = (self.page - 1) * self.size
        return slice(first, first + self.size)

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        """The page of a queryset or of a PagedQuery."""
        wanted = self.read(request)
        if isinstance(queryset, PagedQuery):
            rows, self.total = queryset.page(wanted.start, wanted.stop)
            return rows
        self.total = queryset.count()
        rows = list(queryset[wanted.start : wanted.stop + 1]) if wanted.start < self.total else []
        # One added since the count may have pushed another over the end of the page: there is a next one, then.
        self.total = max(self.total, wanted.start + len(rows)) if rows else self.total
        return rows[: self.size]

    @property
    def figures(self) -> dict[str, int]:
        """`{"total", "page", "size", "pages"}`."""
        pages = math.ceil(self.total / self.size)
        return {"total": self.total, "page": self.page, "size": self.size, "pages": pages}

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"items": data, **self.figures})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        return {
            "type": "object",
            "required": ["items", *FIGURES],
            "properties": {"items": schema, **FIGURES},
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        return [
            _parameter("page", "Which page, from 1.", default=1, most=MAX_PAGE),
            _parameter("size", "How many on a page.", default=DEFAULT_SIZE, most=MAX_SIZE),
        ]


FIGURES: dict[str, Any] = {
    "total": {"type": "integer", "minimum": 0, "example": 28, "description": "Rows in all pages together."},
    "page": {"type": "integer", "minimum": 1, "example": 1},
    "size": {"type": "integer", "minimum": 1, "maximum": MAX_SIZE, "example": 20},
    "pages": {"type": "integer", "minimum": 0, "example": 2, "description": "total / size, rounded up."},
}


def _number(request: Request, name: str, *, default: int, most: int) -> int:
    text = single(request, name)
    if text is None:
        return default
    value = int(text) if _natural(text) else 0
    if not 1 <= value <= most:
        raise ValidationError({name: f"Write a whole number from 1 to {most}."})
    return value


def _parameter(name: str, description: str, *, default: int, most: int) -> dict[str, Any]:
    schema = {"type": "integer", "minimum": 1, "maximum": most, "default": default}
    return {"name": name, "in": "query", "required": False, "description": description, "schema": schema}
