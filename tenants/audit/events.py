"""The audit trail: who changed what, from what to what; and what was refused.

Triggers write it, so that bulk updates, raw SQL, COPY and commands are caught like the API and the admin. Their function
runs with the rights of its owner: the application's role reads the trail, and can neither change nor forge a row's event
(migration 0003_audit_functions). Whoever acts is known to them by the setting `circe.actor`, see `tenants.audit.context`.
"""

import json
from typing import Any

from django.db import connection, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


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
        cursor.execute("SELECT circe_note(%s, %s, %s, %s, %s, %s)", values)


class Audited(models.BaseConstraint):
    """A trigger that records every change of the table's rows."""

    def create_sql(self, model: type[models.Model] | None, schema_editor: BaseDatabaseSchemaEditor | None) -> str:
        quote = schema_editor.quote_name
        return (
            f"CREATE TRIGGER {quote(self.name)} AFTER INSERT OR UPDATE OR DELETE ON {quote(model._meta.db_table)} "
            f"FOR EACH ROW EXECUTE FUNCTION public.circe_audit('{model._meta.model_name}')"
        )

    def constraint_sql(self, model: type[models.Model] | None, schema_editor: BaseDatabaseSchemaEditor | None) -> None:
        # No part of CREATE TABLE: it comes after it.
        schema_editor.deferred_sql.append(self.create_sql(model, schema_editor))

    def remove_sql(self, model: type[models.Model] | None, schema_editor: BaseDatabaseSchemaEditor | None) -> str:
        quote = schema_editor.quote_name
        return f"DROP TRIGGER {quote(self.name)} ON {quote(model._meta.db_table)}"

    def validate(self, model: Any, instance: Any, exclude: Any = None, using: str = "default") -> None:
        """Nothing to refuse."""

    def __eq__(self, other: object) -> bool:
        return self.name == other.name if isinstance(other, Audited) else NotImplemented

    __hash__ = models.BaseConstraint.__hash__
