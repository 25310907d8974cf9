"""`manage.py seed_demo` loads the same data for a seed, in any size, all or nothing. It replaces only demo data."""

import json
import re
import threading
import time
from io import StringIO

import pytest
import time_machine
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from django.db.models import Count

from appointments.models import BLOCKING_STATUSES, Appointment
from circe.db.roles import as_owner
from circe.demo.loading import CONSTRAINTS_SQL, INDEXES_SQL
from customers.models import Customer
from customers.tests.factories import CustomerFactory
from tenants.models import LoginFailure, Role, Staff, Tenant, User
from tenants.scope import ALL_TENANTS, tenant_scope
from tenants.tests.factories import TenantFactory, UserFactory

pytestmark = [pytest.mark.slow("loads demo data, again for most of the tests"), pytest.mark.django_db]

SMALL = {"customers": 60, "appointments": 300}
MODELS = [
    model for model in apps.get_models() if model.__module__.startswith(("tenants.", "customers.", "appointments."))
]


@pytest.fixture(autouse=True)
def every_tenant():
    with tenant_scope(ALL_TENANTS):
        yield


def seed_demo(**options):
    """Runs the command. Returns what it prints."""
    output = StringIO()
    call_command("seed_demo", **options, stdout=output)
    return output.getvalue()


def read_refusal(**options):
    """Runs the command, which must refuse, change nothing and exit with 2. Returns its message."""
    before = read_all_rows()
    with pytest.raises(CommandError) as refused:
        seed_demo(**options)
    assert read_all_rows() == before
    assert refused.value.returncode == 2
    return str(refused.value)


def read_all_rows():
    """Returns every row of every table as text."""
    with connection.cursor() as cursor:
        tables = {}
        for table in {model._meta.db_table for model in MODELS}:
            cursor.execute(f'SELECT row::text FROM "{table}" AS row ORDER BY 1')
            tables[table] = cursor.fetchall()
    return tables


def read_definitions():
    """Returns the definitions of every index and constraint."""
    with connection.cursor() as cursor:
        definitions = []
        for query in (CONSTRAINTS_SQL, INDEXES_SQL):
            cursor.execute(query, {"tables": [model._meta.db_table for model in MODELS]})
            definitions += cursor.fetchall()
    # PostgreSQL writes the casts of a list in a condition in another way when it reads its own text again.
    return sorted(re.sub(r"::(text|character varying)\b(\[\])?|[()]", "", str(line)) for line in definitions)


def test_the_command_prints_a_summary_and_the_log_ins():
    lines = seed_demo(**SMALL).splitlines()
    assert lines[0].startswith("2 tenants, 60 customers and 300 appointments in ")
    assert lines[1:] == [
        "",
        "E-mail                 Password    Role               Tenant",
        "super@circe.test       circe-demo  super_admin        every tenant",
        "admin@lotus.test       circe-demo  tenant_admin       Lotus Salon & Spa",
        "manager@lotus.test     circe-demo  outlet_manager     Lotus Salon & Spa",
        "staff@lotus.test       circe-demo  staff              Lotus Salon & Spa",
        "admin@nordlys.test     circe-demo  tenant_admin       Nordlys Frisør & Spa",
        "manager@nordlys.test   circe-demo  outlet_manager     Nordlys Frisør & Spa",
        "staff@nordlys.test     circe-demo  staff              Nordlys Frisør & Spa",
        "customer@lotus.test    circe-demo  customer (portal)  Lotus Salon & Spa",
        "customer@nordlys.test  circe-demo  customer (portal)  Nordlys Frisør & Spa",
    ]


def test_the_same_seed_on_the_same_day_gives_the_same_data():
    with time_machine.travel("2026-03-10T06:00:00Z"):
        seed_demo(**SMALL)
    morning = read_all_rows()
    with time_machine.travel("2026-03-10T15:30:00Z"):
        seed_demo(**SMALL, reset=True)
    assert read_all_rows() == morning
    assert sum(map(len, morning.values())) > 380


def test_another_seed_gives_other_data():
    seed_demo(**SMALL, seed=1)
    first = read_all_rows()
    seed_demo(**SMALL, seed=2, reset=True)
    second = read_all_rows()
    assert [table for table in first if first[table] and set(first[table]) & set(second[table])] == []


def test_the_command_works_on_a_leap_day():
    with time_machine.travel("2028-02-29T10:00:00Z"):
        seed_demo(**SMALL)


def test_numbers_are_totals_and_lotus_has_nine_tenths_of_many_rows():
    seed_demo(customers=3000, appointments=15000, tenants=5)
    tenants = [tenant.slug for tenant in Tenant.objects.order_by("pk")]
    assert {"lotus", "nordlys"} < set(tenants)
    for model, counts in ((Customer, [2700, 75, 75, 75, 75]), (Appointment, [13500, 375, 375, 375, 375])):
        by_tenant = dict(model.objects.order_by().values_list("tenant__slug").annotate(n=Count("pk")))
        assert by_tenant.pop("lotus") == counts[0]
        assert list(by_tenant.values()) == counts[1:]
    assert not Tenant.objects.filter(is_demo=False).exists()
    assert User.objects.exclude(password__startswith="!").count() == 7


def test_there_are_more_staff_for_more_appointments():
    seed_demo(tenants=1, customers=3000, appointments=30000)
    assert Staff.objects.filter(role=Role.STAFF).count() > 8
    blocking = Appointment.objects.filter(status__in=BLOCKING_STATUSES).order_by(
        "staff_id", "appointment_date", "start_time"
    )
    earlier = None
    for appointment in blocking:
        assert (
            earlier is None
            or earlier.staff_id != appointment.staff_id
            or earlier.occupied[1] <= appointment.occupied[0]
        )
        earlier = appointment


@pytest.mark.parametrize(
    "numbers",
    [
        {"customers": 0},
        {"customers": 1, "appointments": 0},
        {"customers": 1, "appointments": 40},
        {"customers": 2, "appointments": 9, "tenants": 5},
        {"customers": 7, "tenants": 40},
        {"customers": 20_000, "appointments": 10},
    ],
    ids=str,
)
def test_unusual_numbers_are_met_exactly(numbers):
    seed_demo(**numbers)
    expected = (numbers.get("tenants", 2), numbers["customers"], numbers.get("appointments", 6 * numbers["customers"]))
    assert (Tenant.objects.count(), Customer.objects.count(), Appointment.objects.count()) == expected


@pytest.mark.parametrize(
    ("numbers", "sentence"),
    [
        ({"tenants": 0}, "--tenants must be at least 1."),
        ({"tenants": -3}, "--tenants must be at least 1."),
        ({"customers": -1}, "--customers can't be negative."),
        ({"appointments": -1}, "--appointments can't be negative."),
        ({"customers": 0, "appointments": 5}, "--appointments need --customers to come to them."),
    ],
)
def test_impossible_numbers_are_refused(numbers, sentence):
    assert read_refusal(**numbers) == sentence


def test_production_settings_are_refused(settings):
    settings.PRODUCTION = True
    for options in ({}, {"if_empty": True}, {"reset": True}):
        assert read_refusal(**options) == "Demo accounts have a known password: not with production settings."


IN_USE = "The database holds tenants or users that are not demo data: choose an empty one."


@pytest.mark.parametrize("options", [{}, {"if_empty": True}, {"reset": True}], ids=str)
def test_a_database_in_use_is_refused(options):
    CustomerFactory()
    assert read_refusal(**options) == IN_USE


@pytest.mark.parametrize("options", [{}, {"reset": True}], ids=str)
def test_demo_data_with_another_tenant_are_refused(options):
    seed_demo(**SMALL)
    TenantFactory()
    assert read_refusal(**options) == IN_USE


@pytest.mark.parametrize("options", [{}, {"if_empty": True}, {"reset": True}], ids=str)
def test_a_user_outside_the_demo_is_refused(options):
    UserFactory(role=Role.SUPER_ADMIN, tenant=None)
    assert read_refusal(**options) == IN_USE


def test_existing_demo_data_are_refused():
    seed_demo(**SMALL)
    assert read_refusal() == "The demo data are there already: --reset would replace them."


def test_if_empty_loads_into_an_empty_database():
    assert "60 customers" in seed_demo(**SMALL, if_empty=True)


def test_if_empty_leaves_existing_demo_data_and_prints_the_log_ins():
    log_ins = seed_demo(**SMALL).splitlines()[1:]
    Customer.objects.first().soft_delete(by="0" * 24)
    before = read_all_rows()
    assert seed_demo(if_empty=True).splitlines() == ["The demo data are there already.", *log_ins]
    assert read_all_rows() == before


@pytest.mark.django_db(transaction=True)
def test_of_two_concurrent_commands_one_loads_and_the_other_does_nothing():
    barrier, first_lines = threading.Barrier(2), []

    def run():
        with tenant_scope(ALL_TENANTS):
            barrier.wait()
            first_lines.append(seed_demo(**SMALL, if_empty=True).splitlines()[0])
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(line.split(" in ")[0] for line in first_lines) == [
        "2 tenants, 60 customers and 300 appointments",
        "The demo data are there already.",
    ]


def test_if_empty_accepts_a_tenant_that_was_added_to_the_demo():
    seed_demo(**SMALL)
    TenantFactory()
    assert "admin@lotus.test" in seed_demo(if_empty=True)


def test_reset_removes_everything_that_was_added():
    seed_demo(**SMALL, seed=2)
    CustomerFactory(tenant=Tenant.objects.get(slug="lotus"), first_name="Jane")
    UserFactory(tenant=Tenant.objects.get(slug="lotus"), email="jane@lotus.test")
    LoginFailure.objects.create(account="admin@lotus.test", address="127.0.0.1")
    seed_demo(**SMALL, reset=True)
    assert Customer.objects.count() == 60
    assert not Customer.objects.filter(first_name="Jane").exists()
    assert not User.objects.filter(email="jane@lotus.test").exists()
    assert not LoginFailure.objects.exists()


def test_indexes_and_foreign_keys_exist_afterwards():
    before = read_definitions()
    seed_demo(**SMALL)
    assert read_definitions() == before
    assert len(before) > 40
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_constraint WHERE NOT convalidated")
        assert cursor.fetchone() == (0,)


def test_the_planner_has_statistics_of_the_tables():
    seed_demo(**SMALL, seed=77)
    # The owner's plans have no condition of a policy. pg_stats shows no statistics of a table with row-level security.
    with as_owner():
        for model in (Appointment, Customer):
            for tenant in Tenant.objects.all():
                rows = model.objects.filter(tenant=tenant)
                (plan,) = json.loads(rows.explain(format="json"))
                assert plan["Plan"]["Plan Rows"] == rows.count()


def test_no_progress_bar_without_a_terminal(capfd):
    seed_demo(**SMALL)
    assert capfd.readouterr().err == ""


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("options", [{}, {"reset": True}], ids=str)
def test_a_killed_command_changes_nothing(options):
    if options:
        seed_demo(**SMALL)
    before, definitions_before = read_all_rows(), read_definitions()
    failure = []

    def run():
        try:
            seed_demo(customers=20_000, appointments=100_000, **options)
        except OperationalError as error:
            failure.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    is_killed = False
    with as_owner():
        while thread.is_alive() and not is_killed:
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_progress_copy "
                    "WHERE datname = current_database() AND tuples_processed > 1000"
                )
                is_killed = bool(cursor.fetchall())
            time.sleep(0.01)
    thread.join()
    assert is_killed
    assert failure
    assert read_all_rows() == before
    assert read_definitions() == definitions_before
