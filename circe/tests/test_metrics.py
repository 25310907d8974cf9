"""GET /metrics: the figures of the server for Prometheus, for who has the token."""

import os
import re
import tempfile
from pathlib import Path

import pytest
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from circe import embedded_postgres
from circe.tests.chaos import Circe, until
from customers.tests.factories import CustomerFactory

TOKEN = "scrape-Key_" * 4


def scrape(token=TOKEN, **options):
    return Client().get("/metrics", headers={"Authorization": f"Bearer {token}"} if token else {}, **options)


def samples(body):
    """Returns the values by name and labels."""
    families = text_string_to_metric_families(body.decode())
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for family in families for s in family.samples}


@pytest.mark.django_db
def test_without_a_token_in_the_settings_there_is_no_such_page():
    assert scrape().status_code == 404


@pytest.mark.django_db
@pytest.mark.parametrize("token", ["", "wrong", TOKEN[:-1], f"{TOKEN}x", "é"])
def test_who_does_not_send_the_token_is_refused(settings, token):
    settings.METRICS_TOKEN = TOKEN
    answer = scrape(token)
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert b"circe_" not in answer.content


@pytest.mark.django_db(transaction=True)
def test_the_figures_name_routes_and_no_person_or_business(settings, staff, tenant):
    settings.METRICS_TOKEN = TOKEN
    jane = CustomerFactory(tenant=tenant, first_name="Quetzalcoatl")
    before = samples(scrape().content)
    route = (("method", "GET"), ("route", "api/v1/customers/<str:customer_id>"))
    for _ in range(2):
        assert staff.get(f"/api/v1/customers/{jane.pk}?search=Quetzalcoatl").status_code == 200
    staff.generic("QUETZALCOATL", "/Quetzalcoatl")
    answer = scrape(HTTP_HOST="10.0.0.7:8000")
    assert answer.status_code == 200
    found = samples(answer.content)
    counted = ("circe_requests_total", (*route, ("status", "200")))
    assert found[counted] - before.get(counted, 0) == 2
    assert found["circe_request_seconds_count", route] - before.get(("circe_request_seconds_count", route), 0) == 2
    assert any(name == "circe_requests_total" and ("method", "other") in labels for name, labels in found)
    assert found["circe_database_up", ()] == 1
    for queue in ("links", "messages"):
        assert found["circe_mails_waiting", (("queue", queue),)] == 0
    text = answer.content.decode().lower()
    assert [word for word in ("quetzalcoatl", tenant.slug, tenant.pk, jane.pk) if word in text] == []


@pytest.mark.slow("makes a cluster and starts gunicorn")
@pytest.mark.skipif("DATABASE_URL" in os.environ, reason="needs the embedded PostgreSQL")
def test_the_figures_of_all_workers_are_added_up():
    with tempfile.TemporaryDirectory(prefix="circe-metrics-test-") as path:
        Path(path).chmod(0o755)
        circe = Circe(Path(path), embedded_postgres.database(Path(path) / "pg18", durable=False)["EMBEDDED_SERVER"])
        try:
            circe.start_filled()
            named = Path(path) / "metrics"
            named.mkdir()
            with circe.serving(METRICS_TOKEN=TOKEN, PROMETHEUS_MULTIPROC_DIR=str(named)):
                assert circe.ask("GET", "/metrics", page=True, Authorization=f"Bearer {TOKEN}").status == 200
            # A directory that the operator has named stays.
            assert any(named.iterdir())
            with circe.serving(WEB_WORKERS="2", METRICS_TOKEN=TOKEN):
                until(lambda: len(circe.workers()) == 2)
                for _ in range(20):
                    assert circe.ask("GET", "/api/v1/customers").status == 200
                # Any worker answers for both. gunicorn's own refusals are counted too.
                circe.ask("GET", "/" + "x" * 5000)
                for _ in range(4):
                    answer = circe.ask("GET", "/metrics", page=True, Authorization=f"Bearer {TOKEN}")
                    found = samples(answer.body)
                    labels = (("method", "GET"), ("route", "api/v1/customers"), ("status", "200"))
                    assert found["circe_requests_total", labels] == 20
                    assert (
                        found["circe_requests_total", (("method", "other"), ("route", "none"), ("status", "414"))] == 1
                    )
                    assert found["circe_pool_connections", (("state", "open"),)] >= 1
                circe.cluster.stop()
                answer = circe.ask("GET", "/metrics", page=True, Authorization=f"Bearer {TOKEN}")
                found = samples(answer.body)
                assert found["circe_database_up", ()] == 0
                assert not [name for name, _ in found if name.startswith("circe_mails")]
            log = circe.log.read_text()
            assert not re.search("Traceback", log), log
        finally:
            circe.cluster.stop()
