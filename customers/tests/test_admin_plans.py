"""The query plans of the admin's lists: a query reads a table of very many rows by an index, never as a whole."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from circe.backoffice.paging import CappedPaginator
from circe.db.roles import as_owner
from customers.models import Customer
from customers.tests.factories import CustomerFactory
from customers.tests.pages import PAGE

pytestmark = pytest.mark.slow("needs so many rows that the planner has a choice")

TRAIL = "/admin/tenants/auditevent/"
CUSTOMERS = 20_000
LAST_ID = f"{CUSTOMERS:024x}"


@pytest.fixture
def crowd(tenant, monkeypatch):
    """CUSTOMERS customers, each with an event in the audit trail. A thousandth has the tag `vip`, the others `regular`. The
    planner has statistics of both tables.
    """
    monkeypatch.setattr(CappedPaginator, "max_rows", 100)
    CustomerFactory(tenant=tenant)
    stored = {field.column: field.column for field in Customer._meta.concrete_fields if not field.generated}
    values = stored | {
        "id": "lpad(to_hex(n), 24, '0')",
        "created_at": "created_at - n * interval '1 minute'",
        "first_name": "initcap(translate(substr(md5(n::text), 1, 6), '0123456789', 'ghijklmnop'))",
        # The names differ: if all had one, the trigger of the name keys could read those of all customers for each row.
        "last_name": "initcap(translate(substr(md5(n::text), 7, 8), '0123456789', 'ghijklmnop'))",
        "phone": "format('+62%s', 10000000000 + n * 7919)",
        "tags": "CASE n % 1000 WHEN 0 THEN '{vip}'::text[] ELSE '{regular}' END",
        "email": "NULL",
        "email_key": "NULL",
    }
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO customers_customer ({', '.join(values)}) SELECT {', '.join(values.values())}"
            f" FROM customers_customer, generate_series(1, {CUSTOMERS}) AS n"
        )
        cursor.execute("SELECT gin_clean_pending_list('customer_search'), gin_clean_pending_list('customer_tags')")
        cursor.execute("ANALYZE customers_customer, tenants_auditevent")


PAGES = [
    PAGE,
    f"{PAGE}?p=2",
    f"{PAGE}?q=zyxwik",
    f"{PAGE}?q=0812+3456",
    f"{PAGE}?tag=vip",
    f"{PAGE}?tag=regular",
    f"{PAGE}?registered=no",
    f"{PAGE}?o=1",
    f"{PAGE}?o=-1",
    f"{PAGE}?o=7",
    f"{PAGE}?o=-7",
    f"{PAGE}?o=9",
    f"{PAGE}?o=-9",
    f"{PAGE}?last_visit_from=2099-01-01",
    f"{PAGE}?total_spent_min=19990000",
    f"{PAGE}{LAST_ID}/change/",
    f"{PAGE}{LAST_ID}/history/",
    TRAIL,
    f"{TRAIL}?q={LAST_ID}",
    f"{TRAIL}?action__exact=created",
]


@pytest.mark.usefixtures("crowd")
def test_no_page_reads_a_whole_table(back_office):
    browser = back_office("tenant_admin")
    for page in PAGES:
        with CaptureQueriesContext(connection) as queries:
            assert browser.get(page).status_code == 200
        asked = [one["sql"] for one in queries if one["sql"].startswith(("SELECT", "WITH"))]
        assert asked
        for sql in asked:
            with connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN {sql}")
                plan = "\n".join(line for (line,) in cursor.fetchall())
            assert "Seq Scan on customers_customer" not in plan, (page, plan)
            assert "Seq Scan on tenants_auditevent" not in plan, (page, plan)
            # A search finds few rows by an index, and does not go through all in the order of the list.
            assert not ("Scan Backward" in plan and "?q=" in page), (page, plan)
            # An id in several columns is found by the index of each.
            assert "BitmapOr" in plan or '"request_id" =' not in sql, plan
