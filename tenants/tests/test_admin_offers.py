"""The admin pages of services, with who offers them, and what a business says of booking."""

import re

from django.db import connection
from django.test.utils import CaptureQueriesContext

from tenants.models import Service, ServiceStaff
from tenants.scope import tenant_scope
from tenants.tests.factories import ServiceFactory, ServiceStaffFactory, UserFactory
from tenants.tests.forms import opened

STAFF = "/admin/tenants/staff/"
SERVICE = "/admin/tenants/service/"
TENANT = "/admin/tenants/tenant/"
HAIRCUT = {
    "name": "Haircut",
    "category": "hair",
    "duration_minutes": 45,
    "buffer_minutes": 0,
    "price": 350000,
    "is_active": "on",
}


def errors(response):
    """The form's errors: field to messages."""
    assert response.status_code == 200, response
    return dict(response.context["adminform"].form.errors)


def staff_choices(response):
    """The people who can be ticked in the form of a service, by what stands beside the box."""
    boxes = re.findall(r'<input type="checkbox" name="staff_ids"[^>]*>\s*([^<]+)', response.content.decode())
    return [label.strip() for label in boxes]


def test_an_administrator_says_who_offers_a_service(back_office, tenant):
    browser = back_office("tenant_admin")
    ana, ben = (UserFactory(tenant=tenant, first_name=name, last_name="") for name in ("Ana", "Ben"))
    body = HAIRCUT | {"buffer_minutes": 15, "rebooking_days": "", "staff_ids": [ana.pk]}
    assert browser.post(f"{SERVICE}add/", body).status_code == 302
    with tenant_scope(tenant):
        service = Service.objects.get()
    page = f"{SERVICE}{service.pk}/change/"

    def offered_by():
        with tenant_scope(tenant):
            return set(ServiceStaff.objects.filter(service=service).values_list("staff_id", flat=True))

    assert offered_by() == {ana.pk}
    assert "Tick nobody if everybody offers it." in browser.get(page).content.decode()
    assert "1 person" in browser.get(SERVICE).content.decode()
    updated_at = service.updated_at
    assert browser.post(page, body | {"staff_ids": [ana.pk, ben.pk]}).status_code == 302
    service.refresh_from_db()
    assert (offered_by(), service.updated_at > updated_at) == ({ana.pk, ben.pk}, True)
    assert (service.buffer_minutes, service.rebooking_days) == (15, None)
    without = {name: value for name, value in body.items() if name != "staff_ids"} | {"rebooking_days": 30}
    assert browser.post(page, without).status_code == 302
    service.refresh_from_db()
    assert (offered_by(), service.rebooking_days) == (set(), 30)
    assert "everybody" in browser.get(SERVICE).content.decode()


def test_who_may_only_see_a_service_sees_who_offers_it(back_office, tenant):
    service = ServiceFactory(tenant=tenant)
    browser = back_office("staff")
    assert "Everybody" in browser.get(f"{SERVICE}{service.pk}/change/").content.decode()
    ServiceStaffFactory(
        tenant=tenant, service=service, staff_id=UserFactory(tenant=tenant, first_name="Ana", last_name="Lee").pk
    )
    content = browser.get(f"{SERVICE}{service.pk}/change/").content.decode()
    assert "Ana Lee" in content
    assert "Everybody" not in content


def test_the_form_of_a_service_offers_the_active_people_of_its_business_and_who_is_ticked(
    back_office, tenant, other_tenant
):
    for owner, name, is_active in ((tenant, "Ana", True), (tenant, "Ben", False), (other_tenant, "Åse", True)):
        UserFactory(tenant=owner, first_name=name, last_name="", is_active=is_active)
    left = UserFactory(tenant=tenant, first_name="Cid", last_name="", is_active=False)
    service = ServiceFactory(tenant=tenant)
    ServiceStaffFactory(tenant=tenant, service=service, staff_id=left.pk)
    admin, boss = back_office("tenant_admin"), back_office("super_admin")
    for browser in (admin, boss):
        choices = staff_choices(browser.get(f"{SERVICE}{service.pk}/change/"))
        assert choices == ["Ana", "Cid", str(admin.user)]
    assert staff_choices(admin.get(f"{SERVICE}add/")) == ["Ana", str(admin.user)]
    # The business of a new service is not known yet.
    assert staff_choices(boss.get(f"{SERVICE}add/")) == []
    assert "Save the service first." in boss.get(f"{SERVICE}add/").content.decode()


def test_a_super_admin_gives_a_service_no_people_of_another_business(back_office, tenant, other_tenant):
    boss, service = back_office("super_admin"), ServiceFactory(tenant=tenant)
    foreign, own = UserFactory(tenant=other_tenant), UserFactory(tenant=tenant)
    body = HAIRCUT | {"tenant": tenant.pk, "buffer_minutes": 0}
    for page in (f"{SERVICE}{service.pk}/change/", f"{SERVICE}add/"):
        for wrong in (foreign.pk, boss.user.pk, "zzz"):
            assert set(errors(boss.post(page, body | {"staff_ids": [wrong]}))) == {"staff_ids"}
    assert boss.post(f"{SERVICE}{service.pk}/change/", body | {"staff_ids": [own.pk]}).status_code == 302


def test_the_page_of_a_person_says_what_they_offer(back_office, tenant):
    ana = UserFactory(tenant=tenant)
    browser = back_office("tenant_admin")
    for name, is_active in (("Balayage", True), ("Perm", False)):
        service = ServiceFactory(tenant=tenant, name=name, is_active=is_active)
        ServiceStaffFactory(tenant=tenant, service=service, staff_id=ana.pk)
    content = browser.get(f"{STAFF}{ana.pk}/change/").content.decode()
    assert "All services that everybody offers, Balayage" in content
    assert "Perm" not in content


def test_an_administrator_sets_the_grid_and_the_rebooking_days_of_the_business(back_office, tenant):
    browser = back_office("tenant_admin")
    page = f"{TENANT}{tenant.pk}/change/"
    body = opened(browser, page) | {"slot_minutes": 30, "rebooking_days": 60}
    assert browser.post(page, body).status_code == 302
    tenant.refresh_from_db()
    assert (tenant.slot_minutes, tenant.rebooking_days) == (30, 60)
    for name, value in (("slot_minutes", 4), ("slot_minutes", 241), ("rebooking_days", 0)):
        assert set(errors(browser.post(page, body | {name: value}))) == {name}


def test_a_list_of_services_sends_as_many_queries_for_many_as_for_few(back_office, tenant):
    browser = back_office("staff")

    def count_queries():
        with CaptureQueriesContext(connection) as queries:
            assert browser.get(SERVICE).status_code == 200
        return len(queries)

    ServiceStaffFactory(tenant=tenant)
    few = count_queries()
    for _ in range(5):
        ServiceStaffFactory(tenant=tenant)
    assert count_queries() == few


def test_a_name_is_taken_in_any_spelling_of_its_letters(back_office, tenant):
    ServiceFactory(tenant=tenant, name="Å")
    # A letter and a combining mark.
    answer = back_office("tenant_admin").post(f"{SERVICE}add/", HAIRCUT | {"name": "A\u030a"})
    assert errors(answer) == {"__all__": ["Another active service has this name."]}
