"""Tests the import of cells as spreadsheets, databases and people write them."""

import datetime as dt
import re

import pytest

from customers.models import Customer
from customers.tests.factories import CustomerFactory


def the_only_customer():
    return Customer.objects.with_preferred().get()


def speak(tenant, language):
    tenant.language = language
    tenant.save()


# --- yes and no -----------------------------------------------------------------------------------------------------

YES = "t T true TRUE yes Y y 1 1.0 on x X ✓ SANN WAHR VRAI VERDADERO VERDADEIRO VERO WAAR SANT SAND TOSI PRAWDA ИСТИНА "
YES += "DOĞRU BENAR 真 ＴＲＵＥ IGAZ ADEVĂRAT ja oui sí sim да tak evet ya はい 是 예 ใช่ نعم כן igen ano ναι kyllä có"
NO = "f F false FALSE no N n 0 0.0 off USANN FALSCH FAUX FALSO ONWAAR FALSKT FALSK EPÄTOSI FAŁSZ ЛОЖЬ YANLIŞ SALAH 假 "
NO += "ＦＡＬＳＥ HAMIS FALS NEPRAVDA nein non não нет nie hayır tidak いいえ 否 아니요 لا לא nem ne όχι ei không"


def test_yes_and_no_are_read_in_the_languages_of_spreadsheets(import_rows, in_scope):
    speak(in_scope, "pl")
    words = [(word, True) for word in YES.split()] + [(word, False) for word in NO.split()]
    # A further word, so that this is no column of ticks alone.
    rows = [[f"J{number}", f"j{number}@example.com", word] for number, (word, _) in enumerate(words)]
    result = import_rows(["first_name", "email", "accepts_sms"], *rows)
    assert result.refused_rows == []
    read = dict(Customer.objects.values_list("first_name", "accepts_sms"))
    assert {word: read[f"J{number}"] for number, (word, _) in enumerate(words)} == dict(words)


@pytest.mark.parametrize(
    ("language", "word", "value"),
    [
        ("id", "Y", True),
        ("id", "t", True),
        ("id", "T", None),
        ("id", "tak", False),
        ("id", "S", False),
        ("es", "S", True),
        ("fr", "O", True),
        ("nb", "O", None),
        ("nb", "S", None),
        ("nb", "tak", None),
        ("tr", "E", True),
        ("fi", "E", False),
        ("ja", "○", True),
        ("ja", "x", None),
        ("nb", "perhaps", None),
        ("nb", "2", None),
    ],
)
def test_a_word_with_two_readings_is_read_in_the_language_of_the_business_or_refused(
    import_rows, in_scope, language, word, value
):
    speak(in_scope, language)
    # The second row makes this no column of ticks alone.
    rows = [["Jane", "jane@example.com", word], ["Joe", "joe@example.com", "1"]]
    result = import_rows(["first_name", "email", "accepts_whatsapp"], *rows)
    reasons = [(2, "accepts_whatsapp", f"“{word}” can be read in two ways, or not at all. Write true or false.")]
    assert result.refused_rows == ([] if value is not None else reasons)
    if value is not None:
        assert Customer.objects.get(first_name="Jane").accepts_whatsapp is value


def test_a_column_of_ticks_means_no_where_it_is_empty_and_tells_it(import_rows, in_scope):
    joe = CustomerFactory(tenant=in_scope, accepts_sms=True)
    header = ["id", "first_name", "email", "accepts_email", "accepts_sms"]
    rows = [["", "Jane", "jane@example.com", "x", ""], [joe.pk, joe.first_name, joe.email, "", "X"]]
    result = import_rows(header, *rows, update=True)
    assert result.refused_rows == []
    assert set(Customer.objects.values_list("accepts_email", "accepts_sms")) == {(True, False), (False, True)}
    notices = [line for line in result.lines if "a mark such as x is read as true, and an empty cell as false" in line]
    assert [notice.partition(":")[0] for notice in notices] == ["Lines 2, 3", "Lines 2, 3"]


def test_an_empty_cell_beside_other_words_is_not_given(import_rows):
    rows = [["Jane", "jane@example.com", "yes"], ["Joe", "joe@example.com", ""]]
    import_rows(["first_name", "email", "accepts_sms"], *rows)
    assert set(Customer.objects.values_list("accepts_sms", flat=True)) == {True}


# --- instants, days, languages, genders, numbers --------------------------------------------------------------------

TEN_THIRTY_UTC = dt.datetime(2024, 3, 5, 10, 30, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2024-03-05 10:30:00+00",
        "2024-03-05 17:30:00+07",
        "2024-03-05 17:30+0700",
        "2024-03-05 16:15:00+05:45",
        "2024-03-05T10:30:00.0000000Z",
        "2024-03-05T10:30:00.000Z",
        "2024-03-05 10:30:00.000000000 +0000 UTC",
        "2024-03-05 10:30:00 UTC",
        "2024-03-05 10:30:00 GMT",
        "2024-03-05T03:30:00−07:00",
        "2024/03/05 17:30:00",
        "2024-03-05 17:30",
        "2024-3-5 17:30",
        "Tue Mar 05 2024 17:30:00 GMT+0700 (Western Indonesia Time)",
        "Tue, 05 Mar 2024 10:30:00 GMT",
        'ISODate("2024-03-05T10:30:00.000Z")',
        "1709634600",
        "1709634600000",
        "'2024-03-05 17:30:00",
        '="2024-03-05 17:30:00"',
    ],
)
def test_instants_are_read_as_databases_and_programs_write_them(import_rows, text):
    result = import_rows(["first_name", "email", "created_at"], ["Jane", "jane@example.com", text])
    assert result.refused_rows == []
    assert the_only_customer().created_at == TEN_THIRTY_UTC


@pytest.mark.parametrize("column", ["created_at", "date_of_birth"])
@pytest.mark.parametrize(
    "text",
    ["03/04/2024", "3.4.2024 10:30", "3/4/24, 10:30 AM", "45356", "45356.4375", "2024-13-05", "2024-02-30", "now"],
)
def test_a_day_that_can_be_read_in_two_ways_or_not_at_all_is_refused_by_name(import_rows, column, text):
    result = import_rows(["first_name", "email", column], ["Jane", "jane@example.com", text])
    ((line, where, reason),) = result.refused_rows
    assert (line, where, f"“{text}”" in reason) == (2, column, True)
    assert re.search("[Ww]rite (a day|it) as|Write a day such as", reason)


@pytest.mark.parametrize(
    "text",
    ["1990-01-31", "1990/1/31", "1990.01.31", "1990年1月31日", "1990-01-31 00:00:00", "1990-01-31T00:00:00.000Z"],
)
def test_a_day_that_begins_with_the_year_is_read(import_rows, text):
    import_rows(["first_name", "email", "date_of_birth"], ["Jane", "jane@example.com", text])
    assert the_only_customer().date_of_birth == dt.date(1990, 1, 31)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("en_US", "en-US"),
        ("id_ID.UTF-8", "id-ID"),
        ("pt-br", "pt-BR"),
        ("PT_BR", "pt-BR"),
        ("zh_hans_cn", "zh-Hans-CN"),
        ("de_AT@euro", "de-AT"),
        ("nb", "nb"),
        ("EN", "en"),
        ("in_ID", "id-ID"),
        ("es-419", "es-419"),
        ("C.UTF-8", None),
        ("POSIX", None),
        ("English", None),
    ],
)
def test_a_locale_is_read_as_a_language(import_rows, text, language):
    result = import_rows(["first_name", "email", "language"], ["Jane", "jane@example.com", text])
    if language:
        assert the_only_customer().language == language
    else:
        assert result.refused_rows == [(2, "language", "A language is a tag such as en, id or pt-BR.")]


@pytest.mark.parametrize(
    ("language", "text", "gender"),
    [
        ("en", "F", "female"),
        ("en", "M", "male"),
        ("en", "Female", "female"),
        ("de", "w", "female"),
        ("de", "männlich", "male"),
        ("nb", "K", "female"),
        ("nb", "Mann", "male"),
        ("pl", "k", "female"),
        ("tr", "E", "male"),
        ("tr", "KADIN", "female"),
        ("id", "P", "female"),
        ("id", "Laki-laki", "male"),
        ("ja", "女性", "female"),
        ("ru", "М", "male"),
        ("es", "H", "male"),
        ("es", "M", None),
        ("nb", "P", None),
        ("hu", "F", None),
        ("en", "Prefer not to say", "undisclosed"),
        ("en", "non-binary", "non_binary"),
        ("en", "1", None),
        ("de", "divers", None),
    ],
)
def test_a_gender_is_read_where_it_has_one_meaning(import_rows, in_scope, language, text, gender):
    speak(in_scope, language)
    result = import_rows(["first_name", "email", "gender"], ["Jane", "jane@example.com", text])
    if gender:
        assert the_only_customer().gender == gender
    else:
        ((_, where, reason),) = result.refused_rows
        assert (where, f"“{text}”" in reason) == ("gender", True)
        assert reason.endswith("Write one of female, male, non_binary, other, undisclosed.")


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1 234", 1234),
        ("1\u202f234", 1234),
        ("1'234", 1234),
        ("1.234.567", 1234567),
        ("1.234,00", 1234),
        ("1,234.00", 1234),
        ("120.0", 120),
        ("120,00", 120),
        ("１２０", 120),
        ("١٢٠", 120),
        ("'120", 120),
        ('="120"', 120),
        ("1.234", None),
        ("1,234", None),
        ("1.234,56", None),
        ("12.5", None),
        ("12 %", None),
        ("1.2E+3", None),
    ],
)
def test_a_number_is_read_where_it_has_one_meaning(import_rows, text, number):
    result = import_rows(["first_name", "email", "loyalty_points"], ["Jane", "jane@example.com", text])
    if number is None:
        ((_, where, reason),) = result.refused_rows
        assert (where, f"“{text}”" in reason, "Write a whole number" in reason) == ("loyalty_points", True, True)
    else:
        assert the_only_customer().loyalty_points == number


# --- cells that are marked as text ----------------------------------------------------------------------------------

MARKED = {
    "first_name": "Jane",
    "last_name": "Doe",
    "email": "jane@example.com",
    "phone": "0812 3456 7801",
    "gender": "female",
    "date_of_birth": "1990-01-31",
    "address": "Jl. Merdeka 5",
    "tags": "vip",
    "source": "website",
    "loyalty_points": "120",
    "is_active": "true",
    "language": "en",
    "notes": "tea",
    "created_at": "2024-03-05T10:30:00Z",
}


@pytest.mark.parametrize("mark", ["'{}", '="{}"', ' ="{}" '])
def test_the_mark_that_keeps_a_text_is_removed_in_every_column(import_rows, mark):
    import_rows([*MARKED], [*MARKED.values()])
    plain = Customer.objects.values(*MARKED).get()
    Customer.objects.all().delete()
    result = import_rows([*MARKED], [mark.format(cell) for cell in MARKED.values()])
    assert result.refused_rows == []
    assert Customer.objects.values(*MARKED).get() == plain


@pytest.mark.parametrize("column", ["first_name", "last_name", "address", "notes"])
@pytest.mark.parametrize(("cell", "text"), [("'0812 34", "0812 34"), ("'007", "007"), ('="A ""b"""', 'A "b"')])
def test_a_marked_number_loses_its_mark_in_a_column_of_text(import_rows, column, cell, text):
    row = {"first_name": "J", "email": "j@example.com"} | {column: cell}
    import_rows([*row], [*row.values()])
    assert getattr(the_only_customer(), column) == text


def test_an_apostrophe_that_may_be_a_part_of_a_name_is_kept_and_told(import_rows):
    result = import_rows(["first_name", "last_name", "email"], ["Jan", "'t Hooft", "jan@example.com"])
    assert the_only_customer().last_name == "'t Hooft"
    assert "Line 2: last_name: the apostrophe at the beginning is kept, as a part of the text." in result.lines
