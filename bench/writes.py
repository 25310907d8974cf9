"""Measures what triggers, search index and policies cost a write: 8 concurrent writers, by pgbench.

They write to copies of the database.

One copy has everything. One has no triggers of summary tables, no search index and no policies. One has no audit trigger
either. EXPLAIN ANALYZE then shows how the time of a write is divided in the database.
"""

import os
import random
import re
import subprocess
from collections import defaultdict
from contextlib import ExitStack
from statistics import median
from typing import Any

import psycopg

from bench.databases import Server, pgbench
from bench.floor import to_psycopg

WRITERS = 8

# The rows from which the scripts choose. A slot is a free quarter of an hour of a member of staff.
PREPARE_SQL = """
CREATE TABLE bench_customer AS
SELECT (row_number() OVER ())::int AS n, id FROM customers_customer WHERE tenant_id = %(tenant)s AND NOT is_deleted;
ALTER TABLE bench_customer ADD PRIMARY KEY (n);
CREATE TABLE bench_booking AS
SELECT (row_number() OVER ())::int - 1 AS n, staff_id, outlet_id, service_id
FROM (SELECT DISTINCT ON (staff_id) staff_id, outlet_id, service_id
      FROM appointments_appointment WHERE tenant_id = %(tenant)s) staff;
ALTER TABLE bench_booking ADD PRIMARY KEY (n);
CREATE SEQUENCE bench_number;
GRANT SELECT ON bench_customer, bench_booking TO circe_app;
GRANT USAGE ON bench_number TO circe_app;
ANALYZE bench_customer, bench_booking
"""
NEW_ID = "to_char(nextval('bench_number'), 'FM000000000000000000000000')"
ACTOR = """SELECT set_config('circe.actor', '{"request_id": "bench"}', true);"""
SCRIPTS = {
    "booking": rf"""
\set n random(1, :customers)
SELECT nextval('bench_number') AS slot \gset
SELECT n AS booking_number, staff_id AS who FROM bench_booking WHERE n = mod(:slot::int, :staff::int) \gset
BEGIN;
{ACTOR}
SELECT pg_advisory_xact_lock(3, hashtext(:tenant || :who));
INSERT INTO appointments_appointment (
    id, tenant_id, created_at, updated_at, outlet_id, customer_id, staff_id, service_id, appointment_date, start_time,
    end_time, status, total_price, payment_status, paid_amount, buffer_minutes, sequence, is_walk_in, overrides)
SELECT {NEW_ID}, :tenant, now(), now(), outlet_id, c.id, staff_id, service_id,
       date '2060-01-01' + (:slot::int / :staff::int / 40),
       time '09:00' + make_interval(mins => 15 * mod(:slot::int / :staff::int, 40)),
       time '09:15' + make_interval(mins => 15 * mod(:slot::int / :staff::int, 40)), 'pending', 150000, 'unpaid', 0,
       0, 0, false, '{{}}'
FROM bench_booking b, bench_customer c WHERE b.n = :booking_number::int AND c.n = :n::int;
COMMIT;
""",
    # It changes the name, which is searched, the points, which are summed, and the notes.
    "customer update": rf"""
\set n random(1, :customers)
\set points random(0, 500)
BEGIN;
{ACTOR}
UPDATE customers_customer
SET last_name = 'Name' || :points, loyalty_points = :points, notes = 'seen', updated_at = now()
WHERE tenant_id = :tenant AND id = (SELECT id FROM bench_customer WHERE n = :n::int);
COMMIT;
""",
    "create": rf"""
SELECT nextval('bench_number') AS number \gset
BEGIN;
{ACTOR}
INSERT INTO customers_customer (
    id, tenant_id, created_at, updated_at, first_name, last_name, email, email_key, email_verified, phone,
    phone_verified, tags, loyalty_points, is_active, is_deleted, accepts_email, accepts_sms, accepts_push,
    accepts_whatsapp, marketing_consent, language, preferred_categories)
VALUES ({NEW_ID}, :tenant, now(), now(), 'Sari', 'Wijaya', 'b' || :number || '@example.com',
    'b' || :number || '@example.com', false, '+99' || 10000000 + :number::int, false, '{{staff-created,walk-in}}', 0,
    true, false, true, true, true, false, false, 'id', '{{}}');
COMMIT;
""",
}

STATEMENT = re.compile(r"^(?:INSERT|UPDATE).*?;", re.DOTALL | re.MULTILINE)
EXPLAIN_RUNS = 200

TRIGGERS = """
SELECT format('ALTER TABLE %%s DISABLE TRIGGER %%I', tgrelid::regclass, tgname), tgname
FROM pg_trigger JOIN pg_proc p ON p.oid = tgfoid
WHERE NOT tgisinternal AND tgparentid = 0 AND (proname = 'circe_audit') = %(audit)s
  -- No row can be stored without the times that it sets.
  AND proname <> 'circe_set_changed_and_updated_at'
  AND tgrelid::regclass::text IN ('customers_customer', 'appointments_appointment')
"""
SEARCH_INDEXES = """
SELECT DISTINCT format('DROP INDEX %s', indexrelid::regclass), indexrelid::regclass::text
FROM pg_index JOIN pg_class c ON c.oid = indexrelid LEFT JOIN pg_opclass o ON o.oid = ANY(indclass)
WHERE opcname = 'gin_trgm_ops' OR relname LIKE '%search%'
"""
POLICIES = """
SELECT format('ALTER TABLE %s NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY', oid::regclass), relname::text
FROM pg_class WHERE relrowsecurity
"""


def measure_writes(
    server: Server, database: str, tenant: str, *, rounds: int, seconds: float
) -> tuple[dict[str, dict[str, list[float]]], list[str], dict[str, dict[str, float]]]:
    """Measures the scripts. Returns three things:

    transactions per second, `{"booking": {"all": […], "without": […], "without audit": […]}, …}`, with one entry per round;
    the names of the objects that the last variant does not have; and seconds of a write by what they are spent in.
    """
    found: dict[str, dict[str, list[float]]] = {script: {} for script in SCRIPTS}
    with ExitStack() as copies:
        names = {
            variant: copies.enter_context(server.copy(database, variant.replace(" ", "_")))
            for variant in ("all", "without", "without audit")
        }
        for variant, name in names.items():
            with server.connect(name) as connection:
                psycopg.ClientCursor(connection).execute(PREPARE_SQL, {"tenant": tenant})
                removed = _strip(connection, variant)
                [[customers]] = connection.execute("SELECT count(*) FROM bench_customer").fetchall()
                [[staff]] = connection.execute("SELECT count(*) FROM bench_booking").fetchall()
            sizes = {"tenant": tenant, "customers": customers, "staff": staff}
        # Writes the copies to the disk now, so that it does not happen during the measurement.
        os.sync()
        for _ in range(rounds):
            for script, text in SCRIPTS.items():
                for variant, name in names.items():
                    rate = _pgbench(server.url_of(name), text, sizes, seconds)
                    found[script].setdefault(variant, []).append(rate)
        with server.connect(names["all"]) as connection:
            return found, removed, {script: _explained(connection, text, sizes) for script, text in SCRIPTS.items()}


def _explained(connection: psycopg.Connection, script: str, sizes: dict[str, Any]) -> dict[str, float]:
    """Returns the median seconds of a script's statement: of the row itself, of each trigger, and of each foreign key."""
    spent: dict[str, list[float]] = defaultdict(list)
    [statement], pick = STATEMENT.findall(script), random.Random(5)
    for _ in range(EXPLAIN_RUNS):
        [[number]] = connection.execute("SELECT nextval('bench_number')").fetchall()
        chosen = {
            "n": pick.randint(1, sizes["customers"]),
            "points": pick.randint(0, 500),
            "booking_number": number % sizes["staff"],
        }
        values = {**sizes, **chosen, "slot": number, "number": str(number)}
        with connection.transaction():
            connection.execute(f"SET LOCAL ROLE circe_app; SET LOCAL circe.tenant = '{sizes['tenant']}'; {ACTOR}")
            cursor = psycopg.ClientCursor(connection)
            [[[explained]]] = cursor.execute(
                f"EXPLAIN (ANALYZE, FORMAT json) {to_psycopg(statement)}", values
            ).fetchall()
        triggers = {one.get("Constraint Name", one["Trigger Name"]): one["Time"] for one in explained["Triggers"]}
        spent["the row and its indexes"].append(explained["Execution Time"] - sum(triggers.values()))
        for name, time in triggers.items():
            spent[name].append(time)
    return {name: median(times) / 1000 for name, times in spent.items()}


def _strip(connection: psycopg.Connection, variant: str) -> list[str]:
    """Removes what the variant does not have. Returns the names of the removed objects."""
    statements = []
    if variant != "all":
        for query in (TRIGGERS, SEARCH_INDEXES, POLICIES):
            cursor = psycopg.ClientCursor(connection)
            statements += cursor.execute(query, {"audit": False} if query is TRIGGERS else None).fetchall()
    if variant == "without audit":
        statements += psycopg.ClientCursor(connection).execute(TRIGGERS, {"audit": True}).fetchall()
    for statement, _ in statements:
        connection.execute(statement)
    return [name for _, name in statements]


def _pgbench(url: str, script: str, variables: dict[str, object], seconds: float) -> float:
    command = [str(pgbench()), "--no-vacuum", "--protocol=prepared", f"--client={WRITERS}", "--jobs=2"]
    command += [f"--define={name}={value}" for name, value in variables.items()]
    # With the application's role, in the scope of the tenant.
    options = {"PGOPTIONS": f"-c role=circe_app -c circe.tenant={variables['tenant']}"}
    done = subprocess.run(
        [
            *command,
            f"--time={max(1, round(seconds))}",
            "--file=/dev/stdin",
            url.replace("postgres://", "postgresql://"),
        ],
        input=script,
        env=os.environ | options,
        capture_output=True,
        text=True,
        check=False,
    )
    rate = re.search(r"^tps = ([\d.]+)", done.stdout, re.MULTILINE)
    if done.returncode or not rate:
        raise RuntimeError(f"pgbench failed: {done.stderr[-2000:]}")
    return float(rate[1])


def ratio(runs: dict[str, list[float]], variant: str) -> float:
    """Returns the median over the rounds of the rate of "all" divided by that of `variant`."""
    return median(mine / other for mine, other in zip(runs["all"], runs[variant], strict=True))
