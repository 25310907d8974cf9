"""Tells whether the database is on a cluster of Citus or on one PostgreSQL server alone.

Two things differ for every statement. On a cluster
- the settings of the session travel in messages of their own (`circe.db.session_settings`): the coordinator passes the whole
  message of a `SET LOCAL` to its workers;
- every plan is made for its values, since the tenant says which worker is asked: `manage.py distribute` sets this for the
  whole database, as triggers plan their statements on the workers. On one server a plan is made once for all values.
"""

from typing import Any
from weakref import WeakSet

from django.db import connection
from psycopg.errors import InternalError_

# Returns `cluster` on a cluster. On one server it sets that a prepared query, also of a trigger, gets its generic plan at
# once, instead of five custom plans first. It is one statement, so that a new session costs no further round trip.
PREPARE_SESSION_SQL = """
SELECT CASE WHEN EXISTS (SELECT FROM pg_extension WHERE extname = 'citus') THEN 'cluster'
ELSE set_config('plan_cache_mode', 'force_generic_plan', false) END
"""
# The sessions whose server has Citus. A set, since every statement looks up its session here.
CLUSTER_SESSIONS: WeakSet[Any] = WeakSet()


def is_cluster() -> bool:
    """Returns whether the database is on a cluster."""
    connection.ensure_connection()
    return connection.connection in CLUSTER_SESSIONS


# The files of Citus that tell of a node whose connection broke within a transaction. They give it the code of an internal
# error. PostgreSQL has no files of these names.
LOST_NODE_FILES = {"placement_connection.c", "remote_commands.c"}


def is_lost_node(error: BaseException) -> bool:
    """Returns whether the error says that a node of a cluster went away within a transaction."""
    cause = error.__cause__
    return isinstance(cause, InternalError_) and cause.diag.source_file in LOST_NODE_FILES
