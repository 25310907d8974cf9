"""SQL objects of a cluster that differ from those of one server. An app registers their files; `distribute` creates them."""

from pathlib import Path
from typing import Any

import sqlparse

FILES: list[Path] = []


def register(*files: Path) -> None:
    """Adds files of SQL statements that can be run again, in this order."""
    FILES.extend(files)


def create_objects(cursor: Any) -> None:
    """Runs the files. Each statement is a message of its own, since Citus passes on whole messages."""
    for file in FILES:
        for statement in sqlparse.split(file.read_text()):
            cursor.execute(statement)
