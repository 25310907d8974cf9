"""Adds security headers to every response, besides those of Django's own middleware."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.middleware.common import CommonMiddleware

from circe.health import HEALTH_CHECK_PATHS

# Pages load scripts and styles from our own files only; inline styles are allowed.
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
DATA_POLICY = "default-src 'none'; frame-ancestors 'none'"


class HeadersMiddleware:
    """Adds a Content-Security-Policy, and forbids caches to store personal data."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        is_page = response.get("Content-Type", "").startswith("text/html")
        response.setdefault("Content-Security-Policy", PAGE_POLICY if is_page else DATA_POLICY)
        response.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
        if request.path_info.startswith(("/api/", "/admin/")):
            response["Cache-Control"] = "private, no-store"
        return response


class HostMiddleware(CommonMiddleware):
    """Refuses a Host header that is not in ALLOWED_HOSTS, by Django's CommonMiddleware. Accepts any in a health check.

    The Host header of a load balancer's health check is an IP address.
    """

    def process_request(self, request: HttpRequest) -> Any:
        return None if request.path_info in HEALTH_CHECK_PATHS else super().process_request(request)
