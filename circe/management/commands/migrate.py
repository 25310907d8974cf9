"""Runs Django's `migrate` as the owner of the schema."""

from typing import Any

from django_migrate_sql.management.commands import migrate

from circe.db.roles import as_owner


class Command(migrate.Command):
    """Migrates as the login role, since the application's role may not change the schema.

    It inherits from django_migrate_sql's, so that it knows the SQL objects as `makemigrations` does.
    """

    examples = (
        "migrate",
        "migrate --check",
    )

    def handle(self, *args: Any, database: str, **options: Any) -> None:
        """Runs Django's command as the owner."""
        with as_owner(database):
            super().handle(*args, database=database, **options)
