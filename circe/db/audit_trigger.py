"""The trigger that records every change of a table's rows in the audit trail."""

from typing import Any

from django.db import models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


class AuditTrigger(models.BaseConstraint):
    """Runs the function `circe_audit` for each row that is created, changed or deleted. A model declares it in its Meta."""

    def create_sql(self, model: type[models.Model] | None, schema_editor: BaseDatabaseSchemaEditor | None) -> str:
        quote = schema_editor.quote_name
        return (
            f"CREATE TRIGGER {quote(self.name)} AFTER INSERT OR UPDATE OR DELETE ON {quote(model._meta.db_table)} "
            f"FOR EACH ROW EXECUTE FUNCTION public.circe_audit('{model._meta.model_name}')"
        )

    def constraint_sql(self, model: type[models.Model] | None, schema_editor: BaseDatabaseSchemaEditor | None) -> None:
        # CREATE TABLE cannot contain it, so it comes after.
        schema_editor.deferred_sql.append(self.create_sql(model, schema_editor))

    def remove_sql(self, model: type[models.Model] | None, schema_editor: BaseDatabaseSchemaEditor | None) -> str:
        quote = schema_editor.quote_name
        return f"DROP TRIGGER {quote(self.name)} ON {quote(model._meta.db_table)}"

    def validate(self, model: Any, instance: Any, exclude: Any = None, using: str = "default") -> None:
        """Accepts every instance."""

    def __eq__(self, other: object) -> bool:
        return self.name == other.name if isinstance(other, AuditTrigger) else NotImplemented

    __hash__ = models.BaseConstraint.__hash__
