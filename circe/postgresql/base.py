"""See the package."""

from contextlib import suppress
from typing import Any

from django.db.backends.postgresql import base
from psycopg import Error
from psycopg_pool import ConnectionPool

from circe.postgresql import give_up


class DatabaseWrapper(base.DatabaseWrapper):
    """Gives up a pool of which one connection is dead: the others died with it."""

    @property
    def pool(self) -> Any:
        """As Django's, which looks twice; another thread may give the pool up in between."""
        while True:
            with suppress(KeyError):
                return super().pool

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """As Django's, and seen to work."""
        connection = super().get_new_connection(conn_params)
        if pool := getattr(connection, "_pool", None):
            try:
                ConnectionPool.check_connection(connection)
            except Error:
                give_up(pool)
                pool.putconn(connection)
                connection = super().get_new_connection(conn_params)
        return connection
