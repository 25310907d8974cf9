"""Queries about all tenants together on a cluster of Citus, which supports fewer kinds of statements for several nodes.

One PostgreSQL server never needs them: it answers the statements about all tenants as it does those about one.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from django.db import connection
from django.db.models import QuerySet

from circe.api.pagination import PagedQuery
from circe.db.ids import is_id
from tenants.scope import ALL_TENANTS, Scope, Tenant, enter_scope, scope_spans_nodes, tenant_scope


@dataclass(frozen=True)
class TenantById:
    """A tenant of whom only the id is known, which is enough to read rows. The id may be NO_TENANT."""

    pk: str


def narrow_scope_on_cluster(rows: QuerySet[Any, Any], pk: str) -> None:
    """Opens the scope of the tenant of the row with this id, if all tenants are in scope and their rows lie on a cluster.

    For a request that names a row, and whose answer has only rows of this tenant. A cluster can lock rows only in the scope
    of one tenant.
    """
    if not (scope_spans_nodes() and is_id(pk)):
        return
    if row := rows.select_related("tenant").filter(pk=pk, tenant__isnull=False).first():
        enter_scope(row.tenant)


def page_of_ids(
    rows: str, params: tuple[Any, ...], order: str, start: int, stop: int, *, known_total: int | None = None
) -> tuple[list[str], int]:
    """Returns the ids of a page of the rows that a SELECT finds, and the number of all rows.

    `rows` is the SELECT. Its first column is the id. `order` may name its columns, and `found_count`, the
    number of all rows. Each node counts its rows, and sends the first `stop` of them.
    """
    total = known_total
    with connection.cursor() as cursor:
        if total is None:
            cursor.execute(f"SELECT count(*) FROM ({rows}) AS found", params)  # noqa: S608
            ((total,),) = cursor.fetchall()
        found = f"SELECT *, %s::bigint AS found_count FROM ({rows}) AS one"  # noqa: S608
        sql = f"SELECT * FROM ({found}) AS found ORDER BY {order} OFFSET %s LIMIT %s"  # noqa: S608
        cursor.execute(sql, [total, *params, start, stop - start])
        return [row[0] for row in cursor.fetchall()], total


def read_by_ids(rows: QuerySet[Any, Any], ids: Sequence[Any]) -> dict[Any, Any]:
    """Returns the rows with these ids, by id. On a cluster one statement for each tenant reads them.

    Each statement names the tenant of the scope in which it is sent, so that it may join and correlate all tables.
    """
    if not (scope_spans_nodes() and hasattr(rows.model, "tenant_id")):
        return rows.in_bulk(ids)
    found: dict[Any, Any] = {}
    for scope, own in _ids_by_scope(rows, ids):
        with tenant_scope(scope):
            found |= rows.in_bulk(own)
    return found


def read_by_tenant(rows: QuerySet[Any, Any], ids: Sequence[Any]) -> list[Any]:
    """Returns the rows of the queryset, which have these ids, in its order. On a cluster they are read, and locked, tenant
    by tenant: the order of the tenants' ids comes first.
    """
    if not scope_spans_nodes():
        return list(rows)
    found: list[Any] = []
    for scope, own in _ids_by_scope(rows, ids):
        with tenant_scope(scope):
            found += rows.filter(pk__in=own)
    return found


def _ids_by_scope(rows: QuerySet[Any, Any], ids: Sequence[Any]) -> list[tuple[Scope, list[Any]]]:
    """Returns the scope of each tenant and the ids of its rows, in the order of the tenants."""
    ids_by_tenant = defaultdict(list)
    # The default manager, since the queryset may hold what a statement about all tenants can't.
    for pk, tenant_id in rows.model._default_manager.filter(pk__in=ids).order_by().values_list("pk", "tenant_id"):
        ids_by_tenant[tenant_id].append(pk)
    return [
        # The account of a super_admin has no tenant.
        (cast("Tenant", TenantById(tenant_id)) if tenant_id else ALL_TENANTS, ids_by_tenant[tenant_id])
        for tenant_id in sorted(ids_by_tenant, key=str)
    ]


class RowsByIds(PagedQuery):
    """The rows of a queryset. One statement finds the ids of a page, and `read_by_ids` reads the rows."""

    def __init__(self, rows: QuerySet[Any, Any]) -> None:
        self.rows = rows

    def page(self, start: int, stop: int) -> tuple[list[Any], int]:
        ids = [*self.rows.values_list("pk", flat=True)[start:stop]]
        by_id = read_by_ids(self.rows, ids)
        return [by_id[pk] for pk in ids if pk in by_id], self.rows.count()
