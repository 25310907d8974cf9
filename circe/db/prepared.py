"""Queries of a fixed shape: Django writes their SQL once for a process, PostgreSQL plans it once for a connection, and a
request binds its values.

To write it takes about as long as all else that Circe does for a request, to plan it longer than to run it. The scope is a
value too: a query is written for whichever tenant is in scope, for every tenant, or for none, and what is bound is the
tenant in scope at that moment.
"""

from collections.abc import Callable
from functools import lru_cache
from hashlib import sha256
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from django.db import OperationalError, connection
from django.db.models import Expression, Field, QuerySet
from django.http import Http404
from psycopg.sql import quote

from circe.db.ids import IdField, is_id
from tenants.scope import AllTenants, open_scope, tenant_scope

# So many statements a connection keeps, the last ones used: each is some hundred kilobytes of the server's memory.
KEPT = 100
_kept: WeakKeyDictionary[Any, dict[str, None]] = WeakKeyDictionary()


class QueryNotConstant(Exception):
    """What was compiled would not be the same for the next request."""


class Parameter(Expression):
    """The place of a value, in SQL and among its parameters."""

    def __init__(self, name: str, output_field: Field) -> None:
        super().__init__(output_field=output_field)
        self.name = name

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        return "%s", [self]

    def bound(self, value: Any) -> Any:
        """The value as its field gives it to the database. Raises ValueError where it can't be one of the field's."""
        return self.output_field.get_db_prep_value(value, connection)


class TenantPlaceholder:
    """Stands for the tenant in scope while a query is compiled. That it has an id is all that one may know."""

    pk = Parameter("the tenant in scope", IdField())


class Compiled(NamedTuple):
    """A query as Django writes it, and the functions that make Python's values of its columns, by their index."""

    sql: str
    params: tuple[Any, ...]
    converters: dict[int, tuple[list[Callable[..., Any]], Any]]
    # What has PostgreSQL keep the statement of which `sql` then is the execution.
    preparation: str = ""


class PreparedQuery:
    """The query that `build` makes. Of its keywords those with one of `fields` are values, and a call may leave some out;
    the others, which have to be hashable and few, make the shape, of which each is compiled once.

    PostgreSQL plans it without its values; it is not `kept` where they decide how it is best answered. `around` is the SQL
    that stands around it in the place of `{}`, and gives values as they are.
    """

    def __init__(
        self, build: Callable[..., QuerySet[Any, Any]], *, kept: bool = True, around: str = "", **fields: Field
    ) -> None:
        self.build, self.kept, self.around, self.fields = build, kept, around, fields

    def rows(self, **keywords: Any) -> list[tuple[Any, ...]]:
        """The rows, as `values_list` gives them."""
        values = {name: value for name, value in keywords.items() if name in self.fields}
        shape = tuple((name, value) for name, value in keywords.items() if name not in self.fields)
        scope = open_scope()
        for_whom = scope if scope is None or isinstance(scope, AllTenants) else TenantPlaceholder
        query = compiled(self, for_whom, tuple(values), shape)
        values[TenantPlaceholder.pk.name] = getattr(scope, "pk", None)
        bound = [one.bound(values[one.name]) if isinstance(one, Parameter) else one for one in query.params]
        if connection.connection is None:
            # The first statement tells whether the session lives, and a question does no harm to be asked again.
            connection.connect_unchecked()
            try:
                return _rows(query, bound)
            except OperationalError:
                connection.close()
        return _rows(query, bound)

    def get_or_404(self, **keywords: Any) -> tuple[Any, ...]:
        """The one row. Raises Http404 where there is none, or can't be, a value being none of its field's."""
        try:
            rows = self.rows(**keywords)
        except ValueError as error:
            raise Http404 from error
        if not rows:
            raise Http404
        [row] = rows
        return row


@lru_cache(maxsize=500)
def compiled(
    query: PreparedQuery, for_whom: Any, names: tuple[str, ...], shape: tuple[tuple[str, Any], ...]
) -> Compiled:
    """Raises QueryNotConstant where a value lost its place, or where what is of one moment or of one row got into the query."""
    places = {name: Parameter(name, query.fields[name]) for name in names}
    with tenant_scope(for_whom):
        once, again = (_as_sql(query.build(**places, **dict(shape))) for _ in range(2))
    found = {one.name for one in once.params if isinstance(one, Parameter)} - {TenantPlaceholder.pk.name}
    if found != {*names}:
        raise QueryNotConstant(f"Values without a place, or places without a value: {found ^ {*names}}.")
    if once[:2] != again[:2]:
        raise QueryNotConstant("It is another query each time: what differs has to be a value, or belong to the shape.")
    if any(is_id(one) for one in once.params):
        raise QueryNotConstant("The id of a row got into the query: it has to be a value.")
    if query.around:
        once = Compiled(query.around.replace("{}", once.sql), once.params, {})
    return _prepared(once) if query.kept else once


def _rows(query: Compiled, bound: list[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        if query.preparation:
            _make_known(query)
        cursor.execute(query.sql, bound)
        return [_converted(row, query.converters) for row in cursor.fetchall()]


def _as_sql(queryset: QuerySet[Any, Any]) -> Compiled:
    compiler = queryset.query.get_compiler(queryset.db)
    sql, params = compiler.as_sql()
    return Compiled(sql, tuple(params), compiler.get_converters([column for column, *_ in compiler.select]))


def _prepared(query: Compiled) -> Compiled:
    """The query as the execution of a statement of its own."""
    parameters = list({one.name: one for one in query.params if isinstance(one, Parameter)}.values())
    numbers = {one.name: f"${number}" for number, one in enumerate(parameters, 1)}
    connection.ensure_connection()
    text = query.sql % tuple(
        numbers[one.name] if isinstance(one, Parameter) else quote(one, connection.connection) for one in query.params
    )
    types = ", ".join(str(one.output_field.cast_db_type(connection)) for one in parameters)
    # The same name for the same statement, so that it can't be taken for another.
    name = f"circe_{sha256(f'{types} {text}'.encode()).hexdigest()[:32]}"
    preparation, execution = f"PREPARE {name}", f"EXECUTE {name}"
    if parameters:
        preparation += f"({types})"
        execution += f"({', '.join(['%s'] * len(parameters))})"
    return Compiled(execution, tuple(parameters), query.converters, f"{preparation} AS {text}")


def _make_known(query: Compiled) -> None:
    """See that the connection keeps the statement. Neither a transaction nor a change of role undoes that."""
    session = connection.connection
    kept = _kept.setdefault(session, {})
    if query.sql not in kept:
        with connection.wrap_database_errors:
            while len(kept) >= KEPT:
                execution = next(iter(kept))
                session.execute(execution.partition("(")[0].replace("EXECUTE", "DEALLOCATE"))
                del kept[execution]
            session.execute(query.preparation)
    # The last one used comes last.
    kept.pop(query.sql, None)
    kept[query.sql] = None


def _converted(row: tuple[Any, ...], converters: dict[int, tuple[list[Callable[..., Any]], Any]]) -> tuple[Any, ...]:
    if not converters:
        return row
    values = list(row)
    for index, (functions, expression) in converters.items():
        for function in functions:
            values[index] = function(values[index], expression, connection)
    return tuple(values)
