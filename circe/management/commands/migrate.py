"""Runs Django's `migrate` as the owner of the schema."""

from typing import Any

from django.core.management.base import CommandError
from django.db import connections
from django_migrate_sql.management.commands import migrate

from circe.db.citus.cluster import ClusterUnusable, refuse_worker
from circe.db.roles import as_owner


class Command(migrate.Command):
    """Migrates as the login role, which owns the schema: the application's role may not change it.

    It inherits from the command of django_migrate_sql, so that it knows the SQL objects as `makemigrations` does.
    """

    examples = (
        "migrate",
        "migrate --check",
    )

    def handle(self, *args: Any, database: str, **options: Any) -> None:
        """Runs Django's command as the owner. Raises CommandError on a worker of a cluster."""
        with as_owner(database):
            with connections[database].cursor() as cursor:
                try:
                    refuse_worker(cursor)
                except ClusterUnusable as error:
                    raise CommandError(f"{error} Nothing was changed.", returncode=2) from error
            super().handle(*args, database=database, **options)
