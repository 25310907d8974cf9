"""Conditions that are written in SQL. Django compiles such a condition faster than the many Q objects that it replaces."""

from string import Formatter
from typing import Any

from django.db.models import BooleanField, Func


class SqlCondition(Func):
    """A condition on a row. In its text, a name in braces stands for one of `expressions`.

    `expressions` may hold names that the text does not use.
    """

    output_field = BooleanField()

    def __init__(self, text: str, **expressions: Any) -> None:
        self.parts = tuple((literal, name) for literal, name, *_ in Formatter().parse(text))
        self.names = tuple({name: None for _, name in self.parts if name})
        super().__init__(*(expressions[name] for name in self.names))

    def as_sql(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, list[Any]]:
        compiled = dict(zip(self.names, map(compiler.compile, self.source_expressions), strict=True))
        sql, params = "", list[Any]()
        for literal, name in self.parts:
            sql += literal
            if name:
                part, part_params = compiled[name]
                sql += part
                params += part_params
        return f"({sql})", params
