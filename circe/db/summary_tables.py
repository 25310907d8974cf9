"""Summary tables: sums over a tenant's rows, updated by triggers of the database in whatever way the rows are changed.

The triggers run once for each statement (functions in the apps' folders `sql/`). Nothing else
writes the tables: the functions have the rights of their owner, and the application may only read. This module holds what
such tables share: the comparison with the rows that were summed, and the repair.
"""

from collections.abc import Sequence
from typing import Any

from django.db import connection, models

from circe.db.row_level_security import RowLevelSecurity
from circe.db.server_kind import is_cluster

# On a cluster a statement inserts at most this many rows.
ROWS_IN_VALUES = 500


class SummaryTable(models.Model):
    """Sums by tenant and by the columns `key_columns`. A model declares `tenant`, the columns and these attributes.

    Most of `value_columns` are sums; others, such as the first day, are the least or the latest value, or copied. The query
    `expected_sql` computes from the summed rows what a tenant's rows should be: the key columns, then the value columns.
    """

    key_columns: tuple[str, ...]
    value_columns: tuple[str, ...]
    expected_sql: str
    # Only if several rows of the table make one row of `expected_sql`: the columns of the table, and the query that computes
    # a tenant's rows.
    row_columns: tuple[str, ...] = ()
    rows_sql = ""

    class Meta:
        abstract = True
        constraints = [RowLevelSecurity(name="%(class)s_rls")]

    @classmethod
    def stored_sql(cls) -> str:
        """Returns the query that reads a tenant's rows as they are: the key columns, then the value columns."""
        columns = ", ".join([*cls.key_columns, *cls.value_columns])
        return f"SELECT {columns} FROM {cls._meta.db_table} WHERE tenant_id = %(tenant)s"  # noqa: S608

    @classmethod
    def find_differences(cls, tenant: models.Model) -> list[dict[str, Any]]:
        """Returns the rows that differ from `expected_sql`: `{<key column>: …, "stored": {<value column>: …},
        "expected": {<value column>: …}}`.

        Only values that differ are listed. A value is None where there is no row.
        """
        key = ", ".join(cls.key_columns)
        pairs = ", ".join(f"stored.{name}, expected.{name}" for name in cls.value_columns)
        unequal = " OR ".join(f"stored.{name} IS DISTINCT FROM expected.{name}" for name in cls.value_columns)
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT {key}, {pairs} FROM ({cls.stored_sql()}) AS stored "  # noqa: S608
                f"FULL JOIN ({cls.expected_sql}) AS expected USING ({key}) WHERE {unequal} ORDER BY {key}",
                {"tenant": tenant.pk},
            )
            return [cls._difference(row) for row in cursor]

    @classmethod
    def _difference(cls, row: Sequence[Any]) -> dict[str, Any]:
        values = row[len(cls.key_columns) :]
        unequal = [
            (name, stored, expected)
            for name, stored, expected in zip(cls.value_columns, values[::2], values[1::2], strict=True)
            if stored != expected
        ]
        return {
            **dict(zip(cls.key_columns, row, strict=False)),
            "stored": {name: stored for name, stored, _ in unequal},
            "expected": {name: expected for name, _, expected in unequal},
        }

    @classmethod
    def rebuild(cls, tenant: models.Model) -> None:
        """Replaces the tenant's rows by what they should be. Call it as the owner, with the summed tables locked."""
        columns = cls.row_columns or (*cls.key_columns, *cls.value_columns)
        select = f"SELECT %(tenant)s, {', '.join(columns)} FROM ({cls.rows_sql or cls.expected_sql}) AS expected"  # noqa: S608
        with connection.cursor() as cursor:
            cursor.execute(f"DELETE FROM {cls._meta.db_table} WHERE tenant_id = %s", [tenant.pk])  # noqa: S608
            if is_cluster():
                # It would copy the rows, and PostgreSQL refuses COPY where a policy holds.
                cursor.execute(select, {"tenant": tenant.pk})
                names = ["tenant_id", *columns]
                rows = (cls(**dict(zip(names, row, strict=True))) for row in cursor.fetchall())
                cls._default_manager.bulk_create(rows, batch_size=ROWS_IN_VALUES)
            else:
                insert = f"INSERT INTO {cls._meta.db_table} (tenant_id, {', '.join(columns)}) {select}"
                cursor.execute(insert, {"tenant": tenant.pk})


class ShardedCounter(SummaryTable):
    """A SummaryTable to which many transactions add at the same time. A sum is spread over several rows, its shards.

    A transaction adds to the first shard that no other transaction uses (function `circe_lock_free_shard`). So transactions
    never wait for each other, and there are only as many shards as were ever used at the same time.
    """

    shard = models.BigIntegerField(db_default=0)

    class Meta(SummaryTable.Meta):
        abstract = True

    @classmethod
    def stored_sql(cls) -> str:
        key, sums = ", ".join(cls.key_columns), {name: f"sum({name})" for name in cls.value_columns}
        return (
            f"SELECT {key}, {', '.join(f'{value}::bigint AS {name}' for name, value in sums.items())} "  # noqa: S608
            f"FROM {cls._meta.db_table} WHERE tenant_id = %(tenant)s GROUP BY {key} "
            f"HAVING {' OR '.join(f'{value} <> 0' for value in sums.values())}"
        )
