"""Says which tables of an SQL statement lack the condition `tenant_id = <value>`.

A cluster of Citus sends a statement to the one node with the tenant's rows if each table of a tenant in it has this
condition, or is joined by `tenant_id` to one that has it. It looks at each SELECT, UPDATE and DELETE by itself.
"""

from collections.abc import Collection, Iterator, Sequence
from functools import cache
from typing import Any

from django.apps import apps
from pglast import ast, parse_sql
from pglast.enums import A_Expr_Kind, BoolExprType, SetOperation

from tenants.models import StaffName, User
from tenants.scope import AllTenants, Scope

VALUE = "a value"


@cache
def tenant_relations() -> frozenset[str]:
    """Returns the names of the tables and views of tenants, but for those of accounts, of which each node has a copy."""
    return frozenset(
        model._meta.db_table
        for model in apps.get_models(include_auto_created=True)
        if any(field.name == "tenant" for field in model._meta.get_fields())
        and not issubclass(model, (User, StaffName))
    )


def find_unrouted(statements: Sequence[tuple[Scope | None, str]]) -> list[tuple[list[str], str]]:
    """Returns the recorded statements that lack a tenant, each with the tables. Reads in ALL_TENANTS may lack it."""
    found = [
        (unrouted_tables(sql, tenant_relations()), sql)
        for scope, sql in statements
        if not isinstance(scope, AllTenants) or is_write(sql)
    ]
    return [(names, sql) for names, sql in found if names]


# The same statements come again and again, and each takes milliseconds to parse.
@cache
def unrouted_tables(sql: str, tables: frozenset[str]) -> list[str]:
    """Returns the names of those of the `tables` in the statement that have no tenant given, in order of their place.

    The names of variables of a PL/pgSQL function count as values.
    """
    found: list[str] = []
    for statement in parse_sql(sql):
        _check(statement.stmt, tables, frozenset(), frozenset(), found)
    return found


@cache
def is_write(sql: str) -> bool:
    """Returns whether the statement, or one of its CTEs, is an INSERT, UPDATE or DELETE."""
    return any(_find_nodes(sql, ast.InsertStmt, ast.UpdateStmt, ast.DeleteStmt))


def named_tables(sql: str) -> set[str]:
    """Returns the names of all tables of the statement."""
    return {table.relname for table in _find_nodes(sql, ast.RangeVar)}


def called_functions(sql: str) -> set[str]:
    """Returns the names of all functions that the statement calls, without their schemas."""
    return {call.funcname[-1].sval for call in _find_nodes(sql, ast.FuncCall)}


def is_update_or_delete(sql: str) -> bool:
    """Returns whether the statement is an UPDATE or a DELETE."""
    return any(isinstance(statement.stmt, ast.UpdateStmt | ast.DeleteStmt) for statement in parse_sql(sql))


def _check(
    query: Any, tables: Collection[str], common: frozenset[str], outer: frozenset[str], found: list[str]
) -> None:
    """Checks one query, and the queries in it. `common` are the names of the CTEs that it can use. `outer` are the aliases
    of the tables whose tenant the queries around it give.
    """
    if query.withClause:
        for cte in query.withClause.ctes:
            _check(cte.ctequery, tables, common, outer, found)
            common |= {cte.ctename}
    if _is(query, ast.SelectStmt) and query.op != SetOperation.SETOP_NONE:
        for half in (query.larg, query.rarg):
            _check(half, tables, common, outer, found)
        return
    level = _Level(query, tables, common, outer)
    if not _is(query, ast.InsertStmt):
        found += [table for alias, table in level.tables.items() if not level.has_value(alias)]
    elif query.relation.relname in tables and not level.inserts_value():
        found.append(query.relation.relname)
    given = outer | {alias for alias in level.tables if level.has_value(alias)}
    for inner in _inner_queries(query):
        _check(inner, tables, common, given, found)


class _Level:
    """The tables of one query, in groups. The conditions of the query make the `tenant_id` of a group equal."""

    def __init__(self, query: Any, tables: Collection[str], common: Collection[str], outer: Collection[str]) -> None:
        self.query, self.outer = query, outer
        # All names of the FROM clause, and those of tenants' tables among them.
        self.names: set[str] = set()
        self.tables: dict[str, str] = {}
        self.groups: list[set[str]] = [{VALUE}]
        sources = [*(getattr(query, "fromClause", None) or ()), *(getattr(query, "usingClause", None) or ())]
        if _is(query, ast.UpdateStmt, ast.DeleteStmt):
            sources.append(query.relation)
        conditions = [getattr(query, "whereClause", None)]
        for source in sources:
            for node in _walk(source, into_queries=False):
                if _is(node, ast.JoinExpr):
                    conditions.append(node.quals)
                    self._join_using(node)
                self._add_name(node, tables, common)
        for condition in conditions:
            self._add_condition(condition)

    def _add_name(self, node: Any, tables: Collection[str], common: Collection[str]) -> None:
        alias = getattr(node, "alias", None)
        if _is(node, ast.RangeVar):
            name = alias.aliasname if alias else node.relname
            self.names.add(name)
            if node.relname in tables and not (node.relname in common and not node.schemaname):
                self.tables[name] = node.relname
        elif alias:
            self.names.add(alias.aliasname)

    def _join_using(self, join: Any) -> None:
        if "tenant_id" in [name.sval for name in join.usingClause or ()]:
            sides = [
                {node.alias.aliasname if node.alias else node.relname}
                for side in (join.larg, join.rarg)
                for node in _walk(side, into_queries=False)
                if _is(node, ast.RangeVar)
            ]
            self._unite(set().union(*sides))

    def _add_condition(self, condition: Any) -> None:
        if _is(condition, ast.BoolExpr) and condition.boolop == BoolExprType.AND_EXPR:
            for part in condition.args:
                self._add_condition(part)
        elif _is(condition, ast.A_Expr) and condition.kind == A_Expr_Kind.AEXPR_OP and condition.name[-1].sval == "=":
            sides = [self._side(condition.lexpr), self._side(condition.rexpr)]
            if None not in sides:
                self._unite({side for side in sides if side})

    def _side(self, node: Any) -> str | None:
        """Returns VALUE, the alias of a table whose tenant the expression is, or None."""
        if _is(node, ast.TypeCast):
            return self._side(node.arg)
        if _is(node, ast.ParamRef) or (_is(node, ast.A_Const) and not node.isnull):
            return VALUE
        if not _is(node, ast.ColumnRef):
            return None
        *path, column = [getattr(field, "sval", "*") for field in node.fields]
        if not path and column == "tenant_id":
            # PostgreSQL refuses it where two tables of the query have the column.
            return next(iter(self.tables), None)
        if path and path[-1] in self.names:
            return path[-1] if column == "tenant_id" else None
        if path and column == "tenant_id" and path[-1] in self.outer:
            return VALUE
        # A variable of a function, such as `business` or `new.tenant_id`.
        return VALUE if not path or path[-1].lower() in {"new", "old"} or len(path) == 1 else None

    def _unite(self, members: set[str]) -> None:
        touched = [group for group in self.groups if group & members]
        self.groups = [group for group in self.groups if group not in touched] + [members.union(*touched)]

    def has_value(self, alias: str) -> bool:
        """Returns whether the tenant of the table with this alias is given."""
        return any({alias, VALUE} <= group for group in self.groups)

    def inserts_value(self) -> bool:
        """Returns whether each inserted row has a given tenant."""
        columns = [column.name for column in self.query.cols or ()]
        if "tenant_id" not in columns:
            return False
        place, rows = columns.index("tenant_id"), self.query.selectStmt
        if rows.valuesLists:
            # Nothing but values can stand there.
            return True
        if len(rows.targetList) < len(columns):
            return False
        chosen = _Level(rows, self.tables.values(), (), self.outer)
        side = chosen._side(rows.targetList[place].val)
        return side == VALUE or (side is not None and chosen.has_value(side))


def _inner_queries(query: Any) -> Iterator[Any]:
    """Yields the queries directly inside this one, but for its CTEs."""
    for name in query:
        if name != "withClause":
            yield from _queries_in(getattr(query, name))


def _queries_in(node: Any) -> Iterator[Any]:
    if _is(node, ast.SelectStmt):
        yield node
    else:
        for child in _children(node):
            yield from _queries_in(child)


def _find_nodes(sql: str, *kinds: type) -> list[Any]:
    """Returns the nodes of these kinds in the parsed statement."""
    return [node for statement in parse_sql(sql) for node in _walk(statement.stmt) if _is(node, *kinds)]


def _walk(node: Any, *, into_queries: bool = True) -> Iterator[Any]:
    """Yields the node and all nodes in it."""
    if into_queries or not _is(node, ast.SelectStmt):
        yield node
        for child in _children(node):
            yield from _walk(child, into_queries=into_queries)


def _children(node: Any) -> Iterator[Any]:
    if isinstance(node, tuple):
        yield from node
    elif isinstance(node, ast.Node):
        yield from (getattr(node, name) for name in node)


def _is(node: Any, *kinds: type) -> bool:
    return isinstance(node, kinds)
