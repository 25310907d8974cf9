"""The first page of the back office and its figures."""

import datetime as dt
import re
import threading
from html.parser import HTMLParser

import pytest
from django.db import connection, connections, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from analytics.segments import count_segments
from analytics.statistics import Period, summarize
from appointments.models import Appointment
from customers.tests.factories import DeletedCustomerFactory
from tenants.scope import ALL_TENANTS, tenant_scope

from .conftest import TODAY, URL, days_ago

INDEX = "/admin/"
FIGURES = "/admin/figures/"
ADMINS = ["tenant_admin", "super_admin"]
OTHERS = ["outlet_manager", "staff"]
PERIODS_BY_NAME = {
    "last_12_months": Period(dt.date(2024, 7, 1), TODAY),
    "this_month": Period(dt.date(2025, 6, 1), TODAY),
    "this_year": Period(dt.date(2025, 1, 1), TODAY),
    "all_time": Period(),
}


class Page(HTMLParser):
    """The visible content of a page: `text`, `links`, `ids`, and `tags` in order."""

    def __init__(self, response):
        super().__init__()
        self.texts, self.links, self.ids, self.tags = [], [], set(), []
        self.feed(response.content.decode())
        self.text = " ".join(" ".join(self.texts).split())

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.append((tag, attributes))
        self.ids.add(attributes.get("id"))
        if tag == "a":
            self.links.append(attributes["href"])

    def handle_data(self, data):
        self.texts.append(data)


# --- access ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", [*ADMINS, *OTHERS])
def test_the_first_page_links_to_customers_and_appointments(back_office, role):
    page = Page(back_office(role).get(INDEX))
    customers, appointments = "/admin/customers/customer/", "/admin/appointments/appointment/"
    assert {customers, f"{customers}add/", appointments, f"{appointments}add/"} <= set(page.links)
    assert ("form", {"class": "find", "action": customers, "role": "search"}) in page.tags


@pytest.mark.parametrize("role", OTHERS)
def test_managers_and_staff_get_no_figures(back_office, role, customer, book):
    book(customer(), TODAY)
    browser = back_office(role)
    with CaptureQueriesContext(connection) as queries:
        responses = [browser.get(f"{INDEX}{query}") for query in ("", "?period=this_year", "?tenant_id=zzz&period=zzz")]
    assert not any("customers_" in query["sql"] or "appointments_" in query["sql"] for query in queries)
    for response in responses:
        assert response.status_code == 200
        assert "figures" not in response.content.decode().lower()
    with CaptureQueriesContext(connection) as queries:
        assert browser.get(FIGURES).status_code == 403
        assert browser.get(f"{FIGURES}?from_date=yesterday").status_code == 403
    assert not any("customers_" in query["sql"] for query in queries)


@pytest.mark.parametrize("role", ADMINS)
def test_the_first_page_is_answered_without_counting_rows(back_office, role):
    browser = back_office(role)
    with CaptureQueriesContext(connection) as queries:
        page = Page(browser.get(f"{INDEX}?period=this_year"))
    assert not any("customers_" in query["sql"] or "appointments_" in query["sql"] for query in queries)
    source = next(attributes["data-source"] for _, attributes in page.tags if attributes.get("id") == "figures")
    assert source == f"{FIGURES}?period=this_year"
    # The link is inside <noscript>: the script loads the same page.
    assert source in page.links
    assert "figures" in Page(browser.get(source)).ids


@pytest.mark.parametrize("path", [INDEX, FIGURES, f"{FIGURES}?period=this_year"])
def test_a_visitor_who_is_not_signed_in_is_redirected_to_the_log_in(db, path):
    response = Client().get(path)
    assert response.status_code == 302
    assert response.url.startswith("/admin/login/?next=/admin/")


def test_the_pages_run_and_load_only_our_own_files(back_office, customer, book):
    book(customer(), TODAY)
    for path in (INDEX, FIGURES):
        for tag, attributes in Page(back_office("tenant_admin").get(path)).tags:
            assert not [name for name in attributes if name.startswith("on") or name == "style"], (tag, attributes)
            assert tag != "script" or attributes["src"].startswith("/static/")
            assert not re.match(r"https?:|//", attributes.get("href") or attributes.get("src") or "")


# --- the figures are those of the API -------------------------------------------------------------------------------


@pytest.fixture
def year_of_bookings(tenant, customer, book):
    """A business with a year of appointments."""
    for month in range(1, 7):
        person = customer(password="hash" if month % 2 else None, created_at=dt.datetime(2025, month, 3, tzinfo=dt.UTC))
        book(person, *[dt.date(2025, month, day) for day in range(4, 4 + month)], total_price=1_250_000)
    book(customer(is_active=False, tags=["vip"]), days_ago(400), days_ago(200))
    book(DeletedCustomerFactory(tenant=tenant), days_ago(2), total_price=7)


def in_indonesia(text):
    """Returns a text of an English number as Indonesia writes it."""
    return text.translate(str.maketrans(",.", ".,"))


def read_figures(response):
    """Returns the figures of the page by name."""
    context = response.context
    tiles = {tile.name: (tile.value, tile.about) for tile in [*context["now"], *context["in_period"]]}
    return tiles | {segment.key: segment.value for segment in context["segments"]} | context["retention"]


@pytest.mark.slow("compares twenty periods with the API")
@pytest.mark.parametrize("period", [*PERIODS_BY_NAME.values(), Period(dt.date(2025, 2, 1), dt.date(2025, 3, 31))])
@pytest.mark.parametrize("role", ADMINS)
def test_the_figures_equal_those_of_the_api(back_office, year_of_bookings, as_role, tenant, role, period):
    query = {"from_date": period.first or "", "to_date": period.last or "", "period": "dates"}
    response = back_office(role).get(FIGURES, query | ({"tenant_id": tenant.pk} if role == "super_admin" else {}))
    api = {name: str(day) for name, day in (("from_date", period.first), ("to_date", period.last)) if day}
    expected = as_role("tenant_admin").get(URL, api).json()["statistics"]
    with tenant_scope(tenant):
        visits = Appointment.objects.filter(period.date_condition("appointment_date"), status="completed")
        came = visits.filter(customer__is_deleted=False).values("customer").distinct().count()
    # A super_admin has no country.
    written = str if role == "super_admin" else in_indonesia
    assert read_figures(response) == {
        "Customers": ("7", ""),
        "Active": ("6", written("85.7 % of all")),
        "Walk-ins": ("4", written("57.1 % of all")),
        "New customers": (str(expected["new_customers_in_period"]), ""),
        "Customers who came": (str(came), ""),
        "Appointments": (
            str(expected["total_appointments"]),
            written(f"{round(expected['total_appointments'] / came, 1) if came else 0:.1f} per customer who came"),
        ),
        "Revenue": (
            written(f"{expected['total_revenue']:,} IDR"),
            written(f"{expected['total_revenue'] // came if came else 0:,} IDR per customer who came"),
        ),
        "base": str(expected["retention_base"]),
        "rate": written(f"{expected['retention_rate']} %"),
        "churn": written(f"{expected['churn_rate']} %"),
    } | {name: str(n) for name, n in expected["customer_segments"].items()}
    tops = response.context["tops"].values()
    assert [[one.customer.pk for one in top] for top in tops] == [
        [one["customer_id"] for one in expected[f"top_customers_by_{measure}"]]
        for measure in ("appointments", "revenue")
    ]


def test_the_page_shows_the_figures_as_text(back_office, year_of_bookings):
    page = Page(back_office("tenant_admin").get(f"{FIGURES}?from_date=2025-01-01&to_date=2025-05-31"))
    assert "Lotus , 1 January 2025 to 31 May 2025" in page.text
    assert "Revenue per month, IDR" in page.text
    assert "March 2025 3.750.000 IDR" in page.text
    assert "Revenue 18.750.000 IDR" in page.text
    assert "At risk" in page.text
    assert "last visit more than 90 days ago" in page.text


def test_figures_link_to_the_customers_that_they_count(back_office, tenant, year_of_bookings):
    links = Page(back_office("tenant_admin").get(FIGURES)).links
    customers = "/admin/customers/customer/"
    segmented = {f"{customers}?segment={name}" for name in ("vip", "regular", "new", "at_risk")}
    lists = {f"{customers}?", f"{customers}?is_active__exact=1", f"{customers}?registered=no"}
    assert segmented | lists <= set(links)
    with tenant_scope(tenant):
        top = [one.pk for one in summarize(PERIODS_BY_NAME["last_12_months"])["statistics"]["top_customers_by_revenue"]]
    assert {f"{customers}{pk}/change/" for pk in top} <= set(links)
    assert all(back_office("tenant_admin").get(link).status_code == 200 for link in lists)


def test_a_super_admins_links_are_filtered_by_the_chosen_business(back_office, tenant, year_of_bookings):
    browser = back_office("super_admin")
    customers = "/admin/customers/customer/"
    filtered_url = f"{customers}?registered=no&tenant__id__exact={tenant.pk}"
    assert filtered_url in Page(browser.get(f"{FIGURES}?tenant_id={tenant.pk}")).links
    assert len(browser.get(filtered_url).context["cl"].result_list) == 4
    assert f"{customers}?registered=no" in Page(browser.get(FIGURES)).links


def test_names_are_escaped(back_office, customer, book):
    book(customer(first_name="<script>alert(1)</script>"), TODAY)
    response = back_office("tenant_admin").get(FIGURES)
    assert "&lt;script&gt;alert(1)" in response.content.decode()


# --- the period ------------------------------------------------------------------------------------------------------


@pytest.mark.slow("is a table of eleven periods")
@pytest.mark.parametrize(
    ("query", "period"),
    [
        ("", PERIODS_BY_NAME["last_12_months"]),
        *((f"period={name}", period) for name, period in PERIODS_BY_NAME.items()),
        ("period=this_year&from_date=2025-05-01&to_date=2025-04-01", PERIODS_BY_NAME["this_year"]),
        ("from_date=2025-05-01&to_date=", Period(dt.date(2025, 5, 1))),
        ("to_date=2025-05-01", Period(None, dt.date(2025, 5, 1))),
        ("period=dates&from_date=&to_date=", Period()),
        # An instant is read as its day in Jakarta, as in the API.
        ("from_date=2025-01-01T17:00:00Z", Period(dt.date(2025, 1, 2))),
        ("from_date=0001-01-01&to_date=9999-12-31", Period(dt.date.min, dt.date.max)),
    ],
)
def test_the_query_gives_the_period(back_office, query, period):
    for path in (INDEX, FIGURES):
        context = back_office("tenant_admin").get(f"{path}?{query}").context
        assert context["period"] == period
        assert [context["form"][name].value() for name in ("from_date", "to_date")] == list(period)


@pytest.mark.parametrize("day", ["2024-02-29", "2025-01-01", "2025-12-31"])
def test_twelve_months_are_twelve_bars(back_office, clock, day):
    clock.move_to(dt.datetime.fromisoformat(f"{day}T04:00:00Z"), tick=False)
    charts = back_office("tenant_admin").get(FIGURES).context["charts"]
    assert [len(chart.bars) for chart in charts] == [12, 12]


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("from_date=yesterday", "Write a day such as 2025-01-31"),
        ("to_date=2025-02-30", "Write a day such as 2025-01-31"),
        ("from_date=%00", "Null characters are not allowed."),
        ("from_date=2025-02-01&to_date=2025-01-31", "The first day is after the last one: swap them."),
        ("period=banana", "Choose one of the named periods, or give the days."),
        ("period=all_time&period=all_time", "Give this once."),
        ("from_date=2025-01-01&from_date=2025-01-01", "Give this once."),
    ],
)
def test_an_invalid_query_is_an_error_with_a_message(back_office, query, sentence):
    browser = back_office("tenant_admin")
    index, figures = browser.get(f"{INDEX}?{query}"), browser.get(f"{FIGURES}?{query}")
    assert (index.status_code, figures.status_code) == (200, 400)
    for page in map(Page, (index, figures)):
        assert sentence in page.text
        assert "figures" not in page.ids


def test_the_named_periods_use_the_tenants_days(back_office, clock):
    # One in the morning of 1 July in Jakarta.
    clock.move_to(dt.datetime(2025, 6, 30, 18, tzinfo=dt.UTC), tick=False)
    july = Period(dt.date(2025, 7, 1), dt.date(2025, 7, 1))
    assert back_office("tenant_admin").get(f"{FIGURES}?period=this_month").context["period"] == july
    june = Period(dt.date(2025, 6, 1), dt.date(2025, 6, 30))
    assert back_office("super_admin").get(f"{FIGURES}?period=this_month").context["period"] == june


# --- the business ---------------------------------------------------------------------------------------------------


def test_a_tenant_admin_chooses_no_business(back_office, tenant, other_tenant):
    browser = back_office("tenant_admin")
    for path in (INDEX, FIGURES):
        assert "tenant_id" not in browser.get(path).context["form"].fields
        assert browser.get(path, {"tenant_id": tenant.pk}).status_code == 200
        for tenant_id in (other_tenant.pk, "zzz", "", [tenant.pk, other_tenant.pk]):
            assert browser.get(path, {"tenant_id": tenant_id}).status_code == 403


def test_another_business_is_not_counted(back_office, year_of_bookings, other_tenant):
    other = back_office("tenant_admin", tenant=other_tenant).get(f"{FIGURES}?period=all_time")
    assert {read_figures(other)[name] for name in ("Customers", "Appointments")} == {
        ("0", ""),
        ("0", "0,0 per customer who came"),
    }


def test_a_super_admin_chooses_a_business_or_all(back_office, year_of_bookings, tenant, other_tenant, customer, book):
    book(customer(tenant=other_tenant), TODAY, total_price=93)
    browser = back_office("super_admin")
    everybody = browser.get(f"{FIGURES}?period=all_time")
    one = browser.get(f"{FIGURES}?period=all_time&tenant_id={other_tenant.pk}")
    assert read_figures(everybody)["Customers"] == ("8", "")
    assert read_figures(one)["Revenue"] == ("93 NOK", "93 NOK per customer who came")
    assert "Nordlys , all time" in Page(one).text
    warning = "The amounts add up several currencies (IDR, NOK) as if they were one."
    assert warning in Page(everybody).text
    assert warning not in Page(one).text
    assert "IDR" not in read_figures(everybody)["Revenue"][0]
    with tenant_scope(ALL_TENANTS):
        assert {segment.key: int(segment.value) for segment in everybody.context["segments"]} == count_segments()


@pytest.mark.parametrize("tenant_id", ["zzz", "0" * 24, "9" * 500])
def test_an_unknown_business_is_an_error_with_a_message(back_office, tenant_id):
    response = back_office("super_admin").get(f"{FIGURES}?tenant_id={tenant_id}")
    assert response.status_code == 400
    assert "There is no business with this id." in Page(response).text


# --- sizes ----------------------------------------------------------------------------------------------------------


def test_the_figures_of_an_empty_business_say_so(back_office):
    for query in ("", "period=all_time"):
        page = Page(back_office("tenant_admin").get(f"{FIGURES}?{query}"))
        assert page.text.count("None in this period.") == 6
        assert page.text.count("Nobody in this period.") == 2
        assert "No customers yet." in page.text
        assert "No customer had a visit" in page.text


def test_the_figures_work_without_any_business(back_office, tenant):
    browser = back_office("super_admin")
    with tenant_scope(tenant):
        tenant.delete()
    assert browser.get(FIGURES).status_code == 200


def test_huge_amounts_are_exact(back_office, customer, book):
    book(customer(), *[days_ago(n) for n in range(3)], total_price=10**18 - 1)
    response = back_office("tenant_admin").get(f"{FIGURES}?period=this_month")
    assert read_figures(response)["Revenue"][0] == "2.999.999.999.999.999.997 IDR"
    assert [tick.label for tick in response.context["charts"][1].ticks] == [
        "0",
        "1.000.000tn",
        "2.000.000tn",
        "3.000.000tn",
    ]


@pytest.mark.parametrize("role", ADMINS)
def test_the_number_of_queries_does_not_depend_on_the_number_of_rows(back_office, customer, book, role):
    browser = back_office(role)

    def queries():
        with CaptureQueriesContext(connection) as captured:
            assert browser.get(f"{FIGURES}?period=all_time").status_code == 200
        return len(captured)

    book(customer(), TODAY)
    one = queries()
    for _ in range(12):
        book(customer(), TODAY, days_ago(200))
    assert queries() == one


@pytest.mark.django_db(transaction=True)
def test_figures_that_take_too_long_are_a_503_and_the_first_page_still_works(back_office):
    browser = back_office("tenant_admin")
    answers = []

    def ask():
        for url, bound in ((FIGURES, "0.1s"), (INDEX, "30s")):
            with connection.cursor() as cursor:
                cursor.execute(f"SET statement_timeout = '{bound}'")
            answers.append(browser.get(url))
        connections.close_all()

    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("LOCK TABLE customers_customer IN ACCESS EXCLUSIVE MODE")
        other = threading.Thread(target=ask)
        other.start()
        other.join(timeout=60)
    assert [answer.status_code for answer in answers] == [503, 200]
    assert answers[0].headers["Retry-After"] == "2"
    assert "The database is away or too slow." in Page(answers[0]).text
