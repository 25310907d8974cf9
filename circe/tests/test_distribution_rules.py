"""The rules by which a cluster of Citus can hold the tables: it distributes them by tenant, and asks one node each time."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pglast import parse_plpgsql

from circe.tests.citus import plugin
from circe.tests.routed_sql import called_functions, is_update_or_delete, named_tables, unrouted_tables
from circe.tests.sources import find_files
from tenants.models import Outlet, Role, Staff
from tenants.scope import tenant_scope

# Every node has a copy of these tables, since a log-in looks for an account before its tenant is known.
REFERENCE_TABLES = {"tenants_tenant", "tenants_user"}

pytestmark = pytest.mark.django_db

TENANT_TABLES = """
SELECT pg_class.oid, relname
FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND attname = 'tenant_id'
  AND relname <> ALL (%s)
"""


def select(sql, *params):
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall()


def tenant_tables():
    """Returns the names of the tables that are distributed by their column tenant_id, by oid."""
    return dict(select(TENANT_TABLES, [*REFERENCE_TABLES]))


def test_there_are_tables_of_tenants():
    assert {"customers_customer", "appointments_appointment", "tenants_auditevent"} <= {*tenant_tables().values()}


def test_no_policy_has_a_sub_select():
    policies = select(
        "SELECT polrelid::regclass::text, polname, coalesce(pg_get_expr(polqual, polrelid), '')"
        " || coalesce(pg_get_expr(polwithcheck, polrelid), '') FROM pg_policy"
    )
    assert policies
    assert [(table, name) for table, name, condition in policies if re.search(r"\bselect\b", condition, re.I)] == []


def test_every_unique_index_of_a_tenants_table_has_the_tenant():
    # It is the index of each primary key, unique constraint and exclusion constraint too.
    indexes = select(
        """
        SELECT indrelid::regclass::text, indexrelid::regclass::text, ARRAY(
            SELECT attname::text FROM pg_attribute WHERE attrelid = indrelid AND attnum = ANY (indkey)
        )
        FROM pg_index WHERE indrelid = ANY (%s) AND (indisunique OR indisexclusion)
        """,
        [*tenant_tables()],
    )
    assert {table for table, *_ in indexes} == {*tenant_tables().values()}
    assert [(table, index) for table, index, columns in indexes if "tenant_id" not in columns] == []


def test_every_tenants_table_has_a_primary_key_that_begins_with_the_tenant():
    keys = select(
        "SELECT indrelid, attname::text FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[0]"
        " WHERE indisprimary AND indrelid = ANY (%s)",
        [*tenant_tables()],
    )
    assert dict.fromkeys(tenant_tables(), "tenant_id") == dict(keys)


def test_every_foreign_key_of_a_tenants_table_has_the_tenant():
    keys = select(
        """
        SELECT conrelid::regclass::text, conname, ARRAY(
            SELECT attname::text FROM pg_attribute WHERE attrelid = conrelid AND attnum = ANY (conkey)
        )
        FROM pg_constraint WHERE contype = 'f' AND conrelid = ANY (%s)
        """,
        [*tenant_tables()],
    )
    assert keys
    assert [(table, name) for table, name, columns in keys if "tenant_id" not in columns] == []


def test_no_other_table_refers_to_a_tenants_table():
    keys = select(
        "SELECT conrelid::regclass::text, conname FROM pg_constraint"
        " WHERE contype = 'f' AND confrelid = ANY (%s) AND conrelid <> ALL (%s)",
        [*tenant_tables()],
        [*tenant_tables()],
    )
    assert keys == []


def test_a_row_of_a_tenants_table_always_has_a_tenant():
    columns = select(
        "SELECT attrelid::regclass::text FROM pg_attribute"
        " WHERE attname = 'tenant_id' AND NOT attnotnull AND attrelid = ANY (%s)",
        [*tenant_tables()],
    )
    assert columns == []


def test_what_a_super_admin_finds_by_its_id_alone_has_an_index():
    indexes = select(
        "SELECT indrelid::regclass::text FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[0]"
        " WHERE attname = 'id' AND indpred IS NULL"
    )
    found_by_id = {
        "appointments_appointment",
        "appointments_timeoff",
        "customers_customer",
        "tenants_auditevent",
        "tenants_outlet",
        "tenants_service",
    }
    assert found_by_id <= {table for (table,) in indexes}


# --- rows ------------------------------------------------------------------------------------------------------------


def test_rows_are_sent_as_values_to_every_table_that_a_cluster_moves(tenant):
    """A cluster copies the rows of an INSERT that has no VALUES, and PostgreSQL refuses COPY where a policy holds."""
    with tenant_scope(tenant), CaptureQueriesContext(connection) as queries:
        Staff.objects.bulk_create(Staff(tenant=tenant, role=Role.STAFF, email=f"{name}@x.test") for name in "ab")
        Outlet.objects.bulk_create(Outlet(name=name) for name in ("North", "South"))
    inserts = [one["sql"] for one in queries if "INSERT INTO" in one["sql"]]
    assert [("VALUES" in sql, "UNNEST" in sql) for sql in inserts] == [(True, False)] * 2


# --- functions ------------------------------------------------------------------------------------------------------

FUNCTIONS = """
SELECT proname, pg_get_functiondef(pg_proc.oid), ARRAY(
    SELECT DISTINCT name FROM pg_trigger, unnest(ARRAY[tgoldtable, tgnewtable]::text[]) AS name
    WHERE tgfoid = pg_proc.oid AND name IS NOT NULL
)
FROM pg_proc JOIN pg_language ON pg_language.oid = prolang
WHERE pronamespace = 'public'::regnamespace AND lanname = 'plpgsql'
"""


def statements(function):
    """Yields the SQL of a PL/pgSQL function that reads or writes tables."""
    if isinstance(function, dict):
        if "query" in function and re.match(r"\s*(select|insert|update|delete|with)\b", str(function["query"]), re.I):
            yield function["query"]
        for value in function.values():
            yield from statements(value)
    elif isinstance(function, list):
        for value in function:
            yield from statements(value)


def functions():
    """Yields (name, names of its transition tables, SQL) for each statement of our PL/pgSQL functions."""
    rows_of_tables = "|".join(tenant_tables().values())
    for name, definition, transition_tables in select(FUNCTIONS):
        # pglast knows no tables, so it takes no array of a table's rows for an argument.
        for sql in statements(parse_plpgsql(re.sub(rf"\b(public\.)?({rows_of_tables})\[\]", "text[]", definition))):
            yield name, set(transition_tables), sql


def test_no_statement_of_a_trigger_names_a_transition_table_beside_a_tenants_table():
    tables = {*tenant_tables().values()}
    both = [
        (name, sql)
        for name, transition_tables, sql in functions()
        if named_tables(sql) & transition_tables and named_tables(sql) & tables
    ]
    assert any(transition_tables for _, transition_tables, _ in functions())
    assert both == []


def test_no_update_or_delete_of_a_function_calls_a_volatile_function():
    volatile = {name for (name,) in select("SELECT DISTINCT proname FROM pg_proc WHERE provolatile = 'v'")}
    called = [(name, sql, called_functions(sql) & volatile) for name, _, sql in functions() if is_update_or_delete(sql)]
    assert called
    assert [one for one in called if one[-1]] == []


# TRUNCATE empties a table of every business, and so its sums. (On a cluster it is not used.)
OF_ALL_BUSINESSES = {
    ("circe_count_customers", "customers_customermonthlycounts"),
    ("circe_index_name", "customers_namekey"),
    ("circe_remove_customer_totals", "appointments_customertotals"),
    ("circe_update_appointment_totals", "appointments_appointmentdailytotals"),
    ("circe_update_appointment_totals", "appointments_customertotals"),
    ("circe_update_appointment_totals", "appointments_visitcounts"),
}


def test_every_statement_of_a_function_names_the_tenant():
    tables = frozenset(tenant_tables().values())
    unrouted = [(name, table) for name, _, sql in functions() for table in unrouted_tables(sql, tables)]
    assert sorted(unrouted) == sorted(OF_ALL_BUSINESSES)


def test_the_exceptions_of_a_cluster_name_tests_that_exist():
    """Otherwise an exception would be lost when its test gets another name."""
    tests = {path: path.read_text() for path in find_files("test_*.py")}
    names = {path.name for path in tests}
    for name in plugin.SKIPPED.keys() | plugin.UNROUTED_SQL | plugin.COMMITTED:
        function, _, case = name.rstrip("]").partition("[")
        if function not in names:
            assert any(f"def {function}(" in text and case in text for text in tests.values()), name
