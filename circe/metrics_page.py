"""GET /metrics: the figures of the server for Prometheus. It does not exist unless METRICS_TOKEN is set."""

import os
import secrets
from collections.abc import Iterator
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import OperationalError
from django.db.models import Count, Min
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from rest_framework.permissions import SAFE_METHODS

from appointments.models import Message
from circe.api.errors import NOT_FOUND, Problem
from circe.health import readiness
from customers.models.outgoing import DeliveryState
from customers.models.portal import MailedLink
from tenants.scope import ALL_TENANTS, tenant_scope

if TYPE_CHECKING:
    from prometheus_client import Metric

NO_TOKEN = Problem(
    401, "authentication_required", "Send the METRICS_TOKEN of the server.", headers={"WWW-Authenticate": "Bearer"}
)
QUEUES = {"links": MailedLink, "messages": Message}


def metrics(request: HttpRequest) -> HttpResponse:
    """Answers with the figures of all workers of this server. Refuses a request without METRICS_TOKEN."""
    if not settings.METRICS_TOKEN or request.method not in SAFE_METHODS:
        return NOT_FOUND.as_response()
    given = request.headers.get("Authorization", "").encode()
    if not secrets.compare_digest(given, f"Bearer {settings.METRICS_TOKEN}".encode()):
        return NO_TOKEN.as_response()
    # Imported late: without METRICS_TOKEN no process needs it.
    from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
    from prometheus_client.multiprocess import MultiProcessCollector

    registry, state = REGISTRY, CollectorRegistry()
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)
    state.register(StateCollector())
    return HttpResponse(generate_latest(registry) + generate_latest(state), content_type=CONTENT_TYPE_LATEST)


class StateCollector:
    """Reads two figures when they are asked for: whether the database can be used, and how many messages wait."""

    def collect(self) -> "Iterator[Metric]":
        """Yields the figures. The figures of the queues are missing while the database can't be used."""
        from prometheus_client.metrics_core import GaugeMetricFamily

        is_ready = readiness.problem() is None
        yield GaugeMetricFamily(
            "circe_database_up", "1 if the database answers and is migrated, as in /readyz, else 0.", value=is_ready
        )
        if not is_ready:
            return
        waiting = GaugeMetricFamily("circe_mails_waiting", "Messages that are due and not sent.", labels=["queue"])
        oldest = GaugeMetricFamily(
            "circe_mails_oldest_seconds", "How long the oldest of them has been due.", labels=["queue"]
        )
        now = timezone.now()
        try:
            for queue, model in QUEUES.items():
                with tenant_scope(ALL_TENANTS):
                    due = model.objects.filter(state=DeliveryState.QUEUED, due_at__lte=now)
                    found = due.aggregate(number=Count("pk"), since=Min("due_at"))
                waiting.add_metric([queue], found["number"])
                oldest.add_metric([queue], (now - (found["since"] or now)).total_seconds())
        except OperationalError:
            # The database became unreachable meanwhile, or all connections are in use.
            return
        yield from (waiting, oldest)
