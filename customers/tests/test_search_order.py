"""The order of a search, and whom it answers when it finds nobody."""

import datetime as dt
import itertools

import pytest
from django.contrib import admin
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from circe.backoffice.paging import CappedPaginator
from circe.tests.cases import in_one_test
from customers import customer_list
from customers.models import Customer
from customers.tests.bodies import CUSTOMERS
from customers.tests.factories import CustomerFactory, DeletedCustomerFactory
from customers.tests.pages import PAGE, names

NOW = timezone.now()


@pytest.fixture
def people(tenant):
    """`people("Sari Yulianto", "Wahyu Pasaribu")`: customers with these names, the oldest first."""
    ages = itertools.count(1)

    def make(*full_names, **values):
        for name in full_names:
            first_name, _, last_name = name.partition(" ")
            CustomerFactory(
                tenant=tenant,
                first_name=first_name,
                last_name=last_name or None,
                created_at=NOW - dt.timedelta(days=100) + dt.timedelta(hours=next(ages)),
                **values,
            )

    return make


@pytest.fixture
def search(staff):
    """`search("sari")`: the body of the answer, with full names as its items."""

    def answer(text, client=staff, **query):
        response = client.get(CUSTOMERS, {"search": text, **query})
        assert response.status_code == 200, response.content
        body = response.json()
        items = [f"{item['first_name']} {item['last_name'] or ''}".strip() for item in body["items"]]
        return body | {"items": items}

    return answer


# --- whoever is meant comes first -----------------------------------------------------------------------------------


def test_whose_name_begins_with_the_word_comes_before_those_in_whom_it_only_occurs(search, people):
    people("Sari Yulianto", "Wahyu Pasaribu", "Dewi Sari", "Nina Kesari")
    answer = search("sari")
    assert answer["items"] == ["Dewi Sari", "Sari Yulianto", "Nina Kesari", "Wahyu Pasaribu"]
    assert answer["approximate"] is False


@in_one_test(
    ("text", "expected"),
    [
        ("an", ["Anna Berg", "Maria Anders"]),
        ("nna", ["Joanna Ann", "Anna Berg"]),
        ("ann", ["Joanna Ann", "Anna Berg"]),
        ("ann jo", ["Joanna Ann"]),
        ("berg anna", ["Anna Berg"]),
        ("ANNÁ", ["Anna Berg", "Joanna Ann"]),
    ],
)
def test_customers_whose_names_begin_with_each_word_of_the_search_come_first(search, people, text, expected):
    people("Maria Anders", "Anna Berg", "Joanna Ann")
    found = search(text)["items"]
    assert [name for name in found if name in expected] == expected


@in_one_test(
    ("typed", "first", "other"),
    [
        ("anne marie", "Annemarie Berg", "Joanne Marieke"),
        ("Anne-Marie", "Annemarie Berg", "Joanne Marieke"),
        ("O'Brien", "Sinead Obrien", "Ida McObrien"),
        ("mc gregor", "Ewan McGregor", "Ann Amcgregor"),
        ("berg, anne marie", "Annemarie Berg", "Joanne Mariesberg"),
        ("abdul rahman", "Abdulrahman Ali", "Xabdul Rahmani"),
    ],
)
def test_a_name_that_is_stored_as_one_word_begins_with_the_words(search, people, typed, first, other):
    people(first, other)
    assert search(typed)["items"] == [first, other]


def test_a_word_of_an_email_or_a_phone_is_no_word_of_a_name(search, people):
    people("Sari Dewi")
    people("Wahyu Budi", email="sari@example.com")
    people("Agus Salim", phone="+62811223344")
    people("Table 11223")
    assert search("sari")["items"] == ["Sari Dewi", "Wahyu Budi"]
    assert search("11223")["items"] == ["Table 11223", "Agus Salim"]
    people("Agus Sari", email="other@example.com", phone="+62811223399")
    # No name begins with 0811, so neither comes first for a name.
    assert search("agus 0811")["items"] == ["Agus Sari", "Agus Salim"]


def test_customers_of_one_instant_are_sorted_by_id(search, staff, tenant):
    for name in ("Sari", "Pasaribu") * 3:
        CustomerFactory(tenant=tenant, first_name=name, created_at=NOW)
    items = staff.get(CUSTOMERS, {"search": "sari"}).json()["items"]
    ids = {name: [item["id"] for item in items if item["first_name"] == name] for name in ("Sari", "Pasaribu")}
    assert [item["id"] for item in items] == ids["Sari"] + ids["Pasaribu"]
    assert all(group == sorted(group, reverse=True) and len(group) == 3 for group in ids.values())


@pytest.mark.parametrize("size", [1, 2, 3, 5, 11, 12])
def test_pages_of_a_search_together_are_its_list(search, people, size):
    people(*(f"Sari S{n}" if n % 3 else f"Pasaribu P{n}" for n in range(11)))
    whole = search("sari", size=100)
    assert [name.split()[0] for name in whole["items"]] == ["Sari"] * 7 + ["Pasaribu"] * 4
    pages = [search("sari", size=size, page=page) for page in range(1, -(-11 // size) + 1)]
    assert [item for page in pages for item in page["items"]] == whole["items"]
    assert {page["total"] for page in pages} == {11}
    assert search("sari", size=size, page=13)["items"] == []


def test_other_filters_restrict_and_do_not_change_the_order(search, people):
    people("Sari One", "Pasaribu One", tags=["vip"])
    people("Sari Two", "Pasaribu Two", tags=["regular"])
    assert search("sari")["items"] == ["Sari Two", "Sari One", "Pasaribu Two", "Pasaribu One"]
    assert search("sari", tags="vip")["items"] == ["Sari One", "Pasaribu One"]
    assert search("sari", has_password="false", created_to="2099-01-01")["total"] == 4
    assert search("", tags="vip")["items"] == ["Pasaribu One", "Sari One"]


def test_of_more_hits_than_the_bound_the_newest_come_first(search, people, monkeypatch):
    people("Sari One", "Pasaribu Two", "Sari Three")
    ranked, newest = ["Sari Three", "Sari One", "Pasaribu Two"], ["Sari Three", "Pasaribu Two", "Sari One"]
    for bound, expected in ((3, ranked), (2, newest)):
        rank = f"(begins AND found_count <= {bound})"
        monkeypatch.setattr(customer_list.SearchedCustomers, "rank", rank)
        assert search("sari")["items"] == expected
        assert [search("sari", size=1, page=page)["items"] for page in (1, 2, 3)] == [[name] for name in expected]
    assert customer_list.MAX_RANKED == CappedPaginator.max_rows == 10_000


def test_the_admin_has_the_same_order_unless_one_chooses_another(back_office, people, monkeypatch):
    people("Sari Yulianto", "Wahyu Pasaribu", "Dewi Sari", "Nina Kesari")
    browser = back_office("staff")
    assert names(browser, "?q=sari") == ["Dewi Sari", "Sari Yulianto", "Nina Kesari", "Wahyu Pasaribu"]
    assert names(browser, "?q=sari&registered=no") == ["Dewi Sari", "Sari Yulianto", "Nina Kesari", "Wahyu Pasaribu"]
    assert names(browser, "?q=sari&o=0") == ["Dewi Sari", "Nina Kesari", "Sari Yulianto", "Wahyu Pasaribu"]
    assert names(browser, "?q=+") == ["Nina Kesari", "Dewi Sari", "Wahyu Pasaribu", "Sari Yulianto"]
    monkeypatch.setattr(admin.site._registry[Customer], "list_per_page", 3)
    assert names(browser, "?q=sari&p=2") == ["Wahyu Pasaribu"]
    monkeypatch.setattr(CappedPaginator, "max_rows", 3)
    assert names(browser, "?q=sari") == ["Nina Kesari", "Dewi Sari", "Wahyu Pasaribu"]


def test_a_form_offers_those_first_whose_names_begin_with_the_word(back_office, people):
    people("Sari Yulianto", "Wahyu Pasaribu")
    field = {"app_label": "appointments", "model_name": "appointment", "field_name": "customer", "term": "sari"}
    offered = back_office("staff").get("/admin/autocomplete/", field).json()["results"]
    assert [row["text"].split(" · ")[0] for row in offered] == ["Sari Yulianto", "Wahyu Pasaribu"]


# --- typing errors are forgiven ---------------------------------------------------------------------------------------


@in_one_test(
    ("stored", "typed"),
    [
        ("Sari Yulianto", "yuliantoo"),
        ("Sari Yulianto", "Yulinato"),
        ("Sari Yulianto", "yulanto"),
        ("Sari Yulianto", "julianto"),
        ("Sari Yulianto", "sarri"),
        ("Sari Yulianto", "Sari Yulinato"),
        ("Sari Yulianto", "yulianot sari"),
        ("Sari Yulianto", "saari yulinato"),
        ("Sari Yulianto", "sari.yulinato@example.con"),
        ("Sari Yulianto", "Yuliantoo, Sari"),
        ("Sinéad O'Brien", "o'brein"),
        ("Kristján Þórðarson", "Kristjan Thordarsson"),
        ("Александра Иванова", "Алексндра"),
        ("김민수", "김민슈"),
        ("นภาพร ศรีสุข", "นภาพน"),
    ],
)
def test_a_misspelled_name_finds_the_nearest(search, people, stored, typed):
    people(stored, "Bob Xu")
    answer = search(typed)
    assert (answer["items"], answer["total"], answer["pages"]) == ([stored], 1, 1)
    assert answer["approximate"] is True


@in_one_test(
    "typed",
    ["zzzxq", "qx", "yx", "0812 9999", "+62 812 999", "1", "-", "...", "%", "\u0301", "@example.org", "´ sarri"],
)
def test_what_is_near_to_no_name_finds_nobody(search, people, typed):
    people("Sari Yulianto", phone="+62811223344")
    answer = search(typed)
    assert (answer["items"], answer["total"], answer["pages"]) == ([], 0, 0)
    assert answer["approximate"] is False


def test_what_is_no_name_has_to_occur_as_it_stands(search, people):
    people("Sari One", phone="+62811223344")
    people("Sari Two", phone="+62899887766")
    assert search("sarri 0811 22")["items"] == ["Sari One"]
    assert search("sarri 0877")["items"] == []


def test_the_nearest_come_first_then_the_newest_then_by_id(search, staff, tenant, people):
    people("Yulianto Old", "Yulianti Near", "Yulia Far", "Yulianto New")
    assert search("yuliantoo")["items"][:3] == ["Yulianto New", "Yulianto Old", "Yulianti Near"]
    same = [CustomerFactory(tenant=tenant, first_name="Yulianto", created_at=NOW).pk for _ in range(3)]
    items = staff.get(CUSTOMERS, {"search": "yuliantoo"}).json()["items"]
    assert [item["id"] for item in items[:3]] == sorted(same, reverse=True)


def test_at_most_100_are_found_and_read_page_by_page(search, people):
    people(*(f"Yulianto N{n}" for n in range(60)), *(f"Yuliant{'abcdefgh'[n % 8]} M{n}" for n in range(60)))
    whole = search("yuliantoo", size=100)
    assert (whole["total"], whole["pages"], len(whole["items"])) == (100, 1, 100)
    assert whole["items"][:60] == [f"Yulianto N{n}" for n in reversed(range(60))]
    pages = [search("yuliantoo", size=30, page=page) for page in (1, 2, 3, 4, 5)]
    assert [item for page in pages for item in page["items"]] == whole["items"]
    assert {(page["total"], page["pages"], page["approximate"]) for page in pages} == {(100, 4, True)}


def test_a_customer_with_two_near_words_is_found_once(search, people):
    people(*(f"Yuliana M{n}" for n in range(60)))
    people(*(f"Yulianta Yulianti{n}" for n in range(60)))
    found = search("yuliantoo", size=100)
    assert found["total"] == 100
    assert found["items"][:60] == [f"Yulianta Yulianti{n}" for n in reversed(range(60))]
    assert found["items"][60:] == [f"Yuliana M{n}" for n in reversed(range(20, 60))]


def test_a_page_past_the_end_of_what_was_found_is_not_approximate(search, people):
    people("Sari Yulianto", "Sara Yulianti")
    answer = search("sari", page=2)
    assert (answer["items"], answer["total"], answer["approximate"]) == ([], 1, False)


def test_other_filters_restrict_the_nearest(search, people):
    people(*(f"Yulianto N{n}" for n in range(110)), tags=["regular"])
    people("Yulianta Guest", tags=["vip"], email_verified=True)
    assert search("yuliantoo", tags="vip")["items"] == ["Yulianta Guest"]
    assert search("yuliantoo", email_verified="true")["items"] == ["Yulianta Guest"]
    assert search("yuliantoo guest", tags="vip")["items"] == ["Yulianta Guest"]
    assert search("yuliantoo", created_from="2099-01-01")["items"] == []
    assert search("yuliantoo")["total"] == 100


def test_nobody_of_another_business_and_nobody_deleted_is_near(
    search, people, tenant, other_tenant, as_role, super_admin
):
    CustomerFactory(tenant=other_tenant, first_name="Yulianto", last_name="Theirs")
    DeletedCustomerFactory(tenant=tenant, first_name="Yulianto", last_name="Deleted")
    assert search("yulinato")["items"] == []
    people("Yulianta Ours")
    assert search("yulinato")["items"] == ["Yulianta Ours"]
    assert search("yulinato", client=as_role("staff", tenant=other_tenant))["items"] == ["Yulianto Theirs"]
    assert search("yulinato", client=super_admin)["items"] == ["Yulianto Theirs", "Yulianta Ours"]
    assert search("yulinato", client=super_admin, tenant_id=tenant.pk)["items"] == ["Yulianta Ours"]


def test_the_nearest_are_of_the_own_business_by_either_guard(each_tenant_guard, search, tenant, other_tenant):
    CustomerFactory(tenant=other_tenant, first_name="Yulianto", last_name="Theirs")
    CustomerFactory(tenant=tenant, first_name="Yulianto", last_name="Ours")
    assert search("yulinato")["items"] == ["Yulianto Ours"]


def test_a_name_is_near_as_it_is_now(search, admin, super_admin, tenant):
    """Renamed, deleted, restored and purged, also if another customer has the same name."""
    namesake = CustomerFactory(tenant=tenant, first_name="Quetzalcoatl", last_name="One")
    url = f"{CUSTOMERS}/{CustomerFactory(tenant=tenant, first_name='Quetzalcoatl', last_name='Two').pk}"
    assert search("quetzalcoat1l")["total"] == search("qetzalcoatl")["total"] == 2
    admin.delete(f"{CUSTOMERS}/{namesake.pk}")
    assert search("qetzalcoatl")["items"] == ["Quetzalcoatl Two"]
    admin.patch(url, {"first_name": "Xylophone"})
    assert search("qetzalcoatl")["items"] == []
    assert search("xilophone")["items"] == ["Xylophone Two"]
    admin.post(f"{CUSTOMERS}/{namesake.pk}/restore")
    assert search("qetzalcoatl")["items"] == ["Quetzalcoatl One"]
    super_admin.delete(f"{CUSTOMERS}/{namesake.pk}?permanent=true")
    assert search("qetzalcoatl")["items"] == []


def test_only_a_search_that_finds_nobody_sends_one_statement_more(staff, people):
    people("Sari Yulianto")
    sent = {}
    for text in ("sari", "yulinato", "zzzxq", "0899"):
        with CaptureQueriesContext(connection) as queries:
            staff.get(CUSTOMERS, {"search": text})
        sent[text] = sum("customers_" in query["sql"] for query in queries)
    # The ids and the profiles; the nearest names only for a text with letters, and profiles only if somebody is found.
    assert sent == {"sari": 2, "yulinato": 3, "zzzxq": 2, "0899": 1}


def test_the_admin_says_that_the_names_are_only_similar(back_office, people):
    people("Sari Yulianto", "Yulianti Dewi")
    browser = back_office("staff")
    sentence = "Nobody by that name. Similar:"
    for query, expected in (
        ("?q=yuliantoo", ["Sari Yulianto", "Yulianti Dewi"]),
        ("?q=yuliantoo&registered=no", ["Sari Yulianto", "Yulianti Dewi"]),
        ("?q=yuliantoo&registered=yes", []),
        ("?q=yulianto", ["Sari Yulianto"]),
        ("?q=zzzxq", []),
        ("?q=", ["Yulianti Dewi", "Sari Yulianto"]),
    ):
        assert names(browser, query) == expected, query
        said = sentence in browser.get(PAGE + query).content.decode()
        assert said == (query.startswith("?q=yuliantoo") and bool(expected)), query


def test_an_action_asks_about_a_customer_with_a_similar_name(back_office, people, in_scope):
    people("Sari Yulianto")
    customer = Customer.objects.get()
    browser = back_office("tenant_admin")
    data = {"action": "tag", "_selected_action": customer.pk}
    asked = browser.post(f"{PAGE}?q=yulinato", data)
    assert "1 customer" in asked.content.decode()
