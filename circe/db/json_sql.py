"""Lets PostgreSQL write the JSON of a serializer, so that rows need not become Python objects first.

The serializer's fields give the keys and their order. A field that shows a column as it is stored needs nothing more,
nor does a DateTimeField or a nested serializer. For any other field the serializer has `json_expressions`: by field name, a
function that returns the expression. Its argument is the path to the row, such as `service__`.
"""

from functools import cache
from typing import Any

from django.db.models import Expression, F, Func, QuerySet, Subquery, TextField
from rest_framework.serializers import DateTimeField, Field, Serializer


class JSONObject(Func):
    """The function json_build_object. It keeps the order of the keys; Django's JSONObject makes jsonb, which sorts them."""

    function = "json_build_object"
    output_field = TextField()

    def __init__(self, **values: Any) -> None:
        super().__init__(*values.values())
        self.keys = tuple(values)

    def as_sql(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, list[Any]]:
        pairs, params = [], []
        for key, expression in zip(self.keys, self.source_expressions, strict=True):
            sql, more = compiler.compile(expression)
            pairs.append(f"'{key}', {sql}")
            params += more
        return f"{self.function}({', '.join(pairs)})", params


class AsText(Func):
    """A value cast to text. Otherwise psycopg would make Python objects of JSON, and of a time."""

    template = "(%(expressions)s)::text"
    arity = 1
    output_field = TextField()


class UtcTimestamp(Func):
    """A timestamp in the format of the API: UTC, whole seconds."""

    template = """to_char(%(expressions)s AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')"""
    arity = 1
    output_field = TextField()


class JSONList(Subquery):
    """A page of the rows of a subquery, as a JSON list. The subquery has one column, of JSON.

    `offset` and `limit` are expressions, so that one prepared query can read any page. The slice of a queryset would be
    written into the text of the query.
    """

    template = (
        "(SELECT coalesce(json_agg(page.item), '[]')"
        " FROM (%(subquery)s OFFSET %(offset)s LIMIT %(limit)s) AS page (item))"
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
def _cached_object(serializer: type[Serializer]) -> JSONObject:
    return _build_object(serializer(), "")


def build_json(serializer: type[Serializer]) -> Expression:
    """Returns the expression of a row's JSON as text, with the keys of `serializer`. Use it in `annotate`."""
    return AsText(_cached_object(serializer))


def build_json_list(
    rows: QuerySet, serializer: type[Serializer], *, offset: Expression, limit: Expression
) -> Expression:
    """Returns the expression of a JSON list as text, with a page of `rows`."""
    return AsText(JSONList(rows.values_list(_cached_object(serializer)), offset=offset, limit=limit))


def _build_object(serializer: Serializer, path: str) -> JSONObject:
    json_expressions = getattr(serializer, "json_expressions", {})
    return JSONObject(
        **{
            name: json_expressions[name](path) if name in json_expressions else _build_value(field, path)
            for name, field in serializer.fields.items()
            if not field.write_only
        }
    )


def _build_value(field: Field, path: str) -> Expression | F:
    source = path + field.source.replace(".", "__")
    if isinstance(field, Serializer):
        return _build_object(field, path if field.source == "*" else f"{source}__")
    return UtcTimestamp(F(source)) if isinstance(field, DateTimeField) else F(source)
