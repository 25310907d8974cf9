"""The trigger that records every change of a table's rows in the audit trail."""

from collections.abc import Sequence
from typing import Any

from django.db import models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


class AuditTrigger(models.BaseConstraint):
    """Runs the function `circe_audit` for each row that is created, changed or deleted. A model declares it in its Meta.

    `subject_column` holds the id of the person whose history the row's events belong to; it is `id` in the person's own
    table. `about_subject` names the columns that describe this person. When the row is given to another person, the event
    belongs to the history of the new person. So the event leaves out the old values of these columns. `unrecorded_columns`
    stay out of every event.
    """

    def __init__(
        self,
        *,
        name: str,
        subject_column: str | None = None,
        about_subject: Sequence[str] = (),
        unrecorded_columns: Sequence[str] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.subject_column = subject_column
        self.about_subject, self.unrecorded_columns = tuple(about_subject), tuple(unrecorded_columns)

    def create_sql(self, model: type[models.Model] | None, schema_editor: BaseDatabaseSchemaEditor | None) -> str:
        quote = schema_editor.quote_name
        arguments = [
            str(model._meta.model_name),
            self.subject_column or "",
            _array_literal(self.about_subject),
            _array_literal(self.unrecorded_columns),
        ]
        return (
            f"CREATE TRIGGER {quote(self.name)} AFTER INSERT OR UPDATE OR DELETE ON {quote(model._meta.db_table)} "
            f"FOR EACH ROW EXECUTE FUNCTION public.circe_audit({', '.join(map(schema_editor.quote_value, arguments))})"
        )

    def constraint_sql(self, model: type[models.Model] | None, schema_editor: BaseDatabaseSchemaEditor | None) -> None:
        # CREATE TABLE cannot contain a trigger, so it is created afterwards.
        schema_editor.deferred_sql.append(self.create_sql(model, schema_editor))

    def remove_sql(self, model: type[models.Model] | None, schema_editor: BaseDatabaseSchemaEditor | None) -> str:
        quote = schema_editor.quote_name
        return f"DROP TRIGGER {quote(self.name)} ON {quote(model._meta.db_table)}"

    def validate(self, model: Any, instance: Any, exclude: Any = None, using: str = "default") -> None:
        """Accepts every instance."""

    def deconstruct(self) -> Any:
        path, args, kwargs = super().deconstruct()
        if self.subject_column:
            kwargs["subject_column"] = self.subject_column
        if self.about_subject:
            kwargs["about_subject"] = self.about_subject
        if self.unrecorded_columns:
            kwargs["unrecorded_columns"] = self.unrecorded_columns
        return path, args, kwargs

    def __eq__(self, other: object) -> bool:
        return self.deconstruct() == other.deconstruct() if isinstance(other, AuditTrigger) else NotImplemented

    __hash__ = models.BaseConstraint.__hash__


def _array_literal(names: Sequence[str]) -> str:
    """Returns the names as the text of a PostgreSQL array."""
    return f"{{{','.join(names)}}}"
