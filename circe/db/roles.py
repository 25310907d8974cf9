"""The database roles that Circe uses."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg.pq import TransactionStatus

# The role of requests. It owns no table: see the SQL file application_roles.sql.
APPLICATION_ROLE = "circe_app"
# Options of libpq. Django's `assume_role` would wait for ever: it asks the pool for a connection while the pool opens one.
# To compile the plan of a long statement takes PostgreSQL half a second, and no statement of a request gains from it.
APPLICATION_OPTIONS = f"-c role={APPLICATION_ROLE} -c jit=off"


@contextmanager
def as_owner(alias: str = "default") -> Iterator[None]:
    """Uses the login role inside the block. The login role may change the schema and empty tables; `circe_app` may not."""
    connection = connections[alias]
    settings = connection.settings_dict
    options = {name: value for name, value in settings["OPTIONS"].items() if name != "options"}
    connection.settings_dict = settings | {"OPTIONS": options}
    set_role("none", connection)
    try:
        yield
    finally:
        connection.settings_dict = settings
        set_role(APPLICATION_ROLE if "options" in settings["OPTIONS"] else "none", connection)


def set_role(role: str, connection: BaseDatabaseWrapper) -> None:
    """Makes the connection use `role` from now on, if it is in a transaction. Otherwise closes the connection and the
    pool: the next connection takes its role from the settings, which the caller has changed.
    """
    if connection.in_atomic_block:
        # A transaction that failed refuses every statement, and so does a lost connection. A rollback gives back the role
        # from before.
        if connection.connection.info.transaction_status not in (TransactionStatus.INERROR, TransactionStatus.UNKNOWN):
            with connection.cursor() as cursor:
                cursor.execute(f"SET ROLE {role}")
    else:
        connection.close()
        connection.close_pool()
