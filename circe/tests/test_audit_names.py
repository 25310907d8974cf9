"""The audit trail names the rows to which its events refer, and leads to their pages."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from appointments.models import Appointment
from appointments.tests.factories import AppointmentFactory, TimeOffFactory
from customers.tests.factories import CustomerFactory
from tenants.audit.context import audit_context, set_audit_source
from tenants.models import Outlet
from tenants.scope import tenant_scope
from tenants.tests.factories import OutletFactory, ServiceFactory, UserFactory

TRAIL = "/admin/tenants/auditevent/"


@pytest.fixture
def moved(tenant):
    """An appointment that was given another outlet, another member of staff and another service."""
    visit = AppointmentFactory(
        tenant=tenant,
        customer=CustomerFactory(tenant=tenant, first_name="Jane", last_name="Doe"),
        outlet=OutletFactory(tenant=tenant, name="Kemang"),
        staff_id=UserFactory(tenant=tenant, first_name="Ana", last_name="Lee").pk,
        service=ServiceFactory(tenant=tenant, name="Cut"),
    )
    with tenant_scope(tenant):
        visit.outlet = OutletFactory(tenant=tenant, name="Senayan")
        visit.staff_id = UserFactory(tenant=tenant, first_name="Vina", last_name="Wu").pk
        visit.service = ServiceFactory(tenant=tenant, name="Colour & shine")
        visit.save()
    return visit


def link(row):
    page = reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])
    return f'<a href="{page}">{row}</a>'.replace("&", "&amp;")


@pytest.mark.parametrize("role", ["tenant_admin", "super_admin"])
def test_values_have_the_names_of_the_rows_they_refer_to(back_office, moved, role):
    browser = back_office(role)
    pages = [f"{TRAIL}?q={moved.pk}"]
    pages += [reverse("admin:appointments_appointment_history", args=[moved.pk])]
    pages += [reverse(f"admin:customers_customer_{page}", args=[moved.customer_id]) for page in ("change", "history")]
    for page in pages:
        text = browser.get(page).content.decode()
        assert f"→ {link(moved.outlet)}" in text, page
        assert f"→ {link(moved.service)}" in text, page
        assert f"/admin/tenants/staff/{moved.staff_id}/change/" in text, page
        assert "Vina Wu</a>" in text, page
        assert text.count("Kemang</a> →") == 1, page


@pytest.mark.parametrize(
    ("role", "currency", "price", "number"),
    [
        ("tenant_admin", "IDR", "450.000 IDR", "1.250"),
        ("tenant_admin", "USD", "450.000,00 USD", "1.250"),
        # A super_admin has no country.
        ("super_admin", "IDR", "450,000 IDR", "1,250"),
    ],
)
def test_money_is_written_as_the_business_writes_it(back_office, tenant, moved, role, currency, price, number):
    browser = back_office(role)
    with tenant_scope(tenant):
        tenant.currency = currency
        tenant.save()
        Appointment.objects.filter(pk=moved.pk).update(total_price=450000, sequence=1250)
        moved.customer.change({"loyalty_points": 1250})
    pages = [f"{TRAIL}?q={moved.pk}", reverse("admin:appointments_appointment_history", args=[moved.pk])]
    pages += [reverse(f"admin:customers_customer_{page}", args=[moved.customer_id]) for page in ("change", "history")]
    for page in pages:
        text = browser.get(page).content.decode()
        assert f"→ {price}</div>" in text, page
        assert f"→ {number}</div>" in text, page


def test_the_trail_links_a_row_by_its_name_and_says_that_one_was_removed(back_office, moved, tenant):
    browser = back_office("tenant_admin")
    with tenant_scope(tenant):
        former = Outlet.objects.get(name="Kemang")
    assert link(former) in browser.get(f"{TRAIL}?about=outlet").content.decode()
    with tenant_scope(tenant):
        Outlet.objects.filter(pk=former.pk).delete()
    text = browser.get(f"{TRAIL}?q={moved.pk}").content.decode()
    assert f"{former.pk} (removed since) → {link(moved.outlet)}" in text
    assert link(former) not in browser.get(f"{TRAIL}?about=outlet").content.decode()


def test_more_events_take_no_more_statements(back_office, moved, tenant):
    browser, numbers = back_office("tenant_admin"), []
    for _ in range(2):
        browser.get(f"{TRAIL}?about=appointment")
        with CaptureQueriesContext(connection) as queries:
            assert browser.get(f"{TRAIL}?about=appointment").status_code == 200
        numbers.append(len(queries))
        for _ in range(5):
            AppointmentFactory(tenant=tenant)
    assert numbers[0] == numbers[1]
    with tenant_scope(tenant):
        assert Appointment.objects.count() == 11


def test_the_trail_says_in_words_what_a_row_is_and_how_a_customer_acted(back_office, tenant, moved):
    with tenant_scope(tenant):
        with audit_context():
            set_audit_source("link")
            Appointment.objects.filter(pk=moved.pk).update(status="cancelled")
        TimeOffFactory(tenant=tenant, outlet=moved.outlet, staff_id=None)
    text = back_office("tenant_admin").get(TRAIL).content.decode()
    assert '<td class="field-who">by a mailed link</td>' in text
    assert '<td class="field-what">time off ' in text
    assert "<b>Start</b>: " in text
