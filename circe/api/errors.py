"""Turns every error of the API into one shape: problem details for HTTP APIs (RFC 9457).

The shape is `{"type", "title", "status", "detail", "code"}`: `detail` is a sentence for a person, `code` a stable word for
programs. If fields are not valid, it has `errors` too: `[{"field", "code", "detail"}]`, at most MAX_FIELD_ERRORS of them.
The name of a nested field is its path, joined by dots.
"""

import logging
import math
import sys
from collections.abc import Callable, Iterator
from http import HTTPStatus
from itertools import islice
from typing import Any, NamedTuple

import orjson
from django.conf import settings
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation, ValidationError
from django.db import DataError, IntegrityError, InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, UnreadablePostError
from django.template.loader import render_to_string
from django.views.decorators.csrf import csrf_exempt
from psycopg import errors as postgres
from psycopg_pool import PoolTimeout
from rest_framework import exceptions
from rest_framework.fields import get_error_detail
from rest_framework.response import Response

from circe.api.chunked import BodyTooLarge
from circe.api.conflicts import ConflictError
from circe.api.parsing import JSONBodyTooLarge, content_length, is_utf8
from circe.db.server_kind import is_lost_node

logger = logging.getLogger(__name__)

CONTENT_TYPE = "application/problem+json"
DATABASE_ERRORS = (OperationalError, InterfaceError, PoolTimeout)
RETRY_AFTER_SECONDS = 2
MAX_FIELD_ERRORS = 100


PAGE_TITLES = {
    403: "You may not do this",
    404: "There is no such page",
    500: "Something went wrong",
    503: "Not available at the moment",
}


class Problem(NamedTuple):
    """An error as the API answers it."""

    status: int
    code: str
    detail: str
    extra: dict[str, Any] = {}
    headers: dict[str, str] = {}

    @property
    def body(self) -> dict[str, Any]:
        return {
            "type": f"urn:circe:problem:{self.code}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            **self.extra,
        }

    def as_response(self) -> HttpResponse:
        """Returns the response for use outside Django REST framework."""
        return HttpResponse(orjson.dumps(self.body), CONTENT_TYPE, self.status, headers=self.headers)

    @property
    def page_title(self) -> str:
        """The title of a page about the problem, in words for people."""
        return PAGE_TITLES.get(self.status, "That did not work")

    def as_page(self) -> HttpResponse:
        """Returns the response as a page. It needs no database."""
        return HttpResponse(
            render_to_string("problem.html", {"problem": self}), status=self.status, headers=self.headers
        )


NOT_FOUND = Problem(404, "not_found", "There is nothing at this address.")
NOT_UTF8 = Problem(400, "malformed", "The address holds bytes that are not UTF-8. Encode its text as UTF-8.")
INCOMPLETE_BODY = Problem(400, "malformed", "The body did not arrive whole.")
LENGTH_REQUIRED = Problem(411, "length_required", "Send the body with a Content-Length, not in chunks.")
BODY_TOO_LARGE = Problem(
    413,
    JSONBodyTooLarge.default_code,
    f"A request holds at most {settings.MAX_BODY_BYTES // 1024**2} MB. Split a file of customers that is larger, or have it "
    "imported by import_customers.",
    # The server does not read the rest of the body, so the connection can't be used again.
    headers={"Connection": "close"},
)
PERMISSION_DENIED = Problem(403, "permission_denied", "Your role does not allow this.")
CSRF_FAILED = Problem(
    403, "csrf_failed", "This page was open for too long, or cookies are blocked. Go back, reload it and try again."
)
UNAVAILABLE = Problem(
    503,
    "unavailable",
    "The database is away or too slow. Try again in a moment.",
    headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
)
INTERNAL_ERROR = Problem(500, "internal_error", "Something went wrong on our side. It has been logged.")


def problem_for(exc: BaseException) -> Problem | None:
    """Returns the problem for an exception, None for an unexpected one."""
    match exc:
        case Http404() | exceptions.NotFound():
            return NOT_FOUND
        case PermissionDenied() | exceptions.PermissionDenied():
            return PERMISSION_DENIED._replace(detail=str(getattr(exc, "detail", PERMISSION_DENIED.detail)))
        case ValidationError():
            return problem_for(exceptions.ValidationError(get_error_detail(exc)))
        case exceptions.ValidationError():
            errors = list(islice(_flatten_errors(exc.detail), MAX_FIELD_ERRORS))
            return Problem(400, "invalid", _join_errors(errors), {"errors": errors})
        case exceptions.APIException():
            code = "malformed" if isinstance(exc, exceptions.ParseError) else str(exc.get_codes())
            return Problem(exc.status_code, code, str(exc.detail), headers=_headers(exc))
        case ConflictError():
            return Problem(409, exc.code, str(exc), exc.details)
        case IntegrityError(__cause__=postgres.ExclusionViolation()):
            return Problem(409, "overlap", "It overlaps with what is there.")
        case IntegrityError():
            return Problem(409, "conflict", "It contradicts what has been stored meanwhile.")
        case DataError():
            return Problem(400, "invalid", "A value is out of range.")
        case BodyTooLarge():
            return BODY_TOO_LARGE
        case RequestDataTooBig():
            return Problem(413, JSONBodyTooLarge.default_code, JSONBodyTooLarge.default_detail)
        case SuspiciousOperation():
            return Problem(400, "malformed", "The request is malformed.")
        case UnreadablePostError():
            return INCOMPLETE_BODY
        case _ if isinstance(exc, DATABASE_ERRORS) or is_lost_node(exc):
            logger.error("The database is away or too slow: %s", exc)
            return UNAVAILABLE
    return None


def _flatten_errors(detail: Any, path: str = "") -> Iterator[dict[str, str]]:
    """Yields the errors of a serializer or a filter set as a flat list."""
    if isinstance(detail, dict):
        for key, value in detail.items():
            names = [path, "" if key == "non_field_errors" else str(key)]
            yield from _flatten_errors(value, ".".join(name for name in names if name))
    elif isinstance(detail, list):
        for value in detail:
            yield from _flatten_errors(value, path)
    else:
        yield {"field": path or "body", "code": detail.code, "detail": str(detail)}


def _join_errors(errors: list[dict[str, str]]) -> str:
    return " ".join(f"{error['field']}: {error['detail']}" for error in errors[:3])


def _headers(exc: exceptions.APIException) -> dict[str, str]:
    headers = {}
    if getattr(exc, "auth_header", None):
        headers["WWW-Authenticate"] = exc.auth_header
    if getattr(exc, "wait", None):
        headers["Retry-After"] = str(math.ceil(exc.wait))
    return headers


def handle_exception(exc: Exception, context: dict[str, Any]) -> Response | None:
    """Returns the response for an exception. This is the EXCEPTION_HANDLER of Django REST framework."""
    problem = problem_for(exc)
    if problem is None:
        return None
    return Response(problem.body, problem.status, headers=problem.headers, content_type=CONTENT_TYPE)


def _is_back_office(request: HttpRequest) -> bool:
    return request.path_info.startswith("/admin/")


def _is_for_people(request: HttpRequest) -> bool:
    """Returns whether a person reads the answer: in the back office, on the portal's pages, and where a client asks for
    HTML outside the API.
    """
    asks_for_page = "text/html" in request.headers.get("Accept", "") and not request.path_info.startswith("/api/")
    return _is_back_office(request) or request.path_info.startswith("/portal/") or asks_for_page


class ProblemMiddleware:
    """Answers errors outside the view: a body that is too long or of unknown length, an address that is not UTF-8, a
    failed transaction, a crash.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if "HTTP_TRANSFER_ENCODING" in request.META and not request.META.get("CONTENT_LENGTH"):
            # The server does not tell where the body ends (`circe.api.chunked`). Django would read an empty one, and a PUT
            # would change nothing and answer 200.
            return LENGTH_REQUIRED.as_response()
        if (content_length(request) or 0) > settings.MAX_BODY_BYTES:
            return respond(request, BODY_TOO_LARGE)
        if not is_utf8(request):
            return respond(request, NOT_UTF8)
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exc: Exception) -> HttpResponse | None:
        problem = problem_for(exc)
        if _is_back_office(request):
            # The pages show a conflict themselves, except one that PostgreSQL reports at COMMIT.
            expected = {HTTPStatus.CONFLICT, HTTPStatus.SERVICE_UNAVAILABLE}
            return problem.as_page() if problem and problem.status in expected else None
        if problem is None:
            logger.exception("%s %s crashed", request.method, route_of(request), exc_info=exc)
        return respond(request, problem or INTERNAL_ERROR)


def route_of(request: HttpRequest) -> str | None:
    """Returns the request's route, or None where no URL matched. Its path may hold an id or a client's text."""
    return request.resolver_match.route if request.resolver_match else None


def respond(request: HttpRequest, problem: Problem) -> HttpResponse:
    """Returns the response for an error outside a view: a page for people, JSON for programs."""
    return problem.as_page() if _is_for_people(request) else problem.as_response()


# Exempt from the CSRF check, whose failure would be a page instead of JSON.
@csrf_exempt
def unknown_url(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answers a request whose URL matches no route."""
    return respond(request, NOT_FOUND)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answers a form without a valid CSRF token."""
    return respond(request, CSRF_FAILED)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answers a request that Django refused before the view, because of a wrong host or a body that is too long."""
    return respond(request, problem_for(exception) or Problem(400, "malformed", "The request is malformed."))


def internal_error(request: HttpRequest) -> HttpResponse:
    """Answers an exception outside the view, such as one of the database when the session is read."""
    problem = problem_for(sys.exception() or Exception())
    return respond(request, problem if problem and problem.status == HTTPStatus.SERVICE_UNAVAILABLE else INTERNAL_ERROR)
