"""Row-level security: the database itself limits the application to the rows of the tenant in scope.

Each table of a tenant has policies. The role `circe_app` reads and writes only rows of the tenant in the setting
`circe.tenant`, which is sent with each statement (`circe.db.session_settings`). Without the setting it finds no rows. The
role `circe_rls_bypass` is not limited. The owner of the schema is a member of it, for migrations, dumps and the functions
of the audit trail.

In the scope of one person, the setting is the tenant's id, a slash and the person's id. Then a table shows nothing, unless
its constraint says which rows belong to the person, or that its rows are public.
"""

from collections.abc import Collection
from typing import Any

from django.db import models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

# A plain call: Citus allows no sub-select in a policy of a distributed table.
TENANT_SETTING = "current_setting('circe.tenant', true)"


# The condition that the setting names no person. A restrictive policy for circe_app binds the members of this role too. The
# owner of the schema is a member, and triggers write the summary tables with the owner's rights. So the condition also lets
# members of circe_rls_bypass through.
NO_PERSON_IN_SCOPE_SQL = f"strpos({TENANT_SETTING}, '/') = 0 OR pg_has_role('circe_rls_bypass', 'USAGE')"
COMMANDS = ("SELECT", "INSERT", "UPDATE", "DELETE")


def tenant_policy_sql(column: str, subject: str | None = None) -> str:
    """Returns the condition that the row's tenant, whose id is in `column`, is the tenant in scope or all are in scope.

    `subject` is an SQL expression of the id of the person to whom the row belongs: in the scope of this person the row is
    seen too.

    `CASE … IS NOT NULL` makes the planner expect that nearly every row satisfies the condition. That is right, since the
    manager's filter has selected the tenant's rows already. From `column = …` the planner would multiply the two
    selectivities, and would expect ten rows of a tenant that has a million.
    """
    person = f" WHEN {column} || '/' || {subject} THEN true" if subject else ""
    return f"CASE {TENANT_SETTING} WHEN '*' THEN true WHEN {column} THEN true{person} END IS NOT NULL"


def _policy_sql(name: str, table: str, kind: str, clause: str, condition: str) -> list[str]:
    """Returns the statements that create a policy. The second one sets its condition.

    Citus refuses CASE in CREATE POLICY on a distributed table (“unrecognized node type”), and takes it in ALTER POLICY.
    """
    return [
        f"CREATE POLICY {name} ON {table} {kind} {clause} (false)",
        f"ALTER POLICY {name} ON {table} {clause} ({condition})",
    ]


class RowLevelSecurity(models.BaseConstraint):
    """Limits the rows of a table to those whose `column` is the tenant in scope, by policies.

    `subject_column` holds the id of the person to whom a row belongs. In the scope of one person it is seen, and the
    commands in `subject_commands` may be used on it. A row that `is_public` may be read in the scope of every person of the
    tenant. With neither `subject_column` nor `is_public`, the scope of a person shows no row.

    `also_readable` is an SQL condition for more rows that may be read, but not written. In it `{tenant_setting}` stands for
    the value of the setting: a tenant's id, `*` for all tenants, a tenant's id with `/` and a person's, or `@` and an id or
    e-mail address during an account look-up.
    """

    def __init__(
        self,
        *,
        name: str,
        column: str = "tenant_id",
        subject_column: str | None = None,
        subject_commands: Collection[str] = ("SELECT",),
        is_public: bool = False,
        also_readable: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.column, self.also_readable = column, also_readable
        self.subject_column, self.subject_commands, self.is_public = subject_column, tuple(subject_commands), is_public

    @property
    def subject(self) -> str | None:
        """The SQL expression of the person who sees the row: for a public row, whoever is in scope."""
        return f"split_part({TENANT_SETTING}, '/', 2)" if self.is_public else self.subject_column

    @property
    def forbidden_commands(self) -> list[str]:
        """The commands that the scope of a person may not use, although it sees the row."""
        return [command for command in COMMANDS if self.subject and command not in self.subject_commands]

    def create_sql(self, model: type[models.Model] | None, schema_editor: BaseDatabaseSchemaEditor | None) -> str:
        table = schema_editor.quote_name(model._meta.db_table)
        condition = tenant_policy_sql(self.column, self.subject)
        statements = [
            # FORCE applies the policies to the owner of the table too.
            f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
            f"CREATE POLICY {self.name}_bypass ON {table} TO circe_rls_bypass USING (true)",
            # Without WITH CHECK, PostgreSQL applies USING to new versions of rows too.
            *_policy_sql(self.name, table, "TO circe_app", "USING", condition),
        ]
        for command in self.forbidden_commands:
            # The policy binds the owner of the schema too. The condition lets the owner through.
            clause = "WITH CHECK" if command == "INSERT" else "USING"
            kind = f"AS RESTRICTIVE FOR {command} TO circe_app"
            statements += _policy_sql(f"{self.name}_{command.lower()}", table, kind, clause, NO_PERSON_IN_SCOPE_SQL)
        if self.also_readable:
            condition = self.also_readable.format(tenant_setting=TENANT_SETTING)
            statements += _policy_sql(f"{self.name}_read", table, "FOR SELECT TO circe_app", "USING", condition)
        return "; ".join(statements)

    def constraint_sql(self, model: type[models.Model] | None, schema_editor: BaseDatabaseSchemaEditor | None) -> None:
        # CREATE TABLE cannot contain a policy, so it is created afterwards.
        schema_editor.deferred_sql.append(self.create_sql(model, schema_editor))

    def remove_sql(self, model: type[models.Model] | None, schema_editor: BaseDatabaseSchemaEditor | None) -> str:
        table = schema_editor.quote_name(model._meta.db_table)
        suffixes = ["", "_bypass", *(f"_{command.lower()}" for command in self.forbidden_commands)]
        policies = [f"{self.name}{suffix}" for suffix in [*suffixes, *(["_read"] if self.also_readable else [])]]
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
        if self.subject_column:
            kwargs |= {"subject_column": self.subject_column, "subject_commands": self.subject_commands}
        if self.is_public:
            kwargs["is_public"] = True
        if self.also_readable:
            kwargs["also_readable"] = self.also_readable
        return path, args, kwargs

    def __eq__(self, other: object) -> bool:
        if isinstance(other, RowLevelSecurity):
            return self.deconstruct() == other.deconstruct()
        return NotImplemented

    __hash__ = models.BaseConstraint.__hash__
