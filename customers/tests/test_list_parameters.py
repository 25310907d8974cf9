"""The parameters `source`, `is_active` and `ordering` of the list of customers, and lists that are repeated."""

import datetime as dt

import pytest

from circe.tests.cases import in_one_test
from customers.tests.bodies import CUSTOMERS, faults
from customers.tests.factories import CustomerFactory, DeletedCustomerFactory


def names(client, query):
    response = client.get(f"{CUSTOMERS}?{query}")
    assert response.status_code == 200, response.content
    body = response.json()
    assert body["total"] == len(body["items"])
    return [item["first_name"] for item in body["items"]]


@pytest.fixture
def make(tenant):
    """Returns a function that creates a customer, newer than those before."""
    instants = (dt.datetime(2025, 1, day, tzinfo=dt.UTC) for day in range(1, 29))
    return lambda name, **fields: CustomerFactory(
        **{"tenant": tenant, "first_name": name, "last_name": None, "created_at": next(instants)} | fields
    )


def test_source_and_activity_filter(staff, make):
    make("web", source="website")
    make("walk", source="walk-in", is_active=False)
    make("none")
    assert names(staff, "source=website") == names(staff, "source=+Website") == ["web"]
    assert names(staff, "source=nobody") == []
    assert names(staff, "is_active=false") == ["walk"]
    assert names(staff, "is_active=TRUE") == ["none", "web"]
    assert names(staff, "source=walk-in&is_active=true") == []
    assert names(staff, "source=walk-in&search=walk&tags=walk-in") == ["walk"]


def test_names_are_sorted_without_case_and_accents_first_names_before_last_names(staff, make):
    for first, last in (
        ("Öyvind", None),
        ("anna", "Zuse"),
        ("Anna", "Åberg"),
        ("zoe", None),
        ("ANNA", None),
        ("Olaf", None),
    ):
        make(first, last_name=last)
    expected = ["ANNA", "Anna", "anna", "Olaf", "Öyvind", "zoe"]
    assert names(staff, "ordering=name") == names(staff, "ordering=NAME&has_password=false") == expected
    assert names(staff, "ordering=-name") == expected[::-1]
    # It goes before the order of the search.
    assert names(staff, "ordering=name&search=an") == expected[:3]
    assert names(staff, "ordering=-name&search=an&tags=walk-in") == expected[2::-1]


def test_the_list_is_sorted_by_creation_in_both_directions(staff, make):
    for name in ("a", "b", "c"):
        make(name)
    assert names(staff, "ordering=created_at") == ["a", "b", "c"]
    assert names(staff, "ordering=-created_at") == names(staff, "") == ["c", "b", "a"]
    assert names(staff, "ordering=created_at&created_from=2025-01-02") == ["b", "c"]


def test_tags_may_be_repeated_as_well_as_hold_commas(staff, make):
    for name, tags in (("a", ["vip"]), ("b", ["regular"]), ("c", ["new"]), ("d", [])):
        make(name, tags=tags)
    assert names(staff, "tags=vip&tags=regular") == ["b", "a"]
    assert names(staff, "tags=vip&tags=regular,new&tags=") == ["c", "b", "a"]
    assert names(staff, "tags=&tags=,") == ["d", "c", "b", "a"]


@in_one_test(
    "query",
    [
        *(f"source={value}" for value in ("", "a+b", "-web", "Ünï", "a%00")),
        *(f"is_active={value}" for value in ("", "maybe", "2")),
        *(
            f"ordering={value}"
            for value in ("", "phone", "--name", "name,id", "created_at+desc", "password", "?", "a%00")
        ),
        "tags=vip&tags=a%00",
        *(f"{pair}&{pair}" for pair in ("source=website", "is_active=true", "ordering=name")),
    ],
)
def test_what_cannot_be_understood_is_refused_by_name(staff, query):
    assert faults(staff.get(f"{CUSTOMERS}?{query}")) == {query.partition("=")[0]}


def test_an_unknown_order_names_all(staff):
    answer = staff.get(f"{CUSTOMERS}?ordering=age").json()
    assert answer["errors"][0]["detail"] == (
        "Write one of created_at, -created_at, name, -name, last_appointment_date, -last_appointment_date, total_spent, "
        "-total_spent."
    )


@pytest.mark.usefixtures("each_tenant_guard")
@in_one_test("query", ["ordering=name", "source=website", "is_active=true", "ordering=created_at"])
def test_customers_of_another_business_and_deleted_ones_are_not_found(staff, tenant, other_tenant, query):
    CustomerFactory(tenant=other_tenant, source="website")
    DeletedCustomerFactory(tenant=tenant, source="website")
    assert names(staff, query) == []
