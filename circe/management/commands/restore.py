"""Restores the database from a file that `backup` wrote."""

import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from circe.backups import restore


class Command(BaseCommand):
    """Restores in one transaction, which is committed if each table has as many rows as the file."""

    help = (
        "Restores the database from a file of `backup`, into an empty database. The roles of the database are made, and "
        "each table must have as many rows as the file. All or nothing: a failure changes nothing."
    )
    examples = (
        "restore /backup/circe-2026-11-28.dump",
        "restore /backup/circe-2026-11-28.dump --replace",
    )
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Adds the file, and the option to remove what the database holds."""
        parser.add_argument("file", type=Path, metavar="FILE", help="a file that `backup` wrote")
        parser.add_argument(
            "--replace", action="store_true", help="remove what the database holds; back it up before, to be safe"
        )

    def handle(self, *args: Any, file: Path, replace: bool, **options: Any) -> None:
        """Restores the file. Raises CommandError if it is no backup, or the database is not empty."""
        if not file.is_file():
            raise CommandError(f"{file} is no file: name one that `backup` wrote.", returncode=2)
        begin = time.monotonic()
        counts = restore(file, replace=replace)
        seconds = time.monotonic() - begin
        self.stdout.write(
            f"ok: {len(counts)} tables with {sum(counts.values()):,} rows were restored ({seconds:.0f} s)."
        )
        executor = MigrationExecutor(connection)
        newer = {*executor.loader.applied_migrations} - {*executor.loader.disk_migrations}
        if newer:
            self.stdout.write("The backup is of a newer version of Circe: install that version.")
        elif executor.migration_plan(executor.loader.graph.leaf_nodes()):
            self.stdout.write("Circe is newer than the backup: run `manage.py migrate` now.")
        self.stdout.write("Customers who were erased after the backup was made are back: erase them again.")
