"""The plan of the query of free times: among very many appointments only those of the asked days are read."""

import datetime as dt
import json

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from appointments.models import Appointment, Status
from appointments.tests.factories import AppointmentFactory
from circe.db.roles import as_owner
from tenants.models import User
from tenants.tests.factories import UserFactory

pytestmark = pytest.mark.slow("needs so many rows that the planner has a choice")

PEOPLE, OTHERS, DAYS, A_DAY = 30, 600, 160, 3
FIRST = dt.date(2026, 11, 30)


def multiply(row, columns, series):
    """Inserts a copy of the row for each number of the series. `columns` has the SQL of the columns that differ."""
    stored = {field.column: field.column for field in type(row)._meta.concrete_fields if not field.generated} | columns
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {row._meta.db_table} ({', '.join(stored)}) SELECT {', '.join(stored.values())}"
            f" FROM {row._meta.db_table}, {series} WHERE id = '{row.pk}'"
        )


@pytest.fixture
def crowd(tenant, other_tenant):
    """30 people who offer a service, each with 3 appointments a day for 160 days, and working hours from 9 to 17.

    600 others of the business have working hours too, and ten days off each, long ago. Another business has 2,000 people.
    """
    appointment = AppointmentFactory(
        tenant=tenant, appointment_date=FIRST, start_time=dt.time(8), end_time=dt.time(9), status=Status.CONFIRMED
    )
    with as_owner():
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            for table in (Appointment, User):
                cursor.execute(f"ALTER TABLE {table._meta.db_table} DISABLE TRIGGER USER")
        for owner, digit, count in ((tenant, "a", PEOPLE), (tenant, "c", OTHERS), (other_tenant, "b", 2000)):
            multiply(
                UserFactory(tenant=owner, email=f"{digit}@example.com"),
                {"id": f"'{digit}' || lpad(n::text, 23, '0')", "email": f"'{digit}' || n || '@example.com'"},
                f"generate_series(1, {count}) AS n",
            )
        multiply(
            appointment,
            {
                "id": "lpad(to_hex(day * 1000 + person * 10 + hour), 24, '0')",
                "staff_id": "'a' || lpad(person::text, 23, '0')",
                "appointment_date": f"date '{FIRST}' + day - {DAYS // 2}",
                "start_time": "time '10:00' + hour * interval '2 hours'",
                "end_time": "time '10:45' + hour * interval '2 hours'",
            },
            f"generate_series(1, {DAYS}) AS day, generate_series(1, {PEOPLE}) AS person,"
            f" generate_series(0, {A_DAY - 1}) AS hour",
        )
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO appointments_workinghours"
                " (id, tenant_id, staff_id, outlet_id, weekday, start_time, end_time, created_at, updated_at)"
                f" SELECT lpad(to_hex(row_number() OVER ()), 24, '0'), '{tenant.pk}', staff.id,"
                f" '{appointment.outlet_id}', weekday, '09:00', '17:00', now(), now()"
                " FROM tenants_user AS staff, generate_series(0, 6) AS weekday WHERE staff.id ~ '^[ac]0'"
            )
            cursor.execute(
                "INSERT INTO tenants_servicestaff (id, tenant_id, created_at, updated_at, service_id, staff_id)"
                f" SELECT staff.id, '{tenant.pk}', now(), now(), '{appointment.service_id}', staff.id"
                " FROM tenants_user AS staff WHERE staff.id ~ '^a0'"
            )
            cursor.execute(
                "INSERT INTO appointments_timeoff"
                " (id, tenant_id, created_at, updated_at, staff_id, reason, local_start, local_end)"
                f" SELECT lpad(to_hex(row_number() OVER ()), 24, '0'), '{tenant.pk}', now(), now(), staff.id, '',"
                f" date '{FIRST}' - 1000 + day, date '{FIRST}' - 999 + day"
                " FROM tenants_user AS staff, generate_series(1, 10) AS day WHERE staff.id ~ '^[ac]0'"
            )
            cursor.execute("ANALYZE")
    return appointment


def nodes(plan):
    """Every node of a plan that was executed."""
    if plan["Actual Loops"]:
        yield plan
    for part in plan.get("Plans", []):
        yield from nodes(part)


def read(node):
    """How many rows a node looked at, all its runs together."""
    return (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]


@pytest.fixture
def plan(as_role, crowd):
    """`plan(limit=20)`: the executed nodes of the query of free times of a month."""

    def explain(**query):
        client = as_role("staff")
        values = {"service_id": crowd.service_id, "from_date": FIRST, "to_date": FIRST + dt.timedelta(days=29)} | query
        with CaptureQueriesContext(connection) as queries:
            answer = client.get("/api/v1/availability", values)
        assert answer.json()["slots"], query
        [sql] = [one["sql"] for one in queries if "unnest(working" in one["sql"]]
        with connection.cursor() as cursor:
            cursor.execute("EXPLAIN (ANALYZE, FORMAT JSON) " + sql.replace("%", "%%"), [])
            ((found,),) = cursor.fetchall()
        return list(nodes((json.loads(found) if isinstance(found, str) else found)[0]["Plan"]))

    with time_machine.travel(dt.datetime(2026, 11, 28, tzinfo=dt.UTC), tick=False):
        yield explain


def test_only_the_accounts_and_the_appointments_that_matter_are_read_by_an_index(plan):
    for query, days in (({}, 30), ({"limit": 20}, 7)):
        executed = plan(**query)
        scans = {node["Alias"]: node for node in executed if node.get("Relation Name")}
        # The second one serves the list of a member of staff. Here, where nearly all is to come, PostgreSQL may take it.
        assert scans["booked"]["Index Name"] in {"appointment_staff_day", "appointment_of_staff"}
        assert not [
            node for node in executed if node["Node Type"] in {"Seq Scan", "Bitmap Heap Scan"} and read(node) > 300
        ]
        # Also the days before and after that can reach into the asked ones.
        assert read(scans["booked"]) <= PEOPLE * A_DAY * (days + 8)
        assert read(scans["staff"]) <= PEOPLE
        # The working hours and the time off of these people and of their outlet, and of nobody else.
        assert scans["own"]["Index Name"] == "workinghours_of_staff"
        assert read(scans["own"]) <= PEOPLE * 7
        assert not [scan for alias, scan in scans.items() if alias.startswith("time_off") and read(scan) > PEOPLE * 10]
