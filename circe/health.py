"""Is the process alive, and can it do its work?"""

from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.transaction import non_atomic_requests
from django.http import HttpRequest, HttpResponse, JsonResponse

from circe.errors import Problem


@non_atomic_requests
def healthz(request: HttpRequest) -> HttpResponse:
    """200 while the process serves. It asks nothing of the database."""
    return JsonResponse({"status": "ok"})


@non_atomic_requests
def readyz(request: HttpRequest) -> HttpResponse:
    """200 when the database answers and every migration is applied; 503 otherwise."""
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        return Problem(503, "migrations_pending", "Migrations are pending.", headers={"Retry-After": "5"}).as_response()
    return JsonResponse({"status": "ok"})
