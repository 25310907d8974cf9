"""SQL objects as files: each function with its triggers, and each view, is one file in the folder `sql/` of its app.

An app's `sql_config.py` lists them for django_migrate_sql. After a file has changed, `makemigrations` writes a migration
with its text as it is then.
"""

from collections.abc import Sequence
from pathlib import Path

from django_migrate_sql.config import SQLItem


def sql_item(
    config: str, name: str, *, reverse_sql: str, needs: Sequence[tuple[str, str]] = (), replace: bool = True
) -> SQLItem:
    """Returns the SQL object of the file `sql/<name>.sql` beside `config`, an app's sql_config.py.

    `reverse_sql` removes the object. `needs` lists the objects, as (app, name), that must exist before. With `replace` the
    text replaces an existing object itself (CREATE OR REPLACE). Without it, the existing object is removed first.
    """
    text = (Path(config).parent / "sql" / f"{name}.sql").read_text()
    return SQLItem(name, text, reverse_sql=reverse_sql, dependencies=list(needs), replace=replace)
