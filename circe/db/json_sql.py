"""Answers that the database writes: a serializer's JSON as one expression of a query, so that no row becomes objects first.

The keys, their order and their types are the serializer's own; whatever stores a value as it is shown needs no more than
that. A key that shows something else has its expression in `json_expressions` of its serializer, as a function of the path
that leads to the row, such as `service__`.
"""

from functools import cache
from typing import Any

from django.db.models import Expression, F, Func, QuerySet, Subquery, TextField
from rest_framework.serializers import DateTimeField, Field, Serializer


class JSONObject(Func):
    """json_build_object, with the keys as they are given. Django's own builds jsonb, which sorts them first."""

    function = "json_build_object"
    output_field = TextField()

    def __init__(self, **values: Any) -> None:
        super().__init__(*values.values())
        self.keys = tuple(values)

    def as_sql(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, list[Any]]:
        parts, params = [], []
        for key, expression in zip(self.keys, self.source_expressions, strict=True):
            sql, more = compiler.compile(expression)
            parts.append(f"'{key}', {sql}")
            params += more
        return f"{self.function}({', '.join(parts)})", params


class AsText(Func):
    """JSON as text: the driver would make objects of it."""

    template = "(%(expressions)s)::text"
    arity = 1
    output_field = TextField()


class UtcTimestamp(Func):
    """An instant as the API shows it: UTC, whole seconds."""

    template = """to_char(%(expressions)s AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')"""
    arity = 1
    output_field = TextField()


class JSONList(Subquery):
    """A list of some rows of a subquery of one column of JSON, in its order: `limit` of them, after `offset` others.

    Both are expressions, so that a prepared query can read any page; a slice of a queryset would be part of its text.
    """

    template = (
        "(SELECT coalesce(json_agg(page.one), '[]')"
        " FROM (%(subquery)s OFFSET %(offset)s LIMIT %(limit)s) AS page (one))"
    )
    output_field = TextField()

    def __init__(self, rows: QuerySet, *, offset: Expression, limit: Expression) -> None:
        super().__init__(rows)
        self.offset, self.limit = offset, limit

    def as_sql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        offset, offset_params = compiler.compile(self.offset)
        limit, limit_params = compiler.compile(self.limit)
        sql, params = super().as_sql(compiler, connection, offset=offset, limit=limit, **context)
        return sql, [*params, *offset_params, *limit_params]


@cache
def _object(serializer: type[Serializer]) -> JSONObject:
    return _object_of(serializer(), "")


def as_json(serializer: type[Serializer]) -> Expression:
    """What `serializer` shows of a row, as JSON text; to be read with `values` or `values_list`."""
    return AsText(_object(serializer))


def as_list(rows: QuerySet, serializer: type[Serializer], *, offset: Expression, limit: Expression) -> Expression:
    """The same of a page of the `rows` of a subquery: one JSON text."""
    return AsText(JSONList(rows.values_list(_object(serializer)), offset=offset, limit=limit))


def _object_of(serializer: Serializer, path: str) -> JSONObject:
    json_expressions = getattr(serializer, "json_expressions", {})
    return JSONObject(
        **{
            name: json_expressions[name](path) if name in json_expressions else _value(field, path)
            for name, field in serializer.fields.items()
            if not field.write_only
        }
    )


def _value(field: Field, path: str) -> Expression | F:
    source = path + field.source.replace(".", "__")
    if isinstance(field, Serializer):
        return _object_of(field, path if field.source == "*" else f"{source}__")
    return UtcTimestamp(F(source)) if isinstance(field, DateTimeField) else F(source)
