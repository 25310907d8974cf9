"""The audit trail: who changed what, from what to what; and what was refused.

Triggers write it, so that bulk updates, raw SQL, COPY and commands are caught like the API and the admin. Their function
runs with the rights of its owner: the application's role reads the trail, and can neither change nor forge a row's event
(tenants/sql/circe_audit.sql). Whoever acts is known to them by the setting `circe.actor`, see `tenants.audit.context`.
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
    """Add to the trail what no row's change tells: `refused` or `erased`, with `details` as JSON."""
    with connection.cursor() as cursor:
        values = [action, table, row_id, customer_id, tenant_id, json.dumps(details)]
        cursor.execute("SELECT circe_record_event(%s, %s, %s, %s, %s, %s)", values)
