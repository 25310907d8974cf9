"""What is logged of a request: no body, no query, no path, no name; ids that lead to the audit trail."""

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


class RequestId(logging.Filter):
    """Adds the request's id to every record logged while it is answered. Where Django names the request by its path, and
    adds it with its query, the route is named instead.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = current_actor().request_id
        request = record.__dict__.pop("request", None)
        if isinstance(request, HttpRequest):
            status = record.__dict__.get("status_code")
            record.msg, record.args = "%s %s %s", (request.method, route_of(request), status)
        return True


class DiscreetFormatter(JsonFormatter):
    """JSON lines; of an exception the kind and the stack, not the message, which may quote what somebody typed."""

    def formatException(self, exc_info: Any) -> str:  # noqa: N802
        exception: BaseException | None = exc_info[1]
        parts: list[str] = []
        while exception is not None and len(parts) < 10:
            stack = "".join(traceback.format_tb(exception.__traceback__))
            parts.append(f"{stack}{type(exception).__module__}.{type(exception).__qualname__}")
            exception = exception.__cause__ or exception.__context__
        return "\n\nafter\n\n".join(parts)


class AccessLogMiddleware:
    """A line for each request, by its route. Inside AuditMiddleware."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        begun = time.perf_counter()
        response = self.get_response(request)
        told = {
            "method": request.method,
            "route": route_of(request),
            "status": response.status_code,
            "milliseconds": round((time.perf_counter() - begun) * 1000, 1),
            "user_id": current_actor().user_id,
        }
        logger.info("%(method)s %(route)s %(status)s", told, extra=told)
        return response
