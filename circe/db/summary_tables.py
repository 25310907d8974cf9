"""Summary tables: sums over a business's rows that the database keeps by itself, whoever changes the rows and however.

Triggers keep them, once for a statement (functions in the apps' folders `sql/`). Only these triggers write: their
functions have the rights of their owner, while the application may only read. This module holds what such tables share:
the check against the rows that are summed up, and the repair.
"""

from collections.abc import Sequence
from typing import Any

from django.db import connection, models

from circe.db.row_level_security import RowLevelSecurity


class SummaryTable(models.Model):
    """Sums by tenant and by the columns of `key`. A model declares `tenant`, the columns and these attributes.

    `expected_sql` is a query for what a tenant's rows should be: the columns of `key`, then those of `sums`.
    """

    key: tuple[str, ...]
    sums: tuple[str, ...]
    expected_sql: str

    class Meta:
        abstract = True
        constraints = [RowLevelSecurity(name="%(class)s_rls")]

    @classmethod
    def stored_sql(cls) -> str:
        """Returns a query for what a tenant's rows are: the columns of `key`, then those of `sums`."""
        return f"SELECT {', '.join([*cls.key, *cls.sums])} FROM {cls._meta.db_table} WHERE tenant_id = %(tenant)s"  # noqa: S608

    @classmethod
    def differences(cls, tenant: models.Model) -> list[dict[str, Any]]:
        """Returns where the table differs from `expected_sql`: `{<key>…, "kept": {<sum>: …}, "counted": {<sum>: …}}`.

        Only sums that differ are listed; they are None where there is no row.
        """
        key = ", ".join(cls.key)
        pairs = ", ".join(f"kept.{name}, counted.{name}" for name in cls.sums)
        unequal = " OR ".join(f"kept.{name} IS DISTINCT FROM counted.{name}" for name in cls.sums)
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT {key}, {pairs} FROM ({cls.stored_sql()}) AS kept "  # noqa: S608
                f"FULL JOIN ({cls.expected_sql}) AS counted USING ({key}) WHERE {unequal} ORDER BY {key}",
                {"tenant": tenant.pk},
            )
            return [cls._difference(row) for row in cursor]

    @classmethod
    def _difference(cls, row: Sequence[Any]) -> dict[str, Any]:
        sums = row[len(cls.key) :]
        unequal = [
            (name, kept, counted)
            for name, kept, counted in zip(cls.sums, sums[::2], sums[1::2], strict=True)
            if kept != counted
        ]
        return {
            **dict(zip(cls.key, row, strict=False)),
            "kept": {name: kept for name, kept, _ in unequal},
            "counted": {name: counted for name, _, counted in unequal},
        }

    @classmethod
    def rebuild(cls, tenant: models.Model) -> None:
        """Replaces the tenant's rows by those of `expected_sql`. As the owner, and while nobody writes what is counted."""
        columns = [*cls.key, *cls.sums]
        with connection.cursor() as cursor:
            cursor.execute(f"DELETE FROM {cls._meta.db_table} WHERE tenant_id = %s", [tenant.pk])  # noqa: S608
            cursor.execute(
                f"INSERT INTO {cls._meta.db_table} (tenant_id, {', '.join(columns)}) "  # noqa: S608
                f"SELECT %(tenant)s, {', '.join(columns)} FROM ({cls.expected_sql}) AS counted",
                {"tenant": tenant.pk},
            )


class ShardedCounter(SummaryTable):
    """A SummaryTable whose rows many writers add to. A sum may lie in several shards, which have to be added up.

    A transaction adds to the first shard that no other one is adding to (the function `circe_free_shard`). So writers
    never wait for each other, and there are only as many shards as were once written at the same time.
    """

    shard = models.BigIntegerField(db_default=0)

    class Meta(SummaryTable.Meta):
        abstract = True

    @classmethod
    def stored_sql(cls) -> str:
        key, sums = ", ".join(cls.key), [f"sum({name})" for name in cls.sums]
        return (
            f"SELECT {key}, {', '.join(f'{value}::bigint AS {name}' for name, value in zip(cls.sums, sums, strict=True))} "  # noqa: S608
            f"FROM {cls._meta.db_table} WHERE tenant_id = %(tenant)s GROUP BY {key} "
            f"HAVING {' OR '.join(f'{value} <> 0' for value in sums)}"
        )
