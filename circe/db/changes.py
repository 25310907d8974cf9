"""Tells up to which time all changes of the tables with a column `changed_at` can be seen."""

import datetime as dt

from django.db import OperationalError, connection

from circe.db.advisory_locks import AdvisoryLock
from circe.db.server_kind import is_cluster

# The trigger function circe_set_change_times writes the column by the database's clock, and circe_change_time
# takes the locks. A change that can't be seen yet belongs to a transaction that has its lock now, and is no older than the
# lock says, or that will take it later, and will be no older than this statement.
# The locks of a transaction that is prepared, which a cluster does before it commits on several nodes, have no pid.
COMPLETE_BEFORE = f"""
SELECT least(
    statement_timestamp(), min(timestamptz '2020-01-01 00:00:00Z' + objid::bigint * interval '1 second')
)
FROM pg_locks
WHERE locktype = 'advisory' AND classid = {AdvisoryLock.CHANGE:d} AND objsubid = 2
    AND pid IS DISTINCT FROM pg_backend_pid()
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""  # noqa: S608
# On a cluster each transaction has its lock, and reads the clock, on the node that holds its rows.
COMPLETE_BEFORE_AS_TEXT = f"SELECT to_json(least)#>>'{{}}' FROM ({COMPLETE_BEFORE}) AS answer"  # noqa: S608
COMPLETE_BEFORE_ON_EACH_NODE = """
SELECT nodeid, success, result FROM run_command_on_all_nodes(%s, give_warning_for_connection_errors := true)
"""


def complete_before() -> dt.datetime:
    """Returns the time before which every change can be seen by the statements that follow.

    They must be other statements: one that was begun before a transaction ended does not see its changes, although the lock
    is gone.
    """
    with connection.cursor() as cursor:
        if not is_cluster():
            cursor.execute(COMPLETE_BEFORE)
            [(instant,)] = cursor.fetchall()
            return instant
        cursor.execute(COMPLETE_BEFORE_ON_EACH_NODE, [COMPLETE_BEFORE_AS_TEXT])
        answers = cursor.fetchall()
    for node, has_answered, answer in answers:
        if not has_answered:
            raise OperationalError(f"Node {node} of the cluster does not tell which changes are complete: {answer}")
    return min(dt.datetime.fromisoformat(answer) for _, _, answer in answers)
