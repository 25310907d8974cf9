"""The plan of a search: among very many customers it is the trigram index that finds them."""

from urllib.parse import quote

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from circe.database import as_owner
from customers.models import Customer
from customers.tests.bodies import CUSTOMERS
from customers.tests.factories import CustomerFactory


@pytest.fixture
def crowd(tenant):
    """20,000 customers with names of random letters, and statistics of them."""
    CustomerFactory(tenant=tenant)
    stored = {field.column: field.column for field in Customer._meta.concrete_fields if not field.generated}
    values = stored | {
        "id": "lpad(to_hex(n), 24, '0')",
        "first_name": "initcap(translate(substr(md5(n::text), 1, 6), '0123456789', 'ghijklmnop'))",
        "last_name": "initcap(translate(substr(md5(n::text), 7, 8), '0123456789', 'ghijklmnop'))",
        "phone": "format('+62%s', 10000000000 + n * 7919)",
        "email": "NULL",
        "email_key": "NULL",
    }
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO customers_customer ({', '.join(values)}) SELECT {', '.join(values.values())}"
            " FROM customers_customer, generate_series(1, 20000) AS n"
        )
        cursor.execute("SELECT gin_clean_pending_list('customer_search')")
        cursor.execute("ANALYZE customers_customer")


@pytest.mark.usefixtures("crowd")
def test_search_is_served_by_the_trigram_index(staff):
    for text in (
        "zyxwik",
        "zy",
        "z",
        "kabuda zyx",
        "0812 3456 78",
        "+62 812 3456",
        "(0812) 345-678",
        "zy 0812 345 678",
    ):
        with CaptureQueriesContext(connection) as queries:
            staff.get(f"{CUSTOMERS}?search={quote(text)}")
        searches = [query["sql"] for query in queries if "circe_" in query["sql"]]
        assert searches
        for sql in searches:
            with connection.cursor() as cursor:
                cursor.execute("EXPLAIN " + sql.replace("%", "%%"), [])
                plan = "\n".join(line for (line,) in cursor.fetchall())
            assert "Bitmap Index Scan on customer_search" in plan, (text, plan)
