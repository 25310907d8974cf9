"""10,000 restored and 10,000 purged, with the process killed in the middle and run again: as if nothing had happened."""

import signal
import subprocess
from contextlib import suppress

import pytest
from django.db import connection, transaction

from circe.db.roles import as_owner
from tenants.scope import tenant_scope
from tenants.tests.factories import OutletFactory, ServiceFactory, UserFactory
from tenants.tests.shell import run, start

pytestmark = [
    pytest.mark.slow("kills commands that work on 10,000 rows, and runs them again"),
    pytest.mark.django_db(transaction=True),
]

NUMBER = 10_000
DELETED_BY = "d" * 24
REFUSED = NUMBER // 1000
# Each third has a visit, each thousandth an e-mail that a living customer has by now.
CUSTOMERS = """
INSERT INTO customers_customer (
    id, tenant_id, created_at, updated_at, first_name, last_name, email, email_key, phone, email_verified, phone_verified,
    tags, loyalty_points, is_active, is_deleted, deleted_at, deleted_by, was_active, accepts_email, accepts_sms,
    accepts_push, accepts_whatsapp, marketing_consent, language, preferred_categories
)
SELECT %(prefix)s || lpad(to_hex(n), 16, '0'), %(tenant)s, now(), now(), 'Jane', 'Doe' || n, 'jane' || e || '@example.com',
       'jane' || e || '@example.com', '+62812' || lpad(n::text, 7, '0'), true, false, '{vip}', n, NOT deleted, deleted,
       CASE WHEN deleted THEN now() - interval '100 days' END, CASE WHEN deleted THEN %(user)s END,
       CASE WHEN deleted THEN n %% 7 <> 0 END, true, true, true, false, false, 'en', '{}'
FROM generate_series(1, %(number)s + %(number)s / 1000) AS n,
     LATERAL (
         SELECT n <= %(number)s AS deleted, CASE WHEN n <= %(number)s THEN n ELSE (n - %(number)s) * 1000 END AS e
     ) AS kind
"""
APPOINTMENTS = """
INSERT INTO appointments_appointment (
    id, tenant_id, created_at, updated_at, outlet_id, customer_id, staff_id, service_id, appointment_date, start_time,
    end_time, status, total_price, notes, payment_status, paid_amount, buffer_minutes, sequence, is_walk_in, overrides
)
SELECT %(prefix)s || lpad(to_hex(n), 16, '0'), %(tenant)s, now(), now(), %(outlet)s, id, %(staff)s, %(service)s,
       '2025-01-25', '14:00', '15:00', 'completed', n, 'Jane likes tea.', 'paid', n, 0, 0, false, '{}'
FROM customers_customer, LATERAL (SELECT loyalty_points AS n) AS numbered
WHERE tenant_id = %(tenant)s AND is_deleted AND n %% 3 = 0
"""
COMMANDS = {
    "restore_customers": ["--deleted-by", DELETED_BY],
    "purge_customers": ["--older-than", "30d", "--yes"],
}


# Two runs of one thing differ in times, and here in what the rows refer to.
LEFT_OUT = "'{created_at,updated_at,changed_at,deleted_at,at,outlet_id,staff_id,service_id}'::text[]"
TABLES = {
    "customers_customer": f"to_jsonb(t) - {LEFT_OUT}",
    "appointments_appointment": f"to_jsonb(t) - {LEFT_OUT}",
    "(SELECT * FROM tenants_auditevent WHERE customer_id IS NOT NULL OR \"table\" = 'appointment')": (
        f"(to_jsonb(t) - 'id' - {LEFT_OUT}) || "
        f"jsonb_build_object('before', before - {LEFT_OUT}, 'after', after - {LEFT_OUT})"
    ),
}
DIFFERENCES = """
WITH one AS (SELECT replace(replace(({row})::text, %s, ''), %s, '') FROM {table} AS t WHERE tenant_id = %s),
   other AS (SELECT replace(replace(({row})::text, %s, ''), %s, '') FROM {table} AS t WHERE tenant_id = %s)
(TABLE one EXCEPT ALL TABLE other) UNION ALL (TABLE other EXCEPT ALL TABLE one)
"""


def fill(tenant, prefix):
    """The same for each tenant, but for the prefix of the ids."""
    with tenant_scope(tenant), transaction.atomic(), connection.cursor() as cursor:
        values = {"prefix": prefix, "tenant": tenant.pk, "number": NUMBER, "user": DELETED_BY}
        values |= {"outlet": OutletFactory(tenant=tenant).pk, "service": ServiceFactory(tenant=tenant).pk}
        values |= {"staff": UserFactory(tenant=tenant).pk}
        cursor.execute(CUSTOMERS, values)
        cursor.execute(APPOINTMENTS, values)
        with as_owner():
            cursor.execute("ANALYZE")


def ask(query, *parameters):
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return cursor.fetchall()


def deleted(tenant):
    """How many of a tenant's customers are soft-deleted."""
    ((number,),) = ask("SELECT count(*) FROM customers_customer WHERE is_deleted AND tenant_id = %s", tenant.pk)
    return number


@pytest.mark.parametrize(("command", "left"), [("restore_customers", REFUSED), ("purge_customers", 0)])
def test_killed_in_the_middle_and_run_again(tenant, other_tenant, command, left):
    fill(other_tenant, "bbbbbbbb")
    whole = run(command, "--tenant", other_tenant.slug, *COMMANDS[command], "--json").report["totals"]
    fill(tenant, "aaaaaaaa")

    with transaction.atomic():
        # It works by id, and here it waits: otherwise it could end before it is killed.
        ask("SELECT FROM customers_customer WHERE id = %s FOR UPDATE", f"aaaaaaaa{NUMBER * 9 // 10:016x}")
        process = start(command, "--tenant", tenant.slug, *COMMANDS[command])
        while deleted(tenant) > NUMBER * 2 / 3:
            with suppress(subprocess.TimeoutExpired):
                pytest.fail(f"It ended by itself: {process.wait(0.05)}")
        process.kill()
        assert process.wait() == -signal.SIGKILL

    again = run(command, "--tenant", tenant.slug, *COMMANDS[command], "--json").report["totals"]
    done = "restored" if command == "restore_customers" else "purged"
    assert NUMBER / 10 < again[done] < whole[done] == NUMBER - left
    assert deleted(tenant) == left
    sides = [other_tenant.pk, "bbbbbbbb", other_tenant.pk, tenant.pk, "aaaaaaaa", tenant.pk]
    for table, row in TABLES.items():
        assert ask(DIFFERENCES.format(table=table, row=row), *sides) == []
