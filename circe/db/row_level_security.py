"""Row-level security: the database itself limits the application to the rows of the tenant in scope.

Each table of a tenant has policies. The role `circe_app` reads and writes only rows of the tenant in the setting
`circe.tenant`, which is sent with each statement (`circe.db.session_settings`). Without the setting it finds no rows. The
role `circe_rls_bypass` is not limited. The owner of the schema is a member of it, for migrations, dumps and the functions
of the audit trail.
"""

from typing import Any

from django.db import models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

# A plain call: Citus allows no sub-select in a policy of a distributed table.
TENANT_SETTING = "current_setting('circe.tenant', true)"


def tenant_policy_sql(column: str) -> str:
    """Returns the condition that the row's tenant, whose id is in `column`, is the tenant in scope or all are in scope.

    `CASE … IS NOT NULL` makes the planner expect that nearly every row satisfies the condition. That is right, since the
    manager's filter has selected the tenant's rows already. From `column = …` the planner would multiply the two
    selectivities, and would expect ten rows of a tenant that has a million.
    """
    return f"CASE {TENANT_SETTING} WHEN '*' THEN true WHEN {column} THEN true END IS NOT NULL"


class RowLevelSecurity(models.BaseConstraint):
    """Limits the rows of a table to those whose `column` is the tenant in scope, by policies.

    `also_readable` is an SQL condition for more rows that may be read, but not written. In it `{tenant_setting}` stands for
    the value of the setting: a tenant's id, `*` for all tenants, or `@` and an id or e-mail address during an account
    look-up.
    """

    def __init__(
        self, *, name: str, column: str = "tenant_id", also_readable: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.column, self.also_readable = column, also_readable

    def create_sql(self, model: type[models.Model] | None, schema_editor: BaseDatabaseSchemaEditor | None) -> str:
        table = schema_editor.quote_name(model._meta.db_table)
        statements = [
            # FORCE applies the policies to the owner of the table too.
            f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
            f"CREATE POLICY {self.name}_bypass ON {table} TO circe_rls_bypass USING (true)",
            # Without WITH CHECK, PostgreSQL applies USING to new versions of rows too.
            f"CREATE POLICY {self.name} ON {table} TO circe_app USING ({tenant_policy_sql(self.column)})",
        ]
        if self.also_readable:
            condition = self.also_readable.format(tenant_setting=TENANT_SETTING)
            statements.append(f"CREATE POLICY {self.name}_read ON {table} FOR SELECT TO circe_app USING ({condition})")
        return "; ".join(statements)

    def constraint_sql(self, model: type[models.Model] | None, schema_editor: BaseDatabaseSchemaEditor | None) -> None:
        # CREATE TABLE cannot contain a policy, so it is created afterwards.
        schema_editor.deferred_sql.append(self.create_sql(model, schema_editor))

    def remove_sql(self, model: type[models.Model] | None, schema_editor: BaseDatabaseSchemaEditor | None) -> str:
        table = schema_editor.quote_name(model._meta.db_table)
        policies = [self.name, f"{self.name}_bypass", *([f"{self.name}_read"] if self.also_readable else [])]
        return "; ".join(
            [f"DROP POLICY {policy} ON {table}" for policy in policies]
            + [f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY"]
        )

    def validate(self, model: Any, instance: Any, exclude: Any = None, using: str = "default") -> None:
        """Accepts every instance. The manager and the forms check the tenant and have messages for people."""

    def deconstruct(self) -> Any:
        path, args, kwargs = super().deconstruct()
        if self.column != "tenant_id":
            kwargs["column"] = self.column
        if self.also_readable:
            kwargs["also_readable"] = self.also_readable
        return path, args, kwargs

    def __eq__(self, other: object) -> bool:
        if isinstance(other, RowLevelSecurity):
            return self.deconstruct() == other.deconstruct()
        return NotImplemented

    __hash__ = models.BaseConstraint.__hash__
