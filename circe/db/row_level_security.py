"""Row-level security: in the database itself, the application reads and writes the rows of the tenant in scope alone.

Each table of a tenant has policies. What the role `circe_app` reads and writes there has to belong to the tenant in the
setting `circe.tenant`, which comes with each statement (`circe.db.session_settings`); without it there are no rows. No
policy binds the role `circe_rls_bypass`, of which the owner is a member: for migrations, the audit trail's functions and
dumps.
"""

from typing import Any

from django.db import models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

# A plain call: Citus allows no sub-select in a policy of a distributed table.
TENANT_SETTING = "current_setting('circe.tenant', true)"


def tenant_policy_sql(column: str) -> str:
    """Returns the condition that the statement's scope holds the row's tenant, whose id is in `column`.

    The planner takes it for true of nearly every row, as it is: the manager's filter, which names the tenant too, has
    selected them already. It would multiply a comparison with the selectivity of that filter, and take a tenant of a
    million rows for one of ten.
    """
    return f"CASE {TENANT_SETTING} WHEN '*' THEN true WHEN {column} THEN true END IS NOT NULL"


class RowLevelSecurity(models.BaseConstraint):
    """The policies of a table: rows are read and written where `column` holds the tenant in scope.

    `also_readable` is a condition on further rows that may be read, in which `{tenant_setting}` stands for the setting: a
    tenant's id, `*` for every tenant, or while an account is looked up `@` and its id or e-mail address.
    """

    def __init__(
        self, *, name: str, column: str = "tenant_id", also_readable: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.column, self.also_readable = column, also_readable

    def create_sql(self, model: type[models.Model] | None, schema_editor: BaseDatabaseSchemaEditor | None) -> str:
        table = schema_editor.quote_name(model._meta.db_table)
        statements = [
            # FORCE binds the owner too, and so whatever runs with the owner's rights.
            f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
            f"CREATE POLICY {self.name}_bypass ON {table} TO circe_rls_bypass USING (true)",
            # Without WITH CHECK, USING holds for rows as they become as well.
            f"CREATE POLICY {self.name} ON {table} TO circe_app USING ({tenant_policy_sql(self.column)})",
        ]
        if self.also_readable:
            condition = self.also_readable.format(tenant_setting=TENANT_SETTING)
            statements.append(f"CREATE POLICY {self.name}_read ON {table} FOR SELECT TO circe_app USING ({condition})")
        return "; ".join(statements)

    def constraint_sql(self, model: type[models.Model] | None, schema_editor: BaseDatabaseSchemaEditor | None) -> None:
        # CREATE TABLE cannot contain it, so it comes after.
        schema_editor.deferred_sql.append(self.create_sql(model, schema_editor))

    def remove_sql(self, model: type[models.Model] | None, schema_editor: BaseDatabaseSchemaEditor | None) -> str:
        table = schema_editor.quote_name(model._meta.db_table)
        policies = [self.name, f"{self.name}_bypass", *([f"{self.name}_read"] if self.also_readable else [])]
        return "; ".join(
            [f"DROP POLICY {policy} ON {table}" for policy in policies]
            + [f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY"]
        )

    def validate(self, model: Any, instance: Any, exclude: Any = None, using: str = "default") -> None:
        """Accepts every instance: the manager's filter and the forms refuse, in words."""

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
