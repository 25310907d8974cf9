"""The tenant boundary: which business's rows the code that runs now may see.

A scope is one Tenant, or ALL_TENANTS for a super_admin. Two doors open it: `authentication.TokenAuthentication` for the
API and `middleware.TenantScopeMiddleware` for the admin; commands and tests write `with tenant_scope(tenant):`. Outside
a scope no query on a tenant's table runs: it raises NoTenantScope.

There are two walls, and either holds alone: `TenantManager` here, and the policies of `circe.db.row_level_security` in the database,
which learns of the scope with each statement (`circe.db.session_settings`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from django.core.exceptions import FullResultSet
from django.db import models
from django.db.models.expressions import Func

if TYPE_CHECKING:
    from tenants.models import Tenant


class AllTenants:
    """The type of ALL_TENANTS, the scope of a super_admin who has not narrowed it."""


ALL_TENANTS: Final = AllTenants()

Scope: TypeAlias = "Tenant | AllTenants"

_scope: ContextVar["Scope | None"] = ContextVar("tenant_scope")
_account_looked_up: ContextVar[str | None] = ContextVar("door", default=None)
# What the database's wall lets through before any scope was opened or closed. Tests reach over it, see conftest.py.
BEFORE_ANY: "Scope | None" = None


class NoTenantScope(RuntimeError):
    """A tenant's table was asked before anyone said for which tenant."""


class CrossTenantWrite(RuntimeError):
    """A row of one tenant was about to be written in the scope of another."""


def opened_scope() -> "Scope | None":
    """The scope in force, None outside any."""
    return _scope.get(None)


def current_scope() -> Scope:
    """The scope in force. Raises NoTenantScope outside any."""
    scope = opened_scope()
    if scope is None:
        raise NoTenantScope("No tenant scope is open: write `with tenant_scope(tenant):`.")
    return scope


def current_tenant() -> "Tenant | None":
    """The one tenant in force, None in the scope of every tenant. Raises NoTenantScope outside any."""
    scope = current_scope()
    return None if isinstance(scope, AllTenants) else scope


def current_tenant_id() -> str | None:
    """The id of `current_tenant()`: what a new row's tenant is when nobody says."""
    tenant = current_tenant()
    return tenant.pk if tenant else None


@contextmanager
def tenant_scope(scope: "Scope | None") -> Iterator[None]:
    """Open `scope` for a block; whatever is opened inside ends with it. None closes the scope."""
    token = _scope.set(scope)
    try:
        yield
    finally:
        _scope.reset(token)


def enter_scope(scope: Scope) -> None:
    """Open `scope` until the enclosing `tenant_scope` block ends. For the doors, whose block is the whole request."""
    _scope.set(scope)


@contextmanager
def account_lookup(account: str) -> Iterator[None]:
    """The block may look up one account, by its id or e-mail address, and businesses: signing in comes before the scope.

    The wall in the database lets nothing else through.
    """
    token = _account_looked_up.set(account)
    try:
        yield
    finally:
        _account_looked_up.reset(token)


def reach() -> str:
    """What the database's wall is told: a tenant's id, `*`, `@` and the account at the door, or nothing."""
    if door := _account_looked_up.get():
        return f"@{door}"
    scope = _scope.get(BEFORE_ANY)
    if scope is None:
        return ""
    return "*" if isinstance(scope, AllTenants) else scope.pk


class TenantFilter(Func):
    """A condition: the row's tenant is in scope. Resolved when the SQL is compiled, so a class-level queryset is safe."""

    output_field = models.BooleanField()
    arity = 1

    def as_sql(self, compiler: Any, connection: Any, **kwargs: Any) -> tuple[str, list[Any]]:
        scope = current_scope()
        if isinstance(scope, AllTenants):
            raise FullResultSet
        sql, params = compiler.compile(self.source_expressions[0])
        return f"{sql} = %s", [*params, scope.pk]


class TenantManager(models.Manager):
    """The default manager of every tenant's table: the rows in scope, and no others."""

    def get_queryset(self) -> models.QuerySet:
        return super().get_queryset().filter(TenantFilter("tenant_id"))
