"""The plans of the list: among very many customers, indexes find a page, and little more is read than is shown."""

import json
import re
from itertools import chain
from urllib.parse import quote

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
    pytest.mark.xdist_group("search_plan"),
]

CROWD = 20_000
BY_ID = {"customer_by_id", "customer_tenant_id"}


@pytest.fixture(scope="module")
def crowd(django_db_setup, django_db_blocker):
    """Commits 20,000 customers with names of random letters, created by the hour, once for all of these tests.

    Returns their business.
    """
    with django_db_blocker.unblock():
        business = TenantFactory(
            slug="lotus", name="Lotus", time_zone="Asia/Jakarta", currency="IDR", phone_region="ID", language="id"
        )
        with tenant_scope(business):
            fill(business)
        yield business
        with as_owner(), connection.cursor() as cursor:
            cursor.execute("TRUNCATE tenants_tenant, tenants_user, tenants_auditevent CASCADE")


@pytest.fixture
def tenant(crowd, db):
    """The business of the crowd. Dead rows of earlier tests would make the indexes look costly."""
    indexes = ("customer_search", "customer_tags", "name_word_trigrams", "whole_name_trigrams")
    with as_owner(), connection.cursor() as cursor:
        for index in indexes:
            cursor.execute("SELECT gin_clean_pending_list(%s)", [index])
    return crowd


def fill(tenant):
    """Makes the customers and statistics of them."""
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
        cursor.execute("ANALYZE customers_customer, customers_customermonthlycounts, customers_namekey")


def nodes(plan):
    """Every node of a plan."""
    yield plan
    for part in plan.get("Plans", []):
        yield from nodes(part)


def is_of_customers(node):
    return node.get("Relation Name") == "customers_customer"


def read(node):
    """How many rows a node looked at, all its runs together."""
    rows = sum(node.get(key, 0) for key in ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Index Recheck"))
    return rows * node["Actual Loops"]


@pytest.fixture
def plans(staff):
    """`plans("page=3")`: how each query on customers read their table: `[[node, …], …]`, without what was planned but not
    run; and how many rows were shown.
    """

    def explain(query):
        with CaptureQueriesContext(connection) as queries:
            shown = staff.get(f"{CUSTOMERS}?{query}").json()["items"]
        found = []
        for sql in (query["sql"] for query in queries if "customers_" in query["sql"]):
            with connection.cursor() as cursor:
                cursor.execute("EXPLAIN (ANALYZE, FORMAT JSON) " + sql.replace("%", "%%"), [])
                ((plan,),) = cursor.fetchall()
            plan = json.loads(plan) if isinstance(plan, str) else plan
            found.append([node for node in nodes(plan[0]["Plan"]) if is_of_customers(node) and node["Actual Loops"]])
        return found, len(shown)

    return explain


SEARCHES = (
    *("zyxwik", "zy", "z", "kabuda zyx", "0812 3456 78", "+62 812 3456", "(0812) 345-678", "zy 0812 345 678"),
    *("O'Brien", "o brien", "Anne-Marie", "mary jo ann", "a.b", "z.yx@exa", "50%", '"Zy, Xw" <zy@xw.yz>'),
    *("田中太郎", "田", "민수", "김", "สม", "ใจดี", "さ", "ﻣﺤﻤﺪ", "अ"),
)
FILTERS = (
    *("search=z", "search=zy", "search=kab", "search=0812+345", "search=a+b", "tags=rare", "search=a&tags=rare"),
    "created_from=2024-01-01&created_to=2024-01-02",
)


def test_search_is_served_by_the_trigram_index(staff):
    for text in SEARCHES:
        with CaptureQueriesContext(connection) as queries:
            staff.get(f"{CUSTOMERS}?search={quote(text)}")
        # The statement that looks for the nearest names has a test of its own.
        searches = [
            query["sql"] for query in queries if "circe_" in query["sql"] and "word_similarity" not in query["sql"]
        ]
        assert searches
        for sql in searches:
            with connection.cursor() as cursor:
                cursor.execute("EXPLAIN " + sql.replace("%", "%%"), [])
                plan = "\n".join(line for (line,) in cursor.fetchall())
            assert "Bitmap Index Scan on customer_search" in plan, (text, plan)


NEAREST = {
    "search=Kabudaxyz": "name_word_trigrams",
    "search=Kabudaxyz+Qolexidy": "whole_name_trigrams",
    "search=Kabudaxyz&tags=vip": "name_word_trigrams",
}


def test_the_nearest_names_are_found_by_trigrams_and_their_newest_customers_by_the_key(staff, tenant):
    """A thousand customers have the nearest name: it is compared once, and no more of them are read than are shown. A
    thousand others have names that are less near: they are not read.
    """
    CustomerFactory.create_batch(1000, tenant=tenant, first_name="Kabudaxya", last_name="Qolexida", tags=["vip"])
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE customers_customer SET last_name = 'Qolexida', tags = '{vip}',"
            " first_name = 'Kabuda' || translate(right(id, 1), '0123456789', 'ghijklmnop') || 'q'"
            " WHERE id < lpad(to_hex(1000), 24, '0')"
        )
        cursor.execute("ANALYZE customers_namekey, customers_customer")
    for query, index in NEAREST.items():
        with CaptureQueriesContext(connection) as queries:
            answer = staff.get(f"{CUSTOMERS}?{query}").json()
        assert (answer["total"], answer["approximate"]) == (100, True), query
        [sql] = [one["sql"] for one in queries if "customers_searchable_names" in one["sql"]]
        with connection.cursor() as cursor:
            cursor.execute("EXPLAIN (ANALYZE, FORMAT JSON) " + sql.replace("%", "%%"), [])
            ((plan,),) = cursor.fetchall()
        plan = json.loads(plan) if isinstance(plan, str) else plan
        every_node = list(nodes(plan[0]["Plan"]))
        compared = [node for node in every_node if node.get("Relation Name") == "customers_namekey"]
        used = {node["Index Name"] for node in every_node if "Index Name" in node}
        assert index in used, query
        assert used <= {index, "customers_namekey_pkey", *BY_ID}, query
        assert not [node for node in every_node if node["Node Type"] == "Seq Scan"], query
        # The 100 that are shown, the texts that are near, and the first of those who are less near.
        assert sum(read(node) for node in compared) < 150, (query, compared)


def test_a_filter_reads_little_more_than_it_finds(plans):
    for query in FILTERS:
        counted, *listed = plans(f"{query}&size=100")[0]
        found = counted[0]
        for node in chain(counted, *listed):
            assert node["Node Type"] != "Seq Scan", (query, node)
            assert read(node) <= 3 * max(found["Actual Rows"], 100), (query, node)


def test_a_page_is_counted_from_the_nearer_end_of_a_month_or_of_what_was_found(plans):
    for page in (1, 2, 100, 250, 500, 777, 1000, 1001):
        (found, listed), shown = plans(f"page={page}")
        assert shown == (1 if page > CROWD / 20 else 20)
        assert {node["Node Type"] for node in found} == {"Index Only Scan"}
        assert {node["Index Name"] for node in found} == {"customer_newest"}
        assert {node["Node Type"] for node in listed} <= {"Index Scan", "Index Only Scan"}
        assert sum(read(node) for node in found + listed) <= 31 * 24 / 2 + 3 * 21, (page, found, listed)
    for page in (2, 1000):
        ((counted, walked), listed), _ = plans(f"has_password=false&page={page}")
        assert read(counted) <= CROWD + 1
        assert walked["Index Name"] == "customer_newest"
        listed_rows = sum(read(node) for node in [walked, *listed])
        assert listed_rows <= 20 * min(page, CROWD / 20 + 1 - page) + 3 * 21, (page, walked, listed)


def test_what_an_index_finds_is_looked_for_once(plans):
    for query in (*(one for one in FILTERS if "created" not in one), "search=a", "search=10000007919"):
        (found, *listed), shown = plans(query)
        assert len(found) == 1, query
        assert len(listed) == (1 if shown else 0), query
        assert {node["Index Name"] for nodes in listed for node in nodes} <= BY_ID, query


def test_a_filter_without_an_index_of_its_own_sorts_no_customers(staff):
    for query in ("created_from=2022-12-31", "created_to=2099-12-31", "has_password=false", "email_verified=false"):
        with CaptureQueriesContext(connection) as queries:
            assert staff.get(f"{CUSTOMERS}?{query}").json()["items"], query
        [sql] = [query["sql"] for query in queries if "customers_searchable" in query["sql"]]
        with connection.cursor() as cursor:
            cursor.execute("EXPLAIN " + sql.replace("%", "%%"), [])
            plan = "\n".join(line for (line,) in cursor.fetchall())
        # A page that is counted from the end of the list is turned around.
        assert {key.partition(".")[0] for key in re.findall("Sort Key: (.*)", plan)} <= {"page"}, (query, plan)


@pytest.mark.parametrize("query", ["", "created_from=2022-12-31&"])
def test_pages_of_a_crowd_meet_without_gap(staff, query):
    for page in (1, 2, 7, 8, 100, 101, 500, 501, 1000, 1001):
        body = staff.get(f"{CUSTOMERS}?{query}page={page}").json()
        assert (body["total"], body["pages"]) == (CROWD + 1, 1001)
        # The newest is the fixture's own; the others' ids count the hours.
        expected = [f"{CROWD + 1 - place:024x}" for place in range(20 * (page - 1), min(20 * page, CROWD + 1))]
        assert [item["id"] for item in body["items"]][page == 1 :] == expected[page == 1 :]
