"""One person has one e-mail address, however it is written: by the API, the admin's form, an import and a command."""

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from customers.models import Customer
from customers.tests.bodies import CUSTOMERS, faults
from customers.tests.pages import ADD, JANE, errors
from customers.tests.transfer import as_csv, imported
from tenants.tests.factories import PASSWORD, UserFactory
from tenants.tests.test_identity import invisible_characters

ADDRESSES = st.sampled_from(["jane@example.com", "jane.doe+spa@müller.example", "j@xn--mller-kva.example"])
# Some of each kind more often than by chance: 4,000 are variation selectors and tags.
CHARACTERS = st.sampled_from("\u034f\ufe0f\u115f\u3164\u180b\u2800\u00a0\u2003\u200b\uffa0\x1f") | st.deferred(
    lambda: st.sampled_from(invisible_characters())
)
places = st.integers(0, 30)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(address=ADDRESSES, character=CHARACTERS, place=places)
@example(address="jane@example.com", character="\u034f", place=8)
@example(address="jane@example.com", character="\u2800", place=16)
@example(address="jane@müller.example", character="\ufe0f", place=6)
def test_no_character_that_shows_nothing_makes_a_second_customer(staff, in_scope, address, character, place):
    Customer.objects.filter(email=address).exists() or staff.post(CUSTOMERS, {"first_name": "Jane", "email": address})
    before = Customer.objects.count()
    spelling = address[:place] + character + address[place:]
    answer = staff.post(CUSTOMERS, {"first_name": "Jane", "email": spelling})
    # Trimmed, it is the same address.
    is_trimmed = spelling.strip() == address
    assert (answer.status_code, Customer.objects.count()) == (409 if is_trimmed else 400, before)


@pytest.mark.slow("sends a form for each character and place")
def test_nor_does_one_by_the_form_or_an_import(back_office, in_scope, tmp_path):
    patterns = ["ja{}ne@example.com", "jane@ex{}ample.com", "jane@example.com{}"]
    characters = "\u034f\ufe0f\u115f\u3164\u180b\u2800\uffa0\u00ad\u2060\U000e0100"
    spellings = [pattern.format(character) for pattern in patterns for character in characters]
    browser = back_office("staff")
    for spelling in spellings:
        assert set(errors(browser.post(ADD, JANE | {"email": spelling}))) == {"email"}, ascii(spelling)
    (tmp_path / "jane.csv").write_bytes(as_csv([["first_name", "email"], *(["Jane", one] for one in spellings)]))
    reason = "The e-mail address holds invisible characters."
    refused_rows = imported(tmp_path / "jane.csv").refused_rows
    assert refused_rows == [(line, "email", reason) for line, _ in enumerate(spellings, 2)]
    assert not Customer.objects.exists()


def test_a_domain_in_its_ascii_form_is_the_same_domain(staff, back_office, in_scope, tmp_path):
    first = staff.post(CUSTOMERS, {"first_name": "Jane", "email": "Jane@Müller.example"})
    assert (first.status_code, first.json()["email"]) == (201, "Jane@Müller.example")
    conflicts = [{"field": "email", "customer_id": first.json()["id"], "is_deleted": False}]
    for spelling in ("jane@xn--mller-kva.example", "jane@MU\u0308LLER。example"):
        for checks in ("true", "false"):
            answer = staff.post(f"{CUSTOMERS}?check_duplicates={checks}", {"first_name": "Jo", "email": spelling})
            assert (answer.status_code, answer.json()["conflicts"]) == (409, conflicts)
        assert set(errors(back_office("staff").post(ADD, JANE | {"email": spelling}))) == {"email"}
        (tmp_path / "jo.csv").write_bytes(as_csv([["first_name", "email"], ["Jo", spelling]]))
        assert [column for _, column, _ in imported(tmp_path / "jo.csv").refused_rows] != []
    assert Customer.objects.count() == 1


def test_sharp_s_and_two_s_are_two_domains(staff, in_scope):
    for domain in ("straße.example", "strasse.example"):
        assert staff.post(CUSTOMERS, {"first_name": "Jane", "email": f"jane@{domain}"}).status_code == 201
    assert staff.post(CUSTOMERS, {"first_name": "Jane", "email": "jane@STRAẞE.example"}).status_code == 409
    assert set(Customer.objects.values_list("email_key", flat=True)) == {
        "jane@xn--strae-oqa.example",
        "jane@strasse.example",
    }


def test_a_search_finds_a_domain_as_it_was_written(staff, in_scope):
    created = staff.post(CUSTOMERS, {"first_name": "Jane", "email": "jane@müller.example"}).json()
    for text in ("müller.example", "jane@müller.example", "muller"):
        assert [row["id"] for row in staff.get(CUSTOMERS, {"search": text}).json()["items"]] == [created["id"]]


def test_an_account_is_found_by_either_form_of_its_domain(tenant, anonymous):
    UserFactory(tenant=tenant, role="staff", email="chef@müller.example")
    for spelling in ("chef@müller.example", "Chef@xn--mller-kva.example", "CHEF@MÜLLER。EXAMPLE"):
        answer = anonymous.post("/api/v1/auth/login", {"email": spelling, "password": PASSWORD})
        assert answer.status_code == 200


@pytest.mark.parametrize(
    "name", ["\u2800", "\u3164", "\uffa0\u115f", "\U0001d159", "\u034f", "\ufe0f", "\ue000", "\u0301"]
)
def test_a_name_that_shows_nothing_is_no_name(staff, back_office, in_scope, name):
    assert faults(staff.post(CUSTOMERS, {"first_name": name, "phone": "+628123456789"})) == {"first_name"}
    assert set(errors(back_office("staff").post(ADD, JANE | {"first_name": name}))) == {"first_name"}


@pytest.mark.parametrize("name", ["J\u200dane", "٣", "!", "👩\u200d🔧", "क्\u200dष"])
def test_a_name_that_shows_something_stays(staff, in_scope, name):
    assert staff.post(CUSTOMERS, {"first_name": name, "phone": "+628123456789"}).json()["first_name"] == name


def test_a_filler_that_nobody_sees_is_taken_out_of_a_name(staff, in_scope):
    body = {"first_name": "김\u3164", "phone": "+628123456789"}
    assert staff.post(CUSTOMERS, body).json()["first_name"] == "김"
