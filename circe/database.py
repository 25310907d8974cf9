"""As whom Circe speaks to the database."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connections

# Owns nothing: see the migration tenants/0002_application_role.
APPLICATION_ROLE = "circe_app"


@contextmanager
def as_owner(alias: str = "default") -> Iterator[None]:
    """The block speaks as the role that logs in, which may change the schema and empty tables: for commands that do."""
    options = connections[alias].settings_dict["OPTIONS"]
    role = options.pop("assume_role", None)
    _speak_as("none", alias)
    try:
        yield
    finally:
        if role:
            options["assume_role"] = role
        _speak_as(role or "none", alias)


def _speak_as(role: str, alias: str) -> None:
    connection = connections[alias]
    if connection.in_atomic_block:
        with connection.cursor() as cursor:
            cursor.execute(f"SET ROLE {role}")
    else:
        # The next one takes the role by the settings, or before there is such a role does without.
        connection.close()
        connection.close_pool()
