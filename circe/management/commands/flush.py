"""Runs Django's `flush` as the owner of the tables."""

from typing import Any

from django.core.management.commands import flush

from circe.db.roles import as_owner


class Command(flush.Command):
    """Empties the tables. Uses the login role, since the application's role may not truncate tables."""

    examples = ("flush",)

    def handle(self, *args: Any, database: str, **options: Any) -> None:
        """Runs Django's command as the owner."""
        with as_owner(database):
            super().handle(*args, database=database, **options)
