"""Loads demo data by COPY, in one transaction, so that all of it is stored or nothing."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain

from django.db import connection, models, transaction
from django.db.backends.utils import CursorWrapper
from django.db.models import Count
from tqdm import tqdm

from appointments.models import Appointment, TimeOff, WorkingHours
from appointments.models.totals import AppointmentDailyTotals, CustomerTotals, VisitCounts
from circe.demo.accounts import DOCUMENTED_TENANTS, PORTAL_LOCAL_PART
from circe.demo.business import Business
from circe.demo.rows import APPOINTMENT_COLUMNS, CUSTOMER_COLUMNS, PREFERENCE_COLUMNS, Rows
from customers.models import Consent, Customer
from customers.models.monthly_counts import CustomerMonthlyCounts
from customers.models.name_keys import NameKey
from customers.models.preferences import PreferredService, PreferredStaff
from tenants.models import AuditEvent, LoginFailure, Outlet, Service, ServiceStaff, Tenant, User
from tenants.scope import tenant_scope

# Queries for pairs of statements: one removes something, the other restores it. They are for the owner's row-level
# security, which refuses COPY; triggers (of the audit trail and the summary tables); foreign keys from and to the
# tables; unique constraints; other indexes. Primary keys and exclusion constraints stay.
FORCED_ROW_SECURITY_SQL = """
SELECT format('ALTER TABLE %%s NO FORCE ROW LEVEL SECURITY', oid::regclass),
       format('ALTER TABLE %%s FORCE ROW LEVEL SECURITY', oid::regclass)
FROM pg_class
WHERE oid = ANY(%(tables)s::regclass[]) AND relforcerowsecurity
"""
TRIGGERS_SQL = """
SELECT format('ALTER TABLE %%s DISABLE TRIGGER %%I', tgrelid::regclass, tgname),
       format('ALTER TABLE %%s ENABLE TRIGGER %%I', tgrelid::regclass, tgname)
FROM pg_trigger
WHERE tgrelid = ANY(%(tables)s::regclass[]) AND NOT tgisinternal
"""
CONSTRAINTS_SQL = """
SELECT format('ALTER TABLE %%s DROP CONSTRAINT %%I', conrelid::regclass, conname),
       format('ALTER TABLE %%s ADD CONSTRAINT %%I %%s', conrelid::regclass, conname, pg_get_constraintdef(oid))
FROM pg_constraint
WHERE conrelid = ANY(%(tables)s::regclass[]) AND contype IN ('f', 'u')
   OR confrelid = ANY(%(tables)s::regclass[])
ORDER BY contype = 'u'
"""
INDEXES_SQL = """
SELECT format('DROP INDEX %%s', indexrelid::regclass), pg_get_indexdef(indexrelid)
FROM pg_index
WHERE indrelid = ANY(%(tables)s::regclass[])
  AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype IN ('p', 'u', 'x'))
"""

# Writes the entries of the ledger of consents: one for each consent of a customer that differs from a new customer's.
# The ids begin with the time of creation, as all ids do.
CONSENTS_SQL = """
INSERT INTO customers_consent (
    id, tenant_id, created_at, updated_at, customer_id, channel, purpose, state, source, text_version, at
)
SELECT left(customer.id, 8) || left(md5(customer.id || said.purpose || said.channel), 16), customer.tenant_id,
    customer.created_at, customer.created_at, customer.id, said.channel, said.purpose,
    CASE WHEN said.now THEN 'granted' ELSE 'withdrawn' END,
    CASE WHEN customer.password IS NULL THEN 'reception' ELSE 'portal' END, NULL, customer.created_at
FROM customers_customer AS customer
CROSS JOIN LATERAL (VALUES
    ('email', 'service', customer.accepts_email, true),
    ('sms', 'service', customer.accepts_sms, true),
    ('push', 'service', customer.accepts_push, true),
    ('whatsapp', 'service', customer.accepts_whatsapp, false),
    ('email', 'marketing', customer.marketing_consent, false),
    ('sms', 'marketing', customer.marketing_consent, false),
    ('push', 'marketing', customer.marketing_consent, false),
    ('whatsapp', 'marketing', customer.marketing_consent, false)
) AS said (channel, purpose, now, at_first)
WHERE customer.tenant_id = %s AND said.now <> said.at_first
"""

COPIED_MODELS = (Appointment, Customer, PreferredService, PreferredStaff, Consent)
LOADED_MODELS = (Tenant, User, Outlet, Service, ServiceStaff, WorkingHours, TimeOff, *COPIED_MODELS)


@contextmanager
def lock_tenants_and_users() -> Iterator[None]:
    """Opens a transaction in which other sessions can't write tenants or users, but can still read."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("LOCK TABLE tenants_tenant, tenants_user IN SHARE ROW EXCLUSIVE MODE")
        yield


@transaction.atomic
def replace_everything(businesses: Sequence[Business], super_admin: User) -> None:
    """Empties the database and loads these businesses. The caller has checked that it holds only demo data.

    COPY does not use the tenant managers: each row has its tenant, and the composite foreign keys ensure that it refers
    to rows of the same tenant.
    """
    everything = [Rows(business) for business in businesses]
    # Django does not convert the errors of COPY by itself.
    with connection.cursor() as cursor, connection.wrap_database_errors:
        cursor.execute("SET LOCAL statement_timeout = 0; SET LOCAL maintenance_work_mem = '256MB'")
        # A table can't be altered while it has deferred checks.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        row_security = _remove(cursor, FORCED_ROW_SECURITY_SQL, LOADED_MODELS)
        # CASCADE also empties every table with a reference to one of these.
        cursor.execute(f"TRUNCATE {', '.join(model._meta.db_table for model in (Tenant, User, LoginFailure))} CASCADE")
        _insert(cursor, Tenant, [business.tenant for business in businesses])
        _insert(cursor, User, [super_admin, *chain.from_iterable(business.users for business in businesses)])
        _insert(cursor, Outlet, chain.from_iterable(business.outlets for business in businesses))
        _insert(cursor, Service, chain.from_iterable(business.services for business in businesses))
        _insert(cursor, ServiceStaff, chain.from_iterable(business.service_staff() for business in businesses))
        _insert(cursor, WorkingHours, chain.from_iterable(business.working_hours() for business in businesses))
        _insert(cursor, TimeOff, chain.from_iterable(business.time_off() for business in businesses))
        with _without_indexes(cursor):
            _copy(
                cursor,
                Appointment,
                APPOINTMENT_COLUMNS,
                chain.from_iterable(rows.appointments() for rows in everything),
                total=sum(sum(business.appointments_per_day) for business in businesses),
            )
            _copy(
                cursor,
                Customer,
                CUSTOMER_COLUMNS,
                chain.from_iterable(rows.customers() for rows in everything),
                total=sum(business.customer_count for business in businesses),
            )
            for model, column, chunks in (
                (PreferredService, "service_id", (rows.preferred_services() for rows in everything)),
                (PreferredStaff, "staff_id", (rows.preferred_staff() for rows in everything)),
            ):
                _copy(cursor, model, (*PREFERENCE_COLUMNS, column), chain.from_iterable(chunks))
            # The tables were analysed while they were empty, or never. With such statistics, the INSERT of the totals once
            # took a quarter of an hour, and so did the choice of the customer of the portal, before there are indexes.
            cursor.execute("ANALYZE")
            # Within this block, since triggers would set times to now.
            for business in businesses:
                cursor.execute(CONSENTS_SQL, [business.tenant.pk])
            for business in businesses[: len(DOCUMENTED_TENANTS)]:
                with tenant_scope(business.tenant):
                    _open_portal(business)
        for business in businesses:
            for summary_table in (CustomerMonthlyCounts, NameKey, CustomerTotals, AppointmentDailyTotals, VisitCounts):
                summary_table.rebuild(business.tenant)
        for _, restore_row_security in row_security:
            cursor.execute(restore_row_security)
        # The audit trail has no events of demo data, which no person wrote.
        cursor.execute(f"TRUNCATE {AuditEvent._meta.db_table}")
        cursor.execute("ANALYZE")


def _open_portal(business: Business) -> None:
    """Gives the registered customer with most appointments the address of the demo's portal log-in."""
    registered = Customer.objects.undeleted().registered().filter(is_active=True)
    chosen = registered.annotate(number=Count("appointments")).order_by("-number", "pk").values_list("pk", flat=True)
    email = f"{PORTAL_LOCAL_PART}@{business.tenant.slug}.test"
    Customer.objects.filter(pk__in=list(chosen[:1])).update(email=email, email_key=email, email_verified=True)


@contextmanager
def _without_indexes(cursor: CursorWrapper) -> Iterator[None]:
    """Removes triggers, constraints and indexes during a block: to build them at the end is much faster."""
    statements = [
        line for query in (TRIGGERS_SQL, CONSTRAINTS_SQL, INDEXES_SQL) for line in _remove(cursor, query, COPIED_MODELS)
    ]
    yield
    # In reverse order, since foreign keys need unique constraints.
    for _, creation in tqdm(statements[::-1], desc="indexes", unit="", disable=None):
        cursor.execute(creation)


def _remove(cursor: CursorWrapper, query: str, loaded: Sequence[type[models.Model]]) -> list[tuple[str, str]]:
    """Executes the removing statements that `query` gives for these tables. Returns the pairs of statements, to restore
    with.
    """
    cursor.execute(query, {"tables": [model._meta.db_table for model in loaded]})
    lines = cursor.fetchall()
    for removal, _ in lines:
        cursor.execute(removal)
    return lines


def _insert(cursor: CursorWrapper, model: type[models.Model], instances: Iterable[models.Model]) -> None:
    """Inserts instances unchanged: `save` would set `updated_at` to now."""
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
    """Copies chunks of lines in COPY's text format. `total` is the number of lines, for the progress bar."""
    name = str(model._meta.verbose_name_plural)
    with (
        tqdm(desc=name, total=total, unit="", disable=None) as bar,
        cursor.copy(_copy_statement(model, columns)) as copy,
    ):
        for chunk in chunks:
            copy.write(chunk)
            bar.update(chunk.count("\n"))


def _copy_statement(model: type[models.Model], columns: Iterable[str]) -> str:
    # FREEZE is allowed since the table was emptied in this transaction. It saves a later vacuum of all rows.
    names = ", ".join(map(connection.ops.quote_name, columns))
    return f"COPY {connection.ops.quote_name(model._meta.db_table)} ({names}) FROM STDIN (FREEZE)"
