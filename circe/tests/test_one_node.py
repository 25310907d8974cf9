"""Every statement of one business's work names the business: lists, figures, pages of the back office, and commands.

The requests of the access table are in circe/tests/test_access.py.
"""

import pytest

from appointments.tests.factories import AppointmentFactory
from circe.tests.captured_sql import record_statements
from circe.tests.cases import in_one_test
from circe.tests.every_table import make_rows
from circe.tests.routed_sql import find_unrouted, unrouted_tables
from customers.models import Customer
from customers.tests.factories import CustomerFactory, DeletedCustomerFactory
from customers.tests.transfer import as_csv, exported, imported
from tenants.scope import ALL_TENANTS, tenant_scope
from tenants.tests.factories import OutletFactory, ServiceFactory, UserFactory
from tenants.tests.shell import run

TABLES = frozenset({"customers_customer", "customers_consent", "tenants_outlet"})


@pytest.mark.parametrize(
    ("sql", "unrouted"),
    [
        ("SELECT FROM customers_customer WHERE tenant_id = 'a'", []),
        ("SELECT FROM customers_customer AS c WHERE c.tenant_id = $1 AND c.id = 'x'", []),
        ("SELECT FROM customers_customer WHERE id = 'x'", ["customers_customer"]),
        ("SELECT FROM customers_customer WHERE tenant_id = 'a' OR id = 'x'", ["customers_customer"]),
        ("SELECT FROM customers_customer WHERE tenant_id IN ('a', 'b')", ["customers_customer"]),
        ("SELECT FROM customers_customer WHERE tenant_id = NULL", ["customers_customer"]),
        (
            "SELECT FROM customers_customer c JOIN customers_consent e ON e.tenant_id = c.tenant_id WHERE c.tenant_id = $1",
            [],
        ),
        ("SELECT FROM customers_customer c JOIN customers_consent e USING (tenant_id, id) WHERE tenant_id = $1", []),
        (
            "SELECT FROM customers_customer c JOIN customers_consent e ON e.customer_id = c.id WHERE c.tenant_id = $1",
            ["customers_consent"],
        ),
        (
            "SELECT FROM customers_customer c WHERE tenant_id = $1 AND EXISTS (SELECT FROM customers_consent e"
            " WHERE e.tenant_id = c.tenant_id)",
            [],
        ),
        (
            "SELECT FROM customers_customer WHERE tenant_id = $1 AND EXISTS (SELECT FROM customers_consent)",
            ["customers_consent"],
        ),
        (
            "WITH one AS (SELECT tenant_id FROM customers_customer WHERE tenant_id = $1)"
            " SELECT FROM one JOIN customers_consent USING (tenant_id)",
            ["customers_consent"],
        ),
        (
            "SELECT FROM customers_customer WHERE tenant_id = $1 UNION ALL SELECT FROM tenants_outlet",
            ["tenants_outlet"],
        ),
        ("UPDATE customers_customer SET is_active = false WHERE id = $1", ["customers_customer"]),
        ("UPDATE customers_customer SET is_active = false WHERE id = $1 AND tenant_id = $2", []),
        ("DELETE FROM customers_customer WHERE id IN ($1)", ["customers_customer"]),
        ("INSERT INTO customers_customer (id, tenant_id) VALUES ($1, $2), ($3, $4)", []),
        ("INSERT INTO customers_customer (id, tenant_id) SELECT id, $1 FROM unnest($2) AS id", []),
        ("INSERT INTO customers_customer (id, tenant_id) SELECT * FROM unnest($1, $2)", ["customers_customer"]),
        (
            "INSERT INTO customers_customer (id, tenant_id) SELECT id, tenant_id FROM customers_consent",
            ["customers_customer", "customers_consent"],
        ),
    ],
)
def test_what_names_the_tenant(sql, unrouted):
    assert unrouted_tables(sql, TABLES) == unrouted


def test_only_a_read_of_all_tenants_may_lack_the_tenant():
    change = "UPDATE customers_customer SET is_active = false WHERE id = $1"
    read = "SELECT * FROM customers_customer WHERE id = $1"
    in_a_cte = f"WITH changed AS ({change} RETURNING id) SELECT id FROM changed"
    statements = [
        (ALL_TENANTS, sql) for sql in (read, f"WITH found AS ({read}) SELECT id FROM found", change, in_a_cte)
    ]
    assert [sql for _, sql in find_unrouted(statements)] == [change, in_a_cte]


@pytest.fixture
def business(tenant):
    """The business of the tests, with a row of every table and what its lists are filtered by."""
    make_rows(tenant)
    for number, status in enumerate(("completed", "completed", "confirmed", "cancelled")):
        jane = CustomerFactory(tenant=tenant, tags=["vip"] if number else ["regular"])
        AppointmentFactory(tenant=tenant, customer=jane, status=status)
    DeletedCustomerFactory(tenant=tenant)
    return tenant


@in_one_test(
    "path",
    [
        "customers?search=jane",
        "customers?search=08123",
        "customers?search=ja",
        "customers?tags=vip&is_active=true&page=2",
        "customers?segment=vip",
        "customers?segment=at_risk",
        "customers?segment=regular",
        "customers?segment=new",
        "customers?sort_by=total_spent",
        "customers?sort_by=last_visit",
        "customers?sort_by=first_name",
        "customers?min_visits=1",
        "customers?from_date=2020-01-01&to_date=2030-01-01",
        "customers?updated_since=2020-01-01T00:00:00Z",
        "customers/statistics/summary",
        "customers/statistics/summary?from_date=2020-01-01&to_date=2030-01-01",
        "appointments?status=completed&from_date=2020-01-01",
        "appointments?updated_since=2020-01-01T00:00:00Z",
    ],
)
def test_every_list_of_one_business_names_it(path, business, admin):
    with record_statements() as statements:
        answer = admin.get(f"/api/v1/{path}")
    assert answer.status_code in {200, 400}, answer.content
    assert answer.status_code == 200 or "updated_since" in path or "sort_by" in path or "min_visits" in path
    assert find_unrouted(statements) == []


PAGES = [
    "",
    "customers/customer/",
    "customers/customer/?q=jane",
    "customers/customer/?segment=vip",
    "customers/customer/export/",
    "tenants/auditevent/",
    "tenants/auditevent/?q=jane",
    "appointments/appointment/",
    "appointments/appointment/?day=all",
    "tenants/outlet/",
    "tenants/service/",
    "tenants/staff/",
    "appointments/timeoff/",
]


@pytest.mark.slow("opens each page")
@in_one_test("page", PAGES)
def test_every_page_of_one_business_names_it(page, business, back_office):
    browser = back_office("tenant_admin")
    with record_statements() as statements:
        assert browser.get(f"/admin/{page}").status_code == 200
    assert find_unrouted(statements) == []


def test_deleting_in_the_back_office_names_the_business(tenant, back_office):
    browser = back_office("tenant_admin")
    rows = [OutletFactory(tenant=tenant), ServiceFactory(tenant=tenant), UserFactory(tenant=tenant)]
    with record_statements() as statements:
        for row, name in zip(rows, ("outlet", "service", "staff"), strict=True):
            page = f"/admin/tenants/{name}/{row.pk}/delete/"
            assert browser.get(page).status_code == 200
            assert browser.post(page, {"post": "yes"}).status_code == 302
    assert find_unrouted(statements) == []


def test_the_commands_of_one_business_name_it(business, tmp_path):
    file = tmp_path / "customers.csv"
    file.write_bytes(as_csv([["first_name", "phone"], ["Jane", "+628123456789"], ["John", "+628123456780"]]))
    with tenant_scope(business):
        jane = Customer.objects.filter(is_deleted=False).first()
    with record_statements() as statements:
        assert imported(file).code == 0
        exported(tmp_path / "out.csv")
        assert run("export_customer", "--tenant", "lotus", "--id", jane.pk).code == 0
        assert run("erase_customer", "--tenant", "lotus", "--id", jane.pk, "--yes").code == 0
        assert run("purge_customers", "--tenant", "lotus", "--older-than", "1d", "--yes").code == 0
    assert find_unrouted(statements) == []
