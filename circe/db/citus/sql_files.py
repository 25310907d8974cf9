"""SQL objects that `distribute` creates. An app registers their files.

They are of two kinds. Some differ on a cluster from those of one server. The others are views with the condition
`tenant_id = …`. In a backup this condition is `tenant_id::text = …`. Citus does not read the tenant from a column with a
cast. So it would ask every node after a restore, or refuse the statement.
"""

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
