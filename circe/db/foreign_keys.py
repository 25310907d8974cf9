"""The foreign key within a tenant, and the constraint by which the database refuses a reference to another tenant's row."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.backends.ddl_references import Statement
from django.db.models.lookups import Exact
from django.db.models.sql.where import WhereNode


class TenantForeignKey(models.ForeignKey):
    """A foreign key to a row of the same tenant.

    The model's Meta declares a SameTenant constraint for it, and an index that begins with the tenant where one is needed.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"db_constraint": False, "db_index": False} | kwargs)

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        # Django leaves out `db_index=True`, which is Django's default. Ours is False.
        return name, path, args, kwargs | {"db_index": self.db_index}

    def get_extra_restriction(self, alias: str, related_alias: str) -> WhereNode:
        """Adds the tenant to the condition of a join, since every index begins with it."""
        remote, local = (model._meta.get_field("tenant") for model in (self.remote_field.model, self.model))
        conditions: list[Any] = [Exact(remote.get_col(alias), local.get_col(related_alias))]
        return WhereNode(conditions)


class SameTenant(models.BaseConstraint):
    """Refuses a reference to another tenant's row: FOREIGN KEY (tenant_id, `field`_id) REFERENCES … (tenant_id, id).

    A TenantForeignKey has no constraint of its own, so this one takes its place. `validate` gives the forms of a
    super_admin a message, since a super_admin can choose rows of every tenant.
    """

    def __init__(self, *, field: str, name: str, **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self.field = field

    def constraint_sql(self, model: type[models.Model] | None, schema_editor: BaseDatabaseSchemaEditor | None) -> None:
        # Created after the table: on a cluster both tables must be distributed before.
        schema_editor.deferred_sql.append(self.create_sql(model, schema_editor))

    def create_sql(self, model: type[models.Model] | None, schema_editor: BaseDatabaseSchemaEditor | None) -> str:
        field: Any = model._meta.get_field(self.field)
        quote = schema_editor.quote_name
        return (
            f"ALTER TABLE {quote(model._meta.db_table)} ADD CONSTRAINT {quote(self.name)} "
            f"FOREIGN KEY (tenant_id, {quote(field.column)}) "
            f"REFERENCES {quote(field.remote_field.model._meta.db_table)} (tenant_id, id) DEFERRABLE INITIALLY IMMEDIATE"
        )

    def remove_sql(
        self, model: type[models.Model] | None, schema_editor: BaseDatabaseSchemaEditor | None
    ) -> Statement | str:
        table = schema_editor.quote_name(model._meta.db_table)
        return f"ALTER TABLE {table} DROP CONSTRAINT {schema_editor.quote_name(self.name)}"

    def validate(self, model: Any, instance: Any, exclude: Any = None, using: str = "default") -> None:
        if self.field in (exclude or ()):
            return
        related = getattr(instance, self.field)
        if related is not None and related.tenant_id != instance.tenant_id:
            raise ValidationError({self.field: "Choose one of the same business."}, code="foreign_tenant")

    def deconstruct(self) -> Any:
        path, args, kwargs = super().deconstruct()
        return path, args, kwargs | {"field": self.field}

    def __eq__(self, other: object) -> bool:
        if isinstance(other, SameTenant):
            return (self.name, self.field) == (other.name, other.field)
        return NotImplemented

    __hash__ = models.BaseConstraint.__hash__
