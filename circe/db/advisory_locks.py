"""Numbers every advisory lock of PostgreSQL that Circe takes.

An advisory lock has two numbers. The first one is an AdvisoryLock: it says what kind of thing is locked. The second one is a
hash of the thing's key, where nothing else is said. All locks are held until the transaction ends.
"""

from enum import IntEnum

from django.db import connection

from circe.db.citus.placement import reference_table
from circe.db.server_kind import is_cluster


class AdvisoryLock(IntEnum):
    """The kinds of things that are locked."""

    # The e-mail address of a log-in, while its failures are counted. It is always locked before LOGIN_IP_ADDRESS.
    LOGIN_EMAIL = 1
    # The IP address of a log-in, while its failures are counted.
    LOGIN_IP_ADDRESS = 2
    # A member of a business's staff, while one of their appointments is booked or changed.
    STAFF = 3
    # An Idempotency-Key of an account or a customer, or the token of a form, while a request with it is handled.
    IDEMPOTENCY_KEY = 4
    # An e-mail address or phone number within a business, while it is given to a customer or taken from one.
    CONTACT = 5
    # A shard of the sharded counters, while a transaction adds to it: see the SQL function circe_lock_free_shard. The
    # second number is the shard's.
    SHARD = 6
    # The list of running imports, while one more starts.
    IMPORTS = 7
    # An e-mail address within a business, and then in all, while the mails that were asked for it are counted. Always before
    # LINK_IP_ADDRESS.
    LINK_EMAIL = 8
    # The IP address of a client, while the mails that it asked for are counted.
    LINK_IP_ADDRESS = 9
    # Changes that other transactions can't see yet: see circe/db/changes.py. The second number is a time.
    CHANGE = 12
    # The ids that files give to new customers, while it is checked that no other business has them.
    GIVEN_IDS = 15


def lock_in_turn(lock: AdvisoryLock, *keys: str) -> None:
    """Waits until no other transaction has this lock on the keys, and holds it until this transaction ends.

    Whoever locks several keys gives them in the same order as everyone else, so that two transactions can't wait for each
    other.
    """
    sql = "SELECT pg_advisory_xact_lock(%s, hashtext(key)) FROM unnest(%s::text[]) AS key"
    if is_cluster():
        # Citus gives a transaction a number when it first names a table of the cluster. All transactions without a number
        # are one to the search for deadlocks, which would find some where transactions only wait in a line.
        sql += f" WHERE NOT EXISTS (SELECT FROM {reference_table()} WHERE false)"
    with connection.cursor() as cursor:
        cursor.execute(sql, [lock, [*keys]])
