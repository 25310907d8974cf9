"""The error pages of the back office. People who are signed in see its menu and header on them too."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from circe.api import errors


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answers a request for something that is not there."""
    return _show(request, errors.unknown_url(request, exception), errors.NOT_FOUND)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answers PermissionDenied that a page of the back office raised."""
    problem = errors.problem_for(exception) or errors.PERMISSION_DENIED
    return _show(request, errors.respond(request, problem), problem)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answers a form without a valid CSRF token."""
    return _show(request, errors.csrf_failure(request, reason), errors.CSRF_FAILED)


def _show(request: HttpRequest, response: HttpResponse, problem: errors.Problem) -> HttpResponse:
    """Returns the response, whose content is within the frame of the back office for those who are signed in to it."""
    if request.path_info.startswith("/admin/") and request.user.is_authenticated:
        context = admin.site.each_context(request) | {"title": problem.page_title, "problem": problem}
        response.content = render_to_string("admin/problem.html", context, request)
    return response
