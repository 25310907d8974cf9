"""A part of a receptionist's day in a real browser, on a desktop and on a phone."""

import datetime as dt

import pytest
from playwright.sync_api import expect

from appointments.models import Appointment
from appointments.tests.factories import AppointmentFactory, works_always
from circe.tests.browser import DESKTOP, PHONE, browser_marks, choose, width_of
from customers.models import Customer
from customers.tests.factories import CustomerFactory
from tenants.scope import tenant_scope
from tenants.tests.factories import OutletFactory, ServiceFactory, UserFactory

pytestmark = [*browser_marks(__name__), pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])]


@pytest.fixture
def jane(tenant):
    return CustomerFactory(tenant=tenant, first_name="Jane", last_name="Doe", phone="+6281234567890")


@pytest.fixture
def appointment(tenant, jane):
    """An appointment of today, all day long, so that the test passes at any time of the day."""
    ana, outlet = UserFactory(tenant=tenant, first_name="Ana", last_name="Lee"), OutletFactory(tenant=tenant)
    works_always(tenant, ana.pk, outlet.pk)
    hours = {"start_time": dt.time(0), "end_time": dt.time(23, 59)}
    today = dt.datetime.now(tenant.zone).date()
    return AppointmentFactory(
        tenant=tenant,
        customer=jane,
        staff_id=ana.pk,
        outlet=outlet,
        appointment_date=today,
        status="confirmed",
        **hours,
    )


def test_a_customer_arrives_and_prefers_a_call(sign_in, tenant, jane, appointment, viewport):
    with tenant_scope(tenant):
        jane.change({"preferred_channel": "phone"})
    page = sign_in("staff", viewport=viewport)
    page.goto("/admin/appointments/appointment/day/")
    card = page.locator(f"#appointment-{appointment.pk}")
    expect(card).to_contain_text("Call, don’t text")
    page.get_by_role("button", name="Arrived: Jane Doe, 00:00").click()
    expect(page.locator(".messagelist")).to_contain_text("Jane Doe, 00:00: arrived.")
    expect(card.locator(".status")).to_contain_text("Arrived")
    # If the customer has arrived, a no-show is asked about first.
    page.get_by_role("button", name="No-show: Jane Doe, 00:00").click()
    expect(page.locator("#ask")).to_contain_text("Jane Doe arrived at")
    assert width_of(page) == viewport["width"]
    page.get_by_role("link", name="Leave as it is").click()
    expect(card.locator(".status")).to_contain_text("Arrived")
    assert width_of(page) == viewport["width"]


def test_an_older_refresh_of_the_day_sheet_does_not_replace_a_newer_one(sign_in, tenant, appointment, viewport):
    page = sign_in("staff", viewport=viewport)
    page.goto("/admin/appointments/appointment/day/")
    status = page.locator(f"#appointment-{appointment.pk} .status")
    held = []
    page.route("**/appointment/day/", lambda route: held.append((route, route.fetch())), times=1)
    page.evaluate("() => { window.older = refresh(); }")
    # Until the request is held.
    while not held:
        page.wait_for_timeout(50)
    with tenant_scope(tenant):
        Appointment.objects.update(status="in_progress")
    page.evaluate("() => refresh()")
    expect(status).to_contain_text("In progress")
    [(route, answer)] = held
    route.fulfill(response=answer)
    page.evaluate("() => window.older")
    expect(status).to_contain_text("In progress")


def test_a_walk_in_without_a_name_is_given_to_a_customer(sign_in, tenant, jane, appointment, viewport):
    ServiceFactory(tenant=tenant, name="Haircut", duration_minutes=30)
    vina = UserFactory(tenant=tenant, first_name="Vina", last_name="Sari")
    works_always(tenant, vina.pk, appointment.outlet_id)
    page = sign_in("staff", viewport=viewport)
    page.goto("/admin/appointments/appointment/day/")
    page.get_by_role("link", name="Walk-in without a name").click()
    choose(page, "Service", "Haircut")
    choose(page, "Staff", "Vina Sari")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".messagelist")).to_contain_text("Walk-in, ")
    with tenant_scope(tenant):
        walk_in = Appointment.objects.get(is_walk_in=True)
    assert walk_in.status == "confirmed"
    card = page.locator(f"#appointment-{walk_in.pk}")
    expect(card).to_contain_text("Walk-in")
    card.get_by_role("link", name="Give the walk-in").click()
    expect(page.get_by_role("heading", name="Walk-in, ")).to_be_visible()
    choose(page, "Customer", "Jane Doe · +6281234567890")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(card).to_contain_text("Jane Doe")
    assert width_of(page) == viewport["width"]


def test_somebody_who_is_not_found_is_added_and_a_typing_error_is_corrected(sign_in, tenant, viewport):
    page = sign_in("staff", viewport=viewport)
    page.goto("/admin/appointments/appointment/day/")
    page.get_by_role("searchbox", name="Find a customer").fill("Wirwan")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Add Wirwan").click()
    phone = page.get_by_label("Phone:")
    expect(phone).to_have_attribute("inputmode", "tel")
    phone.fill("12")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".errorlist").first).to_be_visible()
    expect(phone).to_be_focused()
    phone.fill("0812 3456 780")
    page.get_by_role("button", name="Save and continue editing").click()
    expect(page.locator(".messagelist")).to_contain_text("was added successfully")
    expect(page.get_by_text("You have just added this customer")).to_be_visible()
    page.get_by_label("Phone:").fill("0812 3456 789")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".messagelist")).to_contain_text("was changed successfully")
    with tenant_scope(tenant):
        assert Customer.objects.get().phone == "+628123456789"
    assert width_of(page) == viewport["width"]
