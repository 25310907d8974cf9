"""Tells up to which time all changes of the tables with a column `changed_at` can be seen."""

import datetime as dt

from django.db import connection

from circe.db.advisory_locks import AdvisoryLock

# The trigger function circe_set_change_times writes the column by the database's clock, and circe_change_time
# takes the locks. A change that can't be seen yet belongs to a transaction that has its lock now, and is no older than the
# lock says, or that will take it later, and will be no older than this statement.
COMPLETE_BEFORE = """
SELECT least(
    statement_timestamp(), min(timestamptz '2020-01-01 00:00:00Z' + objid::bigint * interval '1 second')
)
FROM pg_locks
WHERE locktype = 'advisory' AND classid = %s AND objsubid = 2 AND pid <> pg_backend_pid()
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


def complete_before() -> dt.datetime:
    """Returns the time before which every change can be seen by the statements that follow.

    They must be other statements: one that was begun before a transaction ended does not see its changes, although the lock
    is gone.
    """
    with connection.cursor() as cursor:
        cursor.execute(COMPLETE_BEFORE, [AdvisoryLock.CHANGE])
        [(instant,)] = cursor.fetchall()
    return instant
