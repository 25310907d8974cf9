"""The additions of appointments to the admin's pages of customers."""

import datetime as dt

import pytest

from appointments.tests.factories import AppointmentFactory
from customers.tests.bodies import CUSTOMERS
from customers.tests.factories import CustomerFactory, DeletedCustomerFactory
from tenants.tests.factories import OutletFactory, ServiceFactory, UserFactory

PAGE = "/admin/customers/customer/"
APPOINTMENTS = "/admin/appointments/appointment/"
# Noon of a Sunday in Jakarta.
NOW = dt.datetime(2025, 6, 15, 5, tzinfo=dt.UTC)
TODAY = dt.date(2025, 6, 15)
ROLES = ["staff", "outlet_manager", "tenant_admin", "super_admin"]


@pytest.fixture(autouse=True)
def clock(time_machine):
    time_machine.move_to(NOW, tick=False)
    return time_machine


def days_ago(days):
    return TODAY - dt.timedelta(days=days)


@pytest.fixture
def jane(tenant):
    return CustomerFactory(tenant=tenant, first_name="Jane", last_name="Doe")


def read_page(browser, customer):
    response = browser.get(f"{PAGE}{customer.pk}/change/")
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


# --- the page -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ROLES)
def test_a_customers_page_has_the_figures_of_the_api(back_office, as_role, tenant, jane, role):
    for status, day in [("completed", 3), ("completed", 40), ("no_show", 9), ("cancelled", 8), ("confirmed", -1)]:
        AppointmentFactory(
            tenant=tenant, customer=jane, status=status, appointment_date=days_ago(day), total_price=1500
        )
    AppointmentFactory(tenant=tenant)
    page = read_page(back_office(role), jane)
    profile = as_role("staff").get(f"{CUSTOMERS}/{jane.pk}").json()
    shown_messages = as_role("staff").get(f"{CUSTOMERS}/{jane.pk}/appointments").json()["statistics"]
    assert (profile["total_spent"], profile["last_appointment_date"]) == (3000, "2025-06-12")
    for name, value in {
        "Visits": shown_messages["completed"],
        # A super_admin, who has no country, reads ISO 8601.
        "Spent": "3,000 IDR" if role == "super_admin" else "3.000 IDR",
        "Last visit": "2025-06-12" if role == "super_admin" else "12 June 2025",
        "Upcoming": shown_messages["upcoming"],
        "No-shows": shown_messages["no_show"],
        "Cancelled": shown_messages["cancelled"],
    }.items():
        assert f"<dt>{name}</dt><dd>{value}</dd>" in page


def test_a_customers_page_begins_with_what_reception_needs_on_the_phone(back_office, tenant):
    jane = CustomerFactory(
        tenant=tenant,
        phone="+6281234567899",
        email="jane@example.com",
        notes="Likes <b>tea</b>",
        accessibility_needs="Ramp",
    )
    ana, outlet = UserFactory(tenant=tenant, first_name="Ana", last_name="Lee"), OutletFactory(tenant=tenant)
    haircut, colour = (ServiceFactory(tenant=tenant, name=name) for name in ("Haircut", "Colour"))
    fields = {"tenant": tenant, "customer": jane, "staff_id": ana.pk, "outlet": outlet}
    for days, service in ((7, colour), (30, haircut), (60, haircut)):
        AppointmentFactory(**fields, service=service, appointment_date=days_ago(days), status="completed")
    later, sooner = (
        AppointmentFactory(**fields, service=haircut, appointment_date=days_ago(-days), status="confirmed")
        for days in (9, 2)
    )
    AppointmentFactory(**fields, service=haircut, appointment_date=days_ago(-1), status="cancelled")
    page = read_page(back_office("staff"), jane)
    glance = page[page.index('<dl class="glance">') : page.index('<dl class="figures">')]
    assert f'{sooner.pk}/change/">Tue 17 June 2025, 14:00 with Ana Lee</a> · Haircut · {outlet}' in glance
    assert "<dt>Usually</dt><dd>Haircut, with Ana Lee</dd>" in glance
    assert '<a href="tel:+6281234567899">+6281234567899</a>' in glance
    assert '<a href="mailto:jane@example.com">jane@example.com</a>' in glance
    assert "<dd>Ramp</dd>" in glance
    assert "<dd>Likes &lt;b&gt;tea&lt;/b&gt;</dd>" in glance
    upcoming, past = page[page.index("<h3>Upcoming</h3>") :].split("<h3>Past</h3>")
    assert 0 < upcoming.index(sooner.pk) < upcoming.index(later.pk)
    assert past.count("Completed</span>") == 3


def test_a_customers_page_says_that_nothing_is_booked(back_office, jane):
    page = read_page(back_office("staff"), jane)
    assert "<dt>Next</dt><dd>nothing booked</dd>" in page
    assert "<dt>Usually</dt>" not in page


def test_the_latest_appointments_are_listed_newest_first(back_office, tenant, jane):
    service = ServiceFactory(tenant=tenant, name="<i>Creambath</i>")
    staff, outlet = UserFactory(tenant=tenant, first_name="Ayu"), OutletFactory(tenant=tenant, name="Kemang")
    fields = {"tenant": tenant, "customer": jane, "service": service, "staff_id": staff.pk, "outlet": outlet}
    made = [AppointmentFactory(**fields, appointment_date=days_ago(day)) for day in range(22)]
    page = read_page(back_office("staff"), jane)
    links = [page.find(f"{APPOINTMENTS}{one.pk}/change/") for one in made]
    assert links[:20] == sorted(links[:20])
    assert (min(links[:20]) > 0, links[20:]) == (True, [-1, -1])
    assert '>Sun 15 June 2025, 14:00–15:30</a> <span class="status">Completed</span>' in page
    assert f"&lt;i&gt;Creambath&lt;/i&gt; with {staff.full_name} · Kemang" in page
    assert "350.000 IDR" in page
    assert ">All 22</a>" in page


def test_a_customers_page_links_to_the_booking_form(back_office, tenant, jane):
    browser = back_office("staff")
    page = read_page(browser, jane)
    assert f'href="{APPOINTMENTS}add/?customer={jane.pk}"' in page
    assert "None yet." in page
    form = browser.get(f"{APPOINTMENTS}add/?customer={jane.pk}").context["adminform"].form
    assert form["customer"].value() == jane.pk


def test_the_list_filters_by_customer(back_office, tenant, other_tenant, jane):
    days = [AppointmentFactory(tenant=tenant, customer=jane, appointment_date=days_ago(day)) for day in (400, -2, 7)]
    AppointmentFactory(tenant=tenant)
    foreign = AppointmentFactory(tenant=other_tenant)
    browser = back_office("staff")
    # Staff have no actions, so the day is the first column.
    page = browser.get(f"{APPOINTMENTS}?customer={jane.pk}&day=all&o=-0")
    assert list(page.context["cl"].result_list) == [days[1], days[2], days[0]]
    assert f">{jane}</a>" in page.content.decode()
    assert 'data-filter-title="customer"' not in browser.get(APPOINTMENTS).content.decode()
    for pk in (foreign.customer_id, "0" * 24, "zzz"):
        assert browser.get(f"{APPOINTMENTS}?customer={pk}&day=all").url == f"{APPOINTMENTS}?e=1"


def test_the_page_of_a_deleted_customer_has_figures_and_no_booking_link(back_office, tenant):
    gone = DeletedCustomerFactory(tenant=tenant)
    AppointmentFactory(tenant=tenant, customer=gone, total_price=1500)
    page = read_page(back_office("tenant_admin"), gone)
    assert "<dd>1.500 IDR</dd>" in page
    assert f"add/?customer={gone.pk}" not in page


# --- the filter of the list -----------------------------------------------------------------------------------------


def find_first_names(browser, query):
    return {customer.first_name for customer in browser.get(PAGE + query).context["cl"].result_list}


@pytest.mark.slow("makes 25 visits for each role")
@pytest.mark.parametrize("role", ROLES)
def test_the_list_of_customers_filters_by_last_visit(back_office, tenant, other_tenant, role):
    for days in (-3, 0, 30, 31, 90, 91, 365, 366):
        customer = CustomerFactory(tenant=tenant, first_name=str(days))
        AppointmentFactory(tenant=tenant, customer=customer, appointment_date=days_ago(days))
        # Only the last visit counts, and only completed appointments are visits.
        AppointmentFactory(tenant=tenant, customer=customer, appointment_date=days_ago(1000))
        AppointmentFactory(tenant=tenant, customer=customer, appointment_date=days_ago(50), status="no_show")
    CustomerFactory(tenant=tenant, first_name="never")
    missed = CustomerFactory(tenant=tenant, first_name="missed")
    AppointmentFactory(tenant=tenant, customer=missed, appointment_date=TODAY, status="cancelled")
    browser = back_office(role)
    assert find_first_names(browser, "?last_visit=30") == {"-3", "0", "30"}
    assert find_first_names(browser, "?last_visit=90") == {"31", "90"}
    assert find_first_names(browser, "?last_visit=365") == {"91", "365"}
    assert find_first_names(browser, "?last_visit=older") == {"366"}
    assert find_first_names(browser, "?last_visit=never") == {"never", "missed"}


def test_the_filter_by_last_visit_uses_the_tenants_days(back_office, tenant, clock):
    AppointmentFactory(tenant=tenant, customer=CustomerFactory(tenant=tenant), appointment_date=days_ago(30))
    clock.move_to(dt.datetime(2025, 6, 15, 16, 59, tzinfo=dt.UTC))
    assert len(find_first_names(back_office("staff"), "?last_visit=30")) == 1
    clock.move_to(dt.datetime(2025, 6, 15, 17, tzinfo=dt.UTC))
    assert len(find_first_names(back_office("staff"), "?last_visit=30")) == 0


def test_a_row_of_the_list_has_the_last_visit(back_office, tenant, jane):
    AppointmentFactory(tenant=tenant, customer=jane, appointment_date=days_ago(3))
    assert '<td class="field-last_visit nowrap">12 June 2025</td>' in back_office("staff").get(PAGE).content.decode()
