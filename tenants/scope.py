"""The tenant boundary: which tenant's rows the running code may see.

A scope is one Tenant, one customer of a tenant (CustomerScope), or ALL_TENANTS for a super_admin. The authentication
classes of the API open it, and `TenantScopeMiddleware` does for the back office. In the portal, the views without
authentication and the pages open the scope of the tenant that their URL names. Commands and tests write
`with tenant_scope(tenant):`. Without a scope, every query on a tenant's table raises NoTenantScope.

Two mechanisms enforce the boundary, and each is sufficient without the other. `TenantManager` adds the tenant to every
query. The row-level security policies (`circe.db.row_level_security`) filter in the database by the setting that
`tenant_setting` gives.
"""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeAlias, cast

from django.core.exceptions import FullResultSet
from django.db import models
from django.db.models.expressions import Func

from circe.db.ids import IdField
from circe.db.prepared import Parameter, Scopes
from circe.db.server_kind import is_cluster


class Tenant(Protocol):
    """The attributes of `tenants.models.Tenant`, for code that may not import the models."""

    pk: str
    slug: str
    currency: str
    language: str
    phone_region: str

    @property
    def zone(self) -> dt.tzinfo: ...


class AllTenants:
    """The type of ALL_TENANTS, the scope of a super_admin who has not chosen one tenant."""


ALL_TENANTS: Final = AllTenants()
# The tenant_id of an event or a record that belongs to no tenant, such as an event about a super_admin. No tenant has this
# id. It is not NULL, since the column is part of the primary key.
NO_TENANT: Final = "0" * 24


@dataclass(frozen=True)
class CustomerScope:
    """The scope of a customer who is signed in to the portal: their own rows, and what their tenant makes public."""

    tenant: Tenant
    customer_id: str


Scope: TypeAlias = Tenant | CustomerScope | AllTenants

_scope: ContextVar[Scope | None] = ContextVar("tenant_scope")
_account_looked_up: ContextVar[str | None] = ContextVar("account_looked_up", default=None)


class NoTenantScope(RuntimeError):
    """A query on a tenant's table ran without a scope."""


class CrossTenantWrite(RuntimeError):
    """Code tried to save a row of a tenant, or of a customer, that is not in scope."""


def scope_or_none() -> Scope | None:
    """Returns the open scope, or None."""
    return _scope.get(None)


def current_scope() -> Scope:
    """Returns the open scope. Raises NoTenantScope where there is none."""
    scope = scope_or_none()
    if scope is None:
        raise NoTenantScope("No tenant scope is open: write `with tenant_scope(tenant):`.")
    return scope


def scope_spans_nodes() -> bool:
    """Returns whether all tenants are in scope, and their rows lie on the nodes of a cluster (`tenants.cluster_queries`)."""
    return isinstance(current_scope(), AllTenants) and is_cluster()


def current_tenant() -> Tenant | None:
    """Returns the tenant in scope, None in ALL_TENANTS. Raises NoTenantScope without a scope."""
    scope = current_scope()
    if isinstance(scope, CustomerScope):
        return scope.tenant
    return None if isinstance(scope, AllTenants) else scope


def current_tenant_id() -> str | None:
    """Returns the id of `current_tenant()`: the default tenant of a new row."""
    tenant = current_tenant()
    return tenant.pk if tenant else None


def current_tenant_id_or_no_tenant() -> str:
    """Returns the id of the tenant in scope, or NO_TENANT in ALL_TENANTS."""
    return current_tenant_id() or NO_TENANT


def current_zone() -> dt.tzinfo:
    """Returns the time zone of the tenant in scope, or UTC in ALL_TENANTS. Raises NoTenantScope without a scope."""
    tenant = current_tenant()
    return tenant.zone if tenant else dt.UTC


@contextmanager
def tenant_scope(scope: Scope | None) -> Iterator[None]:
    """Opens `scope` for the block. Scopes that the block enters end with it. None closes the scope."""
    token = _scope.set(scope)
    try:
        yield
    finally:
        _scope.reset(token)


def enter_scope(scope: Scope) -> None:
    """Opens `scope` until the enclosing `tenant_scope` block ends. In a request this is its end: a middleware has opened
    the block.
    """
    _scope.set(scope)


def narrow_from_all_tenants(tenant: Tenant) -> None:
    """Opens the scope of `tenant`, as `enter_scope` does, where all tenants are in scope. Any other scope stays."""
    if isinstance(current_scope(), AllTenants):
        enter_scope(tenant)


@contextmanager
def whole_business() -> Iterator[None]:
    """Opens the scope of the whole business for the block, where a customer is in scope. Any other scope stays.

    It is for a query that a customer's request needs and whose answer tells nothing of other customers, such as who is
    free when.
    """
    scope = current_scope()
    with tenant_scope(scope.tenant if isinstance(scope, CustomerScope) else scope):
        yield


@contextmanager
def account_lookup(id_or_email: str) -> Iterator[None]:
    """Lets the block read one user, by id or e-mail address, and every tenant, before a scope is known.

    Row-level security shows no other row to the block.
    """
    token = _account_looked_up.set(id_or_email)
    try:
        yield
    finally:
        _account_looked_up.reset(token)


def tenant_setting() -> str:
    """Returns the value of the database setting `circe.tenant`, by which the row-level security policies filter.

    It is a tenant's id; a tenant's id, `/` and a customer's id; `*` for all tenants; `@` and the account that is looked up;
    or "" without a scope.
    """
    if account := _account_looked_up.get():
        return f"@{account}"
    scope = scope_or_none()
    if scope is None:
        return ""
    if isinstance(scope, CustomerScope):
        return f"{scope.tenant.pk}/{scope.customer_id}"
    return "*" if isinstance(scope, AllTenants) else scope.pk


class TenantFilter(Func):
    """The condition that the row is in scope. It reads the scope when the SQL is compiled.

    Its arguments are the columns with the ids of the tenant and of the customer to whom the row belongs. If a customer is
    in scope, it compares both. If `is_public`, it compares the tenant alone. Without the second column and without
    `is_public` it is false.
    """

    output_field = models.BooleanField()

    def __init__(self, *columns: Any, is_public: bool = False, **extra: Any) -> None:
        super().__init__(*columns, **extra)
        self.is_public = is_public

    def as_sql(self, compiler: Any, connection: Any, **kwargs: Any) -> tuple[str, list[Any]]:
        scope = current_scope()
        if isinstance(scope, AllTenants):
            raise FullResultSet
        if not isinstance(scope, CustomerScope):
            values = [scope.pk]
        elif self.is_public or len(self.source_expressions) > 1:
            values = [scope.tenant.pk, scope.customer_id][: 1 if self.is_public else 2]
        else:
            # Not EmptyResultSet: prepared queries are compiled for every scope.
            return "false", []
        conditions, params = list[str](), list[Any]()
        for column, value in zip(self.source_expressions, values, strict=False):
            sql, column_params = compiler.compile(column)
            conditions.append(f"{sql} = %s")
            params += [*column_params, value]
        return " AND ".join(conditions), params


def build_scope_condition(model: type[models.Model]) -> TenantFilter:
    """Returns the condition that a row of the model is in scope."""
    customer_column = getattr(model, "customer_column", None)
    columns = ["tenant_id", *([customer_column] if customer_column else [])]
    return TenantFilter(*columns, is_public=getattr(model, "is_public", False))


class TenantManager(models.Manager):
    """The default manager of every tenant's table. Its querysets hold only rows in scope.

    If a customer is in scope, these are the rows whose `customer_column` has the customer's id. If the model `is_public`,
    they are all rows of the tenant. For a model with neither there are none.
    """

    def get_queryset(self) -> models.QuerySet:
        return super().get_queryset().filter(build_scope_condition(self.model))


class TenantPlaceholder:
    """The scope in which prepared queries are compiled for one tenant: their text has a Parameter for the tenant's id."""

    pk = Parameter("tenant_in_scope", IdField())


CUSTOMER_PLACEHOLDER = Parameter("customer_in_scope", IdField())


def name_current_scope() -> tuple[str, dict[str, Any]]:
    """Returns the name of the open scope in PREPARED_SCOPES and its ids. Raises NoTenantScope without a scope."""
    scope = current_scope()
    if isinstance(scope, AllTenants):
        return "all_tenants", {}
    if isinstance(scope, CustomerScope):
        return "one_customer", {
            TenantPlaceholder.pk.name: scope.tenant.pk,
            CUSTOMER_PLACEHOLDER.name: scope.customer_id,
        }
    return "one_tenant", {TenantPlaceholder.pk.name: scope.pk}


PREPARED_SCOPES = Scopes(
    name_current_scope,
    {
        "one_tenant": lambda: tenant_scope(cast("Scope", TenantPlaceholder)),
        "one_customer": lambda: tenant_scope(
            CustomerScope(cast("Tenant", TenantPlaceholder), cast("str", CUSTOMER_PLACEHOLDER))
        ),
        "all_tenants": lambda: tenant_scope(ALL_TENANTS),
    },
)
