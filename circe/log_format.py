"""The format of log lines: one JSON object a line. This module needs no settings, since gunicorn logs before settings are
loaded.
"""

import datetime as dt
import logging
import traceback
from typing import Any

from pythonjsonlogger.json import JsonFormatter

FIELDS = "{asctime}{levelname}{name}{message}{request_id}"
# More exceptions of a chain (`raise … from …`) are not logged.
MAX_CHAINED_EXCEPTIONS = 10


class RedactedJsonFormatter(JsonFormatter):
    """Formats records as JSON lines. Omits the message of an exception, which may contain personal data."""

    def __init__(self, fmt: str = FIELDS, style: str = "{", **kwargs: Any) -> None:
        super().__init__(fmt, style=style, **kwargs)

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802
        """Returns the time as ISO 8601, in UTC: `2026-11-28T17:04:16.123Z`."""
        time = dt.datetime.fromtimestamp(record.created, dt.UTC)
        return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def formatException(self, exc_info: Any) -> str:  # noqa: N802
        """Returns the tracebacks and the types of the exceptions, without their messages."""
        exception: BaseException | None = exc_info[1]
        tracebacks: list[str] = []
        while exception is not None and len(tracebacks) < MAX_CHAINED_EXCEPTIONS:
            stack = "".join(traceback.format_tb(exception.__traceback__))
            tracebacks.append(f"{stack}{type(exception).__module__}.{type(exception).__qualname__}")
            exception = exception.__cause__ or exception.__context__
        return "\n\nafter\n\n".join(tracebacks)
