"""Ids in the layout of MongoDB's ObjectId: 24 lower-case hex digits.

The first 4 bytes are the time of creation in seconds, so ids sort by creation. The other 8 bytes are random.
"""

import re
import secrets
import time
from typing import Any, ClassVar

from django.db import models

ID_PATTERN = "^[0-9a-f]{24}$"
_matches = re.compile(ID_PATTERN[:-1] + r"\Z").match


def new_id() -> str:
    """Returns a new id."""
    return f"{int(time.time()):08x}{secrets.token_hex(8)}"


def is_id(value: object) -> bool:
    """Returns whether `value` has the form of an id."""
    return isinstance(value, str) and _matches(value) is not None


class IdField(models.CharField):
    """A column for an id, mostly a primary key. A query for a value of another form raises ValueError."""

    DEFAULT_OPTIONS: ClassVar[dict[str, Any]] = {
        "max_length": 24,
        "db_collation": "C",
        "default": new_id,
        "editable": False,
    }

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**self.DEFAULT_OPTIONS | kwargs)

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        defaults = self.DEFAULT_OPTIONS
        changed = {key: value for key, value in kwargs.items() if key not in defaults or defaults[key] != value}
        return name, path, args, changed

    def db_type(self, connection: Any) -> str:
        # If the type were called varchar, Django would add a second index to each key, for LIKE. Collation C needs none.
        return "character varying(24)"

    def get_prep_value(self, value: Any) -> Any:
        if value is not None and not is_id(value):
            raise ValueError("An id has 24 lower-case hex digits.")
        return value
