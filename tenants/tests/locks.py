"""Threads of race tests, and who of them waits for a lock."""

import os
import threading

import psycopg
from django.db import connection

from circe.db.server_kind import is_cluster

# The suite's other processes have databases of their own on this server. A row of pg_locks that waits for a transaction
# names no database, but its session holds a lock on a table of one.
WAITING = """
SELECT DISTINCT pid FROM pg_locks AS waiting
WHERE NOT granted AND EXISTS (
    SELECT FROM pg_locks AS lock JOIN pg_database ON pg_database.oid = lock.database
    WHERE lock.pid = waiting.pid AND datname = current_database()
)
"""
# The view has a row for each session that one waits for. The last ten digits are the process id on the coordinator.
WAITING_ON_THE_CLUSTER = """
SELECT DISTINCT pid FROM citus_lock_waits JOIN pg_stat_activity ON pid = waiting_gpid % 10000000000
WHERE datname = current_database()
"""


def start_thread(function):
    """Calls the function in a thread with a new database connection. Returns the thread, and a list for its result."""
    answers = []

    def run():
        try:
            answers.append(function())
        finally:
            connection.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread, answers


def find_lock_waiters() -> list[int]:
    """Returns the process ids of the database sessions of this test that wait for a lock."""
    if is_cluster():
        return _waiting_on_the_cluster()
    with connection.cursor() as cursor:
        cursor.execute(WAITING)
        return [pid for (pid,) in cursor.fetchall()]


def _waiting_on_the_cluster() -> list[int]:
    """The same, where a session of the coordinator waits for a lock of a worker, which only a superuser sees."""
    with psycopg.connect(os.environ["CITUS_URL"], dbname=connection.settings_dict["NAME"]) as superuser:
        return [pid for (pid,) in superuser.execute(WAITING_ON_THE_CLUSTER)]


def until_blocked():
    """Returns when a session of this test's database waits for another's lock. Raises AssertionError after a minute."""
    for _ in range(6000):
        if find_lock_waiters():
            return
        threading.Event().wait(0.01)
    raise AssertionError("Nobody waits.")
