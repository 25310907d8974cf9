"""Search in every script: punctuation, scripts without spaces, the forms of one letter, and characters that nobody sees."""

import io
import itertools
import unicodedata

import pytest
import regex
from django.core.management import call_command
from django.db import connection
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from circe.tests.cases import in_one_test
from customers.models import Customer
from customers.tests.bodies import CUSTOMERS
from customers.tests.factories import CustomerFactory


@pytest.fixture
def store(in_scope):
    """`store("Jane", "Doe")`: the id of a new customer, whose phone number no search finds. There is another customer."""
    phones = (f"+999000{number:04}" for number in itertools.count())

    def create(first_name, last_name=None, email=None):
        phone = None if email else next(phones)
        return CustomerFactory(tenant=in_scope, first_name=first_name, last_name=last_name, email=email, phone=phone).pk

    create("Zxq", "Qxz")
    return create


@pytest.fixture
def finds(staff, store):
    """`finds(["Jane", "Doe"], "jane")`: whether the search finds a customer with these names, and nobody else."""
    created = {}

    def search(stored, typed):
        key = tuple(stored)
        # A case that was undone took its customer with it.
        if not Customer.objects.filter(pk=created.get(key)).exists():
            Customer.objects.filter(pk__in=created.values()).delete()
            created.clear()
            created[key] = store(*stored)
        found = ids_found(staff, typed)
        assert found in ([], [created[key]]), typed
        return bool(found)

    return search


def ids_found(client, typed):
    response = client.get(CUSTOMERS, {"search": typed, "size": 100})
    assert response.status_code == 200, response.content
    body = response.json()
    # Whoever has a similar name was not found.
    return [] if body["approximate"] else [customer["id"] for customer in body["items"]]


# --- punctuation -----------------------------------------------------------------------------------------------------

JANE = ["Jane", "Doe", "jane@example.com"]


@pytest.mark.slow("searches by dozens of spellings")
@in_one_test(
    "typed",
    [
        *(
            "Doe, Jane",
            "Doe,Jane",
            "Jane.Doe",
            "Jane/Doe",
            "Jane – Doe",
            "Jane & Doe",
            "Jane + Doe",
            "Jane; Doe",
            "Jane|Doe",
        ),
        *('"Jane Doe"', "'Jane' 'Doe'", "“Jane Doe”", "„Jane Doe“", "«Jane Doe»", "‹Jane› Doe", "`Jane`", "´Jane´ Doe"),
        *(
            "「Jane」",
            "『Jane Doe』",
            "（Jane）",
            "【Jane】",
            "＜Jane＞",
            "＂Jane＂",
            "Jane、Doe",
            "Jane，Doe",
            "Jane・Doe",
            "Jane･Doe",
        ),
        *(
            "Jane · Doe",
            "Jane • Doe",
            "* Jane",
            "- Jane",
            "#Jane",
            "@jane",
            "Jane:",
            "Jane!",
            "¿Jane?",
            "…Jane…",
            "_Jane_",
            "$Jane",
        ),
        *(
            "Jane Doe <jane@example.com>",
            '"Doe, Jane" <jane@example.com>',
            "Jane Doe (jane@example.com)",
            "Doe<jane@example.com>",
            "mailto:jane@example.com",
            "Jane <MAILTO:jane@example.com>",
        ),
        *("<jane@example.com>", "(jane@example.com);", "[jane@example.com]", "jane@example.com,", "JANE＠EXAMPLE.COM"),
        *(
            "jane@exa",
            "@example.com",
            "example.com",
            "jane@",
            "ne@ex",
            "example",
            "e@example.c",
            "\u200ejane\u200e",
            "ja\u00adne",
        ),
        *(
            "★Jane★",
            "Jane🌸",
            "ja\u200bne",
            "jane\u2060",
            "׳Jane׳",
            "Jane।",
            "Jane؟",
            "،Jane",
            "Jane՞",
            "Jane፣",
            "༼Jane༽",
        ),
    ],
)
def test_punctuation_is_no_part_of_a_word(finds, typed):
    assert finds(JANE, typed), typed


@pytest.mark.slow("a table of spellings, each searched by each other")
@in_one_test(
    "spellings",
    [
        [
            "Anne-Marie",
            "Anne Marie",
            "AnneMarie",
            "annemarie",
            "ANNE–MARIE",
            "Anne‑Marie",
            "anne—marie",
            "Anne·Marie",
            "anne_marie",
        ],
        [
            "O'Brien",
            "OBrien",
            "obrien",
            "O Brien",
            "O’Brien",
            "O‘Brien",
            "OʼBrien",
            "Oʻbrien",
            "O´Brien",
            "O`Brien",
            "O＇Brien",
            "O′Brien",
        ],
        ["Mary-Jo", "Mary Jo", "MaryJo", "maryjo", "Mary.Jo"],
        ["D'Angelo", "DAngelo", "D Angelo", "D’ANGELO"],
        ["Al-Amin", "Al Amin", "Alamin", "al‐amin"],
        ["J.R.R.", "J. R. R.", "J R R"],
        ["ג'ורג'", "ג׳ורג׳", "גורג", "ג’ורג’"],
        ["علی‌رضا", "علی رضا", "علیرضا", "علی-رضا"],
        ["マリア・テレサ", "マリアテレサ", "マリア テレサ", "マリア･テレサ", "ﾏﾘｱ・ﾃﾚｻ"],
        ["Gal·la", "Galla", "Gal•la", "Gaŀla"],
    ],
)
def test_spellings_with_and_without_punctuation_find_each_other(staff, store, spellings):
    alone = {store(stored) for stored in spellings}
    with_more = {store("Xavier", stored) for stored in spellings} | {store(f"Xavier {stored}") for stored in spellings}
    for typed in spellings:
        assert set(ids_found(staff, typed)) == alone | with_more, typed
        assert set(ids_found(staff, f"{typed} xavier")) == with_more, typed


def test_initials_are_found_with_and_without_points(finds):
    for typed in ("J.R.R.", "JRR", "j.r.r"):
        assert finds(["JRR"], typed), typed


def test_an_address_is_found_by_its_parts_and_not_by_those_of_another(finds):
    address = ["Kim", None, "j.doe_x+salon@mail.example.com"]
    for typed in (
        "j.doe",
        "doe_x",
        "j.doe_x+salon@mail",
        "salon@mail.exa",
        "doe x",
        "@mail.example",
        "J.DOE_X",
        "mail.example.com",
    ):
        assert finds(address, typed), typed
    for typed in ("doe@mail", "x@mail", "jane@example.com", "salon@example", "kim@mail", "ail@mail"):
        assert not finds(address, typed), typed
    assert not finds(["Jane", "Roe", "roe@example.com"], "jane@example.com")


def test_a_text_of_punctuation_and_symbols_finds_nobody(finds):
    for typed in (
        "%",
        "_",
        "\\",
        "%%%",
        "___",
        "\\\\",
        "%_%",
        "*",
        "?",
        "'",
        '"',
        "''",
        "--",
        "…",
        "“”",
        "@",
        "<>",
        "« »",
        "・",
        "（）",
        "$ €",
    ):
        assert not finds(["A%b_c\\d", "Doe", "a_b@x.yz"], typed), typed
    # Folding removes all of these characters.
    for typed in (
        "\u0301",
        "\u0640",
        "\u064e",
        "\u05b8",
        "\u093c",
        "\u200c",
        "\u200d",
        "\ufe0f",
        "\u00ad",
        "\u3164",
        "\u0301\u0640",
    ):
        assert not finds(["Jane", "مـحمد"], typed), ascii(typed)


def test_a_wildcard_is_no_wildcard_and_joins_no_words(finds):
    assert finds(["50%"], "50%")
    assert finds(["a_b"], "a_b")
    assert finds(["c\\d"], "c\\d")
    for typed in ("J%e", "J_ne", "Ja%ne", "D%e", "Ja\\ne", "%ane%oe", "50%"):
        assert not finds(["Janet", "Dope"], typed), typed


# --- scripts without spaces ------------------------------------------------------------------------------------------


@pytest.mark.slow("a table of names, each searched by many parts")
@in_one_test(
    ("stored", "typed"),
    [
        (["太郎", "田中"], "田中太郎 太郎田中 田中 太郎 田 太 中 郎 中太 田中太 中太郎 田中・太郎 「田中」"),
        (["田中太郎"], "太郎 郎 田 中太 田中太郎 太郎、田中"),
        (["太郎 田中"], "田中 太郎田中 太"),
        (["민수", "김"], "김민수 민수김 김 민수 민 수 김민"),
        (["김민수"], "민수 김 김민 수 민수,김 김-민수"),
        (["Min-su 민수", "Kim 김"], "김민수 민수 kim 김 min minsu"),
        (["สมชาย", "ใจดี"], "สมชายใจดี ใจดี สม ชาย ดี ใ มชาย"),
        (["สมหญิง"], "หญิง สม หญ"),
        (["さくら"], "サクラ ｻｸﾗ さ くら クラ"),
        (["ガブリエル", "ﾊﾟｽｶﾙ"], "がぶりえる ｶﾞﾌﾞﾘｴﾙ パスカル ガブ エル ガブリエルパスカル"),
        (["小龍", "李"], "李小龍 小龍 龍 李"),
        (["မောင်", "အောင်"], "မောင် အောင် မောင်အောင် အော"),
        (["ສົມ", "ໃຈ"], "ສົມໃຈ ໃຈ"),
        (["សុខា", "ចាន់"], "ចាន់សុខា សុខា ខា"),
        (["髙橋", "山﨑"], "高橋 山崎 髙橋 橋"),
        (["美咲", "渡邉"], "渡辺 渡邊 渡邉 渡辺美咲 辺"),
        (["齋藤", "齊藤"], "斎藤 斉藤 齋藤 齊藤"),
        (["国沢", "滝広"], "國澤 国沢 廣 滝廣"),
        (["櫻子", "濱島"], "桜子 浜島 濱嶋 櫻"),
        (["葛\U000e0100城"], "葛城 葛 城"),
        (["佐々木"], "々木 佐々 佐々木"),
        (["伟", "张"], "張偉 张伟 張 偉 伟"),
        (["國強", "劉"], "刘国强 劉國強 国强 劉 强"),
        (["美玲", "陳"], "陈美玲 陳美玲 陈"),
        (["亞美", "廣瀨"], "広瀬亜美 亜美 廣瀬 広 广濑"),
        (["健児", "沢田"], "澤田健兒 澤田 兒 泽田"),
        (["やまた゛", "ハ゜ク"], "ヤマダ やまだ やまた゛ パク ﾊﾟｸ ダ"),
    ],
)
def test_scripts_without_spaces_are_found_by_any_characters(staff, store, stored, typed):
    customers = {store(*(unicodedata.normalize(form, name) for name in stored)) for form in ("NFC", "NFD")}
    for text in typed.split():
        for form in ("NFC", "NFD"):
            assert set(ids_found(staff, unicodedata.normalize(form, text))) == customers, text


def test_other_characters_of_such_a_script_are_not_found(finds):
    for stored, typed in (
        (["太郎", "田中"], "中田 郎太 田郎 太中 花"),
        (["민수", "김"], "수민 이민수 기 미"),
        (["สมชาย"], "ชายสม กก"),
        (["かき"], "がき"),
    ):
        for text in typed.split():
            assert not finds(stored, text), (stored, text)


# --- folding beyond Latin --------------------------------------------------------------------------------------------


@pytest.mark.slow("stores and searches each of many spellings")
@in_one_test(
    "spellings",
    [
        ["محمد", "مُحَمَّد", "مـحـمـد", "ﻣﺤﻤﺪ", "محمّد"],
        ["أحمد", "احمد", "إحمد", "آحمد", "ٱحمد", "\u0627\u0654حمد"],
        ["مؤمن", "مومن"],
        ["رائد", "رايد", "رایٔد"],
        ["مصطفى", "مصطفي", "مصطفی"],
        ["فاطمة", "فاطمه", "فاطمہ", "فاطمۃ"],
        ["کاظم", "كاظم", "ڪاظم"],
        ["علي", "على", "علی", "علے"],
        ["ابراهیم۱۲", "إبراهيم١٢", "ابراهيم12", "ابراهیم１２"],
        ["שָׁלוֹם", "שלום", "שלומ", "שׁלום"],
        ["יוסף", "יוספ", "יוֹסֵף"],
        ["ज़ोया", "जोया", "ज\u093cोया"],
        ["चाँद", "चांद"],
        ["ফারহানা২", "ফারহানা2"],
        ["ড়মা", "ডমা", "ড\u09bcমা"],
        ["উৎপল", "উত্\u200dপল"],
        ["മോഹൻ", "മോഹന്\u200d"],
        ["രാജൻകർൽൾൺൿ", "രാജന്\u200dകര്\u200dല്\u200dള്\u200dണ്\u200dക്\u200d"],
        ["น้ำฝน", "น้ํา" + "ฝน", "นํ้าฝน"],
        ["ນ້ຳຫວານ", "ນໍ້າຫວານ"],
        ["ਸ਼ੀਲਾ", "ਸੀਲਾ"],
        ["Алёна", "алена", "АЛЕ\u0308НА"],
        ["Андрей", "андреи\u0306", "андреи"],
        ["Ґалаґан", "галаган"],
        ["Đặng", "dang", "DA\u0323\u0306NG"],
        ["Işıl", "isil", "IŞIL", "İŞİL", "ışıl"],
        ["Nguyễn", "nguyen", "NGUYÊN"],
        ["Ərəbova", "erebova"],
        ["Ɗanjuma", "danjuma"],
        ["Þórður", "thordur", "ÞÓRÐUR"],
        ["Strauß", "strauss", "STRAUẞ", "STRAUSS"],
        ["Œuvrard", "oeuvrard"],
        ["Οδυσσεύς", "ΟΔΥΣΣΕΥΣ", "οδυσσευσ", "Ὀδυσσεύς"],
        ["Ελένη", "ελενη", "ΕΛΕΝΗ", "Ἑλένη"],
        ["Առաքել", "ԱՌԱՔԵԼ"],
        ["Ｊａｎｅ", "jane", "𝓙𝓪𝓷𝓮", "Ⓙⓐⓝⓔ"],
        ["ሀይሌ፡ገብረ", "ሀይሌ ገብረ"],
    ],
)
def test_the_forms_of_a_letter_find_each_other(staff, store, spellings):
    customers = {store(stored) for stored in spellings}
    for typed in spellings:
        assert set(ids_found(staff, typed)) == customers, typed


@in_one_test(
    ("stored", "typed"),
    [
        ("कुमार", "कमार"),
        ("สุดา", "สดา"),
        ("かき", "かぎ"),
        ("نور", "نار"),
        ("Иван", "Иwан"),
        ("தமிழ்", "தமழ்"),
        ("ولاء", "ولت"),
    ],
)
def test_vowels_and_voiced_marks_are_letters(finds, stored, typed):
    assert not finds([stored], typed)


def test_each_chinese_character_becomes_one_form(db):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT form, circe_simplify_han(form) FROM unnest(%s::text[]) AS form",
            [[*map(chr, range(0x4E00, 0xA000))]],
        )
        simplified = dict(cursor.fetchall())
        cursor.execute(
            "SELECT form, circe_simplify_han(form) FROM unnest(%s::text[]) AS form", [[*simplified.values()]]
        )
        again = dict(cursor.fetchall())
    assert len({form for form, simple in simplified.items() if form != simple}) == 3121
    assert {form: simple for form, simple in again.items() if form != simple} == {}


@pytest.mark.slow("asks for all punctuation of Unicode")
def test_no_punctuation_of_unicode_is_a_part_of_a_word(db):
    # The punctuation, mathematical signs, currencies and modifiers of Unicode that Python and PostgreSQL both know.
    punctuation = regex.findall(r"[\p{P}\p{Sm}\p{Sc}\p{Sk}]", "".join(map(chr, range(0x110000))))
    letters = {}
    for character in punctuation:
        # `₨` is the letters Rs, for example.
        letters[character] = regex.findall(r"[\p{L}\p{N}]", unicodedata.normalize("NFKD", character).lower())
    with connection.cursor() as cursor:
        cursor.execute("SELECT sign, circe_fold(sign) FROM unnest(%s::text[]) AS sign", [punctuation])
        folded = dict(cursor.fetchall())
    assert {sign: text for sign, text in folded.items() if text and not letters[sign]} == {}


# --- what is typed finds whoever was stored --------------------------------------------------------------------------

BLOCKS = {
    "Latin": (0x41, 0x24F),
    "Vietnamese": (0x1EA0, 0x1EF9),
    "Greek": (0x386, 0x3FF),
    "Cyrillic": (0x400, 0x52F),
    "Armenian": (0x531, 0x587),
    "Hebrew": (0x591, 0x5EA),
    "Arabic": (0x620, 0x6D3),
    "Devanagari": (0x900, 0x97F),
    "Bengali": (0x980, 0x9FD),
    "Tamil": (0xB82, 0xBD7),
    "Sinhala": (0xD81, 0xDDF),
    "Thai": (0xE01, 0xE4E),
    "Lao": (0xE81, 0xECD),
    "Tibetan": (0xF40, 0xFBC),
    "Myanmar": (0x1000, 0x103F),
    "Georgian": (0x10A0, 0x10FA),
    "Ethiopic": (0x1200, 0x135A),
    "Khmer": (0x1780, 0x17D3),
    "Kana": (0x3041, 0x30FA),
    "Han": (0x4E00, 0x4FFF),
    "Hangul": (0xAC00, 0xD7A3),
    "Half-width": (0xFF66, 0xFF9F),
    "Presentation forms": (0xFE70, 0xFEFC),
}
MARKS_BETWEEN = [" ", "-", "’", "'", ".", "·", "–", "・", "\u200c", "ʼ", "/", "&", ", ", " (", "\u00ad", "\u200b"]


def words_of(script):
    first, last = BLOCKS[script]
    letters = st.characters(min_codepoint=first, max_codepoint=last, categories=("L",))
    others = st.characters(min_codepoint=first, max_codepoint=last, categories=("L", "M"))
    return st.builds(str.__add__, letters, st.text(others | st.sampled_from("\u0301\u0323"), max_size=6))


names = st.sampled_from([*BLOCKS]).flatmap(
    lambda script: st.builds(
        lambda words, marks: "".join(word + mark for word, mark in zip(words, [*marks, ""], strict=False)),
        st.lists(words_of(script), min_size=1, max_size=3),
        st.lists(st.sampled_from(MARKS_BETWEEN), min_size=3, max_size=3),
    )
)
WAYS_TO_TYPE = [
    lambda first, last: f"{first} {last}",
    lambda first, last: f"{last}, {first}",
    lambda first, last: f'"{last}" <{first}>',
    lambda first, last: unicodedata.normalize("NFD", f"{first} {last}"),
    lambda first, last: unicodedata.normalize("NFKC", f"({first}) {last}"),
    lambda first, last: f"{first} {last}".upper(),
    lambda first, last: f"{first} {last}".title().swapcase(),
    lambda first, last: regex.sub(r"[\p{P}\u02bc\u200c]", " ", f"{first} {last}"),
    lambda first, last: regex.sub(r"[\p{P}\u02bc\u200c\s]", "", first),
    lambda first, last: regex.sub(r"\p{Cf}", "", f"{last} {first}"),
    lambda first, last: regex.sub(r"\W", "", last) and regex.match(r"\W*(\w\p{M}*)", last)[1],
]


@pytest.mark.slow("stores and finds generated names in many scripts")
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=names, last=names | st.just(""))
@example(first="Jane", last="Doe \u0301")
# An Arabic vowel mark that is written with a blank before it.
@example(first="\ufec4\ufeb1", last="\ufedb\ufe74")
def test_everybody_stored_is_found_by_what_was_typed(staff, in_scope, first, last):
    Customer.objects.all().delete()
    response = staff.post(CUSTOMERS, {"first_name": first, "last_name": last, "phone": "+999111111"})
    assert response.status_code == 201, response.content
    customer_id = response.json()["id"]
    for way in WAYS_TO_TYPE:
        typed = way(first, last)
        # A vowel mark alone is found by nothing.
        if regex.search(r"[^\p{M}\s]", unicodedata.normalize("NFKC", typed)):
            assert customer_id in ids_found(staff, typed), (first, last, typed)


# --- characters that nobody sees -------------------------------------------------------------------------------------

UNSEEN = [
    ("Ja\u200bne", "Jane"),
    ("\ufeffJane\u00ad", "Jane"),
    ("\u202aJane\u202c", "Jane"),
    ("\u2068Jane\u2069\u200e", "Jane"),
    ("\u200dJane\u200c", "Jane"),
    ("Ja\ufe0fne\u034f\u2060", "Jane"),
    ("J\U000e0061ane", "Jane"),
    ("Jane\u3164Doe", "Jane Doe"),
    ("علی\u200cرضا\u200c", "علی\u200cرضا"),
    ("علی\u200c\u200c\u200bرضا", "علی\u200cرضا"),
    ("क्\u200dष", "क्\u200dष"),
    ("❤\ufe0f\u200d🔥 Jo", "❤\ufe0f\u200d🔥 Jo"),
    ("葛\U000e0100城", "葛\U000e0100城"),
]


@pytest.mark.slow("is a table of thirteen characters")
@pytest.mark.parametrize(("typed", "stored"), UNSEEN, ids=[ascii(typed) for typed, _ in UNSEEN])
def test_characters_that_nobody_sees_are_taken_out_of_names(
    staff, admin, back_office, in_scope, tmp_path, typed, stored
):
    def names_of():
        return Customer.objects.values_list("first_name", "last_name").get()

    customer_id = staff.post(CUSTOMERS, {"first_name": typed, "last_name": typed, "phone": "+999111111"}).json()["id"]
    assert names_of() == (stored, stored)
    assert ids_found(staff, typed) == ids_found(staff, stored) == [customer_id]
    admin.put(f"{CUSTOMERS}/{customer_id}", {"first_name": "Jo", "last_name": "Jo"})
    assert admin.put(f"{CUSTOMERS}/{customer_id}", {"first_name": typed, "last_name": typed}).status_code == 200
    assert names_of() == (stored, stored)
    found = back_office("staff").get("/admin/customers/customer/", {"q": typed}).context["cl"]
    assert [customer.pk for customer in found.result_list] == [customer_id]
    Customer.objects.all().delete()
    rows = tmp_path / "rows.csv"
    rows.write_text(f"first_name,last_name,phone\n{typed},{typed},+999111111\n")
    call_command("import_customers", str(rows), tenant=in_scope.slug, stdout=io.StringIO())
    assert names_of() == (stored, stored)


def test_a_name_of_characters_that_nobody_sees_is_refused(staff):
    for name in ("\u200b", "\u3164", "\u2800", "\u200c\u200d", "\ufe0f", "\u202eeoD"):
        assert staff.post(CUSTOMERS, {"first_name": name, "phone": "+999111111"}).status_code == 400, ascii(name)


# --- e-mail addresses ------------------------------------------------------------------------------------------------


@in_one_test("stored", ["kim@müller.example", "kim@xn--mller-kva.example", "kim@MÜLLER.example"])
@pytest.mark.parametrize(
    "typed", ["kim@müller.example", "kim@xn--mller-kva.example", "Kim <KIM@XN--MLLER-KVA.EXAMPLE>"]
)
def test_an_address_is_found_by_either_spelling_of_its_domain(finds, stored, typed):
    assert finds(["Kim", None, stored], typed)
