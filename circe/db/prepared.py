"""Prepared statements: queries that nearly every request sends, each time with other values.

Django compiles the text of a prepared query once per process. Compiling it in each request would double the request's time.
A server without Citus plans the query once per connection, since planning takes longer than execution. A request sends only
the values.
"""

import datetime as dt
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from django.db import DEFAULT_DB_ALIAS, OperationalError, connection, connections
from django.db.models import Expression, Field, QuerySet
from django.http import Http404
from psycopg.sql import quote

from circe.db.ids import is_id


class QueryNotConstant(Exception):
    """The text of a prepared query contains a value that differs from request to request."""


class Parameter(Expression):
    """A value that is given when a prepared query is executed."""

    def __init__(self, name: str, output_field: Field) -> None:
        super().__init__(output_field=output_field)
        self.name = name

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        return "%s", [self]

    def to_database(self, value: Any) -> Any:
        """Returns the value as its field stores it. Raises ValueError for a value that the field can't have."""
        return self.output_field.get_db_prep_value(value, connection)


class Sql:
    """SQL that is written by hand. A name in braces is replaced by the SELECT of a queryset, a Parameter or other SQL."""

    def __init__(self, text: str, **replacements: "QuerySet[Any, Any] | Parameter | Sql") -> None:
        self.text, self.replacements = text, replacements


class Scopes(NamedTuple):
    """The scopes that limit which rows a query sees. An app registers them with `register_scopes`.

    Each prepared query has a text for each of these scopes. The text for one tenant filters by the tenant, whose id is a
    Parameter.
    """

    # Returns the name of the open scope, a key of `contexts`, and by name the values of its Parameters. Raises without
    # a scope.
    current: Callable[[], tuple[str, Mapping[str, Any]]]
    # By name of a scope, a function. It returns the context manager that opens the scope while a text is compiled.
    contexts: Mapping[str, Callable[[], AbstractContextManager[None]]]


class Statement(NamedTuple):
    """A compiled query: its name in the database session, its text with $1, $2 …, and the Parameters in this order."""

    name: str
    text: str
    parameters: tuple[Parameter, ...]

    @property
    def prepare_sql(self) -> str:
        types = ", ".join(str(parameter.output_field.cast_db_type(connection)) for parameter in self.parameters)
        return f"PREPARE {self.name} ({types}) AS {self.text}" if types else f"PREPARE {self.name} AS {self.text}"

    @property
    def execute_sql(self) -> str:
        placeholders = ", ".join(["%s"] * len(self.parameters))
        return f"EXECUTE {self.name} ({placeholders})" if placeholders else f"EXECUTE {self.name}"


QUERIES: "dict[str, PreparedQuery]" = {}
_scopes: list[Scopes] = []
# The names of the statements that a session has prepared.
_prepared_names: WeakKeyDictionary[Any, set[str]] = WeakKeyDictionary()


def register_scopes(scopes: Scopes) -> None:
    """Sets the scopes of all prepared queries."""
    _scopes[:] = [scopes]


class PreparedQuery:
    """A query with a constant text, which is executed with other values each time.

    `build` takes a Parameter for each of `fields`, and returns the query: a queryset with `values_list`, or `Sql`. With
    `scoped=False` no scope limits the rows. Then the tenant must be among `fields`, or the query must read no tenant's
    table.
    """

    def __init__(
        self, name: str, build: Callable[..., QuerySet[Any, Any] | Sql], /, *, scoped: bool = True, **fields: Field
    ) -> None:
        if name in QUERIES:
            raise ValueError(f"There are two prepared queries with the name {name}.")
        QUERIES[name] = self
        self.name, self.build, self.scoped, self.fields = name, build, scoped, fields
        # By name of the scope. The name is "" for a query that is not scoped.
        self.statements: dict[str, Statement] = {}

    def rows(self, **values: Any) -> list[tuple[Any, ...]]:
        """Executes the query and returns its rows. Raises ValueError for a value that its field can't have."""
        scope, scope_values = _scopes[0].current() if self.scoped else ("", {})
        statement = self.statements.get(scope) or self.compile(scope)
        values |= scope_values
        params = [parameter.to_database(values[parameter.name]) for parameter in statement.parameters]
        # The connection of this thread. `django.db.connection` would look it up at each use.
        connection = connections[DEFAULT_DB_ALIAS]
        if connection.connection is None:
            # The pool may give a dead connection, and it is not checked before. If the query fails, it is sent again on a
            # new connection.
            connection.connect_unchecked()
            try:
                return _execute(connection, statement, params)
            except OperationalError:
                connection.close()
        return _execute(connection, statement, params)

    def get_or_404(self, **values: Any) -> tuple[Any, ...]:
        """Returns the only row. Raises Http404 if there is none, or if a value is not valid for its field."""
        try:
            rows = self.rows(**values)
        except ValueError as error:
            raise Http404 from error
        if not rows:
            raise Http404
        [row] = rows
        return row

    def compile(self, scope: str) -> Statement:
        """Compiles the text for the scope. Raises QueryNotConstant if it contains a value of one request."""
        parameters = {name: Parameter(name, field) for name, field in self.fields.items()}
        # The Parameters by name. They are numbered ($1, $2 …) in the order in which the text first uses them.
        used: dict[str, Parameter] = {}
        if self.scoped:
            with _scopes[0].contexts[scope]():
                text = _write_sql(self.build(**parameters), used)
        else:
            text = _write_sql(self.build(**parameters), used)
        if unused := parameters.keys() - used.keys():
            raise QueryNotConstant(f"The text of {self.name} does not use {', '.join(sorted(unused))}.")
        name = "_".join(["circe", self.name, *([scope] if scope else [])])
        self.statements[scope] = Statement(name, text, tuple(used.values()))
        return self.statements[scope]


def compile_all() -> None:
    """Compiles every prepared query for every scope, so that the first request is as fast as the others."""
    for query in QUERIES.values():
        for scope in _scopes[0].contexts if query.scoped else [""]:
            query.compile(scope)


def _write_sql(query: QuerySet[Any, Any] | Sql | Parameter, used: dict[str, Parameter]) -> str:
    if isinstance(query, Parameter):
        return _write_param(query, used)
    if isinstance(query, Sql):
        return query.text.format(**{name: _write_sql(value, used) for name, value in query.replacements.items()})
    sql, params = query.query.sql_with_params()
    return sql % tuple(_write_param(param, used) for param in params)


def _write_param(param: Any, used: dict[str, Parameter]) -> str:
    if isinstance(param, Parameter):
        used.setdefault(param.name, param)
        return f"${[*used].index(param.name) + 1}"
    if is_id(param) or isinstance(param, (dt.date, dt.time, float)):
        raise QueryNotConstant(f"{param!r} differs from request to request: make it a Parameter.")
    return quote(param)


def _execute(connection: Any, statement: Statement, params: list[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        names = _prepared_names.setdefault(connection.connection, set())
        # COMMIT, ROLLBACK and SET ROLE remove no prepared statement.
        if statement.name not in names:
            with connection.wrap_database_errors:
                connection.connection.execute(statement.prepare_sql)
            names.add(statement.name)
        cursor.execute(statement.execute_sql, params)
        return cursor.fetchall()
