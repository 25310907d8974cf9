"""The second wall between tenants, in the database: which rows the application's role may reach, whatever is asked.

Each table with a tenant has row-level security. What the role `circe_app` reads and writes there has to be of the tenant
in the setting `circe.tenant`, which each statement carries (`circe.db.session_settings`); without it there is nothing. The role
`circe_rls_bypass`, of which the owner is a member, is bound by no wall: for migrations, the audit trail's functions and dumps.
"""

from typing import Any

from django.db import models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

# A sub-select is asked once for a statement and not for each row.
TENANT_SETTING = "(SELECT current_setting('circe.tenant', true))"


def tenant_policy_sql(column: str) -> str:
    """The condition that the row's tenant, in `column`, is one that the statement may reach.

    The planner takes it for true of nearly every row. A comparison would multiply with the manager's own, and make a tenant
    of a million look like one of ten.
    """
    return f"CASE {TENANT_SETTING} WHEN '*' THEN true WHEN {column} THEN true END IS NOT NULL"


class RowLevelSecurity(models.BaseConstraint):
    """Row-level security: reading and writing are for the rows whose `column` is the tenant in reach.

    `also` is a condition on rows that may be read beyond, in which `{reach}` stands for what is in reach: a tenant's id,
    `*`, or `@` and the id or the e-mail address of the account at the door.
    """

    def __init__(self, *, name: str, column: str = "tenant_id", also: str | None = None, **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self.column, self.also = column, also

    def create_sql(self, model: type[models.Model] | None, schema_editor: BaseDatabaseSchemaEditor | None) -> str:
        table = schema_editor.quote_name(model._meta.db_table)
        statements = [
            # The owner is bound too, whatever runs with its rights.
            f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
            f"CREATE POLICY {self.name}_keeper ON {table} TO circe_rls_bypass USING (true)",
            # What a row may become is what it has to be: without WITH CHECK, USING is that too.
            f"CREATE POLICY {self.name} ON {table} TO circe_app USING ({tenant_policy_sql(self.column)})",
        ]
        if self.also:
            also = self.also.format(reach=TENANT_SETTING)
            statements.append(f"CREATE POLICY {self.name}_also ON {table} FOR SELECT TO circe_app USING ({also})")
        return "; ".join(statements)

    def constraint_sql(self, model: type[models.Model] | None, schema_editor: BaseDatabaseSchemaEditor | None) -> None:
        # No part of CREATE TABLE: it comes after it.
        schema_editor.deferred_sql.append(self.create_sql(model, schema_editor))

    def remove_sql(self, model: type[models.Model] | None, schema_editor: BaseDatabaseSchemaEditor | None) -> str:
        table = schema_editor.quote_name(model._meta.db_table)
        policies = [self.name, f"{self.name}_keeper", *([f"{self.name}_also"] if self.also else [])]
        return "; ".join(
            [f"DROP POLICY {policy} ON {table}" for policy in policies]
            + [f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY"]
        )

    def validate(self, model: Any, instance: Any, exclude: Any = None, using: str = "default") -> None:
        """Nothing to refuse: the manager's filter and the forms do, in words."""

    def deconstruct(self) -> Any:
        path, args, kwargs = super().deconstruct()
        return path, args, kwargs | {"column": self.column, "also": self.also}

    def __eq__(self, other: object) -> bool:
        if isinstance(other, RowLevelSecurity):
            return (self.name, self.column, self.also) == (other.name, other.column, other.also)
        return NotImplemented

    __hash__ = models.BaseConstraint.__hash__
