"""Dates, clock times and numbers in the admin, as the country of the business writes and reads them."""

import datetime as dt

import pytest
from django.core.exceptions import ValidationError
from django.utils import translation
from django.utils.formats import date_format

from appointments.models import Appointment
from appointments.tests.factories import AppointmentFactory
from circe.backoffice.fields import DayField
from circe.backoffice.regional import MODULE_BY_REGION, format_number, language_code, parse_whole_number
from circe.tests.cases import in_one_test
from customers.models import Customer
from customers.tests.factories import CustomerFactory
from tenants.models import Service
from tenants.scope import tenant_scope
from tenants.tests.factories import OutletFactory, ServiceFactory, TenantFactory, UserFactory
from tenants.tests.forms import opened, sent_by

from .test_admin import url

# By country: language, currency, the third of April as it is shown, and 1,250,000 of the currency.
COUNTRIES = {
    "US": ("en", "USD", "April 3, 2026", "1,250,000.00 USD"),
    "GB": ("en", "GBP", "3 April 2026", "1,250,000.00 GBP"),
    "AU": ("en", "AUD", "3 April 2026", "1,250,000.00 AUD"),
    "NO": ("nb", "NOK", "3. April 2026", "1\xa0250\xa0000 NOK"),
    "ID": ("id", "IDR", "3 April 2026", "1.250.000 IDR"),
    "DE": ("de", "EUR", "3. April 2026", "1.250.000,00 EUR"),
    "JP": ("ja", "JPY", "2026年4月3日", "1,250,000 JPY"),
    "IN": ("en", "INR", "3 April 2026", "12,50,000.00 INR"),
}
THIRD_OF_APRIL, REFUSED = dt.date(2026, 4, 3), None
DAY_FIRST = {"GB", "AU", "NO", "ID", "DE", "IN"}


@pytest.fixture(params=COUNTRIES)
def country(request):
    return request.param


@pytest.fixture
def salon(db, country):
    """A business of the country. Its language is also English, as of many that have never set it."""
    language, currency, *_ = COUNTRIES[country]
    return TenantFactory(slug=f"in-{country.lower()}", phone_region=country, language=language, currency=currency)


def save_birthdays(browser, customer, texts):
    """Types one date of birth after the other. Returns the stored days by text, with None where the form refused it.

    The page that refuses a text shows the form again, so the next one is typed there.
    """
    page, days, form = url(Customer, "change", customer.pk), {}, None
    for text in texts:
        response = browser.post(page, (form or opened(browser, page)) | {"date_of_birth": text})
        if response.status_code == 200:
            (error,) = response.context["adminform"].form.errors["date_of_birth"]
            assert error.startswith(f"“{text}” is not a day here. Write a day such as 2025-01-31")
            assert f'value="{text}"' in response.content.decode()
            days[text], form = REFUSED, sent_by(response)
        else:
            with tenant_scope(customer.tenant):
                days[text], form = Customer.objects.get(pk=customer.pk).date_of_birth, None
    return days


def read_day(country, text):
    """Returns the day that the text means in the country, or None where it could mean another one."""
    if text in ("2020-04-03", "2020-4-3") or (country in DAY_FIRST and text.lower() == "3 april 2020"):
        return dt.date(2020, 4, 3)
    if country == "US":
        fourth_of_march = {"03/04/2020": dt.date(2020, 3, 4), "03-04-2020": dt.date(2020, 3, 4)}
        return (fourth_of_march | {"April 3, 2020": dt.date(2020, 4, 3)}).get(text)
    if country == "JP":
        return dt.date(2020, 4, 3) if text in ("2020/04/03", "2020年4月3日") else None
    return dt.date(2020, 4, 3) if text in ("03/04/2020", "3.4.2020", "03-04-2020", "３.４.２０２０") else None


@pytest.mark.slow("types many dates in each country")
def test_a_day_is_read_as_the_country_writes_it_or_refused(back_office, salon, country):
    browser, jane = back_office("outlet_manager", salon), CustomerFactory(tenant=salon)
    texts = [
        *("2020-04-03", "03/04/2020", "3.4.2020", "03-04-2020", "2020/04/03", "2020年4月3日", "April 3, 2020"),
        *("3 april 2020", "３.４.２０２０", "31/02/2020", "13/13/2020", "03/04", "yesterday", "1/2/3/4"),
    ]
    assert save_birthdays(browser, jane, texts) == {text: read_day(country, text) for text in texts}


@pytest.mark.slow("shows many pages in each country")
def test_days_and_money_are_shown_as_the_country_writes_them(back_office, salon, country):
    *_, day, amount = COUNTRIES[country]
    jane = CustomerFactory(tenant=salon, first_name="Jane", date_of_birth=dt.date(1990, 1, 2))
    visit = AppointmentFactory(
        tenant=salon,
        customer=jane,
        appointment_date=THIRD_OF_APRIL,
        total_price=1_250_000,
        status="completed",
        service=ServiceFactory(tenant=salon, price=1_250_000),
    )
    browser = back_office("tenant_admin", salon)
    shown = {
        f"{url(Appointment, 'changelist')}?day=all": (day, amount),
        "/admin/appointments/appointment/day/?day=2026-04-03": (day, amount),
        url(Customer, "change", jane.pk): (day, amount),
        url(Customer, "changelist"): (day,),
        url(Service, "changelist"): (amount,),
        "/admin/figures/?from_date=2026-04-03&to_date=2026-04-03": (day, amount),
    }
    for page, expected in shown.items():
        content = browser.get(page).content.decode().replace("&nbsp;", "\xa0")
        assert [text for text in expected if text not in content] == [], page
    # Inputs have ISO 8601, which is what a browser's own input understands.
    form = opened(browser, url(Appointment, "change", visit.pk))
    assert (form["appointment_date"], form["start_time"], form["total_price"]) == (
        ["2026-04-03"],
        [f"{visit.start_time:%H:%M}"],
        ["1250000"],
    )
    content = browser.get(url(Appointment, "change", visit.pk)).content.decode()
    assert '<input type="date" name="appointment_date" value="2026-04-03"' in content
    assert '<input type="time" name="start_time"' in content
    # A form that is saved as it was opened changes nothing.
    assert browser.post(url(Appointment, "change", visit.pk), form).status_code == 302
    with tenant_scope(salon):
        assert Appointment.objects.get().total_price == 1_250_000


@pytest.mark.slow("opens two pages in each country")
def test_the_day_sheet_and_the_figures_take_the_country_s_day(back_office, salon, country):
    browser, text = back_office("tenant_admin", salon), "04/03/2026" if country == "US" else "03/04/2026"
    OutletFactory(tenant=salon)
    sheet = browser.get("/admin/appointments/appointment/day/", {"day": text})
    figures = browser.get("/admin/figures/", {"from_date": text, "to_date": text, "period": "dates"})
    if country == "JP":
        assert sheet.status_code == 400
        assert "Write a day such as 2025-01-31 or 2025/01/31." in sheet.content.decode()
        assert "is not a day here" in str(figures.context["form"].errors["from_date"])
        return
    assert sheet.context["sheet"].day == THIRD_OF_APRIL
    assert figures.context["period"].first == THIRD_OF_APRIL


@pytest.mark.slow("shows a page of figures in each country")
def test_the_drawings_of_the_figures_keep_their_points(back_office, salon):
    AppointmentFactory(tenant=salon, status="completed", appointment_date=dt.date(2026, 4, 3), total_price=70)
    CustomerFactory.create_batch(2, tenant=salon)
    content = back_office("tenant_admin", salon).get("/admin/figures/?period=all_time").content.decode()
    svg = [line for line in content.splitlines() if "<svg x=" in line or "<rect" in line or "<line" in line]
    assert svg
    assert not [line for line in svg if "," in line.partition("<title")[0]]


def test_english_speaking_staff_in_oslo_read_norwegian_days(back_office, db):
    salon = TenantFactory(phone_region="NO", language="en", currency="NOK")
    browser, jane = back_office("outlet_manager", salon), CustomerFactory(tenant=salon)
    assert save_birthdays(browser, jane, ["03/04/2020"]) == {"03/04/2020": dt.date(2020, 4, 3)}


def test_a_super_admin_without_a_business_writes_iso_8601(back_office, tenant):
    browser, jane = back_office("super_admin"), CustomerFactory(tenant=tenant)
    assert save_birthdays(browser, jane, ["03/04/2020", "2020-04-03"]) == {
        "03/04/2020": REFUSED,
        "2020-04-03": dt.date(2020, 4, 3),
    }
    assert "2020-04-03" in browser.get(url(Customer, "change", jane.pk)).content.decode()
    # Nor does the form of one business read what the form of another reads.
    service = ServiceFactory(tenant=tenant)
    page = url(Service, "change", service.pk)
    assert "price" in browser.post(page, opened(browser, page) | {"price": "350.000"}).context["adminform"].form.errors


NUMBERS = [
    # The typed text; its number in the US, in Britain and without a country; its number in Norway, Germany and Indonesia.
    ("350000", 350000, 350000),
    ("350.000", REFUSED, 350000),
    ("350,000", 350000, REFUSED),
    ("1.250.000", 1250000, 1250000),
    ("1,250,000", 1250000, 1250000),
    ("350 000", 350000, 350000),
    ("350\xa0000", 350000, 350000),
    ("350\u202f000", 350000, 350000),
    ("1'250’000", 1250000, 1250000),
    ("1 234,50", REFUSED, REFUSED),
    ("1\xa0234,00", 1234, 1234),
    ("1.234,00", 1234, 1234),
    ("1,234.00", 1234, 1234),
    ("99.00", 99, 99),
    ("99,0", 99, 99),
    ("12,50,000", 1250000, 1250000),
    ("３５０", 350, 350),
    ("1.5", REFUSED, REFUSED),
    ("1,5", REFUSED, REFUSED),
    ("35.0000", REFUSED, REFUSED),
    ("3500.000", REFUSED, REFUSED),
    ("1.250,000", REFUSED, REFUSED),
    ("1 250.000", REFUSED, REFUSED),
    ("0.350", REFUSED, REFUSED),
    ("0,350", REFUSED, REFUSED),
    ("٣٥٠٠٠٠", 350000, 350000),
    ("350k", REFUSED, REFUSED),
    ("Rp 350.000", REFUSED, REFUSED),
    ("1e5", REFUSED, REFUSED),
    ("", REFUSED, REFUSED),
]


def read_number(text):
    try:
        return parse_whole_number(text)
    except ValueError:
        return REFUSED


@pytest.mark.parametrize(
    ("code", "column"),
    [
        *((language_code(*c), 0) for c in (("US", "en"), ("GB", "en"), ("JP", "ja"), ("IN", "hi"), ("KE", "sw"))),
        *((language_code(*c), 1) for c in (("NO", "nb"), ("DE", "de"), ("ID", "id"), ("ID", "en"), ("FR", "fr"))),
        ("en", 0),
    ],
)
def test_a_number_is_read_as_the_country_writes_it_or_refused(code, column):
    with translation.override(code):
        read = {text: read_number(text) for text, *_ in NUMBERS}
        # A number can be typed as it is shown.
        assert all(read_number(format_number(number)) == number for number in (0, 999, 1000, 1250000, 10**12))
    assert read == {text: values[column] for text, *values in NUMBERS}


@pytest.mark.parametrize("region", ["ID", "NO", "DE"])
def test_a_price_is_never_a_thousandth(back_office, db, region):
    salon = TenantFactory(phone_region=region, language=COUNTRIES[region][0], currency=COUNTRIES[region][1])
    browser, service = back_office("tenant_admin", salon), ServiceFactory(tenant=salon, price=1)
    page = url(Service, "change", service.pk)
    assert browser.post(page, opened(browser, page) | {"price": "350.000"}).status_code == 302
    refused = browser.post(page, opened(browser, page) | {"price": "350,000"})
    with translation.override(language_code(region, "en")):
        sentence = f"“350,000” is not a whole number here. Write a number such as 90 or {format_number(1250)}."
    assert refused.context["adminform"].form.errors["price"] == [sentence]
    with tenant_scope(salon):
        assert Service.objects.get().price == 350000


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("14:30", "14:30"),
        ("14.30", "14:30"),
        ("2:30 pm", "14:30"),
        ("2:30PM", "14:30"),
        ("9:05", "09:05"),
        ("١٤:٣٠", "14:30"),
        ("\u200e2:30\u202fPM", "14:30"),
        ("25:00", None),
        ("14:3", None),
    ],
)
def test_a_clock_time_is_read_in_the_usual_ways(back_office, tenant, text, time):
    browser = back_office("staff")
    form = opened(browser, url(Appointment, "add")) | {
        "customer": CustomerFactory(tenant=tenant).pk,
        "service": ServiceFactory(tenant=tenant).pk,
        "staff": UserFactory(tenant=tenant).pk,
        "outlet": OutletFactory(tenant=tenant).pk,
        "appointment_date": "03/04/2026",
        "start_time": text,
    }
    response = browser.post(url(Appointment, "add"), form)
    if time is None:
        assert response.context["adminform"].form.errors == {
            "start_time": [f"“{text}” is not a time. Write it as 14:30."]
        }
        return
    with tenant_scope(tenant):
        added = Appointment.objects.get()
    assert (added.appointment_date, f"{added.start_time:%H:%M}") == (THIRD_OF_APRIL, time)


@in_one_test(
    ("region", "text", "day"),
    [
        ("EG", "٠٣/٠٤/٢٠٢٦", THIRD_OF_APRIL),
        ("IR", "۲۰۲۶/۰۴/۰۳", THIRD_OF_APRIL),
        ("IN", "०३/०४/२०२६", THIRD_OF_APRIL),
        ("NO", "\u200e03\u200e.\u200e04\u200e.\u200e2026", THIRD_OF_APRIL),
        ("CA", "2026-04-03", THIRD_OF_APRIL),
        ("CA", "03/04/2026", REFUSED),
        ("TH", "03/04/2569", REFUSED),
        # The years 1982 and 2025, 1926 and 2026.
        ("TH", "03/04/25", REFUSED),
        ("NO", "03.04.26", REFUSED),
        ("US", "04/03/26", REFUSED),
        ("JP", "26/04/03", REFUSED),
        ("GB", "03/04/0026", REFUSED),
    ],
)
def test_a_day_is_read_in_the_digits_and_the_calendar_of_the_form(region, text, day):
    with translation.override(language_code(region, "en")):
        if day is not REFUSED:
            assert DayField().clean(text) == day
            return
        with pytest.raises(ValidationError, match=f"“{text}” is not a day here. Write a day such as 2025-01-31"):
            DayField().clean(text)


@pytest.mark.parametrize("language", ["en", "de", "ar", "zz"])
def test_every_country_shows_days_and_numbers_that_it_reads(language):
    for region in [*MODULE_BY_REGION, "GB", "AU", "KE", "ZA", "EG", "HK"]:
        with translation.override(language_code(region, language)):
            assert DayField().clean(date_format(THIRD_OF_APRIL, "SHORT_DATE_FORMAT")) == THIRD_OF_APRIL, region
            assert read_number(format_number(1250000)) == 1250000, region
            assert "April" in date_format(THIRD_OF_APRIL) or region in {"CN", "JP", "KP", "KR", "TW", "SE", "LT"}
            assert translation.gettext("Save") == "Save"


def test_the_api_and_an_export_stay_iso_8601(back_office, as_role, country, salon):
    CustomerFactory(tenant=salon, first_name="Jane", date_of_birth=dt.date(1990, 1, 2), loyalty_points=1250)
    back_office("tenant_admin", salon).get("/admin/")
    body = as_role("staff", salon).get("/api/v1/customers").json()["items"][0]
    assert (body["date_of_birth"], body["loyalty_points"]) == ("1990-01-02", 1250)
    response = back_office("tenant_admin", salon).get("/admin/customers/customer/export/csv/")
    assert "1990-01-02" in b"".join(response).decode()
