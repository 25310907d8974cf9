"""Django's PostgreSQL backend, with a pool that is quick to tell that the server is away, and that it is back.

By itself psycopg's pool lets each request wait for its whole timeout while the server is away, tries to reconnect ever
more rarely, and of a pool full of dead connections tries one after another, pausing longer after each. Here a pool is
given up as soon as the server is seen to be gone, and the next request begins with a new one.
"""

from threading import Lock, Thread
from typing import Any

_change = Lock()


def discard_pool(pool: Any) -> None:
    """Tell whoever waits for the pool that there is nothing to be had (PoolClosed, an OperationalError); the next request
    makes another. The connections in use are closed on their return.
    """
    # Not while settings load.
    from django.db.backends.postgresql.base import DatabaseWrapper

    pools: dict[str, Any] = DatabaseWrapper._connection_pools
    with _change:
        for alias in [alias for alias, current in pools.items() if current is pool]:
            del pools[alias]
    # It waits for the pool's own threads, of which this may be one.
    Thread(target=pool.close).start()
