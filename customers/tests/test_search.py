"""GET /api/v1/customers?search=: how reception finds a person."""

import itertools
import re
import unicodedata
from collections import Counter
from urllib.parse import quote

import phonenumbers
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from circe.tests.cases import in_one_test
from customers.models import Customer
from customers.tests.bodies import CUSTOMERS, faults
from customers.tests.factories import CustomerFactory


@pytest.fixture
def found(staff):
    """`found("jane doe")`: first names of those found; `raw=True` for a text that is encoded already."""

    def search(text, client=staff, raw=False):
        response = client.get(f"{CUSTOMERS}?size=100&search={text if raw else quote(text)}")
        assert response.status_code == 200, (text, response.content)
        body = response.json()
        # Whoever has a similar name was not found.
        return [] if body["approximate"] else sorted(item["first_name"] for item in body["items"])

    return search


@pytest.fixture
def person(tenant):
    """`person("Jane", "Doe")`: a customer who is found by nothing else unless said."""

    others = (f"+9990000{n:03}" for n in itertools.count())

    def make(first_name, last_name=None, email=None, phone=None):
        phone = phone or (None if email else next(others))
        return CustomerFactory(tenant=tenant, first_name=first_name, last_name=last_name, email=email, phone=phone)

    return make


def test_full_text_search_across_name_email_and_phone(found, person):
    person("Jane", "Doe")
    person("Budi", "Santoso", email="boss@lotus.test")
    person("Citra", "Dewi", phone="+6281234567890")
    for text, name in {
        "Jane": "Jane",
        "Doe": "Jane",
        "boss@lotus.test": "Budi",
        "lotus": "Budi",
        "+6281234567890": "Citra",
        "dewi citra": "Citra",
        "santoso boss": "Budi",
    }.items():
        assert found(text) == [name], text
    assert found("Jane Dewi") == found("nobody") == []
    assert found("") == found("  ") == ["Budi", "Citra", "Jane"]


def test_every_word_must_occur_in_any_order_and_part_of_a_word_is_enough(found, person):
    person("Anna Maria", "van der Berg", email="amb@example.com")
    for text in ("berg anna", "maria  der", "\tnna\nari", "ann erg example", "anna anna anna", "BERG van MARIA"):
        assert found(text) == ["Anna Maria"], text
    assert found("anna peter") == found("annaberg") == []


def test_a_word_of_one_or_two_letters_is_the_beginning_of_a_word(found, person):
    person("Anne-Marie", "O'Brien", email="x.yz@qr-st.io")
    person("Nan")
    for text in ("a", "an", "ma", "o", "o'", "br", "b", "x", "yz", "qr", "st", "io", "m b", "a m o b"):
        assert found(text) == ["Anne-Marie"], text
    assert found("nn") == found("ri") == found("ie") == []
    assert found("@q") == found("o'b") == ["Anne-Marie"]
    assert found("n") == ["Nan"]
    assert found("nne") == ["Anne-Marie"]


@in_one_test(
    "last_name",
    [
        "Foo-Bo",
        "Foo‐Bo",
        "Foo‑Bo",
        "Foo–Bo",
        "O'Bo",
        "O’Bo",
        "OʻBo",
        "J.Bo",
        "Foo/Bo",
        "Foo (Bo)",
        "Foo,Bo",
        "Foo Bo",
        "Foo・Bo",
    ],
)
def test_words_begin_after_punctuation_however_it_is_written(found, person, last_name):
    person("Zed", last_name)
    person("Obo")
    assert found("bo") == found("b z") == ["Zed"]


@in_one_test(
    ("stored", "typed"),
    [
        ("José", "jose"),
        ("Jose", "JOSÉ"),
        ("Jose\u0301", "José"),
        ("José", "jose\u0301"),
        ("Łukasz", "lukasz"),
        ("Lukasz", "łukasz"),
        ("Bjørn", "BJORN"),
        ("Strauß", "strauss"),
        ("Strauss", "strauß"),
        ("STRAUẞ", "strauß"),
        ("Æsa", "aesa"),
        ("Đặng", "dang"),
        ("İbrahim", "ibrahim"),
        ("Ibrahim", "İBRAHİM"),
        ("Işık", "isik"),
        ("Ｊａｎｅ", "jane"),
        ("ﬁona", "fiona"),
        ("Kelvin\u212a", "kelvink"),
        ("O’Neill", "o'neill"),
        ("O'Neill", "o’neill"),
        ("Мария", "МАРИЯ"),
        ("Алёна", "алена"),
        ("Οδυσσεύς", "ΟΔΥΣΣΕΥΣ"),
        ("ΟΔΥΣΣΕΥΣ", "οδυσσεύς"),
        ("李小龍", "李小龍"),
        ("李小龍", "李"),
        ("さくら", "さくら"),
        ("ｻｸﾗ", "サクラ"),
        ("محمد", "محمد"),
        ("Jane 🌸", "🌸"),
        ("👩‍👩‍👧 Family", "👩‍👩‍👧"),
        ("Z\u0351algo", "zalgo"),
    ],
)
def test_case_and_accents_do_not_matter(found, person, stored, typed):
    person(stored)
    person("Nobody")
    assert len(found(typed)) == 1


def test_wildcards_are_literal(found, person):
    person("50%")
    person("a_b")
    person("c\\d")
    person("Plain")
    assert found("%") == [] == found("_") == found("\\")  # no word begins with one
    assert found("50%") == found("50％") == ["50%"]
    assert found("0%") == found("%%%") == found("___") == found("P%n") == found("Pl_in") == found("Pla\\in") == []
    assert found("a_b") == ["a_b"]
    assert found("c\\d") == ["c\\d"]
    assert found("%' OR true --") == []


@pytest.mark.slow("searches by dozens of spellings")
@in_one_test(
    "typed",
    [
        "0812 3456",
        "08123456",
        "+62 812",
        "+62812",
        "62812",
        "62 812-3456",
        "(0812) 345-6",
        "0812.3456.7890",
        "+62 (0)812 3456",
        "+62 (0) 812 3456",
        "0062 812 3456",
        "00 62 812",
        "812 3456 7890",
        "3456",
        "345-67",
        "7890",
        "56 78",
        "０８１２ ３４５６",
        "0812/3456",
        "0812–3456",
        "0812\u00a03456\u20117890",
        "Citra 0812 3456",
        "0812 3456 citra",
        "0812 citra 7890",
        "Citra,0812 3456 7890",
        "0812 3456/citra",
        "Citra:+62 812 3456",
        "Citra;(0812) 3456",
        "0",
        "08",
        "081",
        "+",
        "+6",
        "00",
        "006",
        "(0",
    ],
)
def test_a_phone_is_found_however_either_side_is_written(staff, found, person, typed):
    staff.post(CUSTOMERS, {"first_name": "Citra", "phone": "0812-3456-7890"})
    person("Mail only", email="nobody@example.com")
    person("Elsewhere", phone="+4791919191") if typed not in ("+", "00") else None
    assert found(typed) == ["Citra"]


@pytest.mark.parametrize("typed", ["+62 812", "+62812", "+62 812 3456"])
def test_an_unencoded_plus_arrives_as_a_space_and_still_works(found, person, typed):
    person("Citra", phone="+6281234567890")
    assert found(typed.replace(" ", "%20"), raw=True) == found(typed.replace(" ", "+"), raw=True) == ["Citra"]


@in_one_test(
    "typed", ["0812 3457", "+61 812", "0062 813", "0062 123", "(022) 812", "9999999999999999", "()", "-", "..."]
)
def test_another_phone_is_not_found(found, person, typed):
    person("Citra", phone="+6281234567890")
    assert found(typed) == []


BEGINNINGS = [
    # Numbers with a trunk prefix after the country code. It belongs before a national number.
    ("ID", "0812-3456-7890", ["+62 0812", "+62 (0)812", "0062 0812", "62 0812", "620812", "62 (0)812"]),
    ("DE", "+49 151 12345678", ["+49 0151", "0049 (0)151", "49 0151 1"]),
    ("RU", "8 912 345 67 89", ["+7 8 912", "8 912", "8 (912) 3", "7 8 912"]),
    ("US", "202-555-0143", ["+1 1 202", "1 202", "+1 (202) 5"]),
    ("NO", "+62 812 3456 7890", ["+62 0812", "0062 0812"]),
    # These have the region's prefix for calls abroad.
    ("AU", "+62 812 3456 7890", ["0011 62 8", "0011 62 0812", "0011 6"]),
    ("SG", "+62 812 3456 7890", ["001 62 8", "008 62 0812"]),
    ("ID", "+65 9123 4567", ["008 65 9", "00 65 9"]),
    ("HK", "+86 138 1234 5678", ["001 86 1", "0086 138"]),
    ("US", "+62 812 3456 7890", ["011 62 8"]),
    ("JP", "+62 812 3456 7890", ["010 62 812"]),
    ("RU", "+62 812 3456 7890", ["8~10 62 812", "810 62"]),
]


@pytest.mark.slow("searches by dozens of prefixes")
@in_one_test(("region", "stored", "typed"), [(*case[:2], typed) for case in BEGINNINGS for typed in case[2]])
def test_the_beginning_of_a_phone_is_found_with_every_prefix(staff, tenant, found, person, region, stored, typed):
    tenant.phone_region = region
    tenant.save()
    assert staff.post(CUSTOMERS, {"first_name": "Citra", "phone": stored}).status_code == 201
    person("Elsewhere")
    assert found(typed) == ["Citra"]


@in_one_test(("region", "typed"), [("AU", "0011"), ("ID", "008"), ("NO", "+47 0"), ("IT", "+39 0")])
def test_a_prefix_alone_finds_nobody(tenant, found, person, region, typed):
    tenant.phone_region = region
    tenant.save()
    for phone in ("+12025550143", "+61412345678", "+4791234567", "+393391234567"):
        person("Citra", phone=phone)
    assert found(typed) == []


@pytest.mark.parametrize("typed", ["22 33 44 55", "22334455", "+47 22 33", "00 47 22 33 44 55", "4722", "33 44"])
def test_norwegian_numbers_have_no_trunk_prefix(as_role, other_tenant, found, typed):
    staff = as_role("staff", tenant=other_tenant)
    staff.post(CUSTOMERS, {"first_name": "Kari", "phone": "22 33 44 55"})
    CustomerFactory(tenant=other_tenant, first_name="Mail only", phone=None)
    assert found(typed, client=staff) == ["Kari"]
    assert found("022 33", client=staff) == []


def test_a_zero_before_a_whole_number_without_trunk_prefix_is_no_part_of_it(as_role, other_tenant, found):
    staff = as_role("staff", tenant=other_tenant)
    staff.post(CUSTOMERS, {"first_name": "Kari", "phone": "22 33 44 55"})
    assert found("022 33 44 55", client=staff) == found("+47 022 33 44 55", client=staff) == ["Kari"]


def test_a_super_admin_finds_phones_of_every_country(super_admin, found, tenant, other_tenant):
    CustomerFactory(tenant=tenant, first_name="Citra", phone="+6281234567890")
    CustomerFactory(tenant=other_tenant, first_name="Kari", phone="+4722334455")
    CustomerFactory(tenant=other_tenant, first_name="Mail only", phone=None, email="x@example.com")
    for typed in ("0812 3456", "+62 812", "62812", "0062 812"):
        assert found(typed, client=super_admin) == ["Citra"], typed
    assert found("22 33 44 55", client=super_admin) == ["Kari"]
    assert found("+", client=super_admin) == found("00", client=super_admin) == ["Citra", "Kari"]
    assert found("0", client=super_admin) == found("08", client=super_admin) == []  # of which country?


def test_digits_may_belong_to_a_name_too(found, person):
    person("Table 12")
    person("Citra", phone="+6281234567890")
    assert found("table 12") == found("12 table") == ["Table 12"]
    assert found("12") == ["Table 12"]
    assert found("123") == ["Citra"]


def test_search_takes_100_characters(staff, found, person):
    person("x" * 100)
    assert found("x" * 100) == ["x" * 100]
    assert found(" " * 50 + "x" * 100 + " " * 50) == ["x" * 100]
    assert faults(staff.get(f"{CUSTOMERS}?search={'x' * 101}")) == {"search"}
    assert len(found("🌸" * 100)) == 0


@in_one_test(
    "encoded",
    ["%e2%80%8b", "%01", "%7f", "%ef%bf%bf", "%f4%8f%bf%bf", "%5b%5d", "%27%22"],
)
def test_odd_characters_find_nobody(found, person, encoded):
    person("Jane")
    assert found(encoded, raw=True) == []
    assert found(f"jane%20x{encoded}", raw=True) == []


@pytest.mark.parametrize("encoded", ["%ff", "%ed%a0%80", "%c0%af"])
def test_bytes_that_are_not_utf_8_are_a_400(staff, encoded):
    for text in (encoded, f"jane%20x{encoded}"):
        assert staff.get(f"{CUSTOMERS}?search={text}").status_code == 400


def test_a_nul_is_refused(staff):
    assert faults(staff.get(f"{CUSTOMERS}?search=ja%00ne")) == {"search"}


def test_a_change_is_found_at_once_and_a_deleted_customer_is_not(admin, found, person):
    customer = person("Jane")
    admin.put(f"{CUSTOMERS}/{customer.pk}", {"first_name": "Renée"})
    assert (found("jane"), found("renee")) == ([], ["Renée"])
    admin.delete(f"{CUSTOMERS}/{customer.pk}")
    assert found("renee") == []


def test_another_tenants_customers_are_not_found(found, other_tenant, person):
    CustomerFactory(tenant=other_tenant, first_name="Kari", email="secret@example.com")
    for text in ("kari", "secret", "kari ' or 1=1", "k"):
        assert found(text) == []


@pytest.mark.parametrize(
    "text",
    [
        " ".join("abcdefghijklmnopqrstuvwxyz0123456789%_-+.()&/!?=*#"),
        " ".join(f"{n}a" for n in range(25)),
        " ".join(f"a {n}" for n in range(22)),
        "- " * 50,
        "%" * 100,
        "0 " * 50,
    ],
)
def test_many_words_are_few_conditions(found, text):
    """Each word is looked for once, in at most five ways, and compared once with the names; how long one takes is the
    plan's, see test_search_plan.
    """
    with CaptureQueriesContext(connection) as asked:
        found(text)
    words = text.split()
    consecutive = len(list(itertools.groupby(words)))
    for query in asked:
        assert query["sql"].count("LIKE") <= 6 * consecutive


# --- against a naive matcher -----------------------------------------------------------------------------------------

SPECIAL = str.maketrans({"ß": "ss", "ł": "l", "ø": "o", "ς": "σ"})
names = st.text("aAbBéÉłŁøßnN %_\\-'.1", min_size=1, max_size=8).filter(str.strip)
digits = st.text("0123456789", min_size=7, max_size=9)
people = st.lists(st.tuples(names, st.none() | names, st.sampled_from(["+62", "+47"]), digits), min_size=1, max_size=6)
texts = st.lists(
    st.text("aAbéŁoOsSnN%_\\-'.", min_size=1, max_size=4) | st.text("0126 ()-+", min_size=1, max_size=6), max_size=3
).map(" ".join)


def folded_words(text):
    plain = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(one for one in plain if not unicodedata.combining(one)).translate(SPECIAL)
    return "".join(one if one.isalnum() else " " for one in plain).split()


def groups_of(text):
    """The words between spaces and wildcards that hold letters or digits, those of a phone number together."""
    words = [word for word in re.split(r"[\s%_\\]+", text) if folded_words(word)]
    return itertools.groupby(words, key=lambda word: re.fullmatch(r"[0-9()+.'-]+", word) is not None)


def must_match(fields, phone, text):
    """The contract's sentences, the slow way."""

    def occurs(word):
        stored = [one for field in (*fields, phone) for one in folded_words(field)]
        return any(word in one if len(word) > 2 else one.startswith(word) for one in stored)

    def rings(words):
        typed = re.sub(r"[().-]", "", "".join(words))
        typed = "+" + typed[2:] if typed.startswith("00") else typed
        starts = [0, 1] if len(typed) < 3 else range(len(phone))
        found = bool(re.fullmatch(r"[+]?[0-9]+", typed)) and any(phone[at:].startswith(typed) for at in starts)
        return found or (typed.startswith("0") and phone.startswith("+62" + typed[1:]))

    return all(
        all(occurs(part) for word in words for part in folded_words(word)) or (phone_like and rings(words))
        for phone_like, words in ((like, list(group)) for like, group in groups_of(text))
    )


def may_match(fields, text):
    """The letters of a word that is no phone number occur one after the other, with nothing between but punctuation."""
    stored = ["".join(folded_words(field)) for field in fields]
    words = [
        part for phone_like, group in groups_of(text) if not phone_like for word in group for part in folded_words(word)
    ]
    return all(any(word in one for one in stored) for word in words)


@pytest.mark.slow("compares generated searches with a match in Python")
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(people=people, text=texts)
def test_search_finds_just_whom_a_naive_matcher_finds(found, in_scope, people, text):
    Customer.objects.all().delete()
    least, most, seen = [], [], set()
    for number, (first_name, last_name, country, rest) in enumerate(people):
        phone = country + rest
        if phone not in seen:
            seen.add(phone)
            CustomerFactory(
                tenant=in_scope, first_name=first_name, last_name=last_name, email=f"{number}@x.yz", phone=phone
            )
            fields = [first_name, last_name or "", f"{number}@x.yz"]
            least += [first_name.strip()] if must_match(fields, phone, text) else []
            most += [first_name.strip()] if may_match([*fields, "x.yz", phone], text) else []
    if any(groups_of(text)) or not text.strip():
        shown = Counter(found(text))
        assert Counter(least) <= shown <= Counter(most)
    else:
        assert found(text) == (sorted(most) if text.strip() == "+" else [])


@pytest.mark.slow("searches for every character that can be typed")
def test_no_word_of_one_character_finds_everybody(db):
    characters = [chr(code) for code in range(1, 0x110000) if not 0xD800 <= code < 0xE000]
    words = {word for character in characters for word in unicodedata.normalize("NFKC", character).split()}
    # A text in which none of them occurs but the last.
    sql = """
        SELECT word FROM unnest(%s::text[]) AS word
        WHERE ' \uf8ff' LIKE circe_word_beginning_pattern(word) OR ' \uf8ff' LIKE circe_word_pattern(word)
    """
    with connection.cursor() as cursor:
        cursor.execute(sql, [[*words]])
        assert cursor.fetchall() == [("\uf8ff",)]


# These blocks hold Latin-1 signs, modifier letters, combining marks and Greek accents. More would take many seconds.
BLOCKS = [range(0xA1, 0xC0), range(0x2B0, 0x370), range(0x1FBD, 0x1FFF), range(0x20D0, 0x20F1)]


@pytest.mark.slow("searches for many characters")
@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: f"U+{block.start:04X}")
def test_a_character_finds_those_only_in_whom_it_occurs(found, person, block):
    person("Wv", email="wv@wv.wv")
    for text in map(chr, block):
        letters = "".join(one for one in unicodedata.normalize("NFKD", text).casefold() if one.isalnum())
        expected = ["Wv"] if letters and set(letters) <= set("wv") else []
        assert found(text) == expected, ascii(text)


@pytest.mark.slow("searches each list of customers by ten texts")
@in_one_test("text", ["´", "¨", "\u0301", "\u0301\u0308\u0301", "\u20dd", "`", "^", "~", "。", "-"])
def test_a_search_of_which_folding_leaves_nothing_finds_nobody(found, person, back_office, text):
    person("Jane")
    person("Jo")
    assert found(text) == []
    assert back_office("staff").get("/admin/customers/customer/", {"q": text}).context["cl"].result_count == 0


@in_one_test(
    "typed",
    [
        *("\u202a0812 3456 7801\u202c", "0812\u00ad3456\u00ad7801", "۰۸۱۲ ۳۴۵۶", "०८१२३४५६७८०१", "+٦٢٨١٢٣٤٥٦٧٨٠١"),
        *("81234567801,00", "8.1234567801E10", "tel:+6281234567801", "０８１２ー３４５６ー７８０１", "+0812 3456 7801"),
    ],
)
def test_a_phone_is_found_with_pasted_marks_and_digits_of_other_scripts(staff, typed):
    customer_id = staff.post(CUSTOMERS, {"first_name": "Sri", "phone": "0812 3456 7801"}).json()["id"]
    assert [one["id"] for one in staff.get(CUSTOMERS, {"search": typed}).json()["items"]] == [customer_id]


@pytest.mark.slow("creates and finds customers of every region with phone numbers")
def test_what_creates_a_customer_by_phone_finds_that_customer(staff, tenant):
    """The landline and mobile examples of every region, in the national and the international format."""
    kinds = (phonenumbers.PhoneNumberType.FIXED_LINE, phonenumbers.PhoneNumberType.MOBILE)
    formats = (phonenumbers.PhoneNumberFormat.NATIONAL, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
    not_found = []
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        tenant.phone_region = region
        tenant.save()
        for kind in kinds:
            number = phonenumbers.example_number_for_type(region, kind)
            if number is None or len(str(number.national_number)) < 6:
                continue
            national, international = (phonenumbers.format_number(number, style) for style in formats)
            created = staff.post(CUSTOMERS, {"first_name": "Jane", "phone": national}).json()
            # Two regions may share a number.
            customer_id = created["conflicts"][0]["customer_id"] if "conflicts" in created else created["id"]
            for typed in (national, international):
                found = staff.get(CUSTOMERS, {"search": typed, "size": 100}).json()["items"]
                if customer_id not in {customer["id"] for customer in found}:
                    not_found.append((region, national, typed))
    assert not_found == []
