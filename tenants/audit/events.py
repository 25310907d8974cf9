"""Records events of the audit trail that are no change of a row.

Triggers record every change of a row (tenants/sql/circe_audit.sql), so that bulk updates, raw SQL, COPY and commands leave
the same events as the API and the back office. The application's role reads the trail, and can neither change nor forge
such an event. The setting `circe.actor` tells the triggers who acts, see `tenants.audit.context`.
"""

import json
from typing import Any

from django.db import connection

from tenants.scope import NO_TENANT

# The statement names a table and the tenant, so that a cluster runs it on the node where the tenant's rows lie. On another
# node the function would write there as the owner, and the transaction could not go on as circe_app. The sub-select
# always has one row.
RECORD_EVENT_SQL = """
SELECT circe_record_event(%s, %s, %s, %s, %s, %s)
FROM (SELECT count(*) FROM tenants_auditevent WHERE tenant_id = %s AND id = 0) AS one_row
"""


def record_event(
    action: str,
    *,
    table: str,
    row_id: str | None = None,
    customer_id: str | None = None,
    tenant_id: str | None,
    **details: Any,
) -> None:
    """Adds an event `refused` or `erased` to the audit trail, with `details` as JSON. `table` is the name of the row's
    model, or of the refused URL.
    """
    business = tenant_id or NO_TENANT
    with connection.cursor() as cursor:
        cursor.execute(RECORD_EVENT_SQL, [action, table, row_id, customer_id, business, json.dumps(details), business])
