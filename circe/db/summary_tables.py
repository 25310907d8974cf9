"""What the database adds up by itself over a tenant's rows, whoever changes them and however: sums never stale.

Triggers keep them, once a statement. Only these write: their functions have the rights of their owner, the application
may just read. Here is what such tables share, and the SQL that their migrations and `check_totals` are made of.
"""

import re
from collections.abc import Sequence
from typing import Any

from django.db import connection, migrations, models

from circe.db.row_level_security import RowLevelSecurity
from tenants.models import Tenant
from tenants.scope import TenantManager

# A statement's rows as they became, and as they were with the sign turned.
CHANGES = {
    "insert": "SELECT 1 AS sign, * FROM new_rows",
    "update": "SELECT 1 AS sign, * FROM new_rows UNION ALL SELECT -1, * FROM old_rows",
    "delete": "SELECT -1 AS sign, * FROM old_rows",
}
REFERENCING = {
    "insert": "NEW TABLE AS new_rows",
    "update": "OLD TABLE AS old_rows NEW TABLE AS new_rows",
    "delete": "OLD TABLE AS old_rows",
}


class SummaryTable(models.Model):
    """Sums by tenant and the columns of `key`. `expected_sql` is SQL that gives a tenant's rows anew: `key`, then `sums`."""

    # The table's migration has the database delete the rows with their tenant (ON DELETE CASCADE): Circe itself may not.
    tenant = models.ForeignKey(Tenant, models.DO_NOTHING, related_name="+", db_index=False)

    objects = TenantManager()

    key: tuple[str, ...]
    sums: tuple[str, ...]
    expected_sql: str
    parts: tuple[str, ...] = ()

    class Meta:
        abstract = True
        constraints = [RowLevelSecurity(name="%(class)s_rls")]

    @classmethod
    def stored(cls) -> str:
        """SQL that gives a tenant's rows as they are kept: `key`, then `sums`."""
        return f"SELECT {', '.join([*cls.key, *cls.sums])} FROM {cls._meta.db_table} WHERE tenant_id = %(tenant)s"  # noqa: S608

    @classmethod
    def differences(cls, tenant: Tenant) -> list[dict[str, Any]]:
        """Where what is kept isn't what a expected_sql gives: `{<key>…, "kept": {<sum>: …}, "counted": {<sum>: …}}`, with
        only the sums that differ, None where there is no row.
        """
        key = ", ".join(cls.key)
        pairs = ", ".join(f"kept.{name}, counted.{name}" for name in cls.sums)
        unequal = " OR ".join(f"kept.{name} IS DISTINCT FROM counted.{name}" for name in cls.sums)
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT {key}, {pairs} FROM ({cls.stored()}) AS kept "  # noqa: S608
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
    def rebuild(cls, tenant: Tenant) -> None:
        """Put the expected_sql in the place of what is kept, as the owner. Nobody may be writing what is counted."""
        columns = [*cls.key, *cls.sums]
        with connection.cursor() as cursor:
            cursor.execute(f"DELETE FROM {cls._meta.db_table} WHERE tenant_id = %s", [tenant.pk])  # noqa: S608
            cursor.execute(
                f"INSERT INTO {cls._meta.db_table} (tenant_id, {', '.join([*columns, *cls.parts])}) "  # noqa: S608
                f"SELECT %(tenant)s, {', '.join([*columns, *('0' for _ in cls.parts)])} FROM ({cls.expected_sql}) AS counted",
                {"tenant": tenant.pk},
            )


class ShardedCounter(SummaryTable):
    """A SummaryTable whose rows many writers add to. It may lie in several parts, to be added up.

    A transaction adds to the first part that no other is adding to. So writers never queue for a sum, and there are no
    more parts than once were written at the same time.
    """

    part = models.BigIntegerField()

    parts = ("part",)

    class Meta(SummaryTable.Meta):
        abstract = True

    @classmethod
    def stored(cls) -> str:
        key, sums = ", ".join(cls.key), [f"sum({name})" for name in cls.sums]
        return (
            f"SELECT {key}, {', '.join(f'{value}::bigint AS {name}' for name, value in zip(cls.sums, sums, strict=True))} "  # noqa: S608
            f"FROM {cls._meta.db_table} WHERE tenant_id = %(tenant)s GROUP BY {key} "
            f"HAVING {' OR '.join(f'{value} <> 0' for value in sums)}"
        )


# Its lock is held until the transaction ends, when others see what it added.
FREE_SHARD_FUNCTION = migrations.RunSQL(
    """
CREATE FUNCTION public.circe_free_shard() RETURNS bigint LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
    part int := 0;
BEGIN
    WHILE NOT pg_try_advisory_xact_lock(6, part) LOOP
        part := part + 1;
    END LOOP;
    RETURN part;
END
$$
""",
    "DROP FUNCTION public.circe_free_shard",
)


def upsert_counters_sql(table: str, *, key: Sequence[str], sums: Sequence[str], rows: str) -> str:
    """SQL that adds `rows`, a query that gives `tenant_id`, `key` and `sums`, each key once, to a ShardedCounter's table."""
    columns = ", ".join(["tenant_id", *key, *sums])
    return f"""
    INSERT INTO public.{table} AS tally ({columns}, part)
    SELECT {columns}, (SELECT public.circe_free_shard()) FROM ({rows}) AS delta
    ON CONFLICT (tenant_id, {", ".join(key)}, part)
    DO UPDATE SET {", ".join(f"{name} = tally.{name} + excluded.{name}" for name in sums)};"""  # noqa: S608


def on_change(
    table: str, function: str, *, bodies: dict[str, str], declare: str = "", unless_same: Sequence[str] = ()
) -> migrations.RunSQL:
    """Statement triggers on a table: `bodies` are PL/pgSQL for "insert", "update", "delete" and "truncate".

    `{changes}` in one stands for the statement's rows with a `sign`. An update that leaves the expressions `unless_same`
    of `{row}` as they were, in each of its rows, costs next to nothing: its body isn't run.
    """
    setting = function.replace("_", ".", 1)
    create, drop = [], []
    for event, body in bodies.items():
        name, clauses = f"{function}_{event}", ""
        if event in REFERENCING:
            clauses = f"REFERENCING {REFERENCING[event]}"
        if event == "update" and unless_same:
            # A statement's trigger can't look at rows, and a row's would take locks in the order of the rows, and pile up
            # versions of a sum that many rows change. So the rows say whether the statement is to be looked at: theirs
            # fire before it ends.
            expressions = ", ".join(unless_same)
            old, new = (expressions.replace("{row}", row) for row in ("OLD", "NEW"))
            # Those that don't name the columns cost nothing at all.
            columns = ", ".join(sorted({*re.findall(r"{row}\.(\w+)", expressions)}))
            create.append(
                f"""
CREATE FUNCTION public.{function}_differ() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_catalog.set_config('{setting}', 'differ', true);
    RETURN NEW;
END
$$;
CREATE TRIGGER {function}_differ BEFORE UPDATE OF {columns} ON public.{table}
FOR EACH ROW WHEN (({old}) IS DISTINCT FROM ({new})) EXECUTE FUNCTION public.{function}_differ()"""
            )
            drop.append(f"DROP TRIGGER {function}_differ ON public.{table};\nDROP FUNCTION public.{function}_differ")
            clauses += f" WHEN (current_setting('{setting}', true) = 'differ')"
            body = f"PERFORM set_config('{setting}', '', true);{body}"
        create.append(
            f"""
CREATE FUNCTION public.{name}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    {declare}
BEGIN
    {body.replace("{changes}", CHANGES.get(event, ""))}
    RETURN NULL;
END
$$;
CREATE TRIGGER {name} AFTER {event.upper()} ON public.{table}
{clauses} EXECUTE FUNCTION public.{name}()"""
        )
        drop.append(f"DROP TRIGGER {name} ON public.{table};\nDROP FUNCTION public.{name}")
    return migrations.RunSQL(";\n".join(create), ";\n".join(drop))


def read_only(table: str, *, fillfactor: int = 70) -> migrations.RunSQL:
    """Nobody but the triggers writes the table; it keeps room on its pages for new versions of its rows."""
    return migrations.RunSQL(
        f"REVOKE INSERT, UPDATE, DELETE ON {table} FROM circe_app; ALTER TABLE {table} SET (fillfactor = {fillfactor})",
        f"GRANT INSERT, UPDATE, DELETE ON {table} TO circe_app",
    )


def rebuilt(*totals: type[SummaryTable]) -> migrations.RunPython:
    """Count what was there before the triggers."""

    def rebuild(apps: Any, schema_editor: Any) -> None:
        for tenant in Tenant.objects.using(schema_editor.connection.alias).only("pk"):
            for total in totals:
                total.rebuild(tenant)

    return migrations.RunPython(rebuild, migrations.RunPython.noop)
