"""The PostgreSQL backend, over a server that is started when a connection is wanted."""

from typing import Any

from circe.db.postgresql import base


class DatabaseWrapper(base.DatabaseWrapper):
    """Makes sure of the server before each connection, from the pool too."""

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """As the parent's. Raises OperationalError where the server can't be started."""
        self.settings_dict["CLUSTER"].ensure_running()
        return super().get_new_connection(conn_params)
