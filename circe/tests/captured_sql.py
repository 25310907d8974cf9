"""Makes captured SQL readable: replaces the name of a prepared statement by its text."""

import re
from collections.abc import Sequence
from typing import Any

from django.db import connection
from psycopg.sql import quote

from circe.db.session_settings import SETTINGS, set_local

_execution = re.compile(r"EXECUTE (circe_\w+)").match


def expand_prepared(sql: str, params: Sequence[Any] | None) -> str:
    """Returns the text of the prepared statement that `sql` executes, with its values. Returns "" for any other SQL."""
    has_settings = sql.startswith(set_local())
    if not (found := _execution(sql.removeprefix(f"{set_local()} "))):
        return ""
    session, values = connection.connection, (params or [])[len(SETTINGS) if has_settings else 0 :]
    prepared = session.execute("SELECT statement FROM pg_prepared_statements WHERE name = %s", found.groups())
    ((statement,),) = prepared.fetchall()
    return re.sub(r"\$(\d+)", lambda number: quote(values[int(number[1]) - 1], session), statement.partition(" AS ")[2])
