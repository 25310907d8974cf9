"""Writes the database into a file, and checks the file."""

import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.template.defaultfilters import filesizeformat

from circe.backups import back_up


class Command(BaseCommand):
    """Runs pg_dump while Circe works. The file appears when it is complete and was read back."""

    help = (
        "Writes the whole database into a new file, of mode 0600, and reads the file back: it must hold each row. Circe may "
        "work meanwhile. The file holds everybody's personal data: encrypt it, and let it expire."
    )
    examples = ("backup /backup/circe-2026-11-28.dump",)
    # Checks would import all code; this command is needed most when something is broken.
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Adds the file."""
        parser.add_argument("file", type=Path, metavar="FILE", help="the file to write; it must not exist")

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        """Writes the file. Raises CommandError if it exists, or can't be written."""
        if file.exists():
            raise CommandError(f"{file} exists already: name another file, or remove it.", returncode=2)
        if not file.parent.is_dir():
            raise CommandError(f"{file.parent} is no directory: make it, or name another.", returncode=2)
        begin = time.monotonic()
        counts = back_up(file)
        size, seconds = filesizeformat(file.stat().st_size).replace("\xa0", " "), time.monotonic() - begin
        self.stdout.write(
            f"ok: {file} holds {len(counts)} tables with {sum(counts.values()):,} rows ({size}, {seconds:.0f} s)."
        )
