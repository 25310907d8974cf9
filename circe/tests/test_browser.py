"""The back office in a real browser, as each role: Debian's chromium, driven by Playwright."""

import datetime as dt
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from appointments.models import Appointment, Status
from appointments.tests.factories import AppointmentFactory, works_always
from circe.demo.accounts import PASSWORD as DEMO_PASSWORD
from circe.tests.browser import DESKTOP, PHONE, browser_marks, choose, new_page, width_of
from customers.models import Customer
from customers.tests.factories import CustomerFactory
from tenants.models import Role
from tenants.scope import tenant_scope
from tenants.tests.factories import OutletFactory, ServiceFactory, UserFactory

pytestmark = browser_marks(__name__)


@pytest.fixture
def jane(tenant):
    CustomerFactory.create_batch(3, tenant=tenant)
    return CustomerFactory(tenant=tenant, first_name="Jane", last_name="Doe", phone="+6281234567890")


def find(page, text):
    page.goto("/admin/customers/customer/")
    page.locator("#searchbar").fill(text)
    page.locator("#searchbar").press("Enter")
    # The search has ended when the URL has it.
    page.wait_for_url(re.compile("[?&]q="))


@pytest.mark.parametrize("role", Role.values)
def test_each_role_finds_a_customer_by_a_phone_fragment(role, sign_in, jane):
    page = sign_in(role)
    find(page, "0812 3456")
    rows = page.locator("#result_list tbody tr")
    expect(rows).to_have_count(1)
    rows.get_by_role("link", name="Jane Doe").click()
    expect(page.get_by_role("heading", name="Jane Doe")).to_be_visible()


def test_reception_edits_preferences(sign_in, jane, tenant):
    page = sign_in("staff")
    page.goto(f"/admin/customers/customer/{jane.pk}/change/")
    # The panels beside the form follow each other without a gap.
    tops = [page.locator(f"#{panel}").bounding_box()["y"] for panel in ("messages", "consents")]
    assert 0 < tops[1] - tops[0] < 120
    page.get_by_label("Notes").fill("Prefers the window.")
    page.get_by_label("accepts WhatsApp", exact=False).check()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".messagelist")).to_contain_text("was changed successfully")
    with tenant_scope(tenant):
        jane = Customer.objects.get(pk=jane.pk)
    assert (jane.notes, jane.accepts_whatsapp) == ("Prefers the window.", True)


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_an_administrator_reads_the_figures(sign_in, jane, tenant, viewport):
    page = sign_in("tenant_admin", viewport=viewport)
    page.get_by_role("button", name="This year").click()
    expect(page).to_have_url(re.compile("period=this_year"))
    page.get_by_role("figure", name="New customers per month").get_by_text("The numbers").click()
    month = f"{jane.created_at.astimezone(tenant.zone):%B %Y}"
    expect(page.get_by_role("row", name=month)).to_contain_text("4")
    assert width_of(page) == viewport["width"]


@pytest.fixture
def page_without_figures(sign_in, jane):
    """The first page of an administrator, whose figures could not be loaded."""
    page = sign_in("tenant_admin")
    page.route("**/admin/figures/*", lambda route: route.abort("aborted"))
    page.goto("/admin/")
    expect(page.get_by_role("alert")).to_contain_text("The figures could not be loaded")
    page.unroute("**/admin/figures/*")
    return page


def test_figures_that_failed_to_load_can_be_loaded_again(page_without_figures):
    page_without_figures.get_by_role("button", name="Try again").click()
    expect(page_without_figures.get_by_role("figure", name="New customers per month")).to_be_visible()


def test_a_user_who_was_signed_out_meanwhile_is_led_to_the_log_in(page_without_figures):
    page_without_figures.context.clear_cookies()
    page_without_figures.get_by_role("button", name="Try again").click()
    expect(page_without_figures.get_by_role("button", name="Log in")).to_be_visible()


def test_reception_works_through_the_day_sheet(sign_in, jane, tenant):
    today = {"tenant": tenant, "appointment_date": dt.datetime.now(tenant.zone).date(), "status": Status.CONFIRMED}
    # All day long, so that the start is asked about at no time.
    hours = {"start_time": dt.time(0), "end_time": dt.time(23, 59)}
    appointment = AppointmentFactory(customer=jane, outlet=OutletFactory(tenant=tenant, name="Kemang"), **today | hours)
    AppointmentFactory.create_batch(3, **today)
    page = sign_in("staff", viewport=PHONE)
    page.get_by_role("link", name="Day sheet", exact=True).first.click()
    card = page.locator(f"#appointment-{appointment.pk}")
    card.get_by_role("button", name="Start").click()
    expect(page.locator(".messagelist")).to_contain_text("Jane Doe, 00:00: in progress.")
    # Until then the script of the sheet does not listen, and the positions are not final.
    page.wait_for_load_state()
    # The message and its card are on the screen together.
    expect(page.locator(".messagelist")).to_be_in_viewport()
    expect(card.locator(".status")).to_be_in_viewport()
    # Changes of other people appear without a click, and the card stays at its position.
    position, above = card.bounding_box()["y"], OutletFactory(tenant=tenant, name="Ancol")
    AppointmentFactory(outlet=above, **today)
    with tenant_scope(tenant):
        Appointment.objects.filter(pk=appointment.pk).update(status=Status.COMPLETED)
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(card.locator(".status")).to_have_text("Completed")
    expect(page.get_by_role("heading", name="Ancol")).to_be_attached()
    assert abs(card.bounding_box()["y"] - position) < 1
    assert width_of(page) == PHONE["width"]


def test_reception_books_and_is_refused_an_overlap(sign_in, jane, tenant):
    tomorrow = dt.datetime.now(tenant.zone).date() + dt.timedelta(days=1)
    ana = UserFactory(tenant=tenant, first_name="Ana", last_name="Lee")
    haircut = ServiceFactory(tenant=tenant, name="Haircut", duration_minutes=60)
    john = CustomerFactory(tenant=tenant, first_name="John", last_name="Roe")
    taken = AppointmentFactory(
        tenant=tenant,
        customer=john,
        staff_id=ana.pk,
        service=haircut,
        appointment_date=tomorrow,
        start_time=dt.time(14),
        end_time=dt.time(15),
        status=Status.CONFIRMED,
    )
    works_always(tenant, ana.pk, taken.outlet_id)
    page = sign_in("staff")
    page.get_by_role("link", name="Day sheet", exact=True).first.click()
    page.get_by_role("link", name="Day after →").click()
    page.get_by_role("link", name="Book with Ana Lee at 15:00").click()
    expect(page.get_by_label("Start time")).to_have_value("15:00")
    choose(page, "Customer", "Jane Doe · +6281234567890")
    choose(page, "Service", "Haircut")
    page.get_by_label("Start time").fill("14:30")
    page.get_by_role("button", name="Save", exact=True).click()
    refused = page.locator(".errorlist", has_text="Ana Lee is booked")
    expect(refused).to_contain_text("from 14:00 to 15:00, for John Roe (Haircut).")
    with page.context.expect_page() as shown:
        refused.get_by_role("link", name="Show it").click()
    expect(shown.value.locator("#content")).to_contain_text("John Roe")
    # The form keeps the values.
    expect(page.locator(".field-customer")).to_contain_text("Jane Doe")
    page.get_by_label("Start time").fill("15:00")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".messagelist")).to_contain_text("was added successfully")
    with tenant_scope(tenant):
        appointment = Appointment.objects.get(customer=jane)
    expect(page.locator(f"#appointment-{appointment.pk}")).to_contain_text("15:00–16:00")
    assert (appointment.staff_id, appointment.appointment_date) == (ana.pk, tomorrow)


def test_reception_sees_a_customer_s_needs_and_clicks_twice(sign_in, jane, tenant):
    with tenant_scope(tenant):
        jane.change({"accessibility_needs": "Wheelchair: needs the ramp"})
    ServiceFactory(tenant=tenant, name="Haircut", duration_minutes=60)
    UserFactory(tenant=tenant, first_name="Ana", last_name="Lee")
    OutletFactory(tenant=tenant)
    page = sign_in("staff", viewport=PHONE)
    page.goto("/admin/appointments/appointment/add/")
    expect(page.locator("#reception-notes")).to_be_hidden()
    choose(page, "Customer", "Jane Doe · +6281234567890")
    expect(page.locator("#reception-notes")).to_contain_text("Wheelchair: needs the ramp")
    choose(page, "Service", "Haircut")
    choose(page, "Staff", "Ana Lee")
    page.get_by_label("Appointment date").fill("2026-04-03")
    page.get_by_label("Start time").fill("14:00")
    # A visit that is over holds no time: only the form itself tells the second click from another visit.
    page.get_by_label("Status").first.select_option("completed")
    page.get_by_role("button", name="Save", exact=True).dblclick()
    expect(page.locator(".messagelist")).to_contain_text("was added successfully")
    with tenant_scope(tenant):
        visit = Appointment.objects.get()
    card = page.locator(f"#appointment-{visit.pk}")
    expect(card).to_contain_text("Wheelchair: needs the ramp")
    card.get_by_role("link", name="Change").click()
    page.get_by_label("Start time").fill("15:30")
    expect(page.get_by_text("It will end at 16:30, unless you change the end.")).to_be_visible()
    assert width_of(page) == PHONE["width"]
    page.get_by_role("button", name="Save", exact=True).click()
    expect(card).to_contain_text("15:30–16:30")


def test_an_administrator_deletes_and_restores_a_customer_and_reads_the_history(sign_in, jane):
    page = sign_in("tenant_admin")
    page.goto(f"/admin/customers/customer/{jane.pk}/change/")
    page.get_by_label("Last name").fill("Smith")
    page.get_by_role("button", name="Save and continue editing").click()
    expect(page.locator(".messagelist")).to_contain_text("was changed successfully")
    page.get_by_role("link", name="Delete", exact=True).click()
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.locator(".messagelist")).to_contain_text("deleted")
    find(page, "jane smith")
    expect(page.get_by_role("link", name="Jane Smith", exact=True)).to_have_count(0)
    page.goto("/admin/customers/customer/?deleted=yes&q=jane")
    page.get_by_role("checkbox", name="Select this object for an action").check()
    page.get_by_label("Action:").select_option("restore")
    page.get_by_role("button", name="Go", exact=True).click()
    page.get_by_role("button", name="Restore customers").click()
    expect(page.locator(".messagelist")).to_contain_text("Restored: 1.")
    page.goto(f"/admin/customers/customer/{jane.pk}/history/")
    rows = page.locator("#change-history tbody tr")
    expect(rows).to_have_count(4)
    expect(rows.nth(0)).to_contain_text("Restored")
    expect(rows.nth(1)).to_contain_text("Soft-deleted")
    expect(rows.nth(2)).to_contain_text("Doe → Smith")
    expect(rows.nth(2)).to_contain_text(page.user.full_name)


FILE = """first name;e-mail;phone
Ana;ana@example.com;0812 1111 2222
Bob;not an address;
;nobody@example.com;
Cid;cid@example.com;0812 3333 4444
Dup;ana@example.com;
"""


def test_an_administrator_imports_a_file_with_three_bad_rows(sign_in, tenant, tmp_path):
    page = sign_in("tenant_admin")
    page.goto("/admin/customers/customer/")
    page.get_by_role("link", name="Import", exact=False).click()
    page.get_by_label("File").set_input_files(
        {"name": "people.csv", "mimeType": "text/csv", "buffer": FILE.encode("utf-16")}
    )
    page.get_by_role("button", name="Check the file").click()
    expect(page.get_by_text("Nothing has been imported yet.")).to_be_visible()
    content = page.locator("#content").inner_text()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the refused rows").click()
    refused = download.value.path().read_text("utf-8-sig").splitlines()
    assert [line.split(",")[:2] for line in refused[1:]] == [["3", "email"], ["4", "first_name"], ["6", "email"]], (
        content
    )
    with tenant_scope(tenant):
        assert Customer.objects.count() == 0
    page.get_by_role("button", name="Import 2 customers").click()
    expect(page.get_by_text("Done.")).to_be_visible()
    with tenant_scope(tenant):
        assert set(Customer.objects.values_list("first_name", "phone")) == {
            ("Ana", "+6281211112222"),
            ("Cid", "+6281233334444"),
        }


def test_a_manager_tags_ten_customers(sign_in, tenant):
    CustomerFactory.create_batch(11, tenant=tenant, first_name="Sari")
    CustomerFactory(tenant=tenant, first_name="Sari", email="sari.yulianto.of.the.long.address@mail.example.com")
    page = sign_in("outlet_manager")
    find(page, "sari")
    expect(page.locator("#result_list")).to_contain_text("sari.yulianto.of.the.long.address")
    assert page.evaluate("(list => list.scrollWidth === list.clientWidth)(document.querySelector('.results'))")
    for box in page.locator("#result_list .action-select").all()[:10]:
        box.check()
    expect(page.locator(".action-counter")).to_contain_text("10 of 12 selected")
    page.get_by_label("Action:").select_option("tag")
    page.get_by_role("button", name="Go", exact=True).click()
    page.get_by_label("Tag").fill("VIP")
    page.get_by_role("button", name="Add a tag").click()
    expect(page.locator(".messagelist")).to_contain_text("Tagged “vip”: 10.")
    expect(page.locator("#result_list .tag", has_text="vip")).to_have_count(10)
    with tenant_scope(tenant):
        assert Customer.objects.filter(tags__contains=["vip"]).count() == 10


def test_a_manager_tags_the_customers_whom_a_search_finds(sign_in, jane, tenant):
    page = sign_in("outlet_manager", viewport=PHONE)
    find(page, "jane")
    # On a phone, too, a list is sorted by a click, and a number says what it counts.
    page.locator("#result_list thead").get_by_role("link", name="Spent").click()
    expect(page.locator("#result_list thead th.sorted")).to_have_text("Spent")
    page.wait_for_load_state()
    label = "cell => getComputedStyle(cell, '::before').content"
    assert page.locator("#result_list .field-spent").first.evaluate(label) == '"Spent: "'
    page.locator(".action-select").first.check()
    page.get_by_label("Action:").select_option("tag")
    page.get_by_role("button", name="Go", exact=True).click()
    page.get_by_label("Tag").fill("v!p")
    page.get_by_role("button", name="Add a tag").click()
    expect(page.locator(".errorlist")).to_contain_text("letters, digits, hyphens")
    page.get_by_label("Tag").fill("VIP")
    page.get_by_role("button", name="Add a tag").click()
    expect(page.locator(".messagelist")).to_contain_text("Tagged “vip”: 1.")
    # The list fits the screen, and still shows the search.
    assert width_of(page) == PHONE["width"]
    assert page.locator("#searchbar").input_value() == "jane"


def test_a_super_admin_purges_a_deleted_customer(sign_in, jane, tenant):
    with tenant_scope(tenant):
        jane.soft_delete(by=jane.pk)
    page = sign_in("super_admin")
    page.goto(f"/admin/customers/customer/{jane.pk}/change/")
    page.get_by_role("button", name="Purge…").click()
    page.get_by_label("To confirm").fill("yes")
    page.get_by_role("button", name="Purge customers").click()
    expect(page.locator(".errorlist")).to_contain_text("Nobody has been purged.")
    page.get_by_label("To confirm").fill("1 customer")
    page.get_by_role("button", name="Purge customers").click()
    expect(page.locator(".messagelist")).to_contain_text("Purged: 1.")
    with tenant_scope(tenant):
        assert not Customer.objects.filter(pk=jane.pk).exists()


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
def test_the_pages_of_the_document_work_under_their_content_security_policy(chromium, live_server, path):
    page, messages = new_page(chromium, live_server, DESKTOP), []
    page.on("console", lambda message: messages.append(message.text))
    page.on("pageerror", lambda error: messages.append(str(error)))
    page.goto(path)
    expect(page.get_by_text("List all customers").filter(visible=True).first).to_be_visible()
    # ReDoc would fetch a logo from its maker's site, which the policy forbids.
    assert [text for text in messages if "logo" not in text] == []


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_one_signs_in_at_the_document_with_a_demo_account_and_tries_a_request(chromium, live_server, tenant, viewport):
    UserFactory(tenant=tenant, email="admin@lotus.test", role="tenant_admin", password=DEMO_PASSWORD)
    page = new_page(chromium, live_server, viewport)
    page.goto("/docs")
    form = page.locator("#sign-in")
    form.get_by_label("E-mail").fill("admin@lotus.test")
    form.get_by_label("Password").fill("wrong")
    form.get_by_role("button", name="Sign in", exact=True).click()
    expect(form.get_by_role("status")).to_have_text("No active account has this e-mail and password.")
    form.get_by_label("Demo account").select_option("admin@lotus.test")
    form.get_by_role("button", name="Sign in", exact=True).click()
    expect(form.get_by_role("status")).to_contain_text("Signed in as admin@lotus.test")
    assert width_of(page) == viewport["width"]
    operation = page.locator("#operations-Authentication-getMe")
    operation.locator(".opblock-summary-control").click()
    operation.get_by_role("button", name="Execute").click()
    expect(operation.locator(".live-responses-table")).to_contain_text("tenant_admin")


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_an_administrator_says_what_the_columns_of_a_file_hold(sign_in, viewport):
    page = sign_in("tenant_admin", viewport=viewport)
    page.goto("/admin/customers/customer/import/")
    page.locator("input[type=file]").set_input_files(Path(__file__).parent / "real_data" / "norwegian_names.csv")
    page.get_by_role("button", name="Check the file").click()
    page.get_by_label("Kundenummer").select_option("Notes")
    assert width_of(page) == viewport["width"]
    page.get_by_role("button", name="Check the file").click()
    expect(page.get_by_role("button", name="Import 1 customer")).to_be_visible()
    assert width_of(page) == viewport["width"]
