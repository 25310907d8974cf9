"""The exception for a write that conflicts with stored data."""

from typing import Any


class ConflictError(Exception):
    """A write conflicts with stored data. The API answers 409 with `code`, the exception's text and `details`."""

    code = "conflict"
    details: dict[str, Any] = {}
