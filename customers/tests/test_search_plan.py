"""The plans of the list: among very many customers, indexes find a page, and little more is read than is shown."""

import json
from itertools import chain
from urllib.parse import quote

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from circe.db.roles import as_owner
from customers.models import Customer
from customers.tests.bodies import CUSTOMERS
from customers.tests.factories import CustomerFactory

pytestmark = pytest.mark.slow("needs so many rows that the planner has a choice")

CROWD = 20_000


@pytest.fixture
def crowd(tenant):
    """20,000 customers with names of random letters, created by the hour, and statistics of them."""
    CustomerFactory(tenant=tenant)
    stored = {field.column: field.column for field in Customer._meta.concrete_fields if not field.generated}
    values = stored | {
        "id": "lpad(to_hex(n), 24, '0')",
        "first_name": "initcap(translate(substr(md5(n::text), 1, 6), '0123456789', 'ghijklmnop'))",
        "last_name": "initcap(translate(substr(md5(n::text), 7, 8), '0123456789', 'ghijklmnop'))",
        "phone": "format('+62%s', 10000000000 + n * 7919)",
        "email": "NULL",
        "email_key": "NULL",
        "created_at": "timestamptz '2023-01-01' + n * interval '1 hour'",
        "tags": "CASE WHEN n % 1000 = 0 THEN '{rare}'::varchar[] ELSE tags END",
    }
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO customers_customer ({', '.join(values)}) SELECT {', '.join(values.values())}"
            f" FROM customers_customer, generate_series(1, {CROWD}) AS n"
        )
        cursor.execute("SELECT gin_clean_pending_list('customer_search'), gin_clean_pending_list('customer_tags')")
        cursor.execute("ANALYZE customers_customer, customers_customermonthlycounts")


def nodes(plan):
    """Every node of a plan."""
    yield plan
    for part in plan.get("Plans", []):
        yield from nodes(part)


def read(node):
    """How many rows a node looked at, all its runs together."""
    rows = sum(node.get(key, 0) for key in ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Index Recheck"))
    return rows * node["Actual Loops"]


@pytest.fixture
def plans(staff, crowd):
    """`plans("page=3")`: how the queries on customers were answered: `[[node, …], …]`, and the rows shown."""

    def explain(query):
        with CaptureQueriesContext(connection) as queries:
            shown = staff.get(f"{CUSTOMERS}?{query}").json()["items"]
        found = []
        for sql in (query["sql"] for query in queries if "customers_" in query["sql"]):
            with connection.cursor() as cursor:
                cursor.execute("EXPLAIN (ANALYZE, FORMAT JSON) " + sql.replace("%", "%%"), [])
                ((plan,),) = cursor.fetchall()
            plan = json.loads(plan) if isinstance(plan, str) else plan
            found.append([node for node in nodes(plan[0]["Plan"]) if node.get("Relation Name") == "customers_customer"])
        return found, len(shown)

    return explain


SEARCHES = (*("zyxwik", "zy", "z", "kabuda zyx", "0812 3456 78", "+62 812 3456", "(0812) 345-678", "zy 0812 345 678"),)
FILTERS = (
    *("search=z", "search=zy", "search=kab", "search=0812+345", "search=a+b", "tags=rare", "search=a&tags=rare"),
    "created_from=2024-01-01&created_to=2024-01-02",
)


def test_search_is_served_by_the_trigram_index(staff, crowd):
    for text in SEARCHES:
        with CaptureQueriesContext(connection) as queries:
            staff.get(f"{CUSTOMERS}?search={quote(text)}")
        searches = [query["sql"] for query in queries if "circe_" in query["sql"]]
        assert searches
        for sql in searches:
            with connection.cursor() as cursor:
                cursor.execute("EXPLAIN " + sql.replace("%", "%%"), [])
                plan = "\n".join(line for (line,) in cursor.fetchall())
            assert "Bitmap Index Scan on customer_search" in plan, (text, plan)


def test_a_filter_reads_little_more_than_it_finds(plans):
    for query in FILTERS:
        counted, *listed = plans(f"{query}&size=100")[0]
        (found,) = counted
        for node in chain(counted, *listed):
            assert node["Node Type"] != "Seq Scan", (query, node)
            assert read(node) <= 3 * max(found["Actual Rows"], 100), (query, node)


def test_a_page_is_counted_from_the_nearer_end_of_a_month_or_of_what_was_found(plans):
    for page in (1, 2, 100, 250, 500, 777, 1000, 1001):
        (tallies, listed), shown = plans(f"page={page}")
        assert shown == (1 if page > CROWD / 20 else 20)
        assert tallies == []
        assert {node["Node Type"] for node in listed} <= {"Index Scan", "Index Only Scan"}
        assert sum(read(node) for node in listed) <= 31 * 24 / 2 + 3 * 21, (page, listed)
    for page in (2, 1000):
        (_, listed), _ = plans(f"has_password=false&page={page}")
        assert sum(read(node) for node in listed) <= 20 * min(page, CROWD / 20 + 1 - page) + 3 * 21, (page, listed)


def test_what_few_share_is_looked_for_once(plans):
    for query in ("search=10000007919", "search=a&tags=rare", "created_from=2024-01-01&created_to=2024-01-02"):
        (found, listed), shown = plans(query)
        assert found, query
        assert shown, query
        assert {node["Index Name"] for node in listed} <= {"customers_customer_pkey", "customer_tenant_id"}, query


def test_only_a_number_that_is_searched_for_makes_few_to_be_expected(staff, crowd):
    def statements(query):
        with CaptureQueriesContext(connection) as queries:
            assert staff.get(f"{CUSTOMERS}?{query}").json()["items"], query
        return [sql["sql"] for sql in queries if "customers_searchable" in sql["sql"]]

    # Very many: counted, and walked for a page. To find them all first would be in vain.
    for query in (
        "created_from=2022-12-31",
        "created_to=2099-12-31",
        "created_from=2023-01-01T10:30:00Z",
        "tags=walk-in,7",
    ):
        count, page = statements(query)
        assert ("count(*)" in count, "array_agg" in count + page) == (True, False), query
    # Few: found at once.
    for query in ("search=10000007919", "created_from=2024-01-01&created_to=2024-01-02"):
        (found,) = statements(query)
        assert "array_agg" in found, query


@pytest.mark.parametrize("query", ["", "created_from=2022-12-31&"])
def test_pages_of_a_crowd_meet_without_gap(staff, crowd, query):
    for page in (1, 2, 7, 8, 100, 101, 500, 501, 1000, 1001):
        body = staff.get(f"{CUSTOMERS}?{query}page={page}").json()
        assert (body["total"], body["pages"]) == (CROWD + 1, 1001)
        # The newest is the fixture's own; the others' ids count the hours.
        expected = [f"{CROWD + 1 - place:024x}" for place in range(20 * (page - 1), min(20 * page, CROWD + 1))]
        assert [item["id"] for item in body["items"]][page == 1 :] == expected[page == 1 :]
