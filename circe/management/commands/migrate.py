"""Django's `migrate`, as the owner of the schema."""

from typing import Any

from django_migrate_sql.management.commands import migrate

from circe.db.roles import as_owner


class Command(migrate.Command):
    """Works as the role that logs in, and not as the application's, which may not change the schema.

    It inherits from django_migrate_sql's, so that it knows the SQL objects as `makemigrations` does.
    """

    def handle(self, *args: Any, database: str, **options: Any) -> None:
        """As Django's."""
        with as_owner(database):
            super().handle(*args, database=database, **options)
