"""The admin's list of customers."""

import pytest
from django.contrib import admin
from django.db import connection
from django.test.utils import CaptureQueriesContext

from circe.backoffice.paging import CappedPaginator
from circe.db.server_kind import is_cluster
from customers.models import Customer
from customers.tests.factories import CustomerFactory

from .pages import PAGE, names

VISITS = "total_spent_min+total_spent_max last_visit_from+last_visit_to last_visit visited_from+visited_to"
OWN = "tag registered email_verified is_active created_at created_from+created_to"

# --- finding --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?q=josé", ["José Núñez"]),
        ("?q=NUNEZ+jos", ["José Núñez"]),
        ("?q=0812+3456", ["José Núñez"]),
        ("?q=%25", []),
        ("?q=" + "a" * 101, []),
        ("?tag=vip", ["José Núñez"]),
        ("?registered=yes", ["Astrid"]),
        ("?registered=no", ["José Núñez"]),
        ("?is_active__exact=0", ["Astrid"]),
        ("?email_verified__exact=1", ["Astrid"]),
    ],
)
def test_customers_are_found_as_through_the_api(back_office, tenant, other_tenant, query, found):
    CustomerFactory(tenant=tenant, first_name="José", last_name="Núñez", phone="+62812345678", tags=["vip"])
    CustomerFactory(
        tenant=tenant, first_name="Astrid", last_name=None, password="x", is_active=False, email_verified=True
    )
    CustomerFactory(tenant=other_tenant, first_name="José", tags=["vip"])
    assert names(back_office("staff"), query) == found


def test_an_overlong_search_says_so(back_office):
    response = back_office("staff").get(f"{PAGE}?q={'a' * 101}")
    assert "Search for at most 100 characters." in response.content.decode()


def test_the_filter_offers_the_tags_in_use_here(back_office, tenant, other_tenant):
    CustomerFactory(tenant=tenant, tags=["vip"])
    CustomerFactory(tenant=other_tenant, tags=["theirs"])
    content = back_office("staff").get(PAGE).content.decode()
    assert "?tag=vip" in content
    assert "theirs" not in content


def test_a_choice_tells_namesakes_apart(back_office, tenant):
    CustomerFactory(tenant=tenant, first_name="Siti", last_name=None, phone="+62811111111")
    names = {"app_label": "appointments", "model_name": "appointment", "field_name": "customer", "term": "sit"}
    texts = [row["text"] for row in back_office("staff").get("/admin/autocomplete/", names).json()["results"]]
    assert texts == ["Siti · +62811111111"]


def name_of(list_filter):
    own = getattr(list_filter, "parameter_name", None) or getattr(list_filter, "field_path", None)
    return own or "+".join(list_filter.parameter_names)


@pytest.mark.parametrize(
    ("role", "filters"),
    [
        ("staff", f"{VISITS} consent source {OWN}"),
        ("outlet_manager", f"{VISITS} consent source {OWN}"),
        ("tenant_admin", f"segment {VISITS} consent source deleted {OWN}"),
        ("super_admin", f"segment {VISITS} consent source deleted {OWN} tenant"),
    ],
)
def test_each_role_has_its_filters(back_office, tenant, other_tenant, role, filters):
    CustomerFactory(tenant=tenant, tags=["vip"])
    offered = back_office(role).get(PAGE).context["cl"].filter_specs
    assert [name_of(one) for one in offered] == filters.split()


@pytest.mark.parametrize("query", ["segment=vip", "deleted=all"])
@pytest.mark.parametrize("role", ["staff", "outlet_manager"])
def test_a_filter_of_another_role_is_refused(back_office, tenant, role, query):
    assert back_office(role).get(f"{PAGE}?{query}").status_code == 400


def test_a_row_tells_what_reception_needs(back_office, tenant):
    CustomerFactory(tenant=tenant, first_name="<b>Jo</b>", last_name=None, phone="+62811111", email="jo@example.com")
    content = back_office("staff").get(PAGE).content.decode()
    for part in (
        "&lt;b&gt;Jo&lt;/b&gt;</a>",
        '<a href="tel:+62811111">+62811111</a>',
        '<a href="mailto:jo@example.com">jo@example.com</a>',
        '<span class="tag">walk-in</span>',
        "Walk-in",
    ):
        assert part in content


# --- many rows ------------------------------------------------------------------------------------------------------


@pytest.fixture
def crowd(tenant, monkeypatch):
    """Seven customers in a list that pages by two and counts up to four."""
    monkeypatch.setattr(CappedPaginator, "max_rows", 4)
    monkeypatch.setattr(admin.site._registry[Customer], "list_per_page", 2)
    return [CustomerFactory(tenant=tenant, first_name=f"N{n}", last_name=None, tags=["crowd"]) for n in range(7)]


@pytest.mark.slow("is a table of twelve lists, with rows for each")
@pytest.mark.parametrize("query", ["", "?q=n", "?tag=crowd", "?last_visit=never", "?segment=new", "?o=1"])
@pytest.mark.parametrize("role", ["tenant_admin", "super_admin"])
def test_no_query_counts_or_reads_more_than_the_bound(back_office, crowd, role, query):
    browser = back_office(role)
    with CaptureQueriesContext(connection) as queries:
        response = browser.get(PAGE + query)
    assert "4+ customers" in response.content.decode()
    asked = [one["sql"] for one in queries if 'FROM "customers_customer"' in one["sql"]]
    # A search is counted up to the bound, which decides on its order.
    counts = [sql for sql in asked if sql.startswith("SELECT COUNT")]
    assert [sql.endswith("LIMIT 5) subquery") for sql in counts] == ([True] if "q=" in query else [])
    asked = [sql for sql in asked if sql not in counts]
    # The ids, the tags and the sources of the newest; the rows of the page by their ids. A cluster is asked first which
    # businesses have the rows.
    assert [sql for sql in asked if not sql.endswith(("LIMIT 5", "LIMIT 1000"))] == [
        sql for sql in asked if '"customers_customer"."id" IN (' in sql and "LIMIT" not in sql
    ]
    assert len(asked) == (5 if role == "super_admin" and is_cluster() else 4)


def test_what_is_within_the_bound_is_counted(back_office, crowd, in_scope):
    browser = back_office("staff")
    for customer in crowd[:3]:
        customer.soft_delete(by=browser.user.pk)
    content = browser.get(PAGE).content.decode()
    assert "4 customers" in content
    assert "4+ customers" not in content


def test_pages_go_up_to_the_bound_and_keep_the_order(back_office, crowd):
    browser = back_office("staff")
    assert [names(browser, f"?p={page}") for page in (1, 2)] == [["N6", "N5"], ["N4", "N3"]]
    assert browser.get(f"{PAGE}?p=3").url.endswith("?e=1")
    assert names(browser, "?o=0") == ["N0", "N1"]


def test_a_costly_condition_is_met_once(back_office, tenant):
    CustomerFactory(tenant=tenant)
    browser = back_office("tenant_admin")
    with CaptureQueriesContext(connection) as queries:
        assert len(names(browser, "?segment=new")) == 1
    # Once for the filter, and once for the thresholds of the column, which use nothing of it.
    assert sum("booked_again" in one["sql"] for one in queries) == 2


def test_the_rows_of_a_page_are_read_by_index_from_the_newest(back_office, in_scope):
    """This holds for all businesses together too, although no index by tenant serves them."""
    with CaptureQueriesContext(connection) as queries:
        back_office("super_admin").get(PAGE)
    ids = [one["sql"] for one in queries if one["sql"].endswith("LIMIT 10001")]
    assert ['ORDER BY "customers_customer"."id" DESC' in sql for sql in ids] == [True]
