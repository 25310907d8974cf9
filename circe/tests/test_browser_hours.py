"""Working hours and time off in a real browser."""

import pytest
from playwright.sync_api import expect

from appointments.models import TimeOff, WorkingHours
from appointments.tests.factories import WorkingHoursFactory
from circe.tests.browser import DESKTOP, PHONE, browser_marks, width_of
from tenants.scope import tenant_scope
from tenants.tests.factories import OutletFactory, UserFactory

pytestmark = browser_marks(__name__)


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_manager_copies_a_week_and_edits_it(sign_in, tenant, viewport):
    kemang = OutletFactory(tenant=tenant, name="Kemang")
    OutletFactory(tenant=tenant, name="Senopati")
    ana = UserFactory(tenant=tenant, first_name="Ana", last_name="Lee")
    bob = UserFactory(tenant=tenant, first_name="Bob", last_name="Roe")
    WorkingHoursFactory(tenant=tenant, staff_id=bob.pk, outlet=kemang, weekday=4)
    page = sign_in("outlet_manager", viewport=viewport)
    page.goto(f"/admin/appointments/staffwithhours/{ana.pk}/change/")
    page.get_by_label("Copy the week of").select_option("Bob Roe")
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("status")).to_contain_text("These are the working hours of Bob Roe.")
    monday = page.get_by_role("region", name="Monday")
    for number, (start, end) in enumerate((("09:00", "12:00"), ("11:00", "17:00")), 1):
        row = monday.get_by_role("group", name=f"Monday, row {number}")
        if number == 2 and viewport is PHONE:
            # A phone shows one empty row.
            monday.get_by_role("button", name="Another row on Monday").click()
        row.get_by_label("Outlet").select_option("Kemang")
        row.get_by_label("From").fill(start)
        row.get_by_label("To", exact=True).fill(end)
    page.get_by_role("button", name="Save", exact=True).last.click()
    expect(monday.locator(".errorlist").first).to_contain_text("It overlaps with Monday 11:00–17:00 at Kemang.")
    assert width_of(page) == viewport["width"]
    monday.get_by_role("group", name="Monday, row 2").get_by_label("From").fill("13:00")
    monday.get_by_role("button", name="Another row on Monday").click()
    expect(monday.locator(".row:visible")).to_have_count(3)
    page.get_by_role("group", name="Friday, row 1").get_by_label("Remove").check()
    # The Enter key saves.
    monday.get_by_role("group", name="Monday, row 1").get_by_label("From").press("Enter")
    expect(page.locator(".messagelist")).to_contain_text("The working hours of Ana Lee were saved.")
    assert width_of(page) == viewport["width"]
    with tenant_scope(tenant):
        assert [str(row) for row in WorkingHours.objects.filter(staff=ana.pk)] == [
            "Monday 09:00–12:00",
            "Monday 13:00–17:00",
        ]


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_staff_enter_a_day_off_of_their_own(sign_in, tenant, viewport):
    page = sign_in("staff", viewport=viewport)
    page.goto(f"/admin/appointments/staffwithhours/{page.user.pk}/change/")
    page.get_by_role("link", name="Enter time off").click()
    page.get_by_label("First day").fill("2027-07-06")
    page.get_by_label("Reason").fill("Wedding")
    assert width_of(page) == viewport["width"]
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".messagelist")).to_contain_text("was added successfully")
    expect(page.locator("#result_list")).to_contain_text("6 July 2027")
    assert width_of(page) == viewport["width"]
    with tenant_scope(tenant):
        time_off = TimeOff.objects.get()
    assert (time_off.staff_id, time_off.describe_time()) == (page.user.pk, "2027-07-06")
