"""Tests the import of cells as spreadsheets, databases and people write them."""

import datetime as dt
import re

import pytest

from customers.models import Customer
from customers.tests.factories import CustomerFactory
from customers.tests.transfer import exported, imported


def the_only_customer():
    return Customer.objects.with_preferred().get()


def speak(tenant, language):
    tenant.language = language
    tenant.save()


@pytest.fixture
def read_cells(import_rows):
    """Returns `read_cells(column, texts)`, which imports one file with a row for each text.

    It returns by text the value that the column of the new customer has, and the column and the reason of a refusal. A file
    for each text would start two processes for each.
    """

    def read(column, texts, *more_texts):
        Customer.objects.all().delete()
        rows = [[f"J{line}", f"j{line}@example.com", text] for line, text in enumerate([*texts, *more_texts], 2)]
        result = import_rows(["first_name", "email", column], *rows)
        refused = {line: (where, reason) for line, where, reason in result.refused_rows}
        values = dict(Customer.objects.values_list("first_name", column))
        assert len(refused) + len(values) == len(rows)
        return {text: (values.get(f"J{line}"), refused.get(line)) for line, text in enumerate(texts, 2)}

    return read


# --- yes and no -----------------------------------------------------------------------------------------------------

YES = "TIESA TOČNO ВЯРНО ТОЧНО АҚИҚАТ درست بله होय ஆம் হ্যাঁ ඔව් opted-in opt_in √ aktiv actif attivo TRUE\u200e \u200fyes "
YES += (
    "t T true TRUE yes Y y 1 1.0 on x X ✓ SANN WAHR VRAI VERDADERO VERDADEIRO VERO WAAR SANT SAND TOSI PRAWDA ИСТИНА "
)
YES += "DOĞRU BENAR 真 ＴＲＵＥ IGAZ ADEVĂRAT ja oui sí sim да tak evet ya はい 是 예 ใช่ نعم כן igen ano ναι kyllä có"
NO = "NETIESA NETOČNO НЕВЯРНО НЕПРАВДА ЖАЛҒАН PALSU نادرست خیر नाही இல்லை না opted-out Opt_Out inaktiv inactif "
NO += "f F false FALSE no N n 0 0.0 off USANN FALSCH FAUX FALSO ONWAAR FALSKT FALSK EPÄTOSI FAŁSZ ЛОЖЬ YANLIŞ SALAH 假 "
NO += (
    "نه නැත ＦＡＬＳＥ HAMIS FALS NEPRAVDA nein non não нет nie hayır tidak いいえ 否 아니요 لا לא nem ne όχι ei không"
)


def test_yes_and_no_are_read_in_the_languages_of_spreadsheets(import_rows, in_scope):
    speak(in_scope, "pl")
    words = [(word, True) for word in YES.split()] + [(word, False) for word in NO.split()]
    # A further word, so that this is no column of ticks alone.
    rows = [[f"J{number}", f"j{number}@example.com", word] for number, (word, _) in enumerate(words)]
    result = import_rows(["first_name", "email", "accepts_sms"], *rows)
    assert result.refused_rows == []
    read = dict(Customer.objects.values_list("first_name", "accepts_sms"))
    assert {word: read[f"J{number}"] for number, (word, _) in enumerate(words)} == dict(words)


WORDS_BY_LANGUAGE = {
    "id": {"Y": True, "t": True, "T": None, "tak": False, "S": False},
    "es": {"S": True},
    "fr": {"O": True},
    "nb": {"O": None, "S": None, "tak": None, "perhaps": None, "2": None},
    "tr": {"E": True},
    "fi": {"E": False},
    "ja": {"○": True, "x": None},
    "ro": {"da": True},
    "da": {"jo": True},
    "sq": {"jo": False},
    "en": {"da": None, "jo": None, "×": None, "pending": None},
}


@pytest.mark.slow("imports a file for each word")
def test_a_word_with_two_readings_is_read_in_the_language_of_the_business_or_refused(read_cells, in_scope):
    for language, words in WORDS_BY_LANGUAGE.items():
        speak(in_scope, language)
        expected = {}
        for word, value in words.items():
            reason = f"“{word}” can be read in two ways, or not at all. Write true or false."
            expected[word] = (value, None if value is not None else ("accepts_whatsapp", reason))
        # The further row makes this no column of ticks alone.
        assert read_cells("accepts_whatsapp", words, "1") == expected, language


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


INSTANTS = [
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
    "2024-03-05 17:30:00.000000001 +0700 WIB m=+0.012",
    "2024-03-05T17:30:00+07:00[Asia/Jakarta]",
    "\u200e2024-03-05\u00a017:30",
    "２０２４-０３-０５ １７:３０",
]


def test_instants_are_read_as_databases_and_programs_write_them(read_cells):
    assert read_cells("created_at", INSTANTS) == dict.fromkeys(INSTANTS, (TEN_THIRTY_UTC, None))


YEAR_LAST = {
    "3.4.2024 10:30": dt.datetime(2024, 4, 3, 3, 30, tzinfo=dt.UTC),
    "13/04/2024": dt.datetime(2024, 4, 12, 17, tzinfo=dt.UTC),
    "04/13/2024, 12:05 am": dt.datetime(2024, 4, 12, 17, 5, tzinfo=dt.UTC),
    "4/13/2024 12:05:30 PM": dt.datetime(2024, 4, 13, 5, 5, 30, tzinfo=dt.UTC),
    "04-04-2024T23:59": dt.datetime(2024, 4, 4, 16, 59, tzinfo=dt.UTC),
}


def test_an_instant_whose_year_comes_last_is_read_as_it_can_only_be_meant(import_rows):
    rows = [[f"J{number}", f"j{number}@example.com", text] for number, text in enumerate(YEAR_LAST)]
    for row in rows:
        assert import_rows(["first_name", "email", "created_at"], row).refused_rows == []
    assert dict(Customer.objects.values_list("email", "created_at")) == {row[1]: YEAR_LAST[row[2]] for row in rows}


@pytest.mark.parametrize(("clear", "month"), [("13/12/2023 09:00", 4), ("12/13/2023 9:00 AM", 3)])
def test_other_instants_of_a_column_tell_how_a_doubtful_one_is_read(import_rows, clear, month):
    rows = [["Jane", "jane@example.com", clear], ["Joe", "joe@example.com", "03/04/2024 10:30"]]
    assert import_rows(["first_name", "email", "created_at"], *rows).refused_rows == []
    joe = Customer.objects.get(first_name="Joe")
    assert joe.created_at == dt.datetime(2024, month, 7 - month, 3, 30, tzinfo=dt.UTC)


def test_dates_of_birth_tell_how_doubtful_instants_are_read_unless_these_show_another_order(import_rows):
    header = ["first_name", "email", "date_of_birth", "created_at"]
    rows = [["Jane", "jane@example.com", "25/12/1990", "03/04/2024"], ["Joe", "joe@example.com", "03/04/1990", ""]]
    import_rows(header, *rows)
    assert Customer.objects.get(first_name="Jane").created_at == dt.datetime(2024, 4, 2, 17, tzinfo=dt.UTC)
    others = [[f"{name}2", f"2{email}", day, instant] for name, email, day, instant in rows]
    others[1][3] = "12/25/2023 10:00"
    import_rows(header, *others)
    assert Customer.objects.get(first_name="Jane2").created_at == dt.datetime(2024, 3, 3, 17, tzinfo=dt.UTC)
    assert set(Customer.objects.values_list("date_of_birth", flat=True)) == {
        dt.date(1990, 12, 25),
        dt.date(1990, 4, 3),
    }


DOUBTFUL_DAYS = [
    "03/04/2024",
    "3/4/24, 10:30 AM",
    "45356",
    "45356.4375",
    "2024-13-05",
    "2024-02-30",
    "now",
]


@pytest.mark.parametrize("column", ["created_at", "date_of_birth"])
def test_a_day_that_can_be_read_in_two_ways_or_not_at_all_is_refused_by_name(read_cells, column):
    for text, (value, refused) in read_cells(column, DOUBTFUL_DAYS).items():
        assert (value, refused and refused[0]) == (None, column), text
        assert f"“{text}”" in refused[1]
        assert re.search("[Ww]rite (a day|it) as|Write a day such as", refused[1]), refused


def test_a_day_that_begins_with_the_year_is_read(read_cells):
    texts = [
        *("1990-01-31", "1990/1/31", "1990.01.31", "1990年1月31日", "1990-01-31 00:00:00", "1990-01-31T00:00:00.000Z"),
    ]
    assert read_cells("date_of_birth", texts) == dict.fromkeys(texts, (dt.date(1990, 1, 31), None))


LANGUAGES = {
    "en_US": "en-US",
    "id_ID.UTF-8": "id-ID",
    "pt-br": "pt-BR",
    "PT_BR": "pt-BR",
    "zh_hans_cn": "zh-Hans-CN",
    "de_AT@euro": "de-AT",
    "nb": "nb",
    "EN": "en",
    "in_ID": "id-ID",
    "es-419": "es-419",
    "C.UTF-8": None,
    "POSIX": None,
    "English": "en",
    "English (United States)": "en",
    "Deutsch": "de",
    "Bahasa Indonesia": "id",
    "Inggris": "en",
    "Norsk": "nb",
    "Norsk (nynorsk)": "nn",
    "Português": "pt",
    "日本語": "ja",
    "Chinese (Traditional)": "zh",
    "Klingon": None,
}


def test_a_locale_is_read_as_a_language(read_cells):
    refusal = "“{}” is no language. Write a tag such as en, id or pt-BR."
    expected = {
        text: (language, None if language else ("language", refusal.format(text)))
        for text, language in LANGUAGES.items()
    }
    assert read_cells("language", LANGUAGES) == expected


SOURCES = {
    "Google Ads": "google-ads",
    "Walk-In": "walk-in",
    "INSTAGRAM": "instagram",
    "a_b": "a_b",
    "インスタ": None,
    "C++": None,
}


def test_the_source_of_another_system_is_written_as_one_word(read_cells):
    for text, (value, refused) in read_cells("source", SOURCES).items():
        assert value == SOURCES[text], (text, refused)
        if value is None:
            assert refused[0] == "source"
            assert refused[1].startswith(f"“{text}” is no source.")


GENDERS_BY_LANGUAGE = {
    "en": {
        "F": "female",
        "M": "male",
        "Female": "female",
        "Prefer not to say": "undisclosed",
        "non-binary": "non_binary",
        "1": None,
        "Fem.": "female",
        "Ladies": "female",
        "先生": "male",
        "مرد": "male",
        "Female\u200f": "female",
        "Mlle": "female",
        "Ч": "male",
        "Θ": "female",
    },
    "is": {"K": None},
    "ga": {"F": None},
    "de": {"w": "female", "männlich": "male", "divers": None},
    "nb": {"K": "female", "Mann": "male", "P": None},
    "pl": {"k": "female"},
    "tr": {"E": "male", "KADIN": "female"},
    "id": {"P": "female", "Laki-laki": "male"},
    "ja": {"女性": "female"},
    "ru": {"М": "male"},
    "es": {"H": "male", "M": None},
    "hu": {"F": None},
}


@pytest.mark.slow("imports a file for each word")
def test_a_gender_is_read_where_it_has_one_meaning(read_cells, in_scope):
    for language, genders in GENDERS_BY_LANGUAGE.items():
        speak(in_scope, language)
        for text, (value, refused) in read_cells("gender", genders).items():
            assert value == genders[text], (language, text)
            if value is None:
                assert refused[0] == "gender"
                assert f"“{text}”" in refused[1]
                assert refused[1].endswith("Write one of female, male, non_binary, other, undisclosed.")


NUMBERS = {
    "1 234": 1234,
    "1\u202f234": 1234,
    "1'234": 1234,
    "1.234.567": 1234567,
    "1.234,00": 1234,
    "1,234.00": 1234,
    "120.0": 120,
    "120,00": 120,
    "１２０": 120,
    "١٢٠": 120,
    "'120": 120,
    '="120"': 120,
    "1.234": None,
    "1,00,000": 100000,
    "12,34,567.00": 1234567,
    "١٬٢٣٤": 1234,
    "1,23,45": None,
    "1,234": None,
    "1.234,56": None,
    "12.5": None,
    "12 %": None,
    "1.2E+3": None,
}


def test_a_number_is_read_where_it_has_one_meaning(read_cells):
    for text, (value, refused) in read_cells("loyalty_points", NUMBERS).items():
        assert value == NUMBERS[text], (text, refused)
        if value is None:
            assert refused[0] == "loyalty_points"
            assert f"“{text}”" in refused[1]
            assert "Write a whole number" in refused[1]


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


def test_the_mark_that_keeps_a_text_is_removed_in_every_column(import_rows):
    import_rows([*MARKED], [*MARKED.values()])
    plain = Customer.objects.values(*MARKED).get()
    for mark in ("'{}", '="{}"', ' ="{}" '):
        Customer.objects.all().delete()
        result = import_rows([*MARKED], [mark.format(cell) for cell in MARKED.values()])
        assert result.refused_rows == [], mark
        assert Customer.objects.values(*MARKED).get() == plain, mark


def test_a_marked_number_loses_its_mark_in_a_column_of_text(import_rows):
    header = ["first_name", "last_name", "address", "notes", "email"]
    cells = {"'0812 34": "0812 34", "'007": "007", '="A ""b"""': 'A "b"'}
    cases = [(column, cell) for column in header[:-1] for cell in cells]
    plain = {"first_name": "J", "last_name": "", "address": "", "notes": ""}
    rows = [
        [*(plain | {column: cell}).values(), f"j{number}@example.com"] for number, (column, cell) in enumerate(cases)
    ]
    assert import_rows(header, *rows).refused_rows == []
    for number, (column, cell) in enumerate(cases):
        assert getattr(Customer.objects.get(email=f"j{number}@example.com"), column) == cells[cell], (column, cell)


def test_an_apostrophe_that_may_be_a_part_of_a_name_is_kept_and_told(import_rows):
    result = import_rows(["first_name", "last_name", "email"], ["Jan", "'t Hooft", "jan@example.com"])
    assert the_only_customer().last_name == "'t Hooft"
    assert "Line 2: last_name: the apostrophe at the beginning is kept, as a part of the text." in result.lines


# --- no value -------------------------------------------------------------------------------------------------------


def test_the_null_of_a_database_is_no_value_and_clears_nothing(import_rows, in_scope):
    nulls = ["NULL", "\\N", "(null)", "[NULL]", "<null>", " NULL "]
    header = [
        "first_name",
        "last_name",
        "email",
        "phone",
        "date_of_birth",
        "gender",
        "address",
        "notes",
        "tags",
        "source",
    ]
    rows = [[f"J{n}", null, null, f"0812 3456 780{n}", *[null] * 6] for n, null in enumerate(nulls)]
    result = import_rows(header, *rows)
    assert (result.refused_rows, result.counts) == ([], {"created": len(nulls)})
    shown = Customer.objects.values_list("last_name", "email", "address", "notes")
    assert list(shown) == [(None, None, None, None)] * len(nulls)
    lines = ["Lines 2, 7: last_name: NULL"]
    lines += [f"Line {line}: last_name: {null}" for line, null in enumerate(nulls[1:-1], 3)]
    assert {f"{line} is read as no value, and clears nothing." for line in lines} <= {*result.lines}
    filled = [[row[0], "Doe", *row[2:7], "tea", *row[8:]] for row in rows]
    assert import_rows(header, *filled, update=True).counts == {"updated": len(nulls)}
    assert import_rows(header, *rows, update=True).counts == {"unchanged": len(nulls)}
    assert list(Customer.objects.values_list("last_name", "notes")) == [("Doe", "tea")] * len(nulls)


def test_a_person_who_is_called_so_comes_back_from_an_export(in_scope, tmp_path):
    names = ["NULL", "\\N", "'NULL", "(null)", "Null", "null"]
    for name in names:
        CustomerFactory(tenant=in_scope, first_name=name, last_name=name, notes=name)
    file = tmp_path / "out.csv"
    exported(file)
    assert imported(file, update=True).counts == {"unchanged": len(names)}
    Customer.objects.all().delete()
    assert imported(file).counts == {"created": len(names)}
    back = Customer.objects.values_list("first_name", "last_name", "notes")
    assert sorted(back) == sorted((name, name, name) for name in names)
