"""Who may call what. Every viewset has one table, `roles = {"list": STAFF, …}`; what it does not name is closed."""

from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from tenants.models import Role

SUPER = frozenset({Role.SUPER_ADMIN})
ADMINS = SUPER | {Role.TENANT_ADMIN}
MANAGERS = ADMINS | {Role.OUTLET_MANAGER}
STAFF = MANAGERS | {Role.STAFF}
# For the requests that come before there is a token.
ANYONE = frozenset({*STAFF, "customer", None})


class HasRole(BasePermission):
    """The caller's role is in the view's table. Decided before any row is looked up."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if view.action in {None, "metadata"}:  # a method that the view does not have: a 405 for those who may know
            return bool(request.user.is_authenticated) or not view.authentication_classes
        return getattr(request.user, "role", None) in view.roles.get(view.action, ())
