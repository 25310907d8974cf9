"""Records events of the audit trail that are no change of a row.

Triggers record every change of a row (tenants/sql/circe_audit.sql), so that bulk updates, raw SQL, COPY and commands leave
the same events as the API and the back office. The application's role reads the trail, and can neither change nor forge
such an event. The setting `circe.actor` tells the triggers who acts, see `tenants.audit.context`.
"""

import json
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
    """Adds an event `refused` or `erased` to the audit trail, with `details` as JSON."""
    with connection.cursor() as cursor:
        values = [action, table, row_id, customer_id, tenant_id, json.dumps(details)]
        cursor.execute("SELECT circe_record_event(%s, %s, %s, %s, %s, %s)", values)
