"""The parameters that appointments add to the list of customers: by the last visit and what was spent."""

import datetime as dt

import pytest

from appointments.tests.factories import AppointmentFactory
from circe.tests.cases import in_one_test
from customers.tests.bodies import CUSTOMERS, faults
from customers.tests.factories import CustomerFactory, DeletedCustomerFactory

# By first name: the days of the visits, and the price of each.
PEOPLE = {
    "Ana": (["2025-01-10", "2025-03-01"], 100),
    "Ben": (["2025-01-31"], 350000),
    "Cleo": ([], 0),
    "Dev": (["2025-02-01"], 0),
    "Eva": (["2025-03-01"], 350001),
}


def names(client, query):
    response = client.get(f"{CUSTOMERS}?{query}")
    assert response.status_code == 200, response.content
    body = response.json()
    assert body["total"] == len(body["items"])
    return [item["first_name"] for item in body["items"]]


@pytest.fixture
def people(tenant):
    for number, (name, (days, price)) in enumerate(PEOPLE.items()):
        created_at = dt.datetime(2024, 1, 1 + number, tzinfo=dt.UTC)
        customer = CustomerFactory(tenant=tenant, first_name=name, created_at=created_at)
        for day in days:
            AppointmentFactory(tenant=tenant, customer=customer, appointment_date=day, total_price=price)
        # Not a visit.
        AppointmentFactory(
            tenant=tenant, customer=customer, appointment_date="2026-01-01", status="cancelled", total_price=10**9
        )
    deleted = DeletedCustomerFactory(tenant=tenant)
    AppointmentFactory(tenant=tenant, customer=deleted, appointment_date="2025-02-01")


FOUND = {
    "last_visit_from=2025-02-01": ["Eva", "Dev", "Ana"],
    "last_visit_to=2025-02-01": ["Dev", "Ben"],
    "last_visit_from=2025-02-01&last_visit_to=2025-02-01": ["Dev"],
    # 17:00 UTC of 31 January is midnight of 1 February in Jakarta.
    "last_visit_from=2025-01-31T17:00:00Z&last_visit_to=2025-02-01T16:59:59Z": ["Dev"],
    "last_visit_from=0001-01-01&last_visit_to=9999-12-31": ["Eva", "Dev", "Ben", "Ana"],
    "total_spent_min=350000": ["Eva", "Ben"],
    "total_spent_min=350000.5": ["Eva"],
    "total_spent_max=350000.99": ["Dev", "Cleo", "Ben", "Ana"],
    "total_spent_min=0&total_spent_max=0": ["Dev", "Cleo"],
    "total_spent_min=0.01&total_spent_max=200.00": ["Ana"],
    "total_spent_min=9223372036854775807": [],
    "total_spent_max=9223372036854775807": ["Eva", "Dev", "Cleo", "Ben", "Ana"],
    "last_visit_from=2025-02-01&total_spent_min=1": ["Eva", "Ana"],
    "last_visit_from=2025-02-01&search=eva": ["Eva"],
    "total_spent_max=0&has_password=false&created_to=2024-01-03": ["Cleo"],
    "total_spent_max=0&tags=walk-in&ordering=name": ["Cleo", "Dev"],
    "ordering=total_spent": ["Cleo|Dev", "Cleo|Dev", "Ana", "Ben", "Eva"],
    "ordering=-total_spent": ["Eva", "Ben", "Ana", "Cleo|Dev", "Cleo|Dev"],
    "ordering=last_appointment_date": ["Ben", "Dev", "Ana|Eva", "Ana|Eva", "Cleo"],
    "ordering=-last_appointment_date": ["Ana|Eva", "Ana|Eva", "Dev", "Ben", "Cleo"],
    "ordering=-total_spent&search=jane": ["Eva", "Ben", "Ana", "Cleo|Dev", "Cleo|Dev"],
    "ordering=-last_appointment_date&total_spent_min=350000": ["Eva", "Ben"],
    "ordering=last_appointment_date&is_active=true&total_spent_max=350000": ["Ben", "Dev", "Ana", "Cleo"],
}


@in_one_test("query", FOUND)
def test_customers_are_filtered_and_sorted_by_their_visits(staff, people, query):
    found = names(staff, query)
    assert len(found) == len(FOUND[query]), found
    assert all(name in expected.split("|") for name, expected in zip(found, FOUND[query], strict=True)), found


@pytest.mark.slow("reads whole lists page by page, in each order")
@pytest.mark.parametrize("name", ["created_at", "name", "total_spent", "last_appointment_date"])
@pytest.mark.parametrize("more", ["", "&tags=walk-in", "&total_spent_min=0", "&is_active=true&total_spent_min=0"])
def test_an_order_is_total_and_its_pages_meet_in_both_directions(staff, tenant, name, more):
    for number in range(9):
        customer = CustomerFactory(
            tenant=tenant,
            first_name=f"N{number % 2}",
            last_name=None,
            created_at=dt.datetime(2024, 1, 1 + number % 2, tzinfo=dt.UTC),
        )
        if number % 3:
            AppointmentFactory(tenant=tenant, customer=customer, total_price=100 * (number % 2))
    for sign in ("", "-"):
        items = staff.get(f"{CUSTOMERS}?ordering={sign}{name}&size=100{more}").json()["items"]
        for size in (1, 2, 4):
            pages = [
                staff.get(f"{CUSTOMERS}?ordering={sign}{name}&size={size}&page={page}{more}").json()["items"]
                for page in range(1, 12)
            ]
            assert [item for page in pages for item in page] == items
        keys = [(item[name] if name in item else item["first_name"], item["id"]) for item in items]
        last = [key for key in keys if key[0] is None]
        assert len(items) == 9
        assert keys == [
            *sorted((key for key in keys if key[0] is not None), reverse=sign == "-"),
            *sorted(last, reverse=sign == "-"),
        ]


NOT_AMOUNTS = (
    *("", "abc", "NaN", "Infinity", "-1", "1e3", "1E400", "0x10", "1_000", "350,000", "350.000", "1.", ".5", "1 000"),
    *("9223372036854775808", "1" * 20, "1" * 5000, "１２", "٣", "5%00", "--1", "$5"),
)


@in_one_test(
    "query",
    [
        *(f"{name}={value}" for name in ("total_spent_min", "total_spent_max") for value in NOT_AMOUNTS),
        *(
            f"{name}={value}"
            for name in ("last_visit_from", "last_visit_to")
            for value in ("", "yesterday", "2025-02-30")
        ),
        "total_spent_min=2&total_spent_max=1",
        "total_spent_min=1&total_spent_max=0",
        "last_visit_from=2025-01-02&last_visit_to=2025-01-01",
        "total_spent_min=1&total_spent_min=1",
        "last_visit_to=2025-01-01&last_visit_to=2025-01-01",
    ],
)
def test_what_cannot_be_understood_is_refused_by_name(staff, query):
    assert faults(staff.get(f"{CUSTOMERS}?{query}")) == {query.partition("=")[0]}


@in_one_test("query", ["last_visit_from=2020-01-01", "total_spent_min=0", "ordering=-total_spent"])
@pytest.mark.usefixtures("each_tenant_guard")
def test_customers_of_another_business_are_not_found(staff, other_tenant, query):
    AppointmentFactory(tenant=other_tenant, customer=CustomerFactory(tenant=other_tenant))
    assert names(staff, query) == []
