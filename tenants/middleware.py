"""Middleware: the audit context of each request, and the sign-in of the back office by a session."""

import datetime as dt
import re
import uuid
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.contrib.auth import middleware as auth
from django.contrib.messages import middleware as messages
from django.contrib.sessions import middleware as sessions
from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation
from django.utils.deprecation import MiddlewareMixin
from rest_framework.permissions import SAFE_METHODS

from circe.backoffice.regional import language_code
from circe.db.ids import is_id
from tenants.accounts.throttling import client_address
from tenants.audit.context import audit_context, set_audit_user
from tenants.audit.events import record_event
from tenants.models import User
from tenants.scope import enter_scope, tenant_scope


class SkipForApi(MiddlewareMixin):
    """Skips a middleware for the API, which has no session and should not pay for one."""

    def __call__(self, request: HttpRequest) -> Any:
        return self.get_response(request) if request.path_info.startswith("/api/") else super().__call__(request)


class SessionMiddleware(SkipForApi, sessions.SessionMiddleware):
    """Django's middleware, for pages only."""


class AuthenticationMiddleware(SkipForApi, auth.AuthenticationMiddleware):
    """Django's middleware, for pages only."""


class MessageMiddleware(SkipForApi, messages.MessageMiddleware):
    """Django's middleware, for pages only."""


_is_valid_request_id = re.compile(r"[A-Za-z0-9._-]{1,64}\Z").match


class AuditMiddleware:
    """Gives each request an id, for the audit trail and the response header `X-Request-ID`.

    It uses the request's own `X-Request-ID` if that is well-formed. It records a write that was forbidden. It does so after
    the view, whose transaction was rolled back.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # `request.headers` would make a dict of all headers, which most requests do not need.
        given = request.META.get("HTTP_X_REQUEST_ID", "")
        request_id = given if _is_valid_request_id(given) else uuid.uuid4().hex
        with audit_context(request_id=request_id, address=client_address(request)):
            response = self.get_response(request)
            if response.status_code == HTTPStatus.FORBIDDEN and request.method not in SAFE_METHODS:
                _record_refusal(request)
        response["X-Request-ID"] = request_id
        return response


def _record_refusal(request: HttpRequest) -> None:
    # Only known accounts are recorded, so that nobody else can fill the audit trail.
    user = getattr(request, "user", None)
    if not isinstance(user, User):
        return
    ids = {name: value for name, value in request.resolver_match.kwargs.items() if is_id(value)}
    record_event(
        "refused",
        table=str(request.resolver_match.url_name),
        row_id=next(iter(ids.values()), None),
        customer_id=ids.get("customer_id"),
        tenant_id=user.tenant_id,
        method=request.method,
        route=request.resolver_match.route,
    )


class TenantScopeMiddleware:
    """Opens the scope, the time zone and the formats of the person who is signed in to the back office.

    Closes every scope at the end. A session opens no scope for the API: TokenAuthentication does.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with tenant_scope(None):
            # Only pages activate a time zone or a language, so the API need not reset them.
            if request.path_info.startswith("/api/"):
                return self.get_response(request)
            with timezone.override(None), translation.override(settings.LANGUAGE_CODE):
                return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> None:
        if request.resolver_match.app_name == "admin" and request.user.is_authenticated:
            tenant = request.user.tenant
            set_audit_user(request.user.pk)
            enter_scope(request.user.scope)
            timezone.activate(tenant.zone if tenant else dt.UTC)
            if tenant:
                translation.activate(language_code(tenant.phone_region, tenant.language))
