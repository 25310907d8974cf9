"""What the database learns with each statement: whose rows it may reach, and who acts.

Both go in front of the statement, in the same message and so in the same round trip, and end with its transaction. They
are said anew each time: what was said before may have been undone by a savepoint, or be that of another scope.
"""

import re
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import ServerCursor

from tenants.audit.context import current_actor
from tenants.scope import reach

SET_LOCAL = "SET LOCAL circe.tenant = %s; SET LOCAL circe.actor = %s;"
# These read no rows of a tenant, and some must be alone in their message.
_is_utility = re.compile(
    r"\s*(SAVEPOINT|RELEASE|ROLLBACK|SET|RESET|SHOW|CREATE|ALTER|DROP|COMMENT|GRANT|REVOKE|TRUNCATE|LOCK|ANALYZE|VACUUM)\b",
    re.IGNORECASE,
).match


def install(*, connection: BaseDatabaseWrapper, **kwargs: Any) -> None:
    """Have every statement on a new connection introduced."""
    if _with_session_settings not in connection.execute_wrappers:
        connection.execute_wrappers.append(_with_session_settings)


def _with_session_settings(
    execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: dict[str, Any]
) -> Any:
    if isinstance(sql, str) and _is_utility(sql):
        return execute(sql, params, many, context)
    connection, cursor = context["connection"], context["cursor"].cursor
    whom_and_who = [reach(), current_actor().as_json]
    if many or not isinstance(sql, str) or isinstance(params, dict) or isinstance(cursor, ServerCursor):
        with _transaction(connection):
            with connection.wrap_database_errors, connection.connection.cursor() as own:
                own.execute(SET_LOCAL, whom_and_who)
            return execute(sql, params, many, context)
    if params is None:
        sql, params = sql.replace("%", "%%"), ()
    # As values, so that it is the same text for everyone, which psycopg reads once.
    result = execute(f"{SET_LOCAL} {sql}", [*whom_and_who, *params], many, context)
    cursor.set_result(-1)
    return result


def _transaction(connection: BaseDatabaseWrapper) -> AbstractContextManager[None]:
    """The transaction that there is, or one for what is said apart from its statement."""
    return transaction.atomic(connection.alias) if connection.get_autocommit() else nullcontext()
