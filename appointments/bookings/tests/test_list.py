"""`GET /api/v1/appointments` and `GET /api/v1/appointments/{id}`."""

import datetime as dt
import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from appointments.bookings.tests.conftest import APPOINTMENTS
from appointments.models import Appointment
from appointments.tests.factories import AppointmentFactory
from circe.db.ids import new_id
from circe.db.roles import as_owner
from customers.tests.bodies import CUSTOMERS, faults, not_found
from customers.tests.factories import DeletedCustomerFactory

DAY = dt.date(2025, 1, 25)


@pytest.fixture
def make(salon):
    """Returns a function: `make(1, "10:00")` is Jane's appointment on the day after DAY."""

    def make(day=0, start="10:00", **values):
        hours, minutes = map(int, start.split(":"))
        times = {"start_time": dt.time(hours, minutes), "end_time": dt.time(hours + 1, minutes)}
        rows = {"customer": salon.jane, "outlet": salon.outlet, "service": salon.cut, "staff_id": salon.ana.pk}
        return AppointmentFactory(
            **{"tenant": salon.tenant, "appointment_date": DAY + dt.timedelta(day)} | times | rows | values
        ).pk

    return make


def ids(answer):
    assert answer.status_code == 200, answer.content
    return [item["id"] for item in answer.json()["items"]]


def test_the_list_is_ordered_by_start_then_id(staff, make):
    late, early, noon = make(1, "09:00"), make(0, "10:00"), make(0, "12:00")
    twins = sorted([make(0, "11:00"), make(0, "11:00"), make(0, "11:00")])
    answer = staff.get(APPOINTMENTS)
    assert ids(answer) == [early, *twins, noon, late]
    assert answer.json() | {"items": None} == {
        "items": None,
        "total": 6,
        "page": 1,
        "size": 20,
        "pages": 1,
        "next": None,
    }


@pytest.mark.parametrize("query", ["", "&staff_id={staff}", "&from_date=2025-01-26&to_date=2025-01-28"])
def test_every_page_is_the_slice_of_the_whole_list(staff, salon, make, query):
    made = [make(number % 5, "10:00" if number < 10 else "12:00") for number in range(11)]
    query = query.format(staff=salon.ana.pk)
    whole = ids(staff.get(f"{APPOINTMENTS}?size=100{query}"))
    assert len(whole) == (6 if "from_date" in query else len(made))
    for size in (1, 2, 3, 4, 50):
        pages = -(-len(whole) // size)
        for page in range(1, pages + 3):
            answer = staff.get(f"{APPOINTMENTS}?page={page}&size={size}{query}")
            assert ids(answer) == whole[(page - 1) * size : page * size], (page, size)
            assert (answer.json()["total"], answer.json()["pages"]) == (len(whole), pages)


def test_an_empty_list(staff, salon):
    for query in ("", "?from_date=2025-01-01", "?status=pending"):
        assert staff.get(f"{APPOINTMENTS}{query}").json() == {
            "items": [],
            "total": 0,
            "page": 1,
            "size": 20,
            "pages": 0,
            "next": None,
        }


def test_filters_combine(staff, salon, make):
    one, two, other = make(0), make(1, status="no_show"), make(2, customer=None, staff_id=None or salon.ana.pk)
    elsewhere = make(3, outlet=AppointmentFactory(tenant=salon.tenant, appointment_date=dt.date(2024, 1, 1)).outlet)
    everything = ids(staff.get(APPOINTMENTS))
    for query, expected in {
        f"customer_id={salon.jane.pk}": [one, two, elsewhere],
        f"staff_id={salon.ana.pk}": [one, two, other, elsewhere],
        f"outlet_id={salon.outlet.pk}": [one, two, other],
        f"service_id={salon.cut.pk}": [one, two, other, elsewhere],
        "status=no-show": [two],
        f"status=no_show,completed&outlet_id={salon.outlet.pk}": [one, two, other],
        "status=no_show&status=pending": [two],
        "from_date=2025-01-26": [two, other, elsewhere],
        "from_date=2025-01-26&to_date=2025-01-27": [two, other],
        "to_date=2024-12-31": everything[:1],
        # 2025-01-26 in Jakarta.
        "from_date=2025-01-25T17:00:00Z&to_date=2025-01-26": [two],
        f"customer_id={salon.jane.pk}&from_date=2025-01-26&status=completed": [elsewhere],
        "status=": everything,
        "unknown=1": everything,
    }.items():
        answer = staff.get(f"{APPOINTMENTS}?{query}")
        assert ids(answer) == expected, query
        assert answer.json()["total"] == len(expected)


def test_a_parameter_that_is_not_valid_is_a_400_that_names_it(staff, salon, other_tenant):
    foreign = AppointmentFactory(tenant=other_tenant)
    deleted = DeletedCustomerFactory(tenant=salon.tenant)
    for query, field in {
        "page=0": "page",
        "size=101": "size",
        "status=done": "status",
        "from_date=yesterday": "from_date",
        "from_date=": "from_date",
        "from_date=2025-01-02&to_date=2025-01-01": "from_date",
        "to_date=2025-01-01&to_date=2025-01-02": "to_date",
        "staff_id=": "staff_id",
        "staff_id=122": "staff_id",
        f"staff_id={salon.ana.pk}&staff_id={salon.ana.pk}": "staff_id",
        f"staff_id={foreign.staff_id}": "staff_id",
        f"outlet_id={foreign.outlet_id}": "outlet_id",
        f"service_id={foreign.service_id}": "service_id",
        f"customer_id={foreign.customer_id}": "customer_id",
        f"customer_id={deleted.pk}": "customer_id",
        f"customer_id={new_id()}": "customer_id",
    }.items():
        assert faults(staff.get(f"{APPOINTMENTS}?{query}")) == {field}, query


def test_the_filters_of_the_list_and_of_a_history_do_not_mix(staff, salon, make):
    pk, other = make(0), make(1, customer=None)
    for _ in range(2):
        history = staff.get(f"{CUSTOMERS}/{salon.jane.pk}/appointments?status=completed&staff_id={new_id()}")
        assert [one["id"] for one in history.json()["appointments"]] == [pk]
        assert ids(staff.get(f"{APPOINTMENTS}?staff_id={salon.ana.pk}")) == [pk, other]
        assert faults(staff.get(f"{APPOINTMENTS}?staff_id={new_id()}")) == {"staff_id"}


def test_a_super_admin_sees_all_and_narrows_by_tenant_id(super_admin, make, other_tenant):
    own, foreign = make(0), AppointmentFactory(tenant=other_tenant, appointment_date=DAY).pk
    assert set(ids(super_admin.get(APPOINTMENTS))) == {own, foreign}
    assert set(ids(super_admin.get(f"{APPOINTMENTS}?status=completed"))) == {own, foreign}
    assert ids(super_admin.get(f"{APPOINTMENTS}?tenant_id={other_tenant.pk}")) == [foreign]


def test_one_appointment_is_read_with_its_etag(staff, make):
    pk = make(0)
    answer = staff.get(f"{APPOINTMENTS}/{pk}")
    assert answer.json() == staff.get(APPOINTMENTS).json()["items"][0]
    assert answer["ETag"] == staff.get(f"{APPOINTMENTS}/{pk}")["ETag"]
    missing = staff.get(f"{APPOINTMENTS}/{new_id()}")
    assert (missing.status_code, missing.json()) == (404, not_found())


def test_a_list_sends_the_same_statements_however_long_it_is(staff, salon, make):
    make(0)

    def statements(query):
        with CaptureQueriesContext(connection) as queries:
            assert staff.get(f"{APPOINTMENTS}?{query}").status_code == 200
        return len(queries)

    few = {query: statements(query) for query in ("", "status=completed", f"staff_id={salon.ana.pk}")}
    for number in range(1, 11):
        make(number)
    assert {query: statements(query) for query in few} == few
    # Who asks, the ids of the page, the rows; and one for the rows that the filters name.
    assert list(few.values()) == [3, 3, 4]


# --- plans ----------------------------------------------------------------------------------------------------------

MANY = 20_000


@pytest.fixture
def many(make, salon):
    """20,000 appointments on 1,000 days, of 20 services; every hundredth is confirmed, every twentieth is Jane's."""
    others = [AppointmentFactory(tenant=salon.tenant, appointment_date=dt.date(2020, 1, 1)) for _ in range(19)]
    pk = make(0)
    columns = {field.column: f"one.{field.column}" for field in Appointment._meta.concrete_fields}
    pick = {
        name: f"(ARRAY[{', '.join(repr(getattr(other, name)) for other in others)}, one.{name}])[1 + n % 20]"
        for name in ("staff_id", "service_id")
    }
    values = (
        columns
        | pick
        | {
            "id": "lpad(to_hex(n), 24, '0')",
            "appointment_date": "date '2020-01-01' + n / 20",
            "customer_id": f"CASE WHEN n % 20 = 0 THEN '{salon.jane.pk}' ELSE '{others[0].customer_id}' END",
            "status": "CASE WHEN n % 100 = 0 THEN 'confirmed' ELSE 'completed' END",
            "start_time": "time '08:00' + n % 20 * interval '30 minutes'",
            "end_time": "time '08:20' + n % 20 * interval '30 minutes'",
        }
    )
    # Some rows are inserted and analyzed first, so that PostgreSQL plans the triggers of all for a table with rows.
    for first, last in ((1, MANY // 50), (MANY // 50 + 1, MANY)):
        with as_owner(), connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO appointments_appointment ({', '.join(values)}) SELECT {', '.join(values.values())}"
                f" FROM appointments_appointment AS one, generate_series({first}, {last}) AS n WHERE one.id = '{pk}'"
            )
            cursor.execute("ANALYZE")


def nodes(plan):
    """Every node of a plan that was executed."""
    if plan["Actual Loops"]:
        yield plan
    for part in plan.get("Plans", []):
        yield from nodes(part)


def rows_read(node):
    """How many rows of appointments a node looked at, all its runs together."""
    rows = sum(node.get(key, 0) for key in ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Index Recheck"))
    return rows * node["Actual Loops"]


@pytest.mark.slow("needs so many rows that the planner has a choice")
def test_the_list_reads_little_more_than_it_shows_or_must_count(staff, salon, many):
    last = MANY // 20
    for query, most in {
        "": 100,
        f"page={last}": 100,
        f"page={last // 2}": 100,
        "from_date=2021-01-01&to_date=2021-12-31": 100,
        "from_date=2021-01-01&to_date=2021-12-31&page=300": 100,
        f"customer_id={salon.jane.pk}": 2 * last + 200,
        f"staff_id={salon.ana.pk}": 3 * last,
        # A page near either end is read from that end. To count the others, each is looked at once.
        f"service_id={salon.cut.pk}": last + 200,
        f"service_id={salon.cut.pk}&page=49": last + 200,
        f"staff_id={salon.ana.pk}&from_date=2021-01-01&to_date=2021-01-31": 200,
        f"outlet_id={salon.outlet.pk}&from_date=2021-01-01&to_date=2021-01-31": 2000,
        "status=confirmed": 1000,
        "status=confirmed&page=10": 1000,
    }.items():
        with CaptureQueriesContext(connection) as queries:
            assert ids(staff.get(f"{APPOINTMENTS}?{query}")), query
        [sql] = [one["sql"] for one in queries if "ARRAY(" in one["sql"]]
        with connection.cursor() as cursor:
            cursor.execute("EXPLAIN (ANALYZE, FORMAT JSON) " + sql.replace("%", "%%"), [])
            ((found,),) = cursor.fetchall()
        plan = list(nodes((json.loads(found) if isinstance(found, str) else found)[0]["Plan"]))
        read = sum(rows_read(node) for node in plan if node.get("Relation Name") == "appointments_appointment")
        assert read <= most, (query, read, [(node["Node Type"], node.get("Index Name")) for node in plan])


def test_the_figures_of_the_customer_follow_a_booking(staff, book, salon):
    book()
    history = staff.get(f"{CUSTOMERS}/{salon.jane.pk}/appointments").json()
    assert history["statistics"]["upcoming"] == 1
    assert staff.get(f"{CUSTOMERS}/{salon.jane.pk}").json()["total_appointments"] == 1
