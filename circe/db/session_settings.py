"""Settings of the database session that are sent with every statement, such as the tenant whose rows it may see.

An app registers a setting and the function that gives its value (`register`). Each statement is sent with
`SET LOCAL <name> = <value>` before it, in the same message, so this costs no round trip. The settings end with the
transaction. They are sent with each statement again: a savepoint may have undone earlier ones, and the value may have
changed since.

A cluster of Citus gets them in messages of their own, in the same round trip, and within one transaction only after a value
has changed.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import cache
from typing import Any

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import Error, ServerCursor
from psycopg.sql import quote

from circe.db.server_kind import CLUSTER_SESSIONS

# By name of a setting: the function that returns its value.
SETTINGS: dict[str, Callable[[], str]] = {}
# These statements read no rows under a policy, and some must be alone in their message.
_is_utility = re.compile(
    r"\s*(SAVEPOINT|RELEASE|ROLLBACK|SET|RESET|SHOW|CREATE|ALTER|DROP|COMMENT|GRANT|REVOKE|TRUNCATE|LOCK|ANALYZE|VACUUM)\b",
    re.IGNORECASE,
).match


def register(name: str, value: Callable[[], str]) -> None:
    """Adds a setting. `name` is that of a custom PostgreSQL setting, such as `circe.tenant`."""
    SETTINGS[name] = value
    set_local_sql.cache_clear()


@cache
def set_local_sql() -> str:
    """Returns the SQL that sets every registered setting, with a placeholder for each value."""
    return " ".join(f"SET LOCAL {name} = %s;" for name in SETTINGS)


def install(*, connection: BaseDatabaseWrapper, **kwargs: Any) -> None:
    """Makes every statement of a new connection carry the settings. A receiver of `connection_created`."""
    if _execute_with_settings not in connection.execute_wrappers:
        connection.execute_wrappers.append(_execute_with_settings)


def _execute_with_settings(
    execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: dict[str, Any]
) -> Any:
    """Sends the settings before the statement. An execute wrapper of Django, see its docs on instrumentation."""
    if isinstance(sql, str) and _is_utility(sql):
        return execute(sql, params, many, context)
    connection, cursor = context["connection"], context["cursor"].cursor
    values = [value() for value in SETTINGS.values()]
    # A text without parameters may hold several statements, which a pipeline does not take.
    if connection.connection in CLUSTER_SESSIONS and params and not isinstance(cursor, ServerCursor):
        with _own_messages(connection, values):
            return execute(sql, params, many, context)
    if (
        many
        or not isinstance(sql, str)
        or isinstance(params, dict)
        or isinstance(cursor, ServerCursor)
        or (not params and connection.connection in CLUSTER_SESSIONS)
    ):
        with _transaction(connection):
            with connection.wrap_database_errors, connection.connection.cursor() as own:
                own.execute(set_local_sql(), values)
            return execute(sql, params, many, context)
    if params is None:
        sql, params = sql.replace("%", "%%"), ()
    # The values are parameters, so that the text is the same for everyone and psycopg parses it once.
    result = execute(f"{set_local_sql()} {sql}", [*values, *params], many, context)
    cursor.set_result(-1)
    return result


def _transaction(connection: BaseDatabaseWrapper) -> AbstractContextManager[None]:
    """Returns a context manager that puts the settings and the statement, which are two messages, into one transaction."""
    return transaction.atomic(connection.alias) if connection.get_autocommit() else nullcontext()


@contextmanager
def _own_messages(connection: Any, values: Sequence[str]) -> Iterator[None]:
    """Sends the settings and the block's statement as messages of one round trip, and in one transaction."""
    session, needs_transaction = connection.connection, connection.get_autocommit()
    try:
        with connection.wrap_database_errors, session.pipeline():
            if needs_transaction:
                session.execute("BEGIN")
            if needs_transaction or connection.sent_settings != values:
                for name, value in zip(SETTINGS, values, strict=True):
                    session.execute(f"SET LOCAL {name} = {quote(value, session)}")
            yield
            if needs_transaction:
                session.execute("COMMIT")
    except BaseException:
        connection.sent_settings = None
        if needs_transaction:
            # If the connection broke, there is nothing to roll back.
            with suppress(Error):
                session.rollback()
        raise
    connection.sent_settings = None if needs_transaction else values
