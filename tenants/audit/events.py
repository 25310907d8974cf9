"""Records events of the audit trail that are no change of a row.

Triggers record every change of a row (tenants/sql/circe_audit.sql), so that bulk updates, raw SQL, COPY and commands leave
the same events as the API and the back office. The application's role reads the trail, and can neither change nor forge
such an event. The setting `circe.actor` tells the triggers who acts, see `tenants.audit.context`.
"""

import json
from collections.abc import Mapping
from typing import Any

from django.db import connection


def record_event(
    action: str,
    *,
    table: str,
    row_id: str | None = None,
    customer_id: str | None = None,
    tenant_id: str | None,
    **details: Any,
) -> None:
    """Adds an event `refused`, `erased` or `consented` to the audit trail, with `details` as JSON."""
    with connection.cursor() as cursor:
        values = [action, table, row_id, customer_id, tenant_id, json.dumps(details)]
        cursor.execute("SELECT circe_record_event(%s, %s, %s, %s, %s, %s)", values)


def record_consents(details_by_customer: Mapping[str, dict[str, Any]], *, tenant_id: str) -> None:
    """Adds an event `consented` for each customer: how and when they consented, which no column of their row tells."""
    if not details_by_customer:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT circe_record_event('consented', 'customer', key, key, %s, value) FROM jsonb_each(%s)",
            [tenant_id, json.dumps(details_by_customer)],
        )
