"""The filter by segment of the admin's list of customers."""

import pytest

from analytics.segments import SEGMENTS, count_segments
from customers.models import Customer
from customers.tests.factories import DeletedCustomerFactory
from tenants.scope import tenant_scope

from .conftest import days_ago

PAGE = "/admin/customers/customer/"


@pytest.fixture
def customer_of_each_segment(tenant, customer, book):
    """Creates customers of every segment. Their first name is the segment."""
    at_risk = customer(first_name="at_risk", tags=["vip"])
    book(at_risk, days_ago(200))
    book(customer(first_name="vip", tags=["vip"]), days_ago(60))
    rich = customer(first_name="vip")
    book(rich, *map(days_ago, range(100, 106)), days_ago(60), total_price=10**9)
    book(customer(first_name="new"), days_ago(1))
    customer(first_name="new")
    book(customer(first_name="regular"), days_ago(60))
    DeletedCustomerFactory(tenant=tenant, tags=["vip"])


def find_first_names(browser, query):
    return [one.first_name for one in browser.get(PAGE + query).context["cl"].result_list]


@pytest.mark.parametrize("role", ["tenant_admin", "super_admin"])
def test_the_list_of_a_segment_has_the_customers_that_the_statistics_count(
    back_office, tenant, customer_of_each_segment, role
):
    browser = back_office(role)
    with tenant_scope(tenant):
        counts = count_segments()
    assert counts == {"vip": 2, "regular": 1, "new": 2, "at_risk": 1}
    for name in SEGMENTS:
        assert find_first_names(
            browser, f"?segment={name}&tenant__id__exact={tenant.pk}" if role == "super_admin" else f"?segment={name}"
        ) == ([name] * counts[name])


def test_the_filter_combines_with_other_filters_and_the_search(back_office, tenant, customer_of_each_segment):
    browser = back_office("tenant_admin")
    assert find_first_names(browser, "?segment=vip&tag=vip") == ["vip"]
    assert find_first_names(browser, "?segment=vip&last_visit=90&q=vip") == ["vip", "vip"]
    assert find_first_names(browser, "?segment=vip&deleted=yes") == []


def test_customers_of_another_tenant_are_not_in_the_list_of_a_segment(back_office, other_tenant, customer, book):
    book(customer(tenant=other_tenant), days_ago(200))
    assert find_first_names(back_office("tenant_admin"), "?segment=at_risk") == []


def test_customers_of_a_segment_can_be_tagged(back_office, tenant, customer_of_each_segment):
    browser = back_office("tenant_admin")
    with tenant_scope(tenant):
        chosen = Customer.objects.filter(first_name="at_risk").get()
        body = {"action": "tag", "_selected_action": [chosen.pk], "asked": 1, "tag": "win-back"}
        assert browser.post(f"{PAGE}?segment=at_risk", body).status_code == 302
        assert Customer.objects.tagged(["win-back"]).get() == chosen
