"""The parameter `segment` of the list of customers in the API. test_segments.py compares its lists with the figures."""

import pytest

from analytics.segments import SEGMENTS
from customers.tests.bodies import CUSTOMERS, faults

from .conftest import days_ago


def names(client, query):
    response = client.get(f"{CUSTOMERS}?{query}")
    assert response.status_code == 200, response.content
    return [item["first_name"] for item in response.json()["items"]]


@pytest.fixture
def everyone(customer, book):
    """Customers of each segment, by their first name; those of a later line are newer."""
    for number, (name, tags, days, price) in enumerate(
        [
            ("lapsed", ["vip"], [200], 50),
            ("tagged", ["vip"], [60], 100),
            ("spender", [], [60] * 5, 10**6),
            ("newcomer", [], [1], 10),
            ("nobody", [], [], 0),
            ("usual", [], [60, 50], 10),
        ]
    ):
        someone = customer(first_name=name, tags=tags, created_at=f"2024-01-0{number + 1}T00:00:00Z")
        book(someone, *map(days_ago, days), total_price=price)


@pytest.mark.parametrize("role", ["tenant_admin", "super_admin"])
def test_administrators_list_a_segment_newest_first_and_with_other_filters(as_role, everyone, role, tenant):
    client, own = as_role(role), f"&tenant_id={tenant.pk}"
    assert names(client, f"segment=vip{own}") == names(client, f"segment=VIP{own}") == ["spender", "tagged"]
    assert names(client, f"segment=new{own}") == ["nobody", "newcomer"]
    assert names(client, f"segment=regular{own}") == ["usual"]
    assert names(client, f"segment=at_risk{own}") == ["lapsed"]
    assert names(client, f"segment=vip&ordering=total_spent{own}") == ["tagged", "spender"]
    assert names(client, f"segment=vip&ordering=name{own}") == ["spender", "tagged"]
    assert names(client, f"segment=vip&search=tag{own}") == names(client, f"segment=vip&tags=vip{own}") == ["tagged"]
    assert names(client, f"segment=vip&total_spent_min=101{own}") == ["spender"]
    assert names(client, f"segment=vip&created_to=2024-01-02{own}") == ["tagged"]
    page = client.get(f"{CUSTOMERS}?segment=vip&size=1&page=2{own}").json()
    assert ([item["first_name"] for item in page["items"]], page["total"], page["pages"]) == (["tagged"], 2, 2)


def test_a_super_admin_lists_a_segment_of_all_businesses_each_by_its_own_thresholds(
    super_admin, everyone, customer, book, other_tenant
):
    other_tenant.at_risk_after_days = 10
    other_tenant.save()
    book(customer(first_name="foreign", tenant=other_tenant), days_ago(20))
    assert names(super_admin, "segment=at_risk") == ["lapsed", "foreign"]
    assert names(super_admin, f"segment=at_risk&tenant_id={other_tenant.pk}") == ["foreign"]
    assert sum(super_admin.get(f"{CUSTOMERS}?segment={one}").json()["total"] for one in SEGMENTS) == 7


@pytest.mark.parametrize("role", ["staff", "outlet_manager"])
@pytest.mark.parametrize("value", ["vip", "banana", ""])
def test_others_may_not_filter_by_segment_whatever_its_value(as_role, everyone, role, value):
    response = as_role(role).get(f"{CUSTOMERS}?segment={value}")
    assert (response.status_code, response["Content-Type"]) == (403, "application/problem+json")
    assert response.json() == {
        "type": "urn:circe:problem:permission_denied",
        "title": "Forbidden",
        "status": 403,
        "detail": "Your role does not allow to filter by segment.",
        "code": "permission_denied",
    }


@pytest.mark.parametrize(
    "query", ["segment=banana", "segment=", "segment=vip,new", "segment=vip&segment=new", "segment=vip%00"]
)
def test_an_unknown_segment_is_a_400_that_names_all(admin, query):
    response = admin.get(f"{CUSTOMERS}?{query}")
    assert faults(response) == {"segment"}
    if "%" not in query and query.count("=") == 1:
        assert response.json()["errors"][0]["detail"] == "Write one of vip, regular, new, at_risk."


@pytest.mark.usefixtures("each_tenant_guard")
def test_another_business_is_not_in_a_segment(admin, customer, book, other_tenant):
    book(customer(tenant=other_tenant), days_ago(200))
    assert names(admin, "segment=at_risk") == names(admin, "segment=new") == []
