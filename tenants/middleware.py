"""The door of people with a session: the Django admin."""

import datetime as dt
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from tenants.scope import EVERY_TENANT, enter_scope, tenant_scope


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
            enter_scope(tenant or EVERY_TENANT)
            timezone.activate(tenant.zone if tenant else dt.UTC)
