"""The time zone of days and clock times in requests and answers. An app registers the function that returns it."""

import datetime as dt
from collections.abc import Callable

from django.utils import timezone


def _utc() -> dt.tzinfo:
    return dt.UTC


_current: Callable[[], dt.tzinfo] = _utc


def register(current: Callable[[], dt.tzinfo]) -> None:
    """Sets the function that returns the time zone of the running request or command."""
    global _current
    _current = current


def local_zone() -> dt.tzinfo:
    """Returns the time zone of the running request or command: that of the tenant in scope, or UTC for all tenants."""
    return _current()


def local_today() -> dt.date:
    """Returns today's date in `local_zone()`."""
    return timezone.now().astimezone(local_zone()).date()
