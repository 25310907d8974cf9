"""What is logged of a request: no body, no query, no name; ids that lead to the audit trail."""

import logging
import time
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from tenants.actor import current_actor

logger = logging.getLogger("circe.access")


class RequestId(logging.Filter):
    """Adds the request's id to every record logged while it is answered."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = current_actor().request_id
        return True


class AccessLogMiddleware:
    """A line for each request, by its route: a path can hold an id, a query a name. Inside AuditMiddleware."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        begun = time.perf_counter()
        response = self.get_response(request)
        told = {
            "method": request.method,
            "route": request.resolver_match.route if request.resolver_match else None,
            "status": response.status_code,
            "milliseconds": round((time.perf_counter() - begun) * 1000, 1),
            "user_id": current_actor().user_id,
        }
        logger.info("%(method)s %(route)s %(status)s", told, extra=told)
        return response
