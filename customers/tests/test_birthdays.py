"""Tests how dates of birth are read in a file: those of other systems, and those that can be two days."""

import datetime as dt

import pytest
from babel import Locale
from babel.dates import format_date
from hypothesis import given
from hypothesis import strategies as st

from circe.tests.cases import in_one_test
from customers.models import Customer
from customers.models.imports import CustomerImport
from customers.tests.test_transfer_admin import IMPORT, body, figures, proposals, upload
from customers.tests.transfer import as_csv
from customers.transfer.birthdays import UnreadableBirthday, read_birthday
from customers.transfer.day_order import DayOrder, find_day_order

TODAY = dt.date(2026, 11, 28)
APRIL = dt.date(1990, 4, 3)


@in_one_test(
    ("text", "order", "day"),
    [
        ("1990-04-03", None, APRIL),
        ("1990/4/3", None, APRIL),
        ("1990-04-03T00:00:00Z", None, APRIL),
        ("1990-04-03 00:00:00", None, APRIL),
        ("1990. 4. 3.", None, APRIL),
        ("1990年4月3日", None, APRIL),
        ("１９９０/０４/０３", None, APRIL),
        ("١٩٩٠-٠٤-٠٣", None, APRIL),
        ("13/4/1990 12:00:00 AM", None, dt.date(1990, 4, 13)),
        ("03.04.1990", None, APRIL),
        ("3. 4. 1990", None, APRIL),
        ("1990-04-03 00:00:00 +0000 UTC", None, APRIL),
        ("1990-04-03 00:00:00 UTC", None, APRIL),
        ("3 Sept 1990", None, dt.date(1990, 9, 3)),
        ("12/28/69 00:00", None, dt.date(1969, 12, 28)),
        ("3 Apr 1990", None, APRIL),
        ("April 3, 1990", None, APRIL),
        ("03-Apr-1990", None, APRIL),
        ("3-Apr-90", None, APRIL),
        ("3.4.2533", None, APRIL),
        ("19900403", None, APRIL),
        ("25330403", None, APRIL),
        ("3. IV. 1990", None, APRIL),
        ("3.IV.1990 r.", None, APRIL),
        ("3 IV 1990", None, APRIL),
        ("28.XII.69", None, dt.date(1969, 12, 28)),
        ("1990‑04‑03", None, APRIL),
        ("13–4–1990", None, dt.date(1990, 4, 13)),
        ("2533-04-03", None, APRIL),
        ("29/02/2523", None, dt.date(1980, 2, 29)),
        ("April 3rd, 1990", None, APRIL),
        ("3rd of April 1990", None, APRIL),
        ("Tuesday, April 3, 1990", None, APRIL),
        ("13 / 04 / 1990", None, dt.date(1990, 4, 13)),
        ("\u200e13\u200e/\u200e4\u200e/\u200e1990", None, dt.date(1990, 4, 13)),
        ("03/04/1990", DayOrder.DAY_FIRST, APRIL),
        ("04/03/1990", DayOrder.MONTH_FIRST, APRIL),
        ("4/3/90", DayOrder.MONTH_FIRST, APRIL),
        ("04/04/1990", None, dt.date(1990, 4, 4)),
        ("31/12/1990", None, dt.date(1990, 12, 31)),
        ("31/12/1990", DayOrder.MONTH_FIRST, dt.date(1990, 12, 31)),
        ("12/31/1990", DayOrder.DAY_FIRST, dt.date(1990, 12, 31)),
        ("12/28/69", None, dt.date(1969, 12, 28)),
        *[(text, None, None) for text in ("0/0/00", "00/00/0000", "0000-00-00", "--04-12", "--0412", "04-12", "12.4.")],
        *[(text, None, None) for text in ("0000-04-12", "1604-04-12", "4/12/1604", "1990-00-00", "00/00/1990", "1990")],
        *[(text, None, None) for text in (" --04-12", "0/0/0000", "00.00.0000", "-", "--", "N/A", "unknown")],
        *[
            (text, None, None)
            for text in ("3 Apr", "Apr 3", "29-Feb", "0001-01-01", "1/1/0001", "1899-12-30", "1/1/4501")
        ],
    ],
)
def test_a_date_of_birth_is_read_as_it_can_only_be_meant(text, order, day):
    assert read_birthday(text, order, TODAY) == day


@pytest.mark.parametrize(
    "text",
    [
        *("03/04/1990", "3-4-90", "01/02/2000", "12/28/15", "12/04/00", "1990-04-11T17:00:00Z", "31/04/1990"),
        *("13/13/1990", "13/14/1990", "1990-02-30", "32975", "19901403", "03041990", "yesterday", "90-04-03"),
        "3 avrul 1990",
        # The year may stand at the beginning.
        *("12/04/30", "90/04/30", "05/12/31", "30-Apr-27", "3.4.29", "32/04/1990", "4/32/90"),
        *(
            "1369/01/14",
            "3.4.1890",
            "2999-01-01",
            "2.3.0090",
            "3-Apr-05",
            "April-90",
            "31-Apr-90",
            "30 Feb",
            "13/04/1990 10:30",
            # October in Croatian, November in Polish.
            "3 listopada 1990",
            "昭和65年4月3日",
        ),
        *("3/4", "1", "3/4-1990")[2:],
    ],
)
def test_a_date_that_can_be_two_or_none_is_refused_and_named(text):
    with pytest.raises(UnreadableBirthday, match=f"“{text}”"):
        read_birthday(text, None, TODAY)


# The languages whose names of months are read. Basque and Welsh are left out: `1990(e)ko apirilaren 3(a)` is not read, and
# Mawrth is both March and Tuesday.
LOCALES = """
ar ar_DZ ar_LB ar_MA az az_Cyrl bg bn bs bs_Cyrl ca cs da de de_AT el en en_AU es et fa fi fil fr fr_CA ga gl gu he hi
hr hu hy id is it ja ka kk km kn ko lo lt lv mk ml mr ms my nb ne nl nn pl pt ro ru si sk sl sq sr sr_Latn sv sw ta te
th tr uk ur uz uz_Cyrl vi zh
"""


@pytest.mark.slow("reads twelve dates in each language")
@in_one_test("code", LOCALES.split())
def test_a_date_is_read_with_the_name_of_its_month_in_any_language(code):
    locale, language = Locale.parse(code), code.partition("_")[0]
    for month in range(1, 13):
        day = dt.date(1990, month, 13 + month)
        texts = {format_date(day, length, locale) for length in ("medium", "long", "full")}
        names = {locale.months[form][width][month] for form in locale.months for width in ("wide", "abbreviated")}
        for name in names if language not in {"ja", "ko", "zh"} else ():
            texts |= {
                f"{day.day} {name} 1990",
                f"{day.day}. {name} 1990",
                f"{day.day}-{name}-90",
                f"{name} {day.day}, 1990",
            }
        for text in texts:
            assert read_birthday(text, None, TODAY, language) == day, text


@in_one_test(
    ("text", "day"),
    [
        ("17 Agustus 1990", dt.date(1990, 8, 17)),
        ("3 Pebruari 1990", dt.date(1990, 2, 3)),
        ("1er août 1990", dt.date(1990, 8, 1)),
        ("1 aout 1990", dt.date(1990, 8, 1)),
        ("3 DE ABRIL DE 1990", APRIL),
        ("3. Mrz. 1990", dt.date(1990, 3, 3)),
        ("3 เม.ย. 2533", APRIL),
        ("昭和55年4月3日", dt.date(1980, 4, 3)),
        ("S55.4.3", dt.date(1980, 4, 3)),
        ("平成元年5月3日(水)", dt.date(1989, 5, 3)),
        ("㍻2/4/3", APRIL),
        ("民國79年4月3日", APRIL),
        ("1990年4月3日火曜日", APRIL),
        ("3. 4. 1990.", APRIL),
        ("03.04.1990 г.", APRIL),
    ],
)
def test_a_date_is_read_as_people_write_it_in_other_languages(text, day):
    assert read_birthday(text, None, TODAY) == day


@pytest.mark.parametrize(("language", "day"), [("pl", "1990-11-03"), ("hr", "1990-10-03")])
def test_the_language_of_the_business_decides_what_a_month_of_two_languages_means(import_rows, tenant, language, day):
    tenant.language = language
    tenant.save()
    assert birthdays(import_rows, "3 listopada 1990") == ([day], [])


@given(st.dates(dt.date(1900, 1, 1), TODAY), st.sampled_from(DayOrder), st.sampled_from("/-"))
def test_a_date_written_in_one_order_is_never_read_as_another_day(day, order, separator):
    pattern = "%d{0}%m{0}%Y" if order == DayOrder.DAY_FIRST else "%m{0}%d{0}%Y"
    text = day.strftime(pattern.format(separator))
    assert read_birthday(text, order, TODAY) == day
    assert find_day_order(text) in {order, None}
    try:
        assert read_birthday(text, None, TODAY) == day
    except UnreadableBirthday:
        assert day.day <= 12


DATES = ["first_name", "email", "Birthday"]


def birthdays(import_rows, *texts, **options):
    rows = [[f"J{n}", f"j{n}@example.com", text] for n, text in enumerate(texts)]
    result = import_rows(DATES, *rows, **options)
    by_creation = Customer.objects.order_by("created_at", "pk").values_list("date_of_birth", flat=True)
    return [day.isoformat() if day else None for day in by_creation], result.refused_rows


def test_dates_of_a_column_are_read_as_the_others_tell(import_rows):
    days, refused = birthdays(import_rows, "03/04/1990", "25/12/1991 00:00:00", "0/0/00")
    assert (days, refused) == (["1990-04-03", "1991-12-25", None], [])


@pytest.mark.parametrize("others", [[], ["1991-12-25"], ["25/12/1991", "12/25/1991"]])
def test_a_date_that_can_be_two_is_refused_if_the_others_do_not_tell(import_rows, others):
    days, refused = birthdays(import_rows, "03/04/1990", *others)
    reason = "“03/04/1990” can be 3 April or 4 March: write it as 1990-04-03 or 1990-03-04."
    assert refused == [(2, "date_of_birth", reason)]
    assert len(days) == len(others)


def test_a_column_whose_dates_begin_with_two_digits_of_the_year_is_refused(import_rows):
    days, refused = birthdays(import_rows, "90/04/25", "05/04/29", "85/12/31", "05/04/03")
    assert days == []
    assert [row[:2] for row in refused] == [(line, "date_of_birth") for line in range(2, 6)]


@pytest.mark.parametrize(
    ("header", "others", "day"),
    [
        ("Birthday (MM/DD/YYYY)", [], "1990-03-04"),
        ("Date of birth [mm-dd-yy]", [], "1990-03-04"),
        ("Birthday (dd/mm/yyyy)", [], "1990-04-03"),
        ("Geburtsdatum (TT/MM/JJJJ)", [], "1990-04-03"),
        ("Date de naissance (jj/mm/aaaa)", [], "1990-04-03"),
        # The cells are right where the header is wrong.
        ("Birthday (MM/DD/YYYY)", ["25/12/1991"], "1990-04-03"),
    ],
)
def test_a_header_tells_how_dates_are_written(import_rows, header, others, day):
    rows = [[f"J{n}", f"j{n}@example.com", text] for n, text in enumerate(["03/04/1990", *others])]
    assert import_rows(["first_name", "email", header], *rows).refused_rows == []
    assert Customer.objects.get(first_name="J0").date_of_birth.isoformat() == day


@pytest.mark.parametrize(("order", "day"), [("day-first", "1990-04-03"), ("month-first", "1990-03-04")])
def test_an_operator_says_how_dates_are_read(import_rows, order, day):
    assert birthdays(import_rows, "03/04/1990", dates=order) == ([day], [])


def test_a_person_says_in_the_admin_how_dates_are_read(back_office, in_scope):
    browser = back_office("tenant_admin")
    body(upload(browser, as_csv([DATES, ["Jane", "j@example.com", "03/04/1990"]])))
    one = f"{IMPORT}{CustomerImport.objects.get().pk}/"
    assert figures(browser, one) == {"refused": 1}
    url = f"{one}columns/"
    body(browser.post(url, proposals(browser, url) | {"day_order": "day_first"}))
    assert figures(browser, one) == {"created": 1}
    body(browser.post(one, {"import": "1"}))
    assert Customer.objects.get().date_of_birth == APRIL
    assert proposals(browser, sent_again(browser))["day_order"] == "day_first"


def sent_again(browser):
    """Uploads a file with the same headers. Returns the page of its columns."""
    body(upload(browser, as_csv([DATES, ["Joe", "joe@example.com", ""]])))
    return f"{IMPORT}{CustomerImport.objects.latest('created_at').pk}/columns/"


def test_a_birthday_without_a_year_clears_none(import_rows):
    birthdays(import_rows, "1990-04-03")
    assert birthdays(import_rows, "--04-03", update=True) == (["1990-04-03"], [])
