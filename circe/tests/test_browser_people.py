"""Somebody is hired and somebody leaves, in a real browser, on a desktop and on a phone."""

import datetime as dt
import os
from pathlib import Path

import pytest
from django.core import mail
from playwright.sync_api import expect

from appointments.tests.factories import AppointmentFactory, works_daily
from circe.tests.browser import DESKTOP, PHONE, browser_marks, width_of
from customers.tests.factories import CustomerFactory
from customers.tests.sending import send_due
from tenants.models import User
from tenants.tests.factories import OutletFactory, ServiceFactory, UserFactory

pytestmark = browser_marks(__name__)
VIEWPORTS = pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])


def look(page, viewport, name):
    """Checks that nothing is wider than the screen. Keeps a screenshot where SCREENSHOTS names a folder."""
    assert width_of(page) <= viewport["width"]
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"{name}-{viewport['width']}.png", full_page=True)


@VIEWPORTS
def test_a_person_who_leaves_hands_on_their_bookings(sign_in, tenant, viewport):
    outlet, cut = OutletFactory(tenant=tenant, name="Kemang"), ServiceFactory(tenant=tenant, name="Cut")
    ana, vina = (UserFactory(tenant=tenant, first_name=name, last_name="Lee") for name in ("Ana", "Vina"))
    works_daily(tenant, vina.pk, outlet.pk, (dt.time(9), dt.time(17)))
    for hour in (9, 12):
        AppointmentFactory(
            tenant=tenant,
            outlet=outlet,
            service=cut,
            staff_id=ana.pk,
            customer=CustomerFactory(tenant=tenant, first_name=f"Guest {hour}"),
            appointment_date=dt.date(2030, 6, 3),
            start_time=dt.time(hour),
            end_time=dt.time(hour + 1),
            status="confirmed",
        )
    page = sign_in("tenant_admin", viewport=viewport)
    page.goto(f"/admin/tenants/staff/{ana.pk}/change/")
    look(page, viewport, "staff")
    page.get_by_label("Active").uncheck()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Ana Lee has 2 appointments to come")).to_be_visible()
    page.get_by_role("link", name="Hand them on").click()
    expect(page.get_by_label("To whom")).to_be_visible()
    look(page, viewport, "hand-on")
    page.get_by_label("To whom").select_option("Anybody else who is free")
    page.get_by_role("button", name="Hand on").click()
    expect(page.get_by_text("Handed on: 2.")).to_be_visible()
    look(page, viewport, "handed-on")


@VIEWPORTS
def test_a_person_is_hired_by_a_mail(sign_in, tenant, live_server, settings, viewport):
    settings.PUBLIC_URL = live_server.url
    tenant.language = "en"
    tenant.save()
    OutletFactory(tenant=tenant, name="Kemang")
    page = sign_in("tenant_admin", viewport=viewport)
    page.goto("/admin/tenants/staff/add/")
    page.get_by_label("First name").fill("Dewi")
    page.get_by_label("E-mail").fill("dewi@example.com")
    page.get_by_label("Role").select_option("Staff")
    page.get_by_label("Outlet").select_option("Kemang")
    look(page, viewport, "hire")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("A link by which Dewi chooses a password is sent to dewi@example.com.")).to_be_visible()
    page.goto(f"/admin/tenants/staff/{User.objects.get(email='dewi@example.com').pk}/change/")
    expect(page.get_by_role("button", name="Withdraw the link")).to_be_visible()
    look(page, viewport, "hired")
    mail.outbox.clear()
    send_due()
    page.goto(next(word for word in mail.outbox[0].body.split() if "token=" in word))
    look(page, viewport, "choose-password")
    page.get_by_label("New password").fill("another good password")
    page.get_by_role("button", name="Save the password").click()
    expect(page.get_by_text("Your account is open")).to_be_visible()
    page.get_by_role("link", name="Sign in").click()
