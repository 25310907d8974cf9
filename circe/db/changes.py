"""Tells up to which time all changes of the tables with a column `changed_at` can be seen."""

import datetime as dt

from django.db import OperationalError, connection

from circe.db.advisory_locks import AdvisoryLock
from circe.db.server_kind import is_cluster

# The trigger function circe_set_changed_and_updated_at writes the column by the database's clock, and circe_change_time
# takes the locks. A transaction whose changes can't be seen yet has its lock now, or takes it later. If it has the
# lock, its changes are not older than the time in the lock. If it takes the lock later, they will not be older than
# this statement.
# A cluster prepares a transaction (PREPARE TRANSACTION) before it commits on several nodes. The locks of a prepared one
# have no pid.
COMPLETE_BEFORE_SQL = f"""
SELECT least(
    statement_timestamp(), min(timestamptz '2020-01-01 00:00:00Z' + objid::bigint * interval '1 second')
)
FROM pg_locks
WHERE locktype = 'advisory' AND classid = {AdvisoryLock.CHANGE:d} AND objsubid = 2
    AND pid IS DISTINCT FROM pg_backend_pid()
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""  # noqa: S608
# On a cluster each transaction has its lock, and reads the clock, on the node that holds its rows.
COMPLETE_BEFORE_AS_TEXT_SQL = f"SELECT to_json(least)#>>'{{}}' FROM ({COMPLETE_BEFORE_SQL}) AS answer"  # noqa: S608
COMPLETE_BEFORE_ON_EACH_NODE_SQL = """
SELECT nodeid, success, result FROM run_command_on_all_nodes(%s, give_warning_for_connection_errors := true)
"""


def changes_complete_before() -> dt.datetime:
    """Returns the time before which every change can be seen by the statements that follow.

    Read the changes by a statement of its own. A statement that began before a transaction ended does not see the changes of
    this transaction, although its lock is gone.
    """
    with connection.cursor() as cursor:
        if not is_cluster():
            cursor.execute(COMPLETE_BEFORE_SQL)
            [(instant,)] = cursor.fetchall()
            return instant
        cursor.execute(COMPLETE_BEFORE_ON_EACH_NODE_SQL, [COMPLETE_BEFORE_AS_TEXT_SQL])
        answers = cursor.fetchall()
    for node, has_answered, answer in answers:
        if not has_answered:
            raise OperationalError(f"Node {node} of the cluster does not tell which changes are complete: {answer}")
    return min(dt.datetime.fromisoformat(answer) for _, _, answer in answers)
