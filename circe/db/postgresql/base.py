"""See the package."""

from contextlib import suppress
from typing import Any

from django.db.backends.postgresql import base
from psycopg import Error
from psycopg_pool import ConnectionPool

from circe.db.postgresql import discard_pool


class DatabaseWrapper(base.DatabaseWrapper):
    """Gives up a pool of which one connection is dead: the others died with it."""

    checks = True

    @property
    def pool(self) -> Any:
        """As Django's, which looks twice; another thread may give the pool up in between."""
        while True:
            with suppress(KeyError):
                return super().pool

    def _configure_connection(self, connection: Any) -> bool:
        """As Django's, and once for a connection what every query wants of the planner."""
        commit = super()._configure_connection(connection)
        # A statement that is kept (`circe.db.prepared`, and those of the triggers) is planned once, not five times first.
        connection.execute("SET plan_cache_mode = force_generic_plan")
        # PostgreSQL 18 takes `id IN (SELECT id FROM <view>)` for the table alone: its row security would then keep the
        # view's LIKE from the index again.
        if connection.info.server_version >= 180000:
            connection.execute("SET enable_self_join_elimination = off")
        return commit

    def connect_unchecked(self) -> None:
        """Connect, even to a session that died in the pool: for who can ask again, and so needs no round trip first."""
        self.checks = False
        try:
            self.ensure_connection()
        finally:
            self.checks = True

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """As Django's, and not one that died in the pool."""
        connection = super().get_new_connection(conn_params)
        if self.checks and (pool := getattr(connection, "_pool", None)):
            try:
                # A round trip; that nothing came from a session doesn't tell that it is not about to end.
                ConnectionPool.check_connection(connection)
            except Error:
                discard_pool(pool)
                pool.putconn(connection)
                connection = super().get_new_connection(conn_params)
        return connection
