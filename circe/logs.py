"""Logs requests by route, status and ids, without personal data: no body, no query, no path, no name.

The address of the client is logged, as the audit trail keeps it: without it nobody could tell who attacks.
"""

import logging
import time
from collections.abc import Callable

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse
from whitenoise.middleware import WhiteNoiseFileResponse

from circe.api.errors import route_of
from tenants.audit.context import current_actor

logger = logging.getLogger("circe.access")


class RequestId(logging.Filter):
    """Adds the id of the current request to every record. Replaces path and query by the route in Django's own records."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = current_actor().request_id
        request = record.__dict__.pop("request", None)
        if isinstance(request, HttpRequest):
            status = record.__dict__.get("status_code")
            record.msg, record.args = "%s %s %s", (request.method, route_of(request), status)
        return True


class AccessLogMiddleware:
    """Logs a line for each request, except those for static files.

    It comes right after AuditMiddleware, which names the actor. So it sees also the requests that other middleware refuses.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        start = time.perf_counter()
        response = self.get_response(request)
        if not isinstance(response, WhiteNoiseFileResponse):
            actor, seconds = current_actor(), time.perf_counter() - start
            route = route_of(request)
            log_request(request.method, route, response.status_code, actor.address, seconds, user_id=actor.user_id)
        return response


def log_request(
    method: str | None,
    route: str | None,
    status: int,
    address: str | None,
    seconds: float,
    *,
    user_id: str | None = None,
) -> None:
    """Logs the line of a request, and counts it if METRICS_TOKEN is set. Method and route may be unknown."""
    fields = {
        "method": method,
        "route": route,
        "status": status,
        "milliseconds": round(seconds * 1000, 1),
        "user_id": user_id,
        "client_address": address,
    }
    if settings.METRICS_TOKEN:
        from circe.metrics import observe_pool, observe_request

        observe_request(method, route, status, seconds)
        if pool := connection.pool:
            observe_pool(pool.get_stats())
    logger.info("%(method)s %(route)s %(status)s", fields, extra=fields)
