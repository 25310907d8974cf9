"""The time zone of days and clock times. An app registers the function that returns it."""

import datetime as dt
from collections.abc import Callable


def _utc() -> dt.tzinfo:
    return dt.UTC


_current: Callable[[], dt.tzinfo] = _utc


def register(current: Callable[[], dt.tzinfo]) -> None:
    """Takes the function that returns the time zone of the running request or command."""
    global _current
    _current = current


def local_zone() -> dt.tzinfo:
    """Returns the time zone of the running request or command: the tenant's in scope, UTC for all tenants together."""
    return _current()
