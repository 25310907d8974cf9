"""The exception for a write that contradicts what is stored."""

from typing import Any


class ConflictError(Exception):
    """A write contradicts what is stored. The API answers 409 with `code`, the exception's text and `details`."""

    code = "conflict"
    details: dict[str, Any] = {}
