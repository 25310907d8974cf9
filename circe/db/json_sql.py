"""Answers that the database writes: a serializer's JSON as one expression of a query, so that no row becomes objects first.

The keys, their order and their types are the serializer's own; whatever stores a value as it is shown needs no more than
that. A key that shows something else has its expression in `json_expressions` of its serializer, as a function of the path that
leads to the row, such as `service__`.
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
    """A list of what a subquery of one column of JSON gives, in its order."""

    template = "(SELECT coalesce(json_agg(page.one), '[]') FROM (%(subquery)s) AS page (one))"
    output_field = TextField()


@cache
def _object(serializer: type[Serializer]) -> JSONObject:
    return _object_of(serializer(), "")


def as_json(serializer: type[Serializer]) -> Expression:
    """What `serializer` shows of a row, as JSON text; to be read with `values` or `values_list`."""
    return AsText(_object(serializer))


def as_list(rows: QuerySet, serializer: type[Serializer]) -> Expression:
    """The same of all `rows` of a subquery: one JSON text."""
    return AsText(JSONList(rows.values_list(_object(serializer))))


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
