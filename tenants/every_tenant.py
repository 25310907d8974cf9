"""Queries about all tenants together on a cluster of Citus, which takes fewer kinds of statements there than about one tenant.

One PostgreSQL server never needs them: it answers the statements about all tenants as it does those about one.
"""

from typing import Any

from django.db import connection

from circe.db.server_kind import CLUSTER_SESSIONS
from tenants.scope import AllTenants, current_scope


def is_spread_over_nodes() -> bool:
    """Returns whether all tenants are in scope, and their rows lie on the nodes of a cluster."""
    if not isinstance(current_scope(), AllTenants):
        return False
    connection.ensure_connection()
    return connection.connection in CLUSTER_SESSIONS


def page_of_ids(
    rows: str, params: tuple[Any, ...], order: str, start: int, stop: int, *, known_total: int | None = None
) -> tuple[list[str], int]:
    """Returns the ids of a page of the rows that a SELECT finds, and the number of all rows.

    Its first column is the id. `order` names its columns, and the `number` of all rows. Each node counts its rows, and sends
    the first `stop` of them.
    """
    total = known_total
    with connection.cursor() as cursor:
        if total is None:
            cursor.execute(f"SELECT count(*) FROM ({rows}) AS found", params)  # noqa: S608
            ((total,),) = cursor.fetchall()
        found = f"SELECT *, %s::bigint AS number FROM ({rows}) AS one"  # noqa: S608
        sql = f"SELECT * FROM ({found}) AS found ORDER BY {order} OFFSET %s LIMIT %s"  # noqa: S608
        cursor.execute(sql, [total, *params, start, stop - start])
        return [row[0] for row in cursor.fetchall()], total
