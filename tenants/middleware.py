"""What surrounds every request: who acts, by the audit trail; and the door of people with a session, the Django admin."""

import datetime as dt
import re
import uuid
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.contrib.auth import middleware as auth
from django.contrib.messages import middleware as messages
from django.contrib.sessions import middleware as sessions
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.deprecation import MiddlewareMixin
from rest_framework.permissions import SAFE_METHODS

from circe.db.ids import is_id
from tenants.accounts.throttling import client_address
from tenants.audit.context import audit_context, set_audit_user
from tenants.audit.events import record_event
from tenants.models import User
from tenants.scope import enter_scope, tenant_scope


class SkipForApi(MiddlewareMixin):
    """A middleware of pages. The API has no session, nor what goes with one, and does not pay for it."""

    def __call__(self, request: HttpRequest) -> Any:
        return self.get_response(request) if request.path_info.startswith("/api/") else super().__call__(request)


class SessionMiddleware(SkipForApi, sessions.SessionMiddleware):
    """Django's, for pages."""


class AuthenticationMiddleware(SkipForApi, auth.AuthenticationMiddleware):
    """Django's, for pages."""


class MessageMiddleware(SkipForApi, messages.MessageMiddleware):
    """Django's, for pages."""


_request_id = re.compile(r"[A-Za-z0-9._-]{1,64}\Z").match


class AuditMiddleware:
    """Names the request in the audit trail and in the answer's `X-Request-ID`, by the one that it came with if that is
    sound. A write that a role does not allow is recorded: after the view, whose transaction was rolled back.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-ID", "")
        request_id = given if _request_id(given) else uuid.uuid4().hex
        with audit_context(request_id=request_id, address=client_address(request)):
            response = self.get_response(request)
            if response.status_code == HTTPStatus.FORBIDDEN and request.method not in SAFE_METHODS:
                _note_refusal(request)
        response["X-Request-ID"] = request_id
        return response


def _note_refusal(request: HttpRequest) -> None:
    # Nobody's name is looked for where the API has no view; who is nobody can't fill the trail.
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
    """Opens the scope of whoever is signed in to the admin, on the clock of their tenant, and closes every scope when
    the request ends.

    The API is not opened by a session: its door is TokenAuthentication.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with tenant_scope(None), timezone.override(None):
            return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> None:
        if request.resolver_match.app_name == "admin" and request.user.is_authenticated:
            tenant = request.user.tenant
            set_audit_user(request.user.pk)
            enter_scope(request.user.scope)
            timezone.activate(tenant.zone if tenant else dt.UTC)
