"""Pages of lists: `page` from 1, `size` from 1 to 100. A page past the end is empty and has the true total."""

import datetime as dt

import pytest
from django.utils import timezone

from appointments.tests.factories import AppointmentFactory
from circe.tests.cases import in_one_test
from customers.tests.factories import CustomerFactory

LIST = "/api/v1/customers"


@pytest.fixture
def customers(tenant):
    """Five customers, newest first. Two were created at the same instant."""
    now = timezone.now()
    made = [CustomerFactory(tenant=tenant, created_at=now - dt.timedelta(days=min(n, 3))) for n in range(5)]
    return sorted(made, key=lambda customer: (customer.created_at, customer.pk), reverse=True)


def read_page_info(answer):
    body = answer.json()
    return {name: body[name] for name in ("total", "page", "size", "pages")}


def test_a_list_is_answered_as_a_page(staff, customers):
    answer = staff.get(LIST)
    assert list(answer.json()) == ["items", "total", "page", "size", "pages", "approximate", "next"]
    assert read_page_info(answer) == {"total": 5, "page": 1, "size": 20, "pages": 1}
    assert [item["id"] for item in answer.json()["items"]] == [customer.pk for customer in customers]


def test_an_empty_list_has_no_pages(staff):
    assert staff.get(LIST).json() == {
        "items": [],
        "total": 0,
        "page": 1,
        "size": 20,
        "pages": 0,
        "approximate": False,
        "next": None,
    }


@pytest.mark.parametrize(("size", "pages"), [(1, 5), (2, 3), (4, 2), (5, 1), (100, 1)])
def test_pages_together_are_the_list(size, pages, staff, customers):
    found = []
    for page in range(1, pages + 1):
        answer = staff.get(f"{LIST}?page={page}&size={size}")
        assert read_page_info(answer) == {"total": 5, "page": page, "size": size, "pages": pages}
        found += [item["id"] for item in answer.json()["items"]]
    assert found == [customer.pk for customer in customers]


@pytest.mark.parametrize("page", [2, 3, 2**31 - 1])
def test_a_page_past_the_end_is_empty_with_the_true_total(page, staff, customers):
    answer = staff.get(f"{LIST}?page={page}&size=100")
    assert answer.status_code == 200
    assert answer.json() == {
        "items": [],
        "total": 5,
        "page": page,
        "size": 100,
        "pages": 1,
        "approximate": False,
        "next": None,
    }


NOT_NUMBERS = (
    "0", "-1", "abc", "", "%20", "1.0", "1e1", "%2B1", "1%20", "0x1", "1_0", "%D9%A1", "%EF%BC%91", "%C2%B2", "%00",
    "1%00", "null", "true", "9" * 11, "9" * 5000, "1,2", "1;2",
)  # fmt: skip


@in_one_test(("name", "value"), [
    *(("page", value) for value in (*NOT_NUMBERS, str(2**31))),
    *(("size", value) for value in (*NOT_NUMBERS, "101")),
])  # fmt: skip
def test_a_value_that_is_no_number_within_the_limits_is_a_400(name, value, staff):
    answer = staff.get(f"{LIST}?{name}={value}")
    assert answer.status_code == 400
    assert [fault["field"] for fault in answer.json()["errors"]] == [name]


@pytest.mark.parametrize(
    "query", ["page=1&page=2", "page=1&page=1", "size=1&size=2", "size=5&page=1&size=5", "page=&page="]
)
def test_a_parameter_given_twice_is_a_400(query, staff):
    assert staff.get(f"{LIST}?{query}").status_code == 400


def test_a_number_may_have_leading_zeros(staff, customers):
    assert read_page_info(staff.get(f"{LIST}?page=001&size=05")) == {"total": 5, "page": 1, "size": 5, "pages": 1}


def test_unknown_parameters_are_ignored(staff, customers):
    for query in ("offset=3", "limit=1", "Page=2", "page[]=2", "per_page=1", "page%00=2", "cursor=x", "order=id"):
        assert staff.get(f"{LIST}?{query}").json() == staff.get(LIST).json()


def test_the_history_has_the_same_rules(staff, tenant):
    visit = AppointmentFactory(tenant=tenant)
    url = f"{LIST}/{visit.customer_id}/appointments"
    assert staff.get(url).json()["pagination"] == {"total": 1, "page": 1, "size": 20, "pages": 1}
    past = staff.get(f"{url}?page=9&size=7").json()
    assert (past["appointments"], past["pagination"]) == ([], {"total": 1, "page": 9, "size": 7, "pages": 1})
    for query in ("page=0", "size=101", "page=abc", "page=1&page=1"):
        assert staff.get(f"{url}?{query}").status_code == 400
