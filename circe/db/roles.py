"""As whom Circe speaks to the database."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

# Owns nothing: see the SQL file application_roles.sql.
APPLICATION_ROLE = "circe_app"
# For libpq. Django's own `assume_role` asks the pool for a connection while the pool makes one, and waits in vain.
APPLICATION_ROLE_OPTION = f"-c role={APPLICATION_ROLE}"


@contextmanager
def as_owner(alias: str = "default") -> Iterator[None]:
    """The block speaks as the role that logs in, which may change the schema and empty tables: for commands that do."""
    connection = connections[alias]
    settings = connection.settings_dict
    options = {name: value for name, value in settings["OPTIONS"].items() if name != "options"}
    connection.settings_dict = settings | {"OPTIONS": options}
    set_role("none", connection)
    try:
        yield
    finally:
        connection.settings_dict = settings
        set_role(APPLICATION_ROLE if "options" in settings["OPTIONS"] else "none", connection)


def set_role(role: str, connection: BaseDatabaseWrapper) -> None:
    if connection.in_atomic_block:
        with connection.cursor() as cursor:
            cursor.execute(f"SET ROLE {role}")
    else:
        # The next one takes the role by the settings, or does without.
        connection.close()
        connection.close_pool()
