"""How demo data get into the database: by COPY, all in one transaction, so that all of it is there or nothing."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain

from django.db import connection, models, transaction
from django.db.backends.utils import CursorWrapper
from tqdm import tqdm

from appointments.models import Appointment
from appointments.models.totals import AppointmentDailyTotals, CustomerTotals, VisitCounts
from circe.demo.business import Business
from circe.demo.rows import APPOINTMENT_COLUMNS, CUSTOMER_COLUMNS, PREFERENCE_COLUMNS, Rows
from customers.models import Customer
from customers.models.monthly_counts import CustomerMonthlyCounts
from customers.models.preferences import PreferredService, PreferredStaff
from tenants.models import AuditEvent, LoginFailure, Outlet, Service, Tenant, User

# One column takes something away, the other puts it back: the wall before the owner, which refuses COPY; triggers (of
# the audit and the totals), foreign keys from and to the tables, unique constraints, other indexes. Primary keys stay, and
# exclusion constraints, which are about few rows.
WALLS = """
SELECT format('ALTER TABLE %%s NO FORCE ROW LEVEL SECURITY', oid::regclass),
       format('ALTER TABLE %%s FORCE ROW LEVEL SECURITY', oid::regclass)
FROM pg_class
WHERE oid = ANY(%(tables)s::regclass[]) AND relforcerowsecurity
"""
TRIGGERS = """
SELECT format('ALTER TABLE %%s DISABLE TRIGGER %%I', tgrelid::regclass, tgname),
       format('ALTER TABLE %%s ENABLE TRIGGER %%I', tgrelid::regclass, tgname)
FROM pg_trigger
WHERE tgrelid = ANY(%(tables)s::regclass[]) AND NOT tgisinternal
"""
CONSTRAINTS = """
SELECT format('ALTER TABLE %%s DROP CONSTRAINT %%I', conrelid::regclass, conname),
       format('ALTER TABLE %%s ADD CONSTRAINT %%I %%s', conrelid::regclass, conname, pg_get_constraintdef(oid))
FROM pg_constraint
WHERE conrelid = ANY(%(tables)s::regclass[]) AND contype IN ('f', 'u')
   OR confrelid = ANY(%(tables)s::regclass[])
ORDER BY contype = 'u'
"""
INDEXES = """
SELECT format('DROP INDEX %%s', indexrelid::regclass), pg_get_indexdef(indexrelid)
FROM pg_index
WHERE indrelid = ANY(%(tables)s::regclass[])
  AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype IN ('p', 'u', 'x'))
"""

BIG = (Appointment, Customer, PreferredService, PreferredStaff)
LOADED = (Tenant, User, Outlet, Service, *BIG)


@contextmanager
def nobody_else_writing() -> Iterator[None]:
    """A transaction in which others can't add tenants or users. They can still read, until something is replaced."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("LOCK TABLE tenants_tenant, tenants_user IN SHARE ROW EXCLUSIVE MODE")
        yield


@transaction.atomic
def replace_everything(businesses: Sequence[Business], super_admin: User) -> None:
    """Empty the database and load these. Whoever calls has made sure that it holds nothing but demo data.

    What is copied goes past the tenant managers: each row names its tenant itself, and the composite foreign keys prove
    that it refers to rows of the same one.
    """
    everything = [Rows(business) for business in businesses]
    # Django leaves COPY's errors as they are.
    with connection.cursor() as cursor, connection.wrap_database_errors:
        cursor.execute("SET LOCAL statement_timeout = 0; SET LOCAL maintenance_work_mem = '256MB'")
        # A table can't be altered while checks on its rows are put off.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        walls = _taken_away(cursor, WALLS, LOADED)
        # All other tables refer to these.
        cursor.execute(f"TRUNCATE {', '.join(model._meta.db_table for model in (Tenant, User, LoginFailure))} CASCADE")
        _insert(cursor, Tenant, [business.tenant for business in businesses])
        _insert(cursor, User, [super_admin, *chain.from_iterable(business.users for business in businesses)])
        _insert(cursor, Outlet, chain.from_iterable(business.outlets for business in businesses))
        _insert(cursor, Service, chain.from_iterable(business.services for business in businesses))
        with _without_scaffolding(cursor):
            _copy(
                cursor,
                Appointment,
                APPOINTMENT_COLUMNS,
                chain.from_iterable(rows.appointments() for rows in everything),
                total=sum(sum(business.quotas) for business in businesses),
            )
            _copy(
                cursor,
                Customer,
                CUSTOMER_COLUMNS,
                chain.from_iterable(rows.customers() for rows in everything),
                total=sum(business.size for business in businesses),
            )
            for model, column, chunks in (
                (PreferredService, "service_id", (rows.preferred_services() for rows in everything)),
                (PreferredStaff, "staff_id", (rows.preferred_staff() for rows in everything)),
            ):
                _copy(cursor, model, (*PREFERENCE_COLUMNS, column), chain.from_iterable(chunks))
        for business in businesses:
            for total in (CustomerMonthlyCounts, CustomerTotals, AppointmentDailyTotals, VisitCounts):
                total.rebuild(business.tenant)
        for _, wall in walls:
            cursor.execute(wall)
        # Nobody did it: demo data have no history.
        cursor.execute(f"TRUNCATE {AuditEvent._meta.db_table}")
        cursor.execute("ANALYZE")


@contextmanager
def _without_scaffolding(cursor: CursorWrapper) -> Iterator[None]:
    """Take indexes and foreign keys away for a block: built at the end, over all rows, they cost a fraction."""
    statements = [line for query in (TRIGGERS, CONSTRAINTS, INDEXES) for line in _taken_away(cursor, query, BIG)]
    yield
    # Reversed: foreign keys rest on unique constraints.
    for _, creation in tqdm(statements[::-1], desc="indexes", unit="", disable=None):
        cursor.execute(creation)


def _taken_away(cursor: CursorWrapper, query: str, loaded: Sequence[type[models.Model]]) -> list[tuple[str, str]]:
    """The lines of `query` for these tables, once what they take away is gone."""
    cursor.execute(query, {"tables": [model._meta.db_table for model in loaded]})
    lines = cursor.fetchall()
    for removal, _ in lines:
        cursor.execute(removal)
    return lines


def _insert(cursor: CursorWrapper, model: type[models.Model], instances: Iterable[models.Model]) -> None:
    """Instances just as they are: saving would set `updated_at` to now."""
    names = [field.attname for field in model._meta.concrete_fields]
    with cursor.copy(_copy_statement(model, names)) as copy:
        for instance in instances:
            copy.write_row([getattr(instance, name) for name in names])


def _copy(
    cursor: CursorWrapper,
    model: type[models.Model],
    columns: Sequence[str],
    chunks: Iterable[str],
    total: int | None = None,
) -> None:
    """Chunks of lines in COPY's text format. `total` is how many lines will come, for the progress bar."""
    name = str(model._meta.verbose_name_plural)
    with (
        tqdm(desc=name, total=total, unit="", disable=None) as bar,
        cursor.copy(_copy_statement(model, columns)) as copy,
    ):
        for chunk in chunks:
            copy.write(chunk)
            bar.update(chunk.count("\n"))


def _copy_statement(model: type[models.Model], columns: Iterable[str]) -> str:
    # Frozen: nobody has seen the table since it was emptied, and no vacuum needs to read it again.
    names = ", ".join(map(connection.ops.quote_name, columns))
    return f"COPY {connection.ops.quote_name(model._meta.db_table)} ({names}) FROM STDIN (FREEZE)"
