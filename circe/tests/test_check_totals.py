"""`check_totals` finds and repairs every wrong total, and no write can bypass the triggers that update the totals."""

import datetime as dt
import json
from io import StringIO
from threading import Barrier, Event, Thread

import pytest
from django.core.management import call_command
from django.db import ProgrammingError, connection, connections, transaction

from appointments.models import Appointment, Status
from appointments.models.totals import AppointmentDailyTotals, CustomerTotals, VisitCounts
from appointments.tests.factories import AppointmentFactory
from circe.db.roles import as_owner
from circe.management.commands.check_totals import SUMMARY_TABLES
from customers.models import Customer
from customers.models.monthly_counts import CustomerMonthlyCounts
from customers.models.name_keys import NameKey
from customers.tests.factories import CustomerFactory
from tenants.scope import ALL_TENANTS, tenant_scope
from tenants.tests.factories import OutletFactory, ServiceFactory, UserFactory


def check_totals(*arguments, exits=0):
    """Runs the command with --json and returns its report."""
    output = StringIO()
    try:
        call_command("check_totals", *arguments, "--json", stdout=output)
        code = 0
    except SystemExit as end:
        code = end.code
    assert code == exits, output.getvalue()
    return json.loads(output.getvalue())


@pytest.fixture
def shared(tenant):
    """The fields that the appointments of a test share."""
    return {
        "tenant": tenant,
        "service": ServiceFactory(tenant=tenant),
        "outlet": OutletFactory(tenant=tenant),
        "staff_id": UserFactory(tenant=tenant).pk,
    }


@pytest.fixture
def rows(tenant, other_tenant, shared):
    """Three customers with three visits each, one of them tagged vip, and one customer of the other business."""
    for number in range(3):
        customer = CustomerFactory(tenant=tenant, loyalty_points=number, tags=["vip"] if number == 1 else [])
        for day in range(3):
            day = dt.date(2025, 1, 1 + day + number)
            AppointmentFactory(**shared, customer=customer, appointment_date=day, status=Status.COMPLETED)
    AppointmentFactory(tenant=other_tenant, status=Status.COMPLETED)


FALSIFICATIONS = [
    (CustomerMonthlyCounts, "UPDATE customers_customermonthlycounts SET total_customers = total_customers + 1"),
    (CustomerMonthlyCounts, "DELETE FROM customers_customermonthlycounts"),
    (CustomerMonthlyCounts, "UPDATE customers_customermonthlycounts SET tagged_vip = 0"),
    (NameKey, "UPDATE customers_namekey SET is_representative = false"),
    (NameKey, "DELETE FROM customers_namekey WHERE is_whole_name"),
    pytest.param(
        NameKey,
        "INSERT INTO customers_namekey (tenant_id, is_whole_name, text, created_at, customer_id, is_representative) "
        "SELECT id, false, 'nobody', now(), id, true FROM tenants_tenant",
        id="a name of nobody",
    ),
    (CustomerTotals, "UPDATE appointments_customertotals SET total_spent = total_spent + 1"),
    (CustomerTotals, "UPDATE appointments_customertotals SET is_deleted = true"),
    (CustomerTotals, "UPDATE appointments_customertotals SET recent_spent = 7"),
    (CustomerTotals, "DELETE FROM appointments_customertotals"),
    pytest.param(
        CustomerTotals,
        "INSERT INTO appointments_customertotals (tenant_id, customer_id, created_at, is_deleted, is_vip) "
        "SELECT id, id, now(), false, false FROM tenants_tenant",
        id="totals of nobody",
    ),
    (AppointmentDailyTotals, "UPDATE appointments_appointmentdailytotals SET total_revenue = total_revenue - 1"),
    (
        AppointmentDailyTotals,
        "INSERT INTO appointments_appointmentdailytotals (tenant_id, shard, day, total_appointments, total_revenue) "
        "SELECT DISTINCT tenant_id, 1, date '2030-01-01', 1, 0 FROM appointments_appointmentdailytotals",
    ),
    (VisitCounts, "UPDATE appointments_visitcounts SET customers = customers + 1 WHERE kind = 'last'"),
    (VisitCounts, "DELETE FROM appointments_visitcounts WHERE kind = 'return' OR kind = 'first'"),
    (VisitCounts, "DELETE FROM appointments_visitcounts WHERE kind = 'vip_last'"),
    (VisitCounts, "UPDATE appointments_visitcounts SET day = '2020-01-01' WHERE kind = 'vip_first'"),
]


@pytest.mark.slow("compares all totals several times for each falsification")
@pytest.mark.parametrize(("model", "statement"), FALSIFICATIONS)
def test_a_falsified_total_is_found_and_repaired(tenant, rows, model, statement):
    assert check_totals("--all-tenants")["totals"] == {"ok": 10, "repaired": 0, "different": 0}
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(statement)
    report = check_totals("--tenant", tenant.slug, exits=1)
    assert report["totals"]["ok"] == 4
    assert report["totals"]["different"] > 0
    assert {row["table"] for row in report["rows"] if row["outcome"] == "different"} == {model._meta.db_table}
    assert check_totals("--tenant", tenant.slug, "--repair", "--dry-run")["totals"]["repaired"] > 0
    assert check_totals("--tenant", tenant.slug, exits=1)["rows"] == report["rows"]
    assert check_totals("--tenant", tenant.slug, "--repair")["totals"]["repaired"] == report["totals"]["different"]
    assert check_totals("--tenant", tenant.slug)["totals"] == {"ok": 5, "repaired": 0, "different": 0}
    # The other business was not repaired.
    with tenant_scope(tenant):
        own = model.objects.count()
    check_totals("--all-tenants", "--repair")
    assert check_totals("--all-tenants")["totals"] == {"ok": 10, "repaired": 0, "different": 0}
    with tenant_scope(tenant):
        assert model.objects.count() == own > 0


def test_a_difference_has_the_stored_and_the_expected_sum(tenant, rows):
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("UPDATE appointments_appointmentdailytotals SET total_appointments = 9 WHERE day = '2025-01-03'")
    (row,) = [row for row in check_totals("--tenant", tenant.slug, exits=1)["rows"] if row["outcome"] == "different"]
    assert row == {
        "tenant": tenant.slug,
        "outcome": "different",
        "table": "appointments_appointmentdailytotals",
        "day": "2025-01-03",
        "stored": {"total_appointments": 9},
        "expected": {"total_appointments": 3},
    }


@pytest.mark.parametrize("model", SUMMARY_TABLES)
def test_the_application_can_read_the_totals_and_cannot_write_them(tenant, rows, model):
    table = model._meta.db_table
    for statement in (
        f"UPDATE {table} SET tenant_id = tenant_id",
        f"DELETE FROM {table}",
        f"INSERT INTO {table} SELECT * FROM {table}",
        f"TRUNCATE {table}",
    ):
        with (
            pytest.raises(ProgrammingError, match="permission denied"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)


# The triggers that count customers by month, and the one that changes the totals of a customer.
COUNT_TRIGGERS, TOTALS_TRIGGER = (
    {"circe_count_customers_update_1_old", "circe_count_customers_update_2_new"},
    {"circe_change_customer_totals"},
)


@pytest.mark.parametrize(
    ("column", "value", "expected_triggers"),
    [
        ("notes", "'x'", set()),
        ("password", "'another hash'", set()),
        ("tags", "'{new,vip}'", set()),
        ("loyalty_points", "loyalty_points", set()),
        ("loyalty_points", "7", COUNT_TRIGGERS),
        ("password", "NULL", COUNT_TRIGGERS),
        ("email_verified", "true", COUNT_TRIGGERS),
        ("is_active", "false", COUNT_TRIGGERS),
        ("created_at", "'2020-01-01Z'", COUNT_TRIGGERS | TOTALS_TRIGGER),
        ("is_deleted", "true", COUNT_TRIGGERS | TOTALS_TRIGGER),
        ("tags", "'{}'", COUNT_TRIGGERS | TOTALS_TRIGGER),
        ("id", "reverse(id)", TOTALS_TRIGGER),
    ],
)
def test_an_update_that_changes_no_sum_runs_no_trigger(tenant, column, value, expected_triggers):
    """One row of several changes a sum. The next statement must not run the triggers again."""
    customers = CustomerFactory.create_batch(
        3, tenant=tenant, tags=["vip"], password="a hash", is_active=column != "is_deleted"
    )
    one = f"CASE id WHEN '{customers[1].pk}' THEN {value} ELSE {column} END"
    with as_owner(), tenant_scope(tenant), connection.cursor() as cursor:
        for change, expected in ((f"{column} = {one}", expected_triggers), ("address = 'x'", set())):
            cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) UPDATE customers_customer SET {change}")
            [[[plan]]] = cursor.fetchall()
            assert {trigger["Trigger Name"] for trigger in plan["Triggers"]} & (
                COUNT_TRIGGERS | TOTALS_TRIGGER
            ) == expected
    assert check_totals("--tenant", tenant.slug)["totals"]["ok"] == 5


@pytest.mark.parametrize(
    "change",
    [
        "status = 'cancelled'",
        "status = 'pending'",
        "total_price = total_price + 1",
        "appointment_date = appointment_date - 40",
        "start_time = start_time - interval '1 minute'",
        "customer_id = NULL",
    ],
)
def test_the_sums_are_right_after_a_change_of_any_column_of_an_appointment(tenant, change):
    """The appointment is open first, and then a visit."""
    AppointmentFactory(tenant=tenant, status=Status.CONFIRMED)
    with as_owner(), tenant_scope(tenant), connection.cursor() as cursor:
        for assignment in (change, "status = 'completed'", change):
            cursor.execute(f"UPDATE appointments_appointment SET {assignment}")
            assert check_totals("--tenant", tenant.slug)["totals"]["ok"] == 5


@pytest.mark.parametrize("table", ["appointments_appointment", "customers_customer"])
def test_after_a_truncate_the_sums_are_zero(tenant, rows, table):
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(f"TRUNCATE {table} CASCADE")
    assert check_totals("--all-tenants")["totals"] == {"ok": 10, "repaired": 0, "different": 0}
    with tenant_scope(ALL_TENANTS):
        assert not AppointmentDailyTotals.objects.exists()
        assert CustomerTotals.objects.count() == Customer.objects.count()


def test_a_purged_customer_leaves_no_totals(tenant, rows):
    with tenant_scope(tenant):
        customer = Customer.objects.first()
        customer.purge()
        assert not CustomerTotals.objects.filter(customer_id=customer.pk).exists()
        assert CustomerTotals.objects.count() == 2
    assert check_totals("--tenant", tenant.slug)["totals"]["ok"] == 5


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("status", [Status.PENDING, Status.COMPLETED])
def test_bookings_of_the_same_day_do_not_wait_for_each_other(tenant, shared, status):
    """Each of the two adds to a shard of its own. A later transaction uses a shard that exists."""
    with tenant_scope(tenant):
        customers = [CustomerFactory(tenant=tenant) for _ in range(3)]
    staff = [UserFactory(tenant=tenant).pk for _ in range(3)]
    booked, released = Event(), Event()

    def book(number):
        with tenant_scope(tenant), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '5s'")
            AppointmentFactory(**shared | {"staff_id": staff[number]}, customer=customers[number], status=status)

    def book_slowly():
        with transaction.atomic():
            book(0)
            booked.set()
            released.wait(60)
        connections.close_all()

    slow = Thread(target=book_slowly)
    slow.start()
    assert booked.wait(60)
    try:
        book(1)
    finally:
        released.set()
        slow.join()
    book(2)
    with tenant_scope(tenant):
        assert sorted(AppointmentDailyTotals.objects.values_list("shard", "total_appointments")) == [(0, 2), (1, 1)]


@pytest.mark.django_db(transaction=True)
def test_concurrent_writers_leave_right_sums_and_cause_no_deadlock(tenant, shared):
    """Eight threads write the same customers in opposite orders and on the same days. Some roll back."""
    with tenant_scope(tenant):
        customers = [CustomerFactory(tenant=tenant) for _ in range(6)]
    staff = [UserFactory(tenant=tenant).pk for _ in range(8)]
    barrier, errors = Barrier(8), []

    def work(number):
        try:
            with tenant_scope(tenant):
                for turn in range(5):
                    barrier.wait(60)
                    own = [
                        Appointment(
                            **shared | {"staff_id": staff[number]},
                            customer=customer,
                            appointment_date=dt.date(2025, 1, 1 + turn),
                            start_time=dt.time(8 + hour),
                            end_time=dt.time(9 + hour),
                            status=Status.COMPLETED,
                            total_price=100,
                        )
                        for hour, customer in enumerate(customers[:: 1 if number % 2 else -1])
                    ]
                    with transaction.atomic():
                        Appointment.objects.bulk_create(own)
                        transaction.set_rollback(turn == number % 5)
                    barrier.wait(60)
                    # One statement over the rows of several threads.
                    Appointment.objects.filter(staff_id=staff[(number + turn) % 8]).update(total_price=100 + turn)
                    Customer.objects.filter(pk=customers[number % 6].pk).update(is_deleted=turn % 2, is_active=False)
                    Customer.objects.filter(pk=customers[turn].pk).update(tags=["vip"] if number % 2 else [])
        except Exception as error:
            errors.append(error)
            barrier.abort()
        finally:
            connections.close_all()

    threads = [Thread(target=work, args=[number]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert check_totals("--tenant", tenant.slug)["totals"] == {"ok": 5, "repaired": 0, "different": 0}
    with tenant_scope(tenant):
        assert sum(AppointmentDailyTotals.objects.values_list("total_appointments", flat=True)) == 8 * 6 * 5 - 8 * 6
        # There are at most as many shards as threads that wrote at the same time.
        assert AppointmentDailyTotals.objects.filter(day=dt.date(2025, 1, 1)).count() <= 8
