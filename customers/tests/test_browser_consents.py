"""The panel of consents on a customer's page, in a real browser, on a desktop and on a phone."""

import datetime as dt

import pytest
from django.utils import timezone

from circe.tests.browser import DESKTOP, PHONE, browser_marks, width_of
from customers.consents.ledger import record_consent
from customers.models import DeletionRequest
from customers.tests.factories import CustomerFactory
from tenants.scope import tenant_scope

pytestmark = browser_marks(__name__)


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_the_ledger_is_read_and_a_request_is_handled(sign_in, tenant, viewport):
    from playwright.sync_api import expect

    with tenant_scope(tenant):
        jane = CustomerFactory(tenant=tenant, accepts_sms=False, pending_phone="+6281299999")
        evidence = "A very long word: " + "x" * 300
        record_consent(jane, channel="email", purpose="marketing", state="granted", source="paper", evidence=evidence)
        DeletionRequest.objects.create(customer=jane, due_at=timezone.now() + dt.timedelta(days=30))
    page = sign_in("tenant_admin", viewport=viewport)
    page.goto(f"/admin/customers/customer/{jane.pk}/change/")
    panel = page.locator("#consents")
    history = panel.get_by_text("Marketing by e-mail: granted")
    expect(history).not_to_be_visible()
    panel.get_by_text("Complete history: 2 entries").click()
    expect(history).to_be_visible()
    box = panel.bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= viewport["width"]
    assert width_of(page) <= viewport["width"]
    panel.get_by_role("button", name="Mark as handled").click()
    expect(page.get_by_text("The request to be deleted is marked as handled.")).to_be_visible()
    expect(panel.get_by_text("Handled on")).to_be_visible()
