"""Makes captured SQL readable: replaces the name of a prepared statement by its text, and records SQL with its scope."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import connection
from psycopg.sql import quote

from circe.db.prepared import QUERIES
from circe.db.session_settings import SETTINGS, set_local_sql
from tenants.scope import Scope, scope_or_none

_execution = re.compile(r"EXECUTE (circe_\w+)").match


def expand_prepared(sql: str, params: Sequence[Any] | None) -> str:
    """Returns the text of the prepared statement that `sql` executes, with its values. Returns "" for any other SQL."""
    has_settings = sql.startswith(set_local_sql())
    if not (found := _execution(sql.removeprefix(f"{set_local_sql()} "))):
        return ""
    session, values = connection.connection, (params or [])[len(SETTINGS) if has_settings else 0 :]
    prepared = session.execute("SELECT statement FROM pg_prepared_statements WHERE name = %s", found.groups())
    ((statement,),) = prepared.fetchall()
    return re.sub(r"\$(\d+)", lambda number: quote(values[int(number[1]) - 1], session), statement.partition(" AS ")[2])


_is_about_rows = re.compile(r"\s*(WITH|SELECT|INSERT|UPDATE|DELETE)\b").match
_placeholder = re.compile("%s|%%")


@contextmanager
def record_statements() -> Iterator[list[tuple[Scope | None, str]]]:
    """Records the scope and the text, with $1, $2 …, of each statement about rows that the block executes."""
    recorded: list[tuple[Scope | None, str]] = []

    def record(execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        text = sql.removeprefix(f"{set_local_sql()} ")
        if found := _execution(text):
            recorded.append((scope_or_none(), _prepared_text(found[1])))
        elif _is_about_rows(text):
            numbers = iter(range(1, 100_000))
            recorded.append(
                (
                    scope_or_none(),
                    _placeholder.sub(lambda found: f"${next(numbers)}" if found[0] == "%s" else "%", text),
                )
            )
        return execute(sql, params, many, context)

    with connection.execute_wrapper(record):
        yield recorded


def _prepared_text(name: str) -> str:
    return next(
        statement.text
        for query in QUERIES.values()
        for statement in query.statements.values()
        if statement.name == name
    )
