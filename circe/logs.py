"""Logs requests by route, status and ids, without personal data: no body, no query, no path, no name."""

import logging
import time
import traceback
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from pythonjsonlogger.json import JsonFormatter

from circe.api.errors import route_of
from tenants.audit.context import current_actor

logger = logging.getLogger("circe.access")
# More exceptions of a chain (`raise … from …`) are not logged.
MAX_CHAINED_EXCEPTIONS = 10


class RequestId(logging.Filter):
    """Adds the id of the current request to every record. Replaces path and query by the route in Django's own records."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = current_actor().request_id
        request = record.__dict__.pop("request", None)
        if isinstance(request, HttpRequest):
            status = record.__dict__.get("status_code")
            record.msg, record.args = "%s %s %s", (request.method, route_of(request), status)
        return True


class RedactingFormatter(JsonFormatter):
    """Formats records as JSON lines. Omits the message of an exception, which may contain personal data."""

    def formatException(self, exc_info: Any) -> str:  # noqa: N802
        exception: BaseException | None = exc_info[1]
        tracebacks: list[str] = []
        while exception is not None and len(tracebacks) < MAX_CHAINED_EXCEPTIONS:
            stack = "".join(traceback.format_tb(exception.__traceback__))
            tracebacks.append(f"{stack}{type(exception).__module__}.{type(exception).__qualname__}")
            exception = exception.__cause__ or exception.__context__
        return "\n\nafter\n\n".join(tracebacks)


class AccessLogMiddleware:
    """Logs a line for each request. It comes after AuditMiddleware, which sets the current actor."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        start = time.perf_counter()
        response = self.get_response(request)
        fields = {
            "method": request.method,
            "route": route_of(request),
            "status": response.status_code,
            "milliseconds": round((time.perf_counter() - start) * 1000, 1),
            "user_id": current_actor().user_id,
        }
        logger.info("%(method)s %(route)s %(status)s", fields, extra=fields)
        return response
