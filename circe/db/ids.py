"""Ids in ObjectId's layout: 24 lower-case hex digits, 4 bytes of seconds and 8 random ones, so they sort by creation."""

import re
import secrets
import time
from typing import Any, ClassVar

from django.db import models

PATTERN = "^[0-9a-f]{24}$"
_matches = re.compile(PATTERN[:-1] + r"\Z").match


def new_id() -> str:
    """A fresh id."""
    return f"{int(time.time()):08x}{secrets.token_hex(8)}"


def is_id(value: object) -> bool:
    """Whether `value` has the form of an id."""
    return isinstance(value, str) and _matches(value) is not None


class IdField(models.CharField):
    """A primary key in that form. Looking for a value of another form raises ValueError: a 404 in a URL, a 400 in a body."""

    OWN_OPTIONS: ClassVar[dict[str, Any]] = {
        "max_length": 24,
        "db_collation": "C",
        "default": new_id,
        "editable": False,
    }

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**self.OWN_OPTIONS | kwargs)

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        own = self.OWN_OPTIONS
        return name, path, args, {key: value for key, value in kwargs.items() if key not in own or own[key] != value}

    def db_type(self, connection: Any) -> str:
        # By its short name, varchar, Django would index each key twice: again for LIKE, which this collation serves anyway.
        return "character varying(24)"

    def get_prep_value(self, value: Any) -> Any:
        value = super().get_prep_value(value)
        if value is not None and not is_id(value):
            raise ValueError("An id has 24 lower-case hex digits.")
        return value
