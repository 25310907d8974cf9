"""Django's `flush`, as the owner of the tables."""

from typing import Any

from django.core.management.commands import flush

from circe.db.roles import as_owner


class Command(flush.Command):
    """Works as the role that logs in, and not as the application's, which may not empty a table."""

    def handle(self, *args: Any, database: str, **options: Any) -> None:
        """As Django's."""
        with as_owner(database):
            super().handle(*args, database=database, **options)
