"""The plans of the list by segment, visits and name: among very many customers little more is read than is shown."""

import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from circe.db.roles import as_owner
from customers.models import Customer
from customers.tests.bodies import CUSTOMERS
from customers.tests.factories import CustomerFactory
from tenants.scope import tenant_scope
from tenants.tests.factories import TenantFactory

pytestmark = [
    pytest.mark.slow("needs so many rows that the planner has a choice"),
    pytest.mark.xdist_group("list_plans"),
]

CROWD = 20_000
TABLES = {"customers_customer", "appointments_customertotals"}


@pytest.fixture(scope="module")
def crowd(django_db_setup, django_db_blocker):
    """Commits a crowd once for all of these tests. Returns their business."""
    with django_db_blocker.unblock():
        business = TenantFactory(
            slug="lotus", name="Lotus", time_zone="Asia/Jakarta", currency="IDR", phone_region="ID", language="id"
        )
        with tenant_scope(business):
            fill(business)
        yield business
        with as_owner(), connection.cursor() as cursor:
            cursor.execute("TRUNCATE tenants_tenant, tenants_user, tenants_auditevent, customers_tombstone CASCADE")


@pytest.fixture
def tenant(crowd, db):
    """The business of the crowd. Dead rows of earlier tests would make the indexes look costly."""
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT gin_clean_pending_list(indexrelid) FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid"
            " JOIN pg_am ON pg_am.oid = relam WHERE amname = 'gin' AND indrelid = 'customers_customer'::regclass"
        )
    return crowd


def fill(tenant):
    """Makes 20,000 customers, created by the minute, and statistics of them. Every fifth has no visit; of the others every
    third lapsed. Every hundredth is tagged vip.
    """
    CustomerFactory(tenant=tenant)
    stored = {field.column: field.column for field in Customer._meta.concrete_fields if not field.generated}
    values = stored | {
        "id": "lpad(to_hex(n), 24, '0')",
        "created_at": "created_at - n * interval '1 minute'",
        "changed_at": "created_at - n * interval '1 minute'",
        "first_name": "initcap(translate(substr(md5(n::text), 1, 6), '0123456789', 'ghijklmnop'))",
        # With one last name, each row could read the keys of all customers before it, depending on the plan of a trigger.
        "last_name": "initcap(translate(substr(md5(n::text), 7, 8), '0123456789', 'ghijklmnop'))",
        "phone": "format('+62%s', 10000000000 + n * 7919)",
        "email": "NULL",
        "email_key": "NULL",
        "tags": "CASE WHEN n % 100 = 0 THEN '{vip}'::varchar[] ELSE '{walk-in}' END",
    }
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO customers_customer ({', '.join(values)}) SELECT {', '.join(values.values())}"
            f" FROM customers_customer, generate_series(1, {CROWD}) AS n"
        )
        cursor.execute(
            "UPDATE appointments_customertotals SET visits = number % 7 + 1, total_spent = number * 1000,"
            " first_visit = current_date - 400, last_visit = current_date - CASE WHEN number % 3 = 0 THEN 200 ELSE 40 END"
            " - number % 40, recent_spent = number * 100, recent_from = current_date - 300"
            " FROM (SELECT id, ('x' || right(id, 6))::bit(24)::int AS number FROM customers_customer) AS customer"
            " WHERE customer_id = id AND id < '1' AND number % 5 > 0"
        )
        for kind in ("first", "last"):
            cursor.execute(
                "INSERT INTO appointments_visitcounts (tenant_id, kind, day, next_day, customers)"
                f" SELECT tenant_id, '{kind}', {kind}_visit, {kind}_visit, count(*) FROM appointments_customertotals"
                f" WHERE {kind}_visit IS NOT NULL GROUP BY 1, 3"
            )
        # Without rows and statistics, to sort them would be as cheap as to read their index.
        cursor.execute(
            "INSERT INTO customers_tombstone (id, tenant_id, created_at, updated_at) SELECT 'f' || right(id, 23), tenant_id,"
            " created_at, changed_at FROM customers_customer WHERE id < '1' AND right(id, 1) = '0'"
        )
        cursor.execute(
            "ANALYZE customers_customer, customers_tombstone, appointments_customertotals, customers_customermonthlycounts"
        )


def nodes(plan):
    """Every node of a plan that was executed."""
    if plan["Actual Loops"]:
        yield plan
    for part in plan.get("Plans", []):
        yield from nodes(part)


def read(node):
    """How many rows a node looked at, all its runs together."""
    rows = sum(node.get(key, 0) for key in ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Index Recheck"))
    return rows * node["Actual Loops"]


@pytest.fixture
def plan(admin, crowd):
    """`plan("segment=vip")`: the executed nodes of the statement that finds the page."""

    def explain(query, path=CUSTOMERS, marker="WITH found"):
        with CaptureQueriesContext(connection) as queries:
            assert admin.get(f"{path}?{query}").json()["items"], query
        [sql] = [one["sql"] for one in queries if marker in one["sql"]]
        with tenant_scope(crowd), connection.cursor() as cursor:
            cursor.execute("EXPLAIN (ANALYZE, FORMAT JSON) " + sql.replace("%", "%%"), [])
            ((found,),) = cursor.fetchall()
        return list(nodes((json.loads(found) if isinstance(found, str) else found)[0]["Plan"]))

    return explain


def indexes(plan):
    return {node["Index Name"] for node in plan if "Index Name" in node}


def test_a_page_of_a_segment_is_read_from_one_index_and_nobody_is_counted(plan):
    for segment in ("vip", "regular", "new", "at_risk"):
        executed = plan(f"segment={segment}")
        scans = [node for node in executed if node.get("Relation Name") in TABLES]
        assert indexes(executed) == {f"customertotals_{'may_be_vip' if segment == 'vip' else 'newest'}"}, executed
        assert len(scans) == 1
        # No row reads the setting of the policies.
        assert "current_setting" not in scans[0].get("Filter", ""), scans
        # One in a hundred is a vip by tag, so that a page of 20 takes 2,000.
        assert read(scans[0]) <= 2_500, scans


def test_no_row_reads_the_setting_of_the_policies_to_count_a_segment_and_old_visits_are_found_by_their_day(plan):
    with as_owner(), connection.cursor() as cursor:
        # The spending of one customer in seven includes that of a day which is too old.
        cursor.execute(
            "UPDATE appointments_customertotals SET recent_from = current_date - 366 WHERE recent_spent > 0 AND visits = 5"
        )
        cursor.execute("ANALYZE appointments_customertotals")
    for segment in ("vip", "new", "regular"):
        executed = plan(f"segment={segment}", marker="vip_cutoff")
        totals = [node for node in executed if node.get("Relation Name") == "appointments_customertotals"]
        assert len(totals) >= 4, segment
        assert not [node for node in totals if "current_setting" in node.get("Filter", "")], segment
        [visits] = [node for node in executed if node.get("Relation Name") == "appointments_appointment"]
        # One scan for all customers. The table is empty here, so the planner may read it without an index.
        assert ("customer_id" in visits.get("Index Cond", ""), visits["Actual Loops"]) == (False, 1), segment
        # Only what is asked for is counted.
        assert ("booked_again" in {node.get("CTE Name") for node in executed}) == (segment == "regular")


def test_an_order_of_the_whole_list_is_that_of_an_index(plan):
    for query, index in (
        ("ordering=name", "customer_name"),
        ("ordering=-name&page=3", "customer_name"),
        ("ordering=created_at", "customer_newest"),
        ("ordering=last_appointment_date", "customertotals_last_visit"),
    ):
        executed = plan(query)
        assert indexes(executed) == {index}
        assert sum(read(node) for node in executed if node.get("Relation Name") in TABLES) <= 60
        assert not [node for node in executed if node["Node Type"] in ("Seq Scan", "Hash Join")]


def test_another_order_takes_one_pass_over_the_totals_and_keeps_a_page(plan):
    for query in ("ordering=-total_spent", "ordering=total_spent", "ordering=-last_appointment_date"):
        executed = plan(query)
        scans = [node for node in executed if node.get("Relation Name") in TABLES]
        assert [node["Relation Name"] for node in scans] == ["appointments_customertotals"]
        assert read(scans[0]) <= CROWD + 1
        assert {node["Sort Method"] for node in executed if "Sort Method" in node} <= {"top-N heapsort"}


def test_a_filter_by_totals_that_finds_few_reads_few(plan):
    for query in ("last_visit_from={day}&last_visit_to={day}", "total_spent_min=19990000"):
        with connection.cursor() as cursor:
            cursor.execute("SELECT max(last_visit) FROM appointments_customertotals")
            ((day,),) = cursor.fetchall()
        executed = plan(query.format(day=day))
        scans = [node for node in executed if node.get("Relation Name") in TABLES]
        assert {node["Relation Name"] for node in scans} == {"appointments_customertotals"}
        assert "Seq Scan" not in {node["Node Type"] for node in scans}


def test_filters_of_both_tables_read_each_once(plan):
    for query in ("is_active=true", "total_spent_min=1&is_active=true", "segment=new&is_active=true"):
        executed = plan(query)
        scans = [node for node in executed if node.get("Relation Name") in TABLES]
        assert sum(read(node) for node in scans) <= 3 * (CROWD + 1), scans


def test_tags_are_counted_in_one_pass(plan):
    executed = plan("", f"{CUSTOMERS}/tags", "unnest")
    [scan] = [node for node in executed if node.get("Relation Name") in TABLES]
    assert read(scan) <= CROWD + 1


def test_a_page_of_changes_is_read_from_one_index_without_a_sort(plan, admin):
    first = admin.get(f"{CUSTOMERS}?updated_since=2020-01-01&size=100").json()
    for query, shown in (("updated_since=2020-01-01&size=20", 20), (f"next={first['next']}&size=20&page=3", 60)):
        executed = plan(query, marker="ORDER BY 2 ASC, 1 ASC LIMIT")
        assert indexes(executed) == {"customer_changes", "tombstone_changes"}, executed
        assert "Sort" not in {node["Node Type"] for node in executed}
        assert sum(read(node) for node in executed if node.get("Relation Name") in TABLES) <= shown + 1
