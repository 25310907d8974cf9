"""Django's PostgreSQL backend, over a server that is started when a connection is wanted."""

import threading
from typing import Any

from django.db.backends.postgresql import base


class DatabaseWrapper(base.DatabaseWrapper):
    """Makes sure of the server before each connection, from the pool too."""

    _pool_servers: dict[str, int] = {}
    _pool_change = threading.Lock()

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """As Django's. Raises OperationalError where the server can't be started."""
        server = self.settings_dict["CLUSTER"].ensure_running()
        with self._pool_change:
            if self._pool_servers.setdefault(self.alias, server) != server:
                # All of the pool's connections died with the old server; the pool would find out by one at a time,
                # pausing longer after each.
                self.close_pool()
                self._pool_servers[self.alias] = server
        return super().get_new_connection(conn_params)
