"""What was asked of the database, readable: a prepared statement is asked for by its name."""

import re
from collections.abc import Sequence
from typing import Any

from django.db import connection
from psycopg.sql import quote

from circe.db.session_settings import SETTINGS, set_local

_execution = re.compile(r"EXECUTE (circe_\w+)").match


def written(sql: str, params: Sequence[Any] | None) -> str:
    """The prepared statement that `sql` asks for, introduced or not, with its values; nothing where it asks for none."""
    introduced = sql.startswith(set_local())
    if not (found := _execution(sql.removeprefix(f"{set_local()} "))):
        return ""
    session, values = connection.connection, (params or [])[len(SETTINGS) if introduced else 0 :]
    kept = session.execute("SELECT statement FROM pg_prepared_statements WHERE name = %s", found.groups())
    ((statement,),) = kept.fetchall()
    return re.sub(r"\$(\d+)", lambda place: quote(values[int(place[1]) - 1], session), statement.partition(" AS ")[2])
