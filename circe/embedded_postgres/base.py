"""The PostgreSQL backend that starts the embedded server before it connects."""

from typing import Any

from circe.db.postgresql import base


class DatabaseWrapper(base.DatabaseWrapper):
    """Starts the server, if it does not run, before each connection, also those of the pool."""

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Starts the server and opens a connection. Raises OperationalError where it can't be started."""
        self.settings_dict["EMBEDDED_SERVER"].ensure_running()
        return super().get_new_connection(conn_params)
