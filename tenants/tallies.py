"""What the database adds up by itself over a tenant's rows, whoever changes them and however: sums never stale.

Triggers keep them, once a statement. Only these write: their functions have the rights of their owner, the application
may just read. Here is what such tables share, and the SQL that their migrations and `check_totals` are made of.
"""

from collections.abc import Sequence

from django.db import migrations, models

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


class Total(models.Model):
    """Sums by tenant and the columns of `key`. `recount` is SQL that gives a tenant's rows anew: `key`, then `sums`."""

    tenant = models.ForeignKey(Tenant, models.DO_NOTHING, related_name="+", db_index=False)

    objects = TenantManager()

    key: tuple[str, ...]
    sums: tuple[str, ...]
    recount: str

    class Meta:
        abstract = True


class Tally(Total):
    """A Total whose rows many writers add to. It may lie in several parts, to be added up.

    Who adds takes a part that nobody else is writing just now, and makes one where there is none. So writers never queue
    for a sum, and there are no more parts than once were written at the same time.
    """

    part = models.BigIntegerField()

    class Meta:
        abstract = True


def add_up(table: str, *, key: Sequence[str], sums: Sequence[str], rows: str) -> str:
    """PL/pgSQL that adds rows of `tenant_id`, `key` and `sums` to a Tally's table. It needs a record `delta`."""
    names = ["tenant_id", *key]
    here = " AND ".join(f"{name} = delta.{name}" for name in names)
    return f"""
    FOR delta IN
        {rows}
    LOOP
        UPDATE public.{table} SET {", ".join(f"{name} = {table}.{name} + delta.{name}" for name in sums)}
        WHERE {here} AND part = (SELECT part FROM public.{table} WHERE {here} LIMIT 1 FOR UPDATE SKIP LOCKED);
        IF NOT FOUND THEN
            INSERT INTO public.{table} ({", ".join([*names, *sums])}, part)
            VALUES ({", ".join(f"delta.{name}" for name in [*names, *sums])}, nextval('public.circe_tally_part'));
        END IF;
    END LOOP;"""  # noqa: S608


def on_change(table: str, function: str, *, declare: str, bodies: dict[str, str]) -> migrations.RunSQL:
    """Statement triggers on a table: `bodies` are PL/pgSQL for "insert", "update", "delete" and "truncate".

    `{changes}` in one stands for the statement's rows with a `sign`.
    """
    create, drop = [], []
    for event, body in bodies.items():
        name = f"{function}_{event}"
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
{f"REFERENCING {REFERENCING[event]}" if event in REFERENCING else ""} EXECUTE FUNCTION public.{name}()"""
        )
        drop.append(f"DROP TRIGGER {name} ON public.{table};\nDROP FUNCTION public.{name}")
    return migrations.RunSQL(";\n".join(create), ";\n".join(drop))


def read_only(table: str, *, fillfactor: int = 70) -> migrations.RunSQL:
    """Nobody but the triggers writes the table; it keeps room on its pages for new versions of its rows."""
    return migrations.RunSQL(
        f"REVOKE INSERT, UPDATE, DELETE ON {table} FROM circe_app; ALTER TABLE {table} SET (fillfactor = {fillfactor})",
        f"GRANT INSERT, UPDATE, DELETE ON {table} TO circe_app",
    )
