"""The health checks GET /healthz and GET /readyz."""

import pytest
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.test.utils import CaptureQueriesContext

from circe.tests.cases import in_one_test


def test_healthz_sends_no_query(client, db):
    with CaptureQueriesContext(connection) as queries:
        answer = client.get("/healthz")
    assert (answer.status_code, answer.json(), len(queries)) == (200, {"status": "ok"}, 0)


def test_readyz_is_200_when_every_migration_is_applied(client, db):
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_readyz_is_503_when_migrations_are_pending(client, transactional_db):
    [(app, last)] = MigrationLoader(connection).graph.leaf_nodes("appointments")
    MigrationRecorder(connection).record_unapplied(app, last)
    try:
        answer = client.get("/readyz")
    finally:
        MigrationRecorder(connection).record_applied(app, last)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Retry-After"] == "5"
    assert (answer.status_code, answer.json()) == (
        503,
        {
            "type": "urn:circe:problem:migrations_pending",
            "title": "Service Unavailable",
            "status": 503,
            "detail": "Migrations are pending.",
            "code": "migrations_pending",
        },
    )


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_a_health_check_needs_no_session_and_sets_no_cookie(path, client, db):
    answer = client.get(path)
    assert answer.cookies == {}
    assert client.head(path).status_code == 200


HOSTS = ["10.0.0.7:8000", "[fd00::7]", "somewhere.example", "not a host", ""]


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_a_health_check_accepts_any_host(path, host, client, db):
    answer = client.get(path, headers={"Host": host})
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


@in_one_test("host", HOSTS[:-1])
@pytest.mark.parametrize(
    "path", ["/", "/docs", "/openapi.json", "/admin/", "/api/v1/customers", "/healthz/", "//readyz", "/x"]
)
def test_everything_else_is_refused_for_a_host_that_is_not_allowed(path, host, client, db):
    assert client.get(path, headers={"Host": host}).status_code == 400
