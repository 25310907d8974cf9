"""Tags: in every script, in one form, counted, and added and removed one by one."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from circe.tests.cases import in_one_test
from conftest import client_of
from customers.models import Customer
from customers.tags import clean_tag
from customers.tests.bodies import CUSTOMERS, faults
from customers.tests.factories import CustomerFactory, DeletedCustomerFactory
from customers.tests.pages import PAGE
from customers.tests.test_races import at_once
from tenants.scope import tenant_scope

TAGS = f"{CUSTOMERS}/tags"

# Each is stored as it was written.
SCRIPTS = (
    *("ลูกค้าประจำ", "नियमित", "น้ำ", "постоянный", "πελάτης", "زبون_دائم", "לקוח-קבוע", "常連", "단골", "ㄱ", "முதல்"),
    *("ပုံမှန်", "ខ្ញុំ", "hội-viên", "gäste", "ลูกค้า2", "২০২৪", "könig", "ñandú"),
)
# By the form that is stored: other ways to write the tag.
SPELLINGS = {
    "vip": ["VIP", " Vip ", "ＶＩＰ", "v\u00adip", "vi\u200bp", "\u200evip\u200f", "𝐯𝐢𝐩", "\ufeffvip"],
    "gäste": ["GÄSTE", "ga\u0308ste"],
    "strasse": ["Straße", "STRASSE"],
    "πελάτης": ["ΠΕΛΆΤΗΣ", "πελάτησ"],
    "indirim": ["İndirim", "INDIRIM"],
    "ลูกค้าประจำ": [unicodedata.normalize("NFKC", "ลูกค้าประจำ")],
    "ガーデン": ["ｶﾞｰﾃﾞﾝ"],
    "walk-in": ["walk\u2010in", "walk\u2011in", "ＷＡＬＫ－ＩＮ"],
    "مشتریثابت": ["مشتری\u200cثابت"],
}


@pytest.fixture
def jane(tenant):
    return CustomerFactory(tenant=tenant, tags=["vip"])


@pytest.fixture
def url(jane):
    return f"{CUSTOMERS}/{jane.pk}"


def tags_of(customer):
    with tenant_scope(customer.tenant):
        return Customer.objects.get(pk=customer.pk).tags


def test_a_tag_of_any_script_is_stored_as_it_was_written_and_found(admin, url):
    assert admin.patch(url, {"tags": SCRIPTS}).json()["tags"] == list(SCRIPTS)
    for tag in SCRIPTS:
        assert admin.get(CUSTOMERS, {"tags": tag}).json()["total"] == 1, tag


@pytest.mark.slow("is a table of eight tags, each written and found in several ways")
@pytest.mark.parametrize("stored", SPELLINGS)
def test_all_ways_to_write_a_tag_are_one(admin, url, back_office, jane, stored):
    browser = back_office("tenant_admin")
    for written in SPELLINGS[stored]:
        assert admin.patch(url, {"tags": [written, stored]}).json()["tags"] == [stored], written
        assert admin.get(CUSTOMERS, {"tags": written}).json()["total"] == 1, written
        assert browser.get(PAGE, {"tag": written}).context["cl"].result_count == 1, written
        assert admin.patch(url, {"tags_remove": [written]}).json()["tags"] == []
        assert admin.patch(url, {"tags_add": [written]}).json()["tags"] == [stored]


@given(st.text(st.characters(codec="ascii"), max_size=8))
@example("VIP ")
def test_an_invisible_character_changes_no_ascii_tag(text):
    # Only the text without it takes the short way.
    assert clean_tag(text) == clean_tag(f"\u00ad{text}")


@given(st.text(max_size=8))
def test_the_form_of_a_tag_is_stable_and_the_same_for_equivalent_texts(text):
    tag = clean_tag(text)
    assert clean_tag(tag) == tag
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert clean_tag(unicodedata.normalize(form, text)) == tag


@in_one_test("tag", ["", " ", "a b", "a,b", "-a", "_a", "\u0e48a", "\u200b", "a/b", "🎁", "x" * 51, "ﬃ" * 17])
def test_what_is_no_tag_is_refused(admin, url, jane, tag):
    for name in ("tags", "tags_add", "tags_remove"):
        assert {field.partition(".")[0] for field in faults(admin.patch(url, {name: [tag]}))} == {name}
    assert tags_of(jane) == ["staff-created", "walk-in", "vip"]


# --- tags_add and tags_remove ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["put", "patch"])
def test_single_tags_are_added_and_removed(admin, url, method):
    change = getattr(admin, method)
    once = change(url, {"tags_add": ["New", "vip"], "tags_remove": ["walk-in", "absent"]}).json()
    assert once["tags"] == ["staff-created", "vip", "new"]
    assert "tags_add" not in once
    assert (
        change(url, {"tags_add": ["New", "vip"], "tags_remove": ["walk-in", "absent"]}).json()["tags"] == once["tags"]
    )
    assert change(url, {"tags_add": [], "tags_remove": None, "last_name": "Roe"}).json()["tags"] == once["tags"]


@in_one_test(
    ("body", "field"),
    [
        ({"tags": ["a"], "tags_add": ["b"]}, "tags_add"),
        ({"tags": [], "tags_remove": ["b"]}, "tags_remove"),
        ({"tags": None, "tags_add": []}, "tags_add"),
        ({"tags_add": ["Ａ"], "tags_remove": ["a"]}, "tags_remove"),
        ({"tags_add": "a"}, "tags_add"),
        ({"tags_add": [7]}, "tags_add.0"),
        ({"tags_add": [f"t{n}" for n in range(48)]}, "tags"),
        ({"tags_remove": [f"t{n}" for n in range(51)]}, "tags_remove"),
    ],
)
def test_contradictions_and_too_many_tags_change_nothing(admin, url, jane, body, field):
    assert faults(admin.put(url, body | {"last_name": "Roe"})) == {field}
    assert tags_of(jane) == ["staff-created", "walk-in", "vip"]


def test_the_limit_of_tags_holds_after_the_change(admin, url):
    full = admin.put(url, {"tags_add": [f"t{n}" for n in range(47)]})
    assert (full.status_code, len(full.json()["tags"])) == (200, 50)
    assert faults(admin.put(url, {"tags_add": ["more"]})) == {"tags"}
    assert admin.put(url, {"tags_add": ["more"], "tags_remove": ["t0"]}).status_code == 200


def test_if_match_holds_for_single_tags(admin, url):
    etag = admin.get(url).headers["ETag"]
    assert admin.patch(url, {"tags_add": ["a"]}, headers={"If-Match": etag}).status_code == 200
    assert admin.patch(url, {"tags_add": ["b"]}, headers={"If-Match": etag}).status_code == 412
    assert admin.get(url).json()["tags"] == ["staff-created", "walk-in", "vip", "a"]


@pytest.mark.slow("lets many requests race, each in a thread and a connection")
@pytest.mark.django_db(transaction=True)
def test_of_people_who_tag_one_customer_at_the_same_moment_nobody_loses_a_tag(as_role, tenant):
    jane = CustomerFactory(tenant=tenant, tags=[f"old{n}" for n in range(8)])
    url, clients = f"{CUSTOMERS}/{jane.pk}", [client_of(as_role("outlet_manager").user) for _ in range(8)]
    answers = at_once(
        *((one, "patch", url, {"tags_add": [f"new{n}"], "tags_remove": [f"old{n}"]}) for n, one in enumerate(clients))
    )
    assert [answer.status_code for answer in answers] == [200] * 8
    assert sorted(tags_of(jane)) == sorted(["staff-created", "walk-in", *(f"new{n}" for n in range(8))])


# --- GET /customers/tags --------------------------------------------------------------------------------------------


def test_tags_are_listed_with_their_customers_by_number_then_by_name(staff, tenant, other_tenant):
    for tags in (["vip", "regular"], ["regular"], ["ลูกค้าประจำ", "vip"], ["regular"]):
        CustomerFactory(tenant=tenant, tags=tags)
    CustomerFactory(tenant=other_tenant, tags=["foreign", "vip"])
    DeletedCustomerFactory(tenant=tenant, tags=["gone", "vip"])
    answer = staff.get(TAGS)
    assert answer.status_code == 200
    assert answer.json() == {
        "items": [
            {"tag": "staff-created", "customers": 4},
            {"tag": "walk-in", "customers": 4},
            {"tag": "regular", "customers": 3},
            {"tag": "vip", "customers": 2},
            {"tag": "ลูกค้าประจำ", "customers": 1},
        ]
    }


def test_a_business_without_customers_has_no_tags(staff):
    assert staff.get(TAGS).json() == {"items": []}


def test_a_super_admin_lists_the_tags_of_all_businesses_or_of_one(super_admin, tenant, other_tenant):
    for business in (tenant, other_tenant, other_tenant):
        CustomerFactory(tenant=business, tags=["vip"])
    counts = {
        query: {item["tag"]: item["customers"] for item in super_admin.get(TAGS + query).json()["items"]}["vip"]
        for query in ("", f"?tenant_id={tenant.pk}", f"?tenant_id={other_tenant.pk}")
    }
    assert list(counts.values()) == [3, 1, 2]


def test_the_address_of_the_tags_is_no_customer(admin):
    for method in ("put", "patch", "delete", "post"):
        assert getattr(admin, method)(TAGS, {}).status_code == 405
