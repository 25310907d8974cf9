"""The figures of requests for Prometheus. Each worker keeps its own figures in files. The worker that answers /metrics adds
them up.

Imported only where METRICS_TOKEN is set. Routes and statuses are labels; tenants, people and addresses never are.
"""

from prometheus_client import Counter, Gauge, Histogram

METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
# In seconds. A request waits for a slot up to 10 seconds, and a statement may take 30.
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

REQUESTS = Counter("circe_requests", "Requests, by route and status.", ["method", "route", "status"])
REQUEST_SECONDS = Histogram("circe_request_seconds", "How long requests took.", ["method", "route"], buckets=BUCKETS)
POOL_CONNECTIONS = Gauge(
    "circe_pool_connections",
    "Connections to the database: open, free, and requests that wait for one; of all workers, after their last request.",
    ["state"],
    multiprocess_mode="livesum",
)
POOL_STATISTICS = {"open": "pool_size", "free": "pool_available", "waiting": "requests_waiting"}


def observe_request(method: str | None, route: str | None, status: int, seconds: float) -> None:
    """Counts a request. A request that matched no route, or could not be read, has the route `none`."""
    # A client can send any text as the method. Each new one would add a time series.
    method, route = method if method in METHODS else "other", route or "none"
    REQUESTS.labels(method, route, status).inc()
    REQUEST_SECONDS.labels(method, route).observe(seconds)


def observe_pool(statistics: dict[str, int]) -> None:
    """Stores the statistics of this worker's pool of connections."""
    for state, name in POOL_STATISTICS.items():
        POOL_CONNECTIONS.labels(state).set(statistics.get(name, 0))
