"""The backend `circe.db.postgresql`, see the package."""

from contextlib import suppress
from typing import Any

from django.db.backends.postgresql import base
from psycopg import Error
from psycopg_pool import ConnectionPool

from circe.db.postgresql import discard_pool
from circe.db.tenant_key import TenantPrimaryKey


class DatabaseOperations(base.DatabaseOperations):
    """Uses our compilers."""

    compiler_module = "circe.db.postgresql.compiler"


class DatabaseSchemaEditor(base.DatabaseSchemaEditor):
    """Gives a new table of a tenant its primary key at once, since foreign keys of the next table may need it."""

    def create_model(self, model: Any) -> None:
        """Creates the table as Django does, and the key."""
        super().create_model(model)
        for constraint in model._meta.constraints:
            if isinstance(constraint, TenantPrimaryKey):
                self.execute(constraint.create_sql(model, self))


class DatabaseWrapper(base.DatabaseWrapper):
    """Discards the pool as soon as one of its connections is dead, since then all are."""

    ops_class = DatabaseOperations
    SchemaEditorClass = DatabaseSchemaEditor
    # Whether a connection from the pool is checked by a round trip before its use.
    checks_connections = True

    @property
    def pool(self) -> Any:
        """Returns the pool. Django reads it from a dict after checking that it is there; it may be discarded in between."""
        while True:
            with suppress(KeyError):
                return super().pool

    # Private to Django, which has no signal for a new connection of the pool (`connection_created` is sent in each
    # request). If Django stops calling it, sessions plan prepared statements five times. Test:
    # test_a_session_plans_a_prepared_statement_once.
    def _configure_connection(self, connection: Any) -> bool:
        """Configures a new connection as Django does, and sets the planner for our queries."""
        commit = super()._configure_connection(connection)
        # A prepared statement, also one of a trigger, gets its generic plan at once, instead of five custom plans first.
        connection.execute("SET plan_cache_mode = force_generic_plan")
        # PostgreSQL 18 replaces `id IN (SELECT id FROM <view>)` by a condition on the table alone. Row-level security of
        # the table would then keep LIKE from using the index, which is why the view is there.
        if connection.info.server_version >= 180000:
            connection.execute("SET enable_self_join_elimination = off")
        return commit

    def connect_unchecked(self) -> None:
        """Connects without a check, which saves a round trip. The caller must be able to repeat its query if it fails."""
        self.checks_connections = False
        try:
            self.ensure_connection()
        finally:
            self.checks_connections = True

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Returns a connection, as Django does, but not one that died in the pool."""
        connection = super().get_new_connection(conn_params)
        # Private to psycopg_pool; Django reads it too. A connection has no public name for its pool, and `self.pool`
        # may be the next one already. Without it, connections that died in the pool are used. Test:
        # test_the_pool_gives_out_no_ended_session.
        if self.checks_connections and (pool := getattr(connection, "_pool", None)):
            try:
                # A round trip. Without one, a connection that the server is about to close looks alive.
                ConnectionPool.check_connection(connection)
            except Error:
                discard_pool(pool)
                pool.putconn(connection)
                connection = super().get_new_connection(conn_params)
        return connection
