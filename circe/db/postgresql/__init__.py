"""Django's PostgreSQL backend, with a pool that reacts fast when the server goes away and when it comes back.

While the server is away, psycopg's own pool lets each request wait for the whole timeout, and tries to reconnect ever more
rarely. When all its connections are dead, it tries one after another, with longer and longer pauses. Here a pool is
discarded at the first sign that the server is gone, and the next request makes a new pool.
"""

from threading import Lock, Thread
from typing import Any

_pools_lock = Lock()


def discard_pool(pool: Any) -> None:
    """Closes the pool, and removes it from Django's pools, so that the next request makes a new one.

    Threads that wait for a connection get PoolClosed, an OperationalError. Connections in use are closed when they are
    returned.
    """
    # Imported here, since the settings import this module.
    from django.db.backends.postgresql.base import DatabaseWrapper

    # Private to Django: close_pool() closes a pool before it removes it, so other threads would wait for a dead pool.
    # If Django renames it, every request fails once the server has been away.
    # Test: test_requests_work_again_when_the_database_is_back.
    pools: dict[str, Any] = DatabaseWrapper._connection_pools
    with _pools_lock:
        for alias in [alias for alias, current in pools.items() if current is pool]:
            del pools[alias]
    # `close` waits for the pool's own threads, and this may be one of them.
    Thread(target=pool.close).start()
