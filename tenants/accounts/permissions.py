"""Checks the caller's role. Each viewset says `roles = {"list": STAFF, …}`; an action that it does not name is closed."""

from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from tenants.models import Role

SUPER = frozenset({Role.SUPER_ADMIN})
ADMINS = SUPER | {Role.TENANT_ADMIN}
MANAGERS = ADMINS | {Role.OUTLET_MANAGER}
STAFF = MANAGERS | {Role.STAFF}
# Customers who are signed in to the portal.
CUSTOMER = frozenset({"customer"})
# For requests without a token, such as log-in.
ANYONE = STAFF | {None}


class HasRole(BasePermission):
    """Allows a caller whose role is in the view's `roles`. It is checked before any row is read."""

    def has_permission(self, request: Request, view: Any) -> bool:
        # The view does not have the method. The answer is a 405, and without a token that the view needs a 401.
        if view.action in {None, "metadata"}:
            return bool(request.user.is_authenticated) or not view.authentication_classes
        return getattr(request.user, "role", None) in view.roles.get(view.action, ())
