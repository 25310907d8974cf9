"""GET /healthz and /readyz"""

import pytest
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.test.utils import CaptureQueriesContext


def test_healthz_asks_nothing_of_the_database(client, db):
    with CaptureQueriesContext(connection) as queries:
        answer = client.get("/healthz")
    assert (answer.status_code, answer.json(), len(queries)) == (200, {"status": "ok"}, 0)


def test_readyz_when_every_migration_is_applied(client, db):
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_readyz_when_migrations_are_pending(client, db):
    [(app, last)] = MigrationLoader(connection).graph.leaf_nodes("appointments")
    MigrationRecorder(connection).record_unapplied(app, last)
    answer = client.get("/readyz")
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
def test_anyone_may_ask_without_a_session(path, client, db):
    answer = client.get(path)
    assert answer.cookies == {}
    assert client.head(path).status_code == 200
