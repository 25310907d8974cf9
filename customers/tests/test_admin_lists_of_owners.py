"""The lists and files of an owner: by consent, last visit, spending, segment and source."""

import datetime as dt
import io

import pytest
from openpyxl import load_workbook

from appointments.tests.factories import AppointmentFactory
from customers.tests.bodies import CUSTOMERS
from customers.tests.factories import CustomerFactory
from customers.tests.transfer import from_csv
from tenants.scope import tenant_scope
from tenants.tests.factories import OutletFactory, ServiceFactory, UserFactory

from .pages import PAGE, names

NOW = dt.datetime(2025, 6, 15, 5, tzinfo=dt.UTC)
TODAY = dt.date(2025, 6, 15)


@pytest.fixture(autouse=True)
def clock(time_machine):
    time_machine.move_to(NOW, tick=False)
    return time_machine


def days_ago(days):
    return TODAY - dt.timedelta(days=days)


@pytest.fixture
def people(tenant):
    """Ana comes often, Ben lapsed, Cia is new and Dan, the vip, spent most."""
    made = {
        name: CustomerFactory(tenant=tenant, first_name=name, last_name=None, **values)
        for name, values in {
            "ana": {"source": "website", "marketing_consent": True},
            "Ben": {"source": "walk-in"},
            "Cia": {"source": "website"},
            "Dan": {"tags": ["vip"]},
        }.items()
    }
    for name, days, price in (
        ("ana", 5, 100),
        ("ana", 200, 100),
        ("Ben", 180, 250),
        ("Dan", 20, 300),
        ("Dan", 21, 300),
        ("Dan", 22, 300),
    ):
        AppointmentFactory(
            tenant=tenant, customer=made[name], status="completed", appointment_date=days_ago(days), total_price=price
        )
    return made


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("consent=all", {"ana"}),
        ("consent=none", {"Ben", "Cia", "Dan"}),
        ("consent=email", {"ana"}),
        ("source=website", {"ana", "Cia"}),
        ("source=--", {"Dan"}),
        ("total_spent_min=200", {"ana", "Ben", "Dan"}),
        ("total_spent_min=201&total_spent_max=899", {"Ben"}),
        ("total_spent_max=0", {"Cia"}),
        ("last_visit_from=2025-05-01", {"ana", "Dan"}),
        ("last_visit_to=2025-05-01", {"Ben"}),
        ("last_visit_from=26/05/2025&last_visit_to=26/05/2025", {"Dan"}),
        ("last_visit=30", {"ana", "Dan"}),
        ("last_visit=365", {"Ben"}),
        ("last_visit=never", {"Cia"}),
        ("segment=at_risk", {"Ben"}),
        ("segment=vip&source=--", {"Dan"}),
        ("created_from=2025-06-15&created_to=2025-06-15", {"ana", "Ben", "Cia", "Dan"}),
        ("created_to=2025-06-14", set()),
    ],
)
def test_the_list_is_filtered_by_what_an_owner_asks(back_office, people, query, found):
    assert set(names(back_office("tenant_admin"), f"?{query}")) == found


@pytest.mark.parametrize(
    "query",
    [
        "total_spent_min=200",
        "total_spent_min=201&total_spent_max=899",
        "last_visit_from=2025-05-01",
        "last_visit_to=2025-05-01",
        "source=website",
        "segment=at_risk",
        "created_from=2025-06-15",
    ],
)
def test_the_list_of_the_back_office_finds_whom_the_api_finds(back_office, as_role, people, query):
    found = as_role("tenant_admin").get(f"{CUSTOMERS}?{query}").json()["items"]
    assert set(names(back_office("tenant_admin"), f"?{query}")) == {one["first_name"] for one in found}


def test_a_range_that_cannot_be_read_finds_nobody_and_says_why(back_office, people):
    browser = back_office("tenant_admin")
    for query, sentence in (
        ("last_visit_from=soon", "“soon” is not a day here."),
        ("total_spent_min=much", "“much” is not a whole number here."),
        ("created_to=31.12", "“31.12” is not a day here."),
    ):
        response = browser.get(f"{PAGE}?{query}")
        assert response.context["cl"].result_list == []
        assert sentence in response.content.decode()


def column_number(browser, label):
    headers = browser.get(PAGE).context["cl"]
    texts = [getattr(shown, "short_description", shown) for shown in headers.list_display]
    return texts.index(label)


@pytest.mark.parametrize(
    ("label", "order", "reverse"),
    [
        ("name", ["ana", "Ben", "Cia", "Dan"], None),
        # Customers without a visit come last in both directions, as in the API.
        ("last visit", ["Ben", "Dan", "ana", "Cia"], ["ana", "Dan", "Ben", "Cia"]),
        ("spent", ["Cia", "ana", "Ben", "Dan"], None),
        ("segment", ["Dan", "ana", "Cia", "Ben"], None),
        ("visits", ["Cia", "Ben", "ana", "Dan"], None),
    ],
)
def test_the_list_is_sorted_by_each_figure(back_office, people, label, order, reverse):
    browser = back_office("tenant_admin")
    number = column_number(browser, label)
    assert names(browser, f"?o={number}") == order
    assert names(browser, f"?o=-{number}") == (reverse or order[::-1])


def test_the_list_is_sorted_by_consent_and_source(back_office, people):
    browser = back_office("tenant_admin")
    assert names(browser, f"?o=-{column_number(browser, 'consent')}")[0] == "ana"
    assert names(browser, f"?o={column_number(browser, 'source')}")[0] == "Ben"


# --- files ----------------------------------------------------------------------------------------------------------


def test_the_export_of_those_at_risk_has_what_a_letter_to_them_needs(back_office, people):
    browser = back_office("tenant_admin")
    with_consent = people["Ben"]
    with tenant_scope(with_consent.tenant):
        with_consent.change({"marketing_consent": True, "email": None, "phone": "+6281234567"})
    response = browser.get(f"{PAGE}export/csv/?segment=at_risk&consent=all")
    header, row = from_csv(b"".join(response.streaming_content))
    cells = dict(zip(header, row, strict=True))
    wanted = ("first_name", "last_visit", "visits", "total_spent", "marketing_consent", "marketing_channels", "segment")
    assert [cells[name] for name in wanted] == [
        "Ben",
        days_ago(180).isoformat(),
        "1",
        "250",
        "true",
        # By default a customer does not accept messages by WhatsApp.
        "push; sms",
        "At risk",
    ]
    assert "segment-at-risk-marketing-consent-on-every-channel.csv" in response["Content-Disposition"]
    page = browser.get(f"{PAGE}export/?segment=at_risk").content.decode()
    assert "Segment: At risk" in page


def test_the_page_of_an_export_writes_typed_values_as_the_business_does(back_office, people):
    query = "total_spent_min=1250000&visited_from=2026-10-01&visited_to=nonsense"
    page = back_office("tenant_admin").get(f"{PAGE}export/?{query}").content.decode()
    assert "at least 1.250.000" in page
    assert "from 1 October 2026 to nonsense" in page


def test_a_workbook_says_in_its_properties_what_filter_made_it(back_office, people):
    response = back_office("tenant_admin").get(f"{PAGE}export/xlsx/?source=website&q=ana")
    book = load_workbook(io.BytesIO(b"".join(response.streaming_content)))
    assert book.properties.description == "Exported from Circe: search: “ana”; source: website."


def test_an_export_names_the_favourites(back_office, tenant):
    jane = CustomerFactory(tenant=tenant, preferred_outlet=OutletFactory(tenant=tenant, name="Downtown"))
    with tenant_scope(tenant):
        jane.change(
            {
                "preferred_services": [ServiceFactory(tenant=tenant, name=name).pk for name in ("Cut", "Wash")],
                "preferred_staff_ids": [UserFactory(tenant=tenant, first_name="Ana", last_name="Lee").pk],
            }
        )
    response = back_office("tenant_admin").get(f"{PAGE}export/csv/")
    header, row = from_csv(b"".join(response.streaming_content))
    cells = dict(zip(header, row, strict=True))
    names = ("preferred_outlet", "preferred_service_names", "preferred_staff_names")
    assert [cells[name] for name in names] == ["Downtown", "Cut; Wash", "Ana Lee"]
