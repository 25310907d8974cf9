"""The backend `circe.db.postgresql`, see the package."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Self

import sqlparse
from django.db.backends.postgresql import base, operations, schema
from psycopg import Error
from psycopg_pool import ConnectionPool

from circe.db.citus.cluster import has_distributed_tables
from circe.db.citus.placement import MOVED_PLACEMENTS, placement_of
from circe.db.citus.tables import SEQUENTIAL_MODE_SQL, place_table
from circe.db.postgresql import discard_pool
from circe.db.server_kind import CLUSTER_SESSIONS, PREPARE_SESSION_SQL
from circe.db.tenant_key import TenantPrimaryKey


class DatabaseOperations(operations.DatabaseOperations):
    """Uses our compilers."""

    compiler_module = "circe.db.postgresql.compiler"


class DatabaseSchemaEditor(schema.DatabaseSchemaEditor):
    """Gives a new table of a tenant its primary key at once, since foreign keys of the next table may need it.

    In a database whose tables were distributed, a new table is put where it belongs at once too.
    """

    # Whether the tables of this database lie on the nodes of a cluster.
    is_distributed = False

    def __enter__(self) -> Self:
        super().__enter__()
        with self.connection.cursor() as cursor:
            self.is_distributed = self.connection.connection in CLUSTER_SESSIONS and has_distributed_tables(cursor)
            if self.is_distributed and self.atomic_migration:
                cursor.execute(SEQUENTIAL_MODE_SQL)
        return self

    def execute(self, sql: Any, params: Any = ()) -> None:
        """Executes the SQL. A cluster gets each statement in a message of its own, since it passes on whole messages."""
        statements = sqlparse.split(str(sql)) if self.is_distributed and not params else [sql]
        for statement in statements:
            super().execute(statement, params)

    def create_model(self, model: Any) -> None:
        """Creates the table as Django does, and the key."""
        super().create_model(model)
        for constraint in model._meta.constraints:
            if isinstance(constraint, TenantPrimaryKey):
                self.execute(constraint.create_sql(model, self))
        placement = placement_of(model)
        if self.is_distributed and placement in MOVED_PLACEMENTS:
            with self.connection.cursor() as cursor:
                place_table(cursor, model._meta.db_table, placement)


class DatabaseWrapper(base.DatabaseWrapper):
    """Discards the pool as soon as one of its connections is dead, since then all are."""

    ops_class = DatabaseOperations
    SchemaEditorClass = DatabaseSchemaEditor
    # Whether a connection from the pool is checked by a round trip before its use.
    checks_connections = True
    # The values of the settings that this transaction has sent already, or None. On a cluster only: see
    # circe.db.session_settings.
    sent_settings: Sequence[str] | None = None

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
        """Configures a new connection as Django does, and for our queries."""
        commit = super()._configure_connection(connection)
        [kind] = connection.execute(PREPARE_SESSION_SQL).fetchone()
        if kind == "cluster":
            CLUSTER_SESSIONS.add(connection)
        # PostgreSQL 18 replaces `id IN (SELECT id FROM <view>)` by a condition on the table alone. Row-level security of
        # the table would then keep LIKE from using the index. The view is there to avoid that.
        if connection.info.server_version >= 180000:
            connection.execute("SET enable_self_join_elimination = off")
        return commit

    def commit(self) -> None:
        """Commits, which ends the settings."""
        self.sent_settings = None
        super().commit()

    def rollback(self) -> None:
        """Rolls back, which ends the settings."""
        self.sent_settings = None
        super().rollback()

    def savepoint_rollback(self, sid: str) -> None:
        """Rolls back to the savepoint. PostgreSQL also undoes the settings that were made after it."""
        self.sent_settings = None
        super().savepoint_rollback(sid)

    def savepoint_commit(self, sid: str) -> None:
        """Releases the savepoint. Citus then forgets the settings that were made after it, and a node that is first asked
        later would not get them.
        """
        self.sent_settings = None
        super().savepoint_commit(sid)

    def close(self) -> None:
        """Closes the connection, or gives it back to the pool."""
        self.sent_settings = None
        super().close()

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
        # may be a new pool already. If the attribute goes, connections that died in the pool are used. Test:
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
