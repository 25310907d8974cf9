"""Compiles every UPDATE and DELETE of the ORM with the condition that the row is in scope.

Django saves and deletes an instance by its primary key alone, past the model's manager. If the model has a method
`scope_condition`, its condition is added to that statement too. So the index of (tenant_id, id) serves the statement, a
cluster of Citus asks one node, and no other tenant's row can be written.
"""

from typing import Any

from django.db.backends.postgresql import compiler
from django.db.models import Q
from django.db.models.sql.compiler import SQLInsertCompiler as StandardInsertCompiler

from circe.db.citus.placement import MOVED_PLACEMENTS, placement_of

SQLAggregateCompiler, SQLCompiler = compiler.SQLAggregateCompiler, compiler.SQLCompiler


def add_scope_condition(query: Any) -> None:
    """Adds the condition of the query's model, unless the model's manager has added it already."""
    scope_condition = getattr(query.model, "scope_condition", None)
    if scope_condition:
        condition = scope_condition()
        if not any(isinstance(child, type(condition)) for child in query.where.children):
            query.add_q(Q(condition))


class SQLDeleteCompiler(compiler.SQLDeleteCompiler):
    """Adds the scope to a DELETE."""

    def as_sql(self) -> Any:
        add_scope_condition(self.query)
        return super().as_sql()


class SQLUpdateCompiler(compiler.SQLUpdateCompiler):
    """Adds the scope to an UPDATE."""

    def as_sql(self) -> Any:
        add_scope_condition(self.query)
        return super().as_sql()


class SQLInsertCompiler(compiler.SQLInsertCompiler):
    """Writes the rows as VALUES if the table is one of Citus. Django would send the rows as one array for each column, in
    which Citus can't find the tenant of a row.
    """

    def assemble_as_sql(self, fields: Any, value_rows: Any) -> Any:
        if placement_of(self.query.get_meta().model) in MOVED_PLACEMENTS:
            return StandardInsertCompiler.assemble_as_sql(self, fields, value_rows)
        return super().assemble_as_sql(fields, value_rows)
