"""Every page of the back office and of the portal, by axe-core: as each role, on a desktop and on a phone."""

import re

import pytest
from django.core import mail
from django.test import Client
from playwright.sync_api import expect

from appointments.models import Appointment
from appointments.portal.links import manage_url
from circe.tests.browser import DESKTOP, PHONE, browser_marks, list_violations, new_page
from circe.tests.page_walk import open_pages
from customers.models import MailedLink
from customers.portal.links import request_link
from customers.portal.signed_links import unsubscribe_url
from customers.tests.sending import send_due
from tenants.models import Role
from tenants.scope import tenant_scope

pytestmark = browser_marks(__name__)
TAGS = re.compile(r"<[a-z]\w*\b[^>]*>")
VALUES = re.compile(
    r'(?<!class)(?<!role)(?<!type)="[^"]*"|\b(app|model|field|column)-\w+|(?<= )(action-\w+|data-[\w-]+|id|for)'
)


def shape_of(content):
    """Returns the kinds of elements in a page."""
    return frozenset(VALUES.sub("", tag) for tag in TAGS.findall(content[content.find("<body") :]))


def examine(page):
    """Returns the serious faults that axe-core finds on the open page at either width."""
    found = {}
    page.wait_for_load_state()
    for viewport in (DESKTOP, PHONE):
        page.set_viewport_size(viewport)
        if violations := list_violations(page):
            found[viewport["width"]] = violations
    return found


def test_no_page_of_the_back_office_has_a_serious_fault(sign_in, busy_business):
    """One page is checked of those with the same kinds of elements. A role's pages after those of the first role are looked
    at where they have a kind that was not seen before.
    """
    faults, shapes, kinds = {}, set(), set()
    for role in (Role.TENANT_ADMIN, Role.SUPER_ADMIN, Role.OUTLET_MANAGER, Role.STAFF):
        page, browser = sign_in(role), Client()
        browser.force_login(page.user)
        pages = open_pages(browser, busy_business)
        assert len(pages) > 15
        for url, answer in pages.items():
            shape = shape_of(answer.content.decode())
            if shape not in shapes and (role == Role.TENANT_ADMIN or not shape <= kinds):
                shapes.add(shape)
                kinds |= shape
                page.goto(url)
                if found := examine(page):
                    faults[role, url] = found
    assert faults == {}


def test_forms_with_errors_have_no_serious_fault_and_take_the_focus_to_the_first_error(sign_in, busy_business):
    page = sign_in("tenant_admin")
    for path, focused in {
        "/admin/customers/customer/add/": "id_first_name",
        "/admin/appointments/appointment/add/": "id_customer",
        "/admin/tenants/service/add/": "id_name",
    }.items():
        page.goto(path)
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.locator(".errorlist").first).to_be_visible()
        field = page.locator(f"#{focused}, #{focused} + .select2 .select2-selection").last
        expect(field).to_be_focused()
        assert examine(page) == {}


def test_the_choices_of_rows_have_names(sign_in, busy_business):
    page = sign_in("staff")
    page.goto("/admin/appointments/appointment/add/")
    # The focus is where something can be chosen, and not on what Select2 hides.
    expect(page.get_by_role("combobox", name="Customer", exact=True)).to_be_focused()
    for name in ("Customer", "Service", "Staff", "Outlet"):
        expect(page.get_by_role("combobox", name=name, exact=True)).to_have_count(1)
    page.get_by_role("combobox", name="Customer", exact=True).click()
    expect(page.locator(".select2-search__field")).to_have_attribute("aria-label", "Search")
    page.locator(".select2-results__option", has_text="Jane Doe").click()
    # The name stays, and the choice describes the box.
    expect(page.get_by_role("combobox", name="Customer", exact=True)).to_have_accessible_description(
        re.compile("Jane Doe")
    )
    assert examine(page) == {}


def test_pages_outside_a_session_and_the_question_of_the_day_sheet_have_no_serious_fault(sign_in, busy_business):
    page = sign_in("staff")
    page.goto("/admin/appointments/appointment/day/")
    page.get_by_role("button", name="No-show: Jane Doe").last.click()
    expect(page.locator("#ask")).to_be_visible()
    faults = [examine(page)]
    page.goto("/admin/tenants/staff/")
    faults.append(examine(page))
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("link", name="Log in again")).to_be_visible()
    faults.append(examine(page))
    page.goto("/admin/customers/customer/")
    faults.append(examine(page))
    page.get_by_label("E-mail").fill("nobody@lotus.test")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Log in").click()
    expect(page.locator(".errornote")).to_be_visible()
    faults.append(examine(page))
    assert faults == [{}] * 5


@pytest.fixture
def portal_page(chromium, live_server, settings):
    """A page of somebody who is not signed in."""
    settings.PUBLIC_URL = live_server.url
    return new_page(chromium, live_server, DESKTOP)


def test_no_page_of_the_portal_has_a_serious_fault(portal_page, busy_business):
    tenant = busy_business
    request_link(
        tenant=tenant,
        kind=MailedLink.Kind.REGISTER,
        email="kari@example.com",
        client_address=None,
        details={"first_name": "Kari", "language": "nb"},
    )
    mail.outbox.clear()
    send_due()
    urls = [next(word for word in mail.outbox[0].body.split() if "token=" in word)]
    with tenant_scope(tenant):
        appointment = Appointment.objects.filter(status="confirmed").order_by("-appointment_date").first()
        url = manage_url(appointment)
        urls += [url, f"{url}&step=move", f"{url}&step=cancel"]
        urls += [unsubscribe_url(appointment.customer, "email", "marketing")]
    urls += [f"/portal/{tenant.slug}/confirm?token=banana", f"/portal/{tenant.slug}/banana", "/banana"]
    faults = {}
    for url in urls:
        portal_page.goto(url)
        if found := examine(portal_page):
            faults[url] = found
    assert faults == {}
