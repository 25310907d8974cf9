"""The primary key of a tenant's table in the database: (tenant_id, id).

Django takes `id` alone for the primary key, so that the admin, references and the API use it. The database's key begins with
the tenant, so that a row lies beside the other rows of its tenant, and a cluster of Citus can distribute the table by it.
"""

from typing import Any

from django.db import models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


class TenantPrimaryKey(models.BaseConstraint):
    """Makes (tenant_id, id) the primary key in the database. A model with a primary key `id` declares it in its Meta.

    Our schema editor (`circe.db.postgresql.base`) adds it as soon as the table is created, since foreign keys need it.
    """

    def constraint_sql(self, model: type[models.Model] | None, schema_editor: BaseDatabaseSchemaEditor | None) -> None:
        # CREATE TABLE holds Django's primary key, and a table has only one.
        return None

    def create_sql(self, model: type[models.Model] | None, schema_editor: BaseDatabaseSchemaEditor | None) -> str:
        return self._replace_key_sql(
            model, schema_editor, f"{model._meta.db_table}_pkey", f"CONSTRAINT {self.name} PRIMARY KEY (tenant_id, id)"
        )

    def remove_sql(self, model: type[models.Model] | None, schema_editor: BaseDatabaseSchemaEditor | None) -> str:
        return self._replace_key_sql(model, schema_editor, self.name, "PRIMARY KEY (id)")

    def _replace_key_sql(self, model: Any, schema_editor: Any, old: str, new: str) -> str:
        quote = schema_editor.quote_name
        return f"ALTER TABLE {quote(model._meta.db_table)} DROP CONSTRAINT {quote(old)}, ADD {new}"

    def validate(self, model: Any, instance: Any, exclude: Any = None, using: str = "default") -> None:
        """Accepts every instance. Django itself checks that no other row in scope has the id."""

    def __eq__(self, other: object) -> bool:
        return self.deconstruct() == other.deconstruct() if isinstance(other, TenantPrimaryKey) else NotImplemented

    __hash__ = models.BaseConstraint.__hash__
