"""The pages that mailed links open, in a real browser without JavaScript, and the texts of messages in the back office."""

import datetime as dt
import os
from pathlib import Path

import pytest
from django.core import mail
from django.utils import timezone
from playwright.sync_api import expect

from appointments.models import Appointment, Status
from appointments.portal.links import manage_url
from appointments.tests.factories import AppointmentFactory, WorkingHoursFactory
from circe.tests.browser import DESKTOP, PHONE, browser_marks, new_page, was_aborted, width_of
from customers.models import MailedLink
from customers.portal.links import request_link
from customers.portal.signed_links import unsubscribe_url
from customers.tests.factories import CustomerFactory
from customers.tests.sending import send_due
from tenants.scope import ALL_TENANTS, tenant_scope
from tenants.tests.factories import OutletFactory, ServiceFactory, UserFactory

pytestmark = browser_marks(__name__)
VIEWPORTS = pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
PASSWORD = "another good password"


@pytest.fixture
def open_page(chromium, live_server, settings):
    """Returns a function: `open_page(PHONE)` opens an empty page without JavaScript. A resource that is not loaded fails the
    test.
    """

    settings.PUBLIC_URL = live_server.url
    broken = []

    def open_page(viewport):
        page = new_page(chromium, live_server, viewport, java_script_enabled=False)
        page.on("response", lambda response: response.status >= 500 and broken.append(response.url))
        page.on("requestfailed", lambda request: was_aborted(request) or broken.append(request.url))
        page.on("console", lambda message: "Security Policy" in message.text and broken.append(message.text))
        return page

    yield open_page
    assert [cookie for context in chromium.contexts for cookie in context.cookies()] == []
    assert broken == []


def look(page, viewport, name):
    """Checks that nothing is wider than the screen. Keeps a screenshot where SCREENSHOTS names a folder."""
    page.wait_for_load_state()
    box = page.locator("body").bounding_box()
    assert box["width"] <= viewport["width"]
    for control in page.locator(":is(button, a.button, input):visible").all():
        assert control.bounding_box()["x"] + control.bounding_box()["width"] <= viewport["width"]
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"{name}-{viewport['width']}.png", full_page=True)


def url_of_mail():
    mail.outbox.clear()
    send_due()
    return next(word for word in mail.outbox[0].body.split() if "token=" in word)


@VIEWPORTS
def test_a_person_opens_an_account_and_chooses_another_password_by_the_keyboard(open_page, tenant, viewport):
    page = open_page(viewport)
    details = {"first_name": "Kari", "language": "nb"}
    request_link(
        tenant=tenant, kind=MailedLink.Kind.REGISTER, email="kari@example.com", client_address=None, details=details
    )
    page.goto(url_of_mail())
    expect(page.get_by_role("heading", level=1)).to_have_text("Åpne kontoen din")
    look(page, viewport, "confirm")
    field = page.get_by_label("Nytt passord")
    field.fill("short")
    field.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Dette passordet er for kort.")
    expect(field).to_be_focused()
    look(page, viewport, "confirm-error")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Åpne kontoen min")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Du kan nå logge inn")
    look(page, viewport, "confirm-done")
    request_link(tenant=tenant, kind=MailedLink.Kind.RESET, email="kari@example.com", client_address=None)
    page.goto(url_of_mail())
    look(page, viewport, "reset")
    page.get_by_label("Nytt passord").fill(PASSWORD)
    page.get_by_role("button", name="Lagre det nye passordet").click()
    expect(page.get_by_role("heading", name="Passordet ditt er endret")).to_be_visible()
    page.goto("/portal/lotus/reset?token=used")
    look(page, viewport, "invalid")


@VIEWPORTS
def test_a_walk_in_moves_and_cancels_an_appointment_and_unsubscribes(open_page, tenant, viewport):
    day = timezone.localdate() + dt.timedelta(days=5)
    outlet = OutletFactory(tenant=tenant, name="Kemang", address="Jl. Kemang Raya 5")
    ana = UserFactory(tenant=tenant, first_name="Ana", last_name="Lee")
    WorkingHoursFactory(tenant=tenant, outlet=outlet, staff_id=ana.pk, weekday=day.weekday(), end_time=dt.time(17))
    maria = CustomerFactory(tenant=tenant, first_name="Maria", email="maria@example.com", language="id")
    booked = AppointmentFactory(
        tenant=tenant,
        customer=maria,
        outlet=outlet,
        staff_id=ana.pk,
        service=ServiceFactory(
            tenant=tenant, name="Potong rambut dan perawatan", duration_minutes=60, buffer_minutes=0
        ),
        appointment_date=day,
        start_time=dt.time(9),
        end_time=dt.time(10),
        status=Status.CONFIRMED,
    )
    with tenant_scope(ALL_TENANTS):
        url = manage_url(Appointment.objects.select_related("tenant").get(pk=booked.pk))
    page = open_page(viewport)
    page.goto(url)
    expect(page.get_by_role("heading", level=1)).to_have_text("Reservasi Anda")
    look(page, viewport, "manage")
    page.get_by_role("link", name="Pilih waktu lain").click()
    expect(page.locator(".days a").first).to_be_visible()
    look(page, viewport, "days")
    page.locator(".days a").first.click()
    page.get_by_role("radio", name="13.30").check()
    look(page, viewport, "times")
    page.get_by_role("button", name="Pindahkan reservasi saya").click()
    expect(page.get_by_role("status")).to_have_text("Reservasi Anda sudah dipindahkan.")
    expect(page.locator("dl")).to_contain_text("13.30–14.30")
    look(page, viewport, "moved")
    page.get_by_role("link", name="Batalkan").click()
    expect(page.get_by_role("button", name="Ya, batalkan")).to_be_visible()
    look(page, viewport, "cancel")
    page.get_by_role("button", name="Ya, batalkan").click()
    expect(page.get_by_role("status")).to_have_text("Reservasi Anda sudah dibatalkan.")
    look(page, viewport, "cancelled")
    page.goto(unsubscribe_url(maria, "email", "marketing"))
    look(page, viewport, "unsubscribe")
    page.get_by_role("button", name="Matikan").click()
    expect(page.get_by_role("status")).to_contain_text("Sudah dimatikan")
    look(page, viewport, "unsubscribed")


@VIEWPORTS
def test_a_manager_previews_a_text(sign_in, tenant, viewport):
    page = sign_in("outlet_manager", viewport=viewport)
    page.goto("/admin/appointments/messagetext/")
    page.get_by_role("listitem").filter(has_text="Reminder:").get_by_role("link", name="Norwegian").click()
    page.get_by_label("Subject").fill("Vi ses {date}")
    page.get_by_role("button", name="Preview").click()
    preview = page.get_by_role("region", name="Preview, not saved yet")
    expect(preview).to_contain_text("Hei, Maria!")
    look(page, viewport, "texts-preview")
    assert width_of(page) == viewport["width"]
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#result_list")).to_contain_text("Vi ses {date}")
    assert width_of(page) == viewport["width"]
    look(page, viewport, "texts")
