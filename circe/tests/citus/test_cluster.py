"""The command `distribute` on a cluster, and what it says of a cluster that is not complete. For `make test-citus`."""

import os
import time
from contextlib import contextmanager
from threading import Thread

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection, transaction
from django.test.utils import isolate_apps

from circe.db.advisory_locks import AdvisoryLock, lock_in_turn
from circe.db.citus import cluster, tables
from circe.db.citus.placement import Placement
from circe.db.roles import as_owner
from circe.tests.every_table import make_rows
from customers.models import Customer
from customers.tests.factories import CustomerFactory
from tenants.models import Outlet
from tenants.models.base import TenantModel
from tenants.scope import tenant_scope
from tenants.tests.factories import TenantFactory
from tenants.tests.locks import find_lock_waiters

pytestmark = [
    pytest.mark.skipif(
        "CITUS_URL" not in os.environ, reason="There is no cluster: CITUS_URL=postgres://… make test-citus runs it."
    ),
    pytest.mark.django_db(transaction=True),
]


@pytest.fixture
def superuser():
    """A session of a superuser in the test database on the coordinator."""
    name = connection.settings_dict["NAME"]
    with psycopg.connect(os.environ["CITUS_URL"], dbname=name, autocommit=True) as session:
        yield session


def refusal(*arguments):
    with pytest.raises(CommandError) as refused:
        call_command(*arguments)
    assert refused.value.returncode == 2
    return str(refused.value)


def test_a_second_run_has_nothing_to_do(capsys):
    call_command("distribute")
    assert capsys.readouterr().out.startswith("ok: 3 nodes; 28 tables distributed by business, 2 copied to each node, ")


def test_a_worker_refuses_to_distribute_and_to_migrate(monkeypatch, superuser):
    host, port = superuser.execute("SELECT nodename, nodeport FROM pg_dist_node WHERE groupid = 1").fetchone()
    coordinator = f"{connection.settings_dict['HOST']}:{connection.settings_dict['PORT']}"
    sentence = f"This server is a worker of a cluster. Name the coordinator ({coordinator}) in DATABASE_URL."
    connection.close()
    monkeypatch.setitem(connection.settings_dict, "HOST", host)
    monkeypatch.setitem(connection.settings_dict, "PORT", port)
    try:
        assert refusal("distribute") == sentence
        assert refusal("migrate") == f"{sentence} Nothing was changed."
    finally:
        connection.close()


def test_a_backup_and_a_restore_name_the_commands_for_a_cluster(tmp_path):
    restored = tmp_path / "circe.dump"
    restored.touch()
    for arguments in (("backup", str(tmp_path / "new.dump")), ("restore", str(restored))):
        sentence = refusal(*arguments)
        for command in ("pg_dump --enable-row-security --format=custom", "pg_restore", "manage.py distribute"):
            assert command in sentence
    assert [*tmp_path.iterdir()] == [restored]


def test_a_version_that_is_too_old_is_refused(monkeypatch):
    monkeypatch.setattr(cluster, "MINIMUM_VERSION", (99, 0))
    assert "is too old: update it on each node to 99.0 or later" in refusal("distribute")


def test_a_node_that_is_half_set_up_is_named(superuser):
    host, port = superuser.execute("SELECT nodename, nodeport FROM pg_dist_node WHERE groupid = 1").fetchone()
    superuser.execute("UPDATE pg_dist_node SET metadatasynced = false WHERE groupid = 1")
    try:
        assert refusal("distribute") == (
            f"The node {host}:{port} is only half set up: run SELECT citus_activate_node('{host}', {port})."
        )
    finally:
        superuser.execute("UPDATE pg_dist_node SET metadatasynced = true WHERE groupid = 1")


def test_a_node_that_is_away_is_named(superuser):
    host, port = superuser.execute("SELECT nodename, nodeport FROM pg_dist_node WHERE groupid = 1").fetchone()
    # Nothing listens there.
    superuser.execute("UPDATE pg_dist_node SET nodeport = 1 WHERE groupid = 1")
    try:
        assert refusal("distribute").startswith(f"The node {host}:1 is away or refuses the connection (")
    finally:
        superuser.execute("UPDATE pg_dist_node SET nodeport = %s WHERE groupid = 1", [port])


def group_of(superuser, business):
    """Returns the number of the node with the rows of a business."""
    [(group,)] = superuser.execute(
        "SELECT groupid FROM pg_dist_placement"
        " WHERE shardid = get_shard_id_for_distribution_column('customers_customer', %s::text)",
        [business.pk],
    )
    return group


@contextmanager
def worker_away(superuser, group):
    """Ends all connections to the database of a worker, and lets it accept none in the block."""
    host, port = superuser.execute("SELECT nodename, nodeport FROM pg_dist_node WHERE groupid = %s", [group]).fetchone()
    name = connection.settings_dict["NAME"]
    with psycopg.connect(os.environ["CITUS_URL"], host=host, port=port, autocommit=True) as worker:
        worker.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        try:
            worker.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
            yield
        finally:
            worker.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")


def test_a_worker_that_is_away_is_a_503_for_its_businesses_and_the_others_are_answered(superuser, as_role):
    businesses = {}
    while len(businesses) < 2:
        business = TenantFactory()
        businesses.setdefault(group_of(superuser, business), business)
    (away, lost), (_, other) = businesses.items()
    rows = {business: CustomerFactory(tenant=business) for business in (lost, other)}
    clients = {business: as_role("tenant_admin", business) for business in (lost, other)}

    def statuses(business):
        client, path = clients[business], f"/api/v1/customers/{rows[business].pk}"
        answers = [client.get("/api/v1/customers"), client.get(path), client.patch(path, {"first_name": "New"})]
        return [(answer.status_code, answer.headers.get("Retry-After")) for answer in answers]

    with worker_away(superuser, away):
        assert statuses(lost) == [(503, "2")] * 3
        assert statuses(other) == [(200, None)] * 3
    assert statuses(lost) == [(200, None)] * 3


def test_a_worker_that_dies_before_the_commit_of_a_request_is_a_503(superuser, as_role):
    business = TenantFactory()
    while group_of(superuser, business) == 0:
        business = TenantFactory()
    row = CustomerFactory(tenant=business, first_name="Before")
    client, path = as_role("tenant_admin", business), f"/api/v1/customers/{row.pk}"
    name, group = connection.settings_dict["NAME"], group_of(superuser, business)
    host, port = superuser.execute("SELECT nodename, nodeport FROM pg_dist_node WHERE groupid = %s", [group]).fetchone()

    def end_after_the_update(execute, sql, params, many, context):
        result = execute(sql, params, many, context)
        if sql.startswith("UPDATE"):
            with psycopg.connect(os.environ["CITUS_URL"], host=host, port=port) as worker:
                worker.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
        return result

    # It must be around the wrapper that sends the settings and the statement together.
    connection.execute_wrappers.insert(0, end_after_the_update)
    try:
        answer = client.patch(path, {"first_name": "After"})
    finally:
        connection.execute_wrappers.remove(end_after_the_update)
    assert (answer.status_code, answer.headers.get("Retry-After")) == (503, "2")
    assert client.get(path).json()["first_name"] == "Before"


def test_settings_that_were_sent_within_a_savepoint_reach_a_node_that_is_asked_after_it(tenant):
    customer = CustomerFactory(tenant=tenant)
    with tenant_scope(tenant), transaction.atomic():
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT %s", ["no row of the business"])
        assert Customer.objects.get() == customer


def test_transactions_that_wait_in_a_line_are_no_deadlock(tenant):
    """The fourth waits for the third, which waits for the second, which waits for the first."""
    errors = []

    def lock(keys, reads_first):
        try:
            with tenant_scope(tenant), transaction.atomic():
                if reads_first:
                    # From then on Citus knows the transaction by a number.
                    Outlet.objects.exists()
                for key in keys:
                    lock_in_turn(AdvisoryLock.LINK_EMAIL, key)
        except OperationalError as error:
            errors.append(error)
        finally:
            connection.close()

    with transaction.atomic():
        lock_in_turn(AdvisoryLock.LINK_EMAIL, "first")
        threads = [
            Thread(target=lock, args=arguments)
            for arguments in [(("second", "first"), True), (("third", "second"), False), (("third",), True)]
        ]
        for number, thread in enumerate(threads, start=1):
            thread.start()
            while len(find_lock_waiters()) < number:
                time.sleep(0.01)
        # Citus looks for deadlocks each time that twice `deadlock_timeout` has passed, which is a second.
        time.sleep(5)
    for thread in threads:
        thread.join()
    assert errors == []


@isolate_apps("customers")
def test_the_table_of_a_later_migration_is_distributed_with_its_foreign_keys():
    class Visit(TenantModel):
        class Meta(TenantModel.Meta):
            app_label = "customers"
            db_table = "customers_visit"

    with as_owner():
        try:
            with connection.schema_editor() as editor:
                editor.create_model(Visit)
            with connection.cursor() as cursor:
                located = cluster.located_tables(cursor)
                assert located["customers_visit"] == located["customers_customer"]
                assert located["customers_visit"].placement == Placement.DISTRIBUTED
        finally:
            with connection.cursor() as cursor:
                cursor.execute("DROP TABLE IF EXISTS customers_visit")


def test_a_table_of_nobody_is_said_not_to_be_routed():
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("CREATE TABLE notes (id int)")
        try:
            assert tables.describe_misplaced_tables(cursor) == [
                "notes is no table of Circe: it stays on the coordinator."
            ]
        finally:
            cursor.execute("DROP TABLE notes")


def test_all_rows_of_a_business_lie_on_one_node(tenant, other_tenant):
    for business in (tenant, other_tenant):
        make_rows(business)
    with as_owner(), connection.cursor() as cursor:
        names = [name for name, at in cluster.located_tables(cursor).items() if at.placement == Placement.DISTRIBUTED]
        for business in (tenant, other_tenant):
            cursor.execute(
                "SELECT count(DISTINCT nodeport) FROM unnest(%s::text[]) AS name CROSS JOIN LATERAL "
                "get_shard_id_for_distribution_column(name::regclass, %s::text) AS shardid "
                "JOIN pg_dist_shard_placement USING (shardid)",
                [names, business.pk],
            )
            assert cursor.fetchall() == [(1,)]


def test_views_of_a_restored_backup_are_routed_after_distribute(as_role, tenant):
    """In a backup the condition of a view has casts, from which Citus does not read the tenant."""
    make_rows(tenant)
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT format('CREATE OR REPLACE VIEW %I AS %s', relname, pg_get_viewdef(oid)) FROM pg_class "
            "WHERE relkind = 'v' AND relnamespace = 'public'::regnamespace AND relname !~ '^citus_|^pg_'"
        )
        for (command,) in cursor.fetchall():
            cursor.execute(command)
    call_command("distribute")
    admin = as_role("tenant_admin", tenant)
    for path in (
        "customers",
        "customers?search=jane",
        "customers?segment=vip",
        "customers/statistics/summary",
        "staff",
    ):
        assert admin.get(f"/api/v1/{path}").status_code == 200


def test_after_a_restore_the_numbers_of_events_go_on(superuser, tenant):
    """A restored backup has the events of every node, and a worker's sequence begins anew."""
    CustomerFactory.create_batch(2, tenant=tenant)
    group, name = group_of(superuser, tenant), connection.settings_dict["NAME"]
    host, port = superuser.execute("SELECT nodename, nodeport FROM pg_dist_node WHERE groupid = %s", [group]).fetchone()
    with psycopg.connect(os.environ["CITUS_URL"], host=host, port=port, dbname=name, autocommit=True) as node:
        node.execute("SELECT setval('tenants_auditevent_id_seq', min(id)) FROM tenants_auditevent")
    call_command("distribute")
    assert CustomerFactory(tenant=tenant).pk


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/customers",
        "/api/v1/customers?ordering=-total_spent",
        "/api/v1/customers?segment=at_risk",
        "/api/v1/customers/statistics/summary",
        "/api/v1/customers?updated_since=2020-01-01",
        "/api/v1/appointments",
        "/api/v1/appointments?status=completed",
        "/api/v1/staff",
        "/api/v1/services",
    ],
)
def test_a_super_admin_reads_all_businesses_together(super_admin, tenant, other_tenant, path):
    for business in (tenant, other_tenant):
        make_rows(business)
    answer = super_admin.get(path)
    assert answer.status_code == 200, answer.content
    if "items" in answer.json():
        # A tombstone names no business.
        assert {row["tenant_id"] for row in answer.json()["items"] if "tenant_id" in row} == {
            tenant.pk,
            other_tenant.pk,
        }
