"""Row-level security limits raw SQL of the application's role to the tenant in scope, without any help of the managers."""

import threading

import pytest
from django.core.management import call_command
from django.db import DataError, ProgrammingError, connection, transaction

from circe.db.ids import new_id
from circe.db.roles import as_owner
from circe.management.commands import check_totals
from circe.tests.cases import in_one_test
from circe.tests.every_table import make_rows
from customers.models import Customer
from customers.tests.factories import CustomerFactory
from tenants.models import Outlet, Tenant, User
from tenants.scope import ALL_TENANTS, CustomerScope, account_lookup, tenant_scope
from tenants.tests.factories import PASSWORD, OutletFactory, UserFactory
from tenants.tests.shell import run

SUMMARY_TABLES = {model._meta.db_table for model in check_totals.SUMMARY_TABLES}
# By table: the column with the tenant's id.
TENANT_COLUMNS = {
    "tenants_tenant": "id",
    "tenants_user": "tenant_id",
    "tenants_outlet": "tenant_id",
    "tenants_service": "tenant_id",
    "tenants_servicestaff": "tenant_id",
    "tenants_auditevent": "tenant_id",
    "tenants_idempotencyrecord": "tenant_id",
    "customers_customer": "tenant_id",
    "customers_preferredservice": "tenant_id",
    "customers_preferredstaff": "tenant_id",
    "customers_columnmapping": "tenant_id",
    "customers_customerimport": "tenant_id",
    "customers_importpart": "tenant_id",
    "customers_consent": "tenant_id",
    "customers_marketingblock": "tenant_id",
    "customers_customersession": "tenant_id",
    "customers_mailedlink": "tenant_id",
    "customers_deletionrequest": "tenant_id",
    "customers_tombstone": "tenant_id",
    "appointments_appointment": "tenant_id",
    "appointments_appointmenttombstone": "tenant_id",
    "appointments_workinghours": "tenant_id",
    "appointments_timeoff": "tenant_id",
    "appointments_message": "tenant_id",
    "appointments_messagetext": "tenant_id",
    "customers_customermonthlycounts": "tenant_id",
    "customers_namekey": "tenant_id",
    "appointments_customertotals": "tenant_id",
    "appointments_appointmentdailytotals": "tenant_id",
    "appointments_visitcounts": "tenant_id",
}
# The application may only read the audit trail and the summary tables. A row of tenants_tenant is a tenant itself.
READ_ONLY = {"tenants_auditevent", "customers_tombstone", "appointments_appointmenttombstone", *SUMMARY_TABLES}
WRITABLE = [table for table in TENANT_COLUMNS if table not in {"tenants_tenant", *READ_ONLY}]

# Nobody may change or delete their rows.
APPEND_ONLY = {"customers_consent"}


def sql(statement, *params):
    """Executes a statement as the application's role. Returns its rows, or the number of changed rows."""
    with connection.cursor() as cursor:
        cursor.execute(statement, params or None)
        return cursor.fetchall() if cursor.description else cursor.rowcount


def assert_refused(statement, *params, match="row-level security"):
    with pytest.raises(ProgrammingError, match=match), transaction.atomic():
        sql(statement, *params)


@pytest.fixture
def rows(tenant, other_tenant):
    """Creates a row of every table, in both tenants."""
    for one in (tenant, other_tenant):
        make_rows(one)


@pytest.mark.django_db
def test_every_table_with_a_tenant_has_its_policies():
    tables = sql("""
        SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity,
               (SELECT array_agg(p.polcmd::text || ' ' || p.polroles::regrole[]::text ORDER BY p.polname)
                FROM pg_policy AS p WHERE p.polrelid = c.oid AND p.polpermissive)
        FROM pg_class AS c
        WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace
          AND (c.relname = 'tenants_tenant' OR EXISTS (
              SELECT FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped
          ))
    """)
    usual = ["* {circe_app}", "* {circe_rls_bypass}"]
    with_read_policy = {"tenants_tenant", "tenants_user"}
    assert {name: (forced, policies) for name, forced, policies in tables} == {
        name: (True, ["* {circe_app}", "* {circe_rls_bypass}", "r {circe_app}"] if name in with_read_policy else usual)
        for name in TENANT_COLUMNS
    }


@in_one_test("table", [*TENANT_COLUMNS, "customers_searchable", "customers_searchable_names"])
def test_a_scope_reads_its_own_rows_and_no_scope_reads_nothing(table, rows, tenant, other_tenant):
    query = f"SELECT DISTINCT {TENANT_COLUMNS.get(table, 'tenant_id')} FROM {table}"
    for scope, seen in (
        (None, set()),
        (tenant, {tenant.pk}),
        (other_tenant, {other_tenant.pk}),
        (ALL_TENANTS, {tenant.pk, other_tenant.pk}),
    ):
        with tenant_scope(scope):
            assert {pk for (pk,) in sql(query)} == seen
    with account_lookup(new_id()):
        assert len(sql(query)) == (2 if table == "tenants_tenant" else 0)


def test_the_view_of_totals_shows_the_rows_of_one_tenant_in_scope_alone(rows, tenant, other_tenant):
    """It shows no row in the scope of all tenants, or of one customer. An index serves its condition."""
    query = "SELECT tenant_id, customer_id FROM appointments_tenanttotals"
    for scope, seen in ((None, set()), (tenant, {tenant.pk}), (other_tenant, {other_tenant.pk}), (ALL_TENANTS, set())):
        with tenant_scope(scope):
            shown = sql(query)
            assert {tenant_id for tenant_id, _ in shown} == seen
    with tenant_scope(tenant):
        assert_refused("DELETE FROM appointments_tenanttotals", match="permission denied")
        customer = sql(query)[0][1]
    with tenant_scope(CustomerScope(tenant, customer)):
        assert sql(query) == []
    with account_lookup(new_id()):
        assert sql(query) == []


@in_one_test("table", WRITABLE)
def test_nothing_is_written_into_another_tenant(table, rows, tenant, other_tenant):
    columns = ", ".join(
        name
        for (name,) in sql(
            "SELECT column_name FROM information_schema.columns WHERE table_name = %s AND is_generated = 'NEVER'", table
        )
    )
    insert = f"INSERT INTO {table} ({columns}) SELECT {columns} FROM json_populate_record(NULL::{table}, %s)"
    (foreign,) = sql(
        f"SELECT row_to_json(t)::jsonb || '{{\"id\": 1}}' FROM {table} AS t WHERE tenant_id = %s", other_tenant.pk
    )[0]
    if table in APPEND_ONLY:
        with tenant_scope(tenant):
            assert_refused(insert, foreign)
            for statement in (f"DELETE FROM {table}", f"UPDATE {table} SET id = id"):
                assert_refused(statement, match="permission denied")
        return
    with tenant_scope(tenant):
        assert_refused(insert, foreign)
        assert_refused(f"UPDATE {table} SET tenant_id = %s", other_tenant.pk)
        assert sql(f"DELETE FROM {table} WHERE tenant_id = %s", other_tenant.pk) == 0
        assert sql(f"UPDATE {table} SET id = id WHERE tenant_id = %s", other_tenant.pk) == 0
    for scope in (tenant_scope(None), account_lookup(sql("SELECT id FROM tenants_user")[0][0])):
        with scope:
            assert_refused(insert, foreign)
            assert sql(f"DELETE FROM {table}") == sql(f"UPDATE {table} SET id = id") == 0
    assert sql(f"SELECT count(*) FROM {table} WHERE tenant_id = %s", other_tenant.pk) == [(1,)]


def test_a_scope_can_not_create_or_change_another_tenant(tenant, other_tenant):
    with tenant_scope(tenant):
        assert_refused(
            'INSERT INTO tenants_tenant SELECT (json_populate_record(t, \'{"id": "x"}\')).* FROM tenants_tenant AS t'
        )
        assert_refused("UPDATE tenants_tenant SET id = %s", new_id())
        assert sql("UPDATE tenants_tenant SET name = 'Mine'") == 1
        assert sql("DELETE FROM tenants_tenant WHERE id = %s", other_tenant.pk) == 0
    other_tenant.refresh_from_db()
    assert other_tenant.name == "Nordlys"


def test_an_upsert_can_not_overwrite_another_tenants_row(tenant, other_tenant):
    theirs = CustomerFactory(tenant=other_tenant)
    upsert = {"update_conflicts": True, "unique_fields": ["tenant", "id"], "update_fields": ["first_name"]}
    values = {"pk": theirs.pk, "first_name": "Mine", "phone": "+6281234567"}
    with tenant_scope(tenant), pytest.raises(ProgrammingError, match="row-level security"), transaction.atomic():
        Customer.objects.bulk_create([Customer(**values, tenant=other_tenant)], **upsert)
    with tenant_scope(tenant):
        # The key begins with the tenant, so this is another row.
        Customer.objects.bulk_create([Customer(**values)], **upsert)
    with tenant_scope(other_tenant):
        assert Customer.objects.get().first_name == theirs.first_name


def test_rows_can_not_be_loaded_by_copy(in_scope):
    with pytest.raises(Exception, match="COPY FROM not supported with row-level security"), transaction.atomic():
        connection.cursor().copy("COPY tenants_outlet (id) FROM STDIN").__enter__()


@pytest.mark.parametrize(
    "attempt",
    [
        "ALTER TABLE customers_customer DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE customers_customer NO FORCE ROW LEVEL SECURITY",
        "DROP POLICY customer_rls ON customers_customer",
        "ALTER POLICY customer_rls ON customers_customer USING (true)",
        "CREATE POLICY mine ON customers_customer USING (true)",
        "CREATE OR REPLACE VIEW customers_searchable AS SELECT * FROM customers_customer",
        "GRANT circe_rls_bypass TO circe_app",
        "ALTER ROLE circe_app BYPASSRLS",
    ],
)
def test_the_applications_role_can_not_remove_row_level_security(attempt, db):
    assert_refused(attempt, match="must be (owner|superuser)|must have admin option|permission denied|no privilege")


def test_the_policies_apply_to_the_applications_role(tenant, other_tenant):
    assert sql("SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = 'circe_app'") == [(False, False)]
    assert sql("SELECT pg_has_role('circe_app', 'circe_rls_bypass', 'MEMBER')") == [(False,)]
    with tenant_scope(tenant), transaction.atomic():
        sql("SET LOCAL row_security = off")
        assert_refused("SELECT 1 FROM tenants_user", match="would be affected by row-level security")
        transaction.set_rollback(True)


def test_the_policies_apply_to_an_owner_without_circe_rls_bypass(rows):
    with as_owner():
        assert sql("SELECT count(*) FROM customers_customer") == [(2,)]
        sql("SET CONSTRAINTS ALL IMMEDIATE")
        sql("DROP POLICY customer_rls_bypass ON customers_customer")
        with tenant_scope(None):
            assert sql("SELECT count(*) FROM customers_customer") == [(0,)]


# --- the setting with the scope -------------------------------------------------------------------------------------


def read_setting():
    """Returns the session's setting. The query bypasses the wrapper that sends settings before statements."""
    return connection.connection.execute("SELECT current_setting('circe.tenant', true)").fetchone()[0] or ""


@pytest.mark.django_db(transaction=True)
def test_the_setting_ends_with_its_transaction(tenant):
    OutletFactory(tenant=tenant, name="Ours")
    with tenant_scope(tenant):
        assert Outlet.objects.get().name == "Ours"
        assert read_setting() == ""
        with transaction.atomic():
            assert Outlet.objects.get().name == "Ours"
            assert read_setting() == tenant.pk
        assert read_setting() == ""


@pytest.mark.django_db(transaction=True)
def test_a_request_leaves_no_setting_on_the_connection(staff):
    assert staff.get("/api/v1/customers").status_code == 200
    assert read_setting() == ""


def test_a_savepoint_that_is_rolled_back_does_not_change_the_scope(rows, tenant, other_tenant):
    with tenant_scope(tenant), transaction.atomic():
        sql("SELECT")
        with tenant_scope(other_tenant), transaction.atomic():
            sql("SELECT")
            transaction.set_rollback(True)
        assert sql("SELECT DISTINCT tenant_id FROM tenants_outlet") == [(tenant.pk,)]
    with tenant_scope(tenant):
        with tenant_scope(None), transaction.atomic():
            assert sql("SELECT 1 FROM tenants_outlet") == []
        assert sql("SELECT DISTINCT tenant_id FROM tenants_outlet") == [(tenant.pk,)]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("atomic", [True, False])
def test_every_kind_of_statement_carries_the_setting(atomic, rows, tenant):
    ours = [(tenant.pk,)]
    with tenant_scope(tenant), transaction.atomic() if atomic else threading.Lock(), connection.cursor() as cursor:
        for statement, params in (
            ("SELECT tenant_id FROM tenants_outlet", None),
            ("SELECT tenant_id FROM tenants_outlet WHERE 'a%' = 'a%'", None),
            ("SELECT tenant_id FROM tenants_outlet WHERE 'a%%' = 'a%%'", []),
            ("SELECT tenant_id FROM tenants_outlet WHERE tenant_id <> %s", [new_id()]),
            ("SELECT tenant_id FROM tenants_outlet WHERE tenant_id <> %(other)s", {"other": new_id()}),
            ("-- a comment\n/* and another */ (SELECT tenant_id FROM tenants_outlet)", None),
            ("WITH o AS (SELECT * FROM tenants_outlet) SELECT tenant_id FROM o", None),
            ("TABLE tenants_outlet", None),
            ("UPDATE tenants_outlet SET address = 'x' RETURNING tenant_id", None),
        ):
            cursor.execute(statement, params)
            assert {row[1 if "TABLE" in statement else 0] for row in cursor.fetchall()} <= {tenant.pk, "x"}
            assert cursor.rowcount == 1, statement
        assert [(outlet.tenant_id,) for outlet in Outlet.objects.iterator(chunk_size=1)] == ours
        cursor.executemany("UPDATE tenants_outlet SET address = %s", [("y",), ("z",)])
        assert Outlet.objects.get().address == "z"
        assert "tenants_outlet" in Outlet.objects.explain()
    with tenant_scope(ALL_TENANTS):
        assert Outlet.objects.filter(address="z").count() == 1


def test_the_connection_works_after_an_error(in_scope):
    with pytest.raises(DataError), transaction.atomic():
        sql("SELECT 1 / 0")
    assert sql("SELECT 1") == [(1,)]


@pytest.mark.django_db(transaction=True)
def test_the_connection_of_another_thread_carries_the_setting_too(rows, tenant):
    seen = {}

    def read():
        with tenant_scope(tenant):
            seen["own"] = sql("SELECT DISTINCT tenant_id FROM customers_customer")
        with tenant_scope(None):
            seen["none"] = sql("SELECT DISTINCT tenant_id FROM customers_customer")
        connection.close()

    thread = threading.Thread(target=read)
    thread.start()
    thread.join()
    assert seen == {"own": [(tenant.pk,)], "none": []}


# --- account look-ups -----------------------------------------------------------------------------------------------


def test_an_account_lookup_finds_only_that_account(rows, tenant, other_tenant):
    user = UserFactory(tenant=tenant)
    UserFactory(tenant=None, role="super_admin")
    for account in (user.pk, user.email):
        with account_lookup(account):
            assert sql("SELECT id FROM tenants_user") == [(user.pk,)]
            assert sql("SELECT 1 FROM customers_customer") == sql("SELECT 1 FROM tenants_auditevent") == []
    for account in ("%", "*", "", "@", tenant.pk, "' OR true --"):
        with tenant_scope(None), account_lookup(account):
            assert sql("SELECT 1 FROM tenants_user") == sql("SELECT 1 FROM customers_customer") == []


def test_a_tenant_can_read_a_super_admin_and_not_change_one(tenant):
    root = UserFactory(tenant=None, role="super_admin")
    with tenant_scope(tenant):
        assert sql("SELECT id FROM tenants_user WHERE tenant_id IS NULL") == [(root.pk,)]
        assert sql("UPDATE tenants_user SET email = 'mine@example.com'") == sql("DELETE FROM tenants_user") == 0
        assert_refused(
            "INSERT INTO tenants_user SELECT (json_populate_record(u, %s)).* FROM tenants_user AS u",
            '{"id": "x", "email": "other@example.com"}',
        )


def test_commands_create_a_super_admin_and_change_a_password(tenant, anonymous, monkeypatch):
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)
    assert run("createsuperuser", "--noinput", "--email", "root@circe.test").code == 0
    again = run("createsuperuser", "--noinput", "--email", "root@circe.test")
    assert "already taken" in again.stderr
    user = UserFactory(tenant=tenant)
    monkeypatch.setattr("getpass.getpass", lambda prompt: "another horse battery")
    assert run("changepassword", user.email).code == 0
    for email, password in (("root@circe.test", PASSWORD), (user.email, "another horse battery")):
        answer = anonymous.post("/api/v1/auth/login", {"email": email, "password": password})
        assert answer.status_code == 200, answer.content
    with tenant_scope(None):
        call_command("check")
    assert Tenant.objects.count() == 1
    assert User.objects.count() == 2


# --- Citus ----------------------------------------------------------------------------------------------------------


def test_no_policy_and_no_view_has_a_sub_select(db):
    """Citus allows no sub-select in a policy or view of a distributed table."""
    conditions = sql("SELECT policyname, concat(qual, with_check) FROM pg_policies")
    conditions += sql("SELECT viewname, split_part(definition, 'WHERE', 2) FROM pg_views WHERE schemaname = 'public'")
    assert len(conditions) > len(TENANT_COLUMNS)
    assert [name for name, condition in conditions if "SELECT" in condition] == []
