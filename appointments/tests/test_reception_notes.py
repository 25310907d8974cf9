"""The notes about a customer for reception, in the form of an appointment and on the day sheet."""

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from appointments.models import Appointment
from appointments.tests.factories import AppointmentFactory
from circe.db.ids import new_id
from customers.models import Customer
from customers.tests.factories import CustomerFactory, DeletedCustomerFactory
from tenants.scope import tenant_scope
from tenants.tests.factories import OutletFactory, ServiceFactory, UserFactory
from tenants.tests.forms import opened

PAGE = "/admin/appointments/appointment/"
ADD = f"{PAGE}add/"
SHEET = f"{PAGE}day/?day=2026-04-03"
KNOWN = ["Needs a &lt;ramp&gt;", "Likes the window", "Ana Lee", "Massage", "hair", "Kemang"]


def notes_page(customer):
    return f"/admin/customers/customer/{customer.pk}/notes/"


@pytest.fixture
def jane(tenant):
    """A customer of whom everything is known. One of her favourites is no more on offer."""
    customer = CustomerFactory(
        tenant=tenant,
        first_name="Jane",
        accessibility_needs="Needs a <ramp>",
        notes="Likes the window",
        preferred_categories=["hair"],
        preferred_outlet=OutletFactory(tenant=tenant, name="Kemang"),
    )
    with tenant_scope(tenant):
        customer.change(
            {
                "preferred_staff_ids": [
                    UserFactory(tenant=tenant, first_name="Ana", last_name="Lee").pk,
                    UserFactory(tenant=tenant, first_name="Gone", is_active=False).pk,
                ],
                "preferred_services": [ServiceFactory(tenant=tenant, name="Massage").pk],
            }
        )
    return customer


@pytest.fixture
def booking(tenant):
    """Returns the fields that the form of a new appointment sends, except for the customer."""
    return {
        "service": ServiceFactory(tenant=tenant).pk,
        "staff": UserFactory(tenant=tenant).pk,
        "outlet": OutletFactory(tenant=tenant).pk,
        "appointment_date": "2026-04-03",
        "start_time": "14:00",
        "status": "pending",
        "payment_status": "unpaid",
        "paid_amount": "0",
    }


def missing(response):
    assert response.status_code == 200, response
    content = response.content.decode()
    assert "Gone" not in content
    return [text for text in KNOWN if text not in content]


def test_the_form_shows_them_once_a_customer_is_chosen(back_office, tenant, jane, booking):
    browser = back_office("staff")
    assert (
        '<section id="reception-notes" aria-label="The customer" aria-live="polite" data-url="/admin/customers/cu'
        in (browser.get(ADD).content.decode())
    )
    # By the link on her page, and after a refused form; and for an appointment that exists.
    assert missing(browser.get(f"{ADD}?customer={jane.pk}")) == []
    assert missing(browser.post(ADD, booking | {"customer": jane.pk, "start_time": "banana"})) == []
    visit = AppointmentFactory(tenant=tenant, customer=jane)
    assert missing(browser.get(f"{PAGE}{visit.pk}/change/")) == []


def test_the_script_of_the_form_asks_for_them(back_office, tenant, jane):
    assert missing(back_office("staff").get(notes_page(jane))) == []
    assert missing(back_office("super_admin").get(notes_page(jane))) == []
    nobody = back_office("staff").get(notes_page(CustomerFactory(tenant=tenant))).content.decode()
    assert "No needs, notes or favourites are known." in nobody


def test_nobody_else_s_customer_is_told(back_office, tenant, other_tenant, jane, client):
    gone, theirs = DeletedCustomerFactory(tenant=tenant), CustomerFactory(tenant=other_tenant, notes="Secret")
    browser = back_office("staff")
    for page in (notes_page(gone), notes_page(theirs), "/admin/customers/customer/0/notes/"):
        assert browser.get(page).status_code == 404
    assert "Secret" not in browser.get(f"{ADD}?customer={theirs.pk}").content.decode()
    assert client.get(notes_page(jane)).status_code == 302
    assert browser.get(f"{ADD}?customer={new_id()}").status_code == 200


def test_the_day_sheet_shows_them(back_office, tenant, jane):
    AppointmentFactory(tenant=tenant, customer=jane, appointment_date=dt.date(2026, 4, 3), status="confirmed")
    assert missing(back_office("staff").get(SHEET)) == []


@pytest.mark.slow("makes two days of appointments")
def test_the_day_sheet_asks_for_them_once(back_office, tenant, jane):
    browser, counts = back_office("staff"), []
    for number in (1, 8):
        for customer in [jane, *CustomerFactory.create_batch(number, tenant=tenant)]:
            AppointmentFactory(tenant=tenant, customer=customer, appointment_date=dt.date(2026, 4, 3))
        with CaptureQueriesContext(
            connection,
        ) as queries:
            browser.get(SHEET)
        counts.append(len(queries))
    assert counts[0] == counts[1]


# --- inactive customers ---------------------------------------------------------------------------------------------


@pytest.fixture
def inactive(tenant):
    return CustomerFactory(tenant=tenant, first_name="Inactive", last_name="Ida", is_active=False)


def offered(browser, term):
    query = {"term": term, "app_label": "appointments", "model_name": "appointment", "field_name": "customer"}
    return [row["id"] for row in browser.get("/admin/autocomplete/", query).json()["results"]]


def test_an_inactive_customer_is_not_offered(back_office, tenant, inactive):
    active = CustomerFactory(tenant=tenant, first_name="Active", last_name="Ida")
    assert offered(back_office("staff"), "ida") == [active.pk]


@pytest.mark.parametrize("role", ["staff", "super_admin"])
def test_an_inactive_customer_is_refused_in_plain_words(back_office, tenant, inactive, booking, role):
    browser = back_office(role)
    page = f"{ADD}?customer={inactive.pk}"
    assert "is inactive: no new appointment can be booked." in browser.get(page).content.decode()
    refused = browser.post(page, booking | {"customer": inactive.pk, "tenant": tenant.pk})
    link = f'<a href="/admin/customers/customer/{inactive.pk}/change/" target="_blank">Inactive Ida</a>'
    sentence = f"{link} is inactive and can’t be booked. Choose somebody else, or let a manager set them active."
    assert refused.context["adminform"].form.errors == {"customer": [sentence]}
    with tenant_scope(tenant):
        assert not Appointment.objects.exists()


def test_an_appointment_keeps_a_customer_who_became_inactive(back_office, tenant, jane, inactive):
    appointment = AppointmentFactory(
        tenant=tenant, customer=jane, appointment_date=dt.date(2026, 4, 3), status="confirmed"
    )
    with tenant_scope(tenant):
        Customer.objects.filter(pk=jane.pk).update(is_active=False)
    browser, page = back_office("staff"), f"{PAGE}{appointment.pk}/change/"
    form = opened(browser, page)
    assert browser.post(page, form | {"notes": "Late"}).status_code == 302
    assert set(browser.post(page, form | {"customer": inactive.pk}).context["adminform"].form.errors) == {"customer"}
    assert "(inactive)" in browser.get(SHEET).content.decode()
    assert "Inactive: no new appointment can be booked." in (
        browser.get(f"/admin/customers/customer/{jane.pk}/change/").content.decode()
    )
