"""Signing in to the admin, and the pages of businesses, people, outlets and services."""

import datetime as dt

import pytest
import time_machine
from django.contrib.auth import authenticate
from django.http import HttpRequest
from django.test import Client
from django.utils import timezone

from customers.tests.bodies import NO_SUCH_ID
from customers.tests.factories import CustomerFactory
from tenants.models import LoginFailure, Outlet, Role, Service, Staff, Tenant, User
from tenants.scope import tenant_scope
from tenants.tests.factories import PASSWORD, OutletFactory, ServiceFactory, UserFactory

LOGIN = "/admin/login/"
STAFF = "/admin/tenants/staff/"
OUTLET = "/admin/tenants/outlet/"
SERVICE = "/admin/tenants/service/"
TENANT = "/admin/tenants/tenant/"


def log_in(email, password=PASSWORD, **extra):
    return Client().post(LOGIN, {"username": email, "password": password}, **extra)


def errors(response):
    """The form's errors: field to messages."""
    assert response.status_code == 200, response
    return dict(response.context["adminform"].form.errors)


# --- signing in -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", Role.values)
def test_staff_sign_in_with_the_accounts_of_the_api(tenant, role):
    user = UserFactory(role=role, tenant=None if role == "super_admin" else tenant, email="rina@example.com")
    response = log_in(" RINA@example.com ")
    assert (response.status_code, response.url) == (302, "/admin/")
    user.refresh_from_db()
    assert user.last_login is not None


def test_the_page_asks_for_the_e_mail(db):
    content = Client().get(LOGIN).content.decode()
    assert "E-mail:" in content
    assert "<title>Log in | Circe</title>" in content


@pytest.mark.parametrize("wrong", ["password", "email", "inactive", "tenant", "customer"])
def test_nobody_else_gets_in_and_the_answer_tells_nothing(tenant, wrong):
    user = UserFactory(tenant=tenant, email="rina@example.com", is_active=wrong != "inactive")
    CustomerFactory(tenant=tenant, email="portal@example.com", password=user.password)
    if wrong == "tenant":
        Tenant.objects.update(is_active=False)
    email = {"email": "nobody@example.com", "customer": "portal@example.com"}.get(wrong, "rina@example.com")
    response = log_in(email, "guess" if wrong == "password" else PASSWORD)
    assert response.status_code == 200
    assert response.context["form"].non_field_errors() == ["No active account has this e-mail and password."]
    assert "_auth_user_id" not in response.client.session


@pytest.mark.parametrize(
    "email", ["", "no address", "\0", "a\u200bb@example.com", "a" * 300 + "@example.com", "ß" * 240 + "@example.com"]
)
def test_what_is_no_address_is_refused(db, email):
    assert log_in(email).status_code == 200
    assert LoginFailure.objects.count() == 0


def test_an_overlong_password_is_refused_without_hashing_it(tenant):
    user = UserFactory(tenant=tenant)
    assert log_in(user.email, "a" * 129).context["form"].has_error("password", "max_length")


def test_who_comes_from_no_address_is_not_let_in(tenant):
    """There would be nothing to count a guess by."""
    user = UserFactory(tenant=tenant)
    assert authenticate(None, username=user.email, password=PASSWORD) is None
    assert authenticate(HttpRequest(), username=user.email, password=PASSWORD) == user


@pytest.mark.django_db(transaction=True)
def test_guessing_is_bounded_in_the_admin_and_the_api_together(tenant, anonymous):
    user = UserFactory(tenant=tenant)
    body = {"email": user.email, "password": "guess"}
    with time_machine.travel(timezone.now(), tick=False) as clock:
        for _ in range(5):
            assert log_in(user.email, "guess").status_code == 200
            assert anonymous.post("/api/v1/auth/login", body).status_code == 401
        refused = log_in(user.email)
        assert (refused.status_code, refused["Retry-After"]) == (429, "900")
        assert refused.context["form"].non_field_errors() == ["Too many failed attempts. Try again in 15 min."]
        assert anonymous.post("/api/v1/auth/login", body).status_code == 429
        clock.shift(dt.timedelta(minutes=15, seconds=1))
        assert log_in(user.email).status_code == 302


@pytest.mark.django_db(transaction=True)
def test_a_counted_failure_outlives_a_crash_of_the_request(monkeypatch):
    monkeypatch.setattr("circe.backoffice.site.AdminSite.each_context", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        log_in("rina@example.com", "guess")
    monkeypatch.undo()
    monkeypatch.setattr("django.contrib.auth.views.LoginView.form_invalid", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        log_in("rina@example.com", "guess")
    assert LoginFailure.objects.filter(account="rina@example.com").count() == 1


@pytest.mark.parametrize("change", ["user", "tenant", "password"])
def test_a_session_ends_with_the_account(back_office, tenant, change):
    browser = back_office("staff")
    if change == "user":
        User.objects.filter(pk=browser.user.pk).update(is_active=False)
    elif change == "tenant":
        Tenant.objects.filter(pk=tenant.pk).update(is_active=False)
    else:
        browser.user.set_password("another battery")
        browser.user.save()
    assert browser.get("/admin/").status_code == 302


def test_a_role_is_read_at_each_request(back_office):
    browser = back_office("tenant_admin")
    assert browser.get(STAFF).status_code == 200
    User.objects.filter(pk=browser.user.pk).update(role="staff")
    assert browser.get(STAFF).status_code == 403


def test_ones_own_password_can_be_changed(back_office):
    browser = back_office("staff")
    body = {"old_password": PASSWORD, "new_password1": "another battery", "new_password2": "another battery"}
    assert browser.post("/admin/password_change/", body).status_code == 302
    assert browser.get("/admin/").status_code == 200
    assert log_in(browser.user.email).status_code == 200
    assert log_in(browser.user.email, "another battery").status_code == 302


# --- the clock ------------------------------------------------------------------------------------------------------


def test_times_are_shown_in_the_zone_of_the_tenant_and_the_api_stays_utc(back_office, admin, tenant):
    instant = dt.datetime(2025, 1, 15, 20, 30, tzinfo=dt.UTC)
    customer = CustomerFactory(tenant=tenant, created_at=instant)
    page = f"/admin/customers/customer/{customer.pk}/change/"
    # Jakarta is seven hours ahead.
    assert "16 January 2025, 03:30" in back_office("staff").get(page).content.decode()
    assert timezone.get_current_timezone_name() == "UTC"
    assert admin.get(f"/api/v1/customers/{customer.pk}").json()["created_at"] == "2025-01-15T20:30:00Z"
    assert "2025-01-15, 20:30" in back_office("super_admin").get(page).content.decode()


# --- businesses -----------------------------------------------------------------------------------------------------

SETTINGS = {
    "name": "Lotus Spa",
    "slug": "other",
    "time_zone": "Asia/Makassar",
    "currency": "IDR",
    "phone_region": "ID",
    "language": "en",
    "at_risk_after_days": 60,
    "new_within_days": 14,
    "vip_min_visits": 3,
    "vip_top_percent": 5,
    "slot_minutes": 15,
    "rebooking_days": 42,
    "cancellation_notice_hours": 24,
    "reminder_hours": 24,
    "sends_reminders": "on",
}


@pytest.mark.usefixtures("each_tenant_guard")
def test_an_administrator_sets_up_their_own_business(back_office, tenant, other_tenant):
    browser = back_office("tenant_admin")
    assert browser.post(f"{TENANT}{tenant.pk}/change/", SETTINGS).status_code == 302
    tenant.refresh_from_db()
    assert (tenant.name, tenant.time_zone, tenant.at_risk_after_days) == ("Lotus Spa", "Asia/Makassar", 60)
    # Not theirs to change.
    assert (tenant.slug, tenant.is_active) == ("lotus", True)
    # An administrator has one business: its page takes the place of the list.
    answer = browser.get(TENANT)
    assert (answer.status_code, answer["Location"]) == (302, f"{TENANT}{tenant.pk}/change/")
    content = browser.get(answer["Location"]).content.decode()
    assert f'<a href="{TENANT}{tenant.pk}/change/" aria-current="page">Business</a>' in content
    assert "Businesses" not in content
    assert "Nordlys" not in content
    # The page of another business is answered like that of none.
    for pk in (other_tenant.pk, NO_SUCH_ID):
        for answer in (browser.get(f"{TENANT}{pk}/change/"), browser.post(f"{TENANT}{pk}/change/", SETTINGS)):
            assert (answer.status_code, answer["Location"]) == (302, "/admin/")
    other_tenant.refresh_from_db()
    assert other_tenant.name == "Nordlys"


@pytest.mark.parametrize(
    ("field", "value"), [("time_zone", "Jakarta"), ("currency", "rupiah"), ("phone_region", "XX"), ("language", "?")]
)
def test_settings_are_checked(back_office, tenant, field, value):
    response = back_office("tenant_admin").post(f"{TENANT}{tenant.pk}/change/", SETTINGS | {field: value})
    assert set(errors(response)) == {field}


def test_a_super_admin_adds_a_business_and_switches_it_off(back_office, db):
    browser = back_office("super_admin")
    assert browser.post(f"{TENANT}add/", SETTINGS | {"is_active": "on"}).status_code == 302
    business = Tenant.objects.get(slug="other")
    assert browser.post(f"{TENANT}{business.pk}/change/", SETTINGS).status_code == 302
    business.refresh_from_db()
    assert business.is_active is False
    assert set(errors(browser.post(f"{TENANT}add/", SETTINGS))) == {"slug"}


def test_a_business_with_people_is_not_deleted(back_office, tenant):
    UserFactory(tenant=tenant)
    back_office("super_admin").post(f"{TENANT}{tenant.pk}/delete/", {"post": "yes"})
    assert Tenant.objects.filter(pk=tenant.pk).exists()


# --- people ---------------------------------------------------------------------------------------------------------

PERSON = {
    "email": "Dewi@Example.com",
    "first_name": "Dewi",
    "last_name": "Lestari",
    "role": "outlet_manager",
}


def change_of(user, **changes):
    fields = {"email": user.email, "first_name": user.first_name, "last_name": user.last_name, "role": user.role}
    return fields | {"is_active": "on"} | changes


def test_an_administrator_adds_people_to_their_own_business(back_office, tenant):
    assert back_office("tenant_admin").post(f"{STAFF}add/", PERSON).status_code == 302
    user = User.objects.get(email="dewi@example.com")
    assert (user.tenant, user.role, user.is_active) == (tenant, "outlet_manager", True)
    # They choose their password by the link in the mail.
    assert user.has_usable_password() is False


def test_a_tenant_in_the_body_is_ignored(back_office, tenant, other_tenant):
    back_office("tenant_admin").post(f"{STAFF}add/", PERSON | {"tenant": other_tenant.pk})
    assert User.objects.get(email="dewi@example.com").tenant == tenant


@pytest.mark.parametrize("taken_in", ["ours", "theirs"])
def test_an_account_with_this_e_mail_exists(back_office, tenant, other_tenant, taken_in):
    UserFactory(tenant=tenant if taken_in == "ours" else other_tenant, email="dewi@example.com")
    response = back_office("tenant_admin").post(f"{STAFF}add/", PERSON)
    assert errors(response) == {"email": ["Another account has this e-mail address."]}


def test_no_administrator_of_a_tenant_sees_or_makes_a_super_admin(back_office, tenant):
    boss = UserFactory(role="super_admin", tenant=None, email="super@example.com")
    browser = back_office("tenant_admin")
    assert "super@example.com" not in browser.get(STAFF).content.decode()
    assert browser.get(f"{STAFF}{boss.pk}/change/").status_code == 302
    assert set(errors(browser.post(f"{STAFF}add/", PERSON | {"role": "super_admin"}))) == {"role"}
    user = UserFactory(tenant=tenant)
    response = browser.post(f"{STAFF}{user.pk}/change/", change_of(user, role="super_admin"))
    assert set(errors(response)) == {"role"}


def test_roles_and_activity_are_the_administrators_to_change(back_office, tenant):
    user = UserFactory(tenant=tenant)
    body = change_of(user, role="tenant_admin")
    del body["is_active"]
    assert back_office("tenant_admin").post(f"{STAFF}{user.pk}/change/", body).status_code == 302
    user.refresh_from_db()
    assert (user.role, user.is_active) == ("tenant_admin", False)


@pytest.mark.parametrize("role", ["tenant_admin", "super_admin"])
def test_nobody_deletes_deactivates_or_demotes_themselves(back_office, role):
    browser = back_office(role)
    body = {"email": browser.user.email, "first_name": "Sari", "last_name": "", "role": "staff"}
    assert browser.post(f"{STAFF}{browser.user.pk}/change/", body).status_code == 302
    user = User.objects.get(pk=browser.user.pk)
    assert (user.first_name, user.role, user.is_active) == ("Sari", role, True)
    assert browser.post(f"{STAFF}{user.pk}/delete/", {"post": "yes"}).status_code == 403


def test_an_account_never_used_can_be_deleted_and_a_used_one_not(back_office, tenant):
    browser = back_office("tenant_admin")
    fresh, used = UserFactory(tenant=tenant), UserFactory(tenant=tenant, last_login=timezone.now())
    assert browser.post(f"{STAFF}{fresh.pk}/delete/", {"post": "yes"}).status_code == 302
    assert browser.post(f"{STAFF}{used.pk}/delete/", {"post": "yes"}).status_code == 200
    assert list(User.objects.filter(pk__in=[fresh.pk, used.pk])) == [used]


def test_no_page_shows_a_hash(back_office, tenant):
    user = UserFactory(tenant=tenant)
    browser = back_office("tenant_admin")
    for page in (STAFF, f"{STAFF}{user.pk}/change/"):
        assert "argon2" not in browser.get(page).content.decode()


def test_a_super_admin_adds_people_anywhere_and_other_super_admins(back_office, tenant):
    browser = back_office("super_admin")
    assert browser.post(f"{STAFF}add/", PERSON | {"tenant": tenant.pk}).status_code == 302
    assert User.objects.get(email="dewi@example.com").tenant == tenant
    boss = PERSON | {"email": "boss@example.com", "role": "super_admin"}
    assert browser.post(f"{STAFF}add/", boss | {"tenant": ""}).status_code == 302
    both = errors(browser.post(f"{STAFF}add/", boss | {"email": "both@example.com", "tenant": tenant.pk}))
    assert both == {"__all__": ["A super admin belongs to no business, everybody else to one."]}
    neither = errors(browser.post(f"{STAFF}add/", PERSON | {"email": "neither@example.com", "tenant": ""}))
    assert neither == both


# --- what a tenant offers -------------------------------------------------------------------------------------------

HAIRCUT = {
    "name": "Haircut",
    "category": "hair",
    "duration_minutes": 45,
    "buffer_minutes": 0,
    "price": 350000,
    "is_active": "on",
}


def test_an_administrator_manages_outlets_and_services(back_office, tenant, in_scope):
    browser = back_office("tenant_admin")
    assert browser.post(f"{OUTLET}add/", {"name": "Kemang", "address": "", "is_active": "on"}).status_code == 302
    assert browser.post(f"{SERVICE}add/", HAIRCUT).status_code == 302
    outlet, service = Outlet.objects.get(), Service.objects.get()
    assert (outlet.tenant, service.tenant, service.price) == (tenant, tenant, 350000)
    assert browser.post(f"{SERVICE}{service.pk}/change/", HAIRCUT | {"price": 400000}).status_code == 302
    assert Service.objects.get().price == 400000
    assert browser.post(f"{OUTLET}{outlet.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not Outlet.objects.exists()


def test_a_name_is_unique_within_the_tenant(back_office, tenant, other_tenant):
    OutletFactory(tenant=other_tenant, name="Kemang")
    browser = back_office("tenant_admin")
    body = {"name": "Kemang", "address": "", "is_active": "on"}
    assert browser.post(f"{OUTLET}add/", body).status_code == 302
    assert errors(browser.post(f"{OUTLET}add/", body)) == {"__all__": ["Another active outlet has this name."]}


@pytest.mark.parametrize("field", ["price", "duration_minutes"])
@pytest.mark.parametrize("value", ["-1", "99999999999999999999", "banana"])
def test_figures_out_of_range_are_refused(back_office, field, value):
    assert set(errors(back_office("tenant_admin").post(f"{SERVICE}add/", HAIRCUT | {field: value}))) == {field}


def test_a_super_admin_names_the_tenant_once(back_office, tenant, other_tenant):
    browser = back_office("super_admin")
    assert set(errors(browser.post(f"{SERVICE}add/", HAIRCUT | {"tenant": ""}))) == {"tenant"}
    assert set(errors(browser.post(f"{SERVICE}add/", HAIRCUT | {"tenant": "zzz"}))) == {"tenant"}
    assert browser.post(f"{SERVICE}add/", HAIRCUT | {"tenant": tenant.pk}).status_code == 302
    with tenant_scope(tenant):
        service = Service.objects.get()
    assert browser.post(f"{SERVICE}{service.pk}/change/", HAIRCUT | {"tenant": other_tenant.pk}).status_code == 302
    service.refresh_from_db()
    assert service.tenant == tenant


def test_a_service_of_another_tenant_is_not_deleted(back_office, other_tenant):
    service = ServiceFactory(tenant=other_tenant)
    back_office("tenant_admin").post(f"{SERVICE}{service.pk}/delete/", {"post": "yes"})
    with tenant_scope(other_tenant):
        assert Service.objects.filter(pk=service.pk).exists()


def test_the_people_of_a_tenant_are_those_of_its_list(back_office, tenant, other_tenant):
    UserFactory(tenant=other_tenant, email="astrid@example.com")
    browser = back_office("tenant_admin")
    people = browser.get(STAFF).context["cl"].queryset
    with tenant_scope(tenant):
        assert set(people) == set(Staff.objects.all())
    assert browser.get(STAFF, {"q": "astrid"}).context["cl"].result_count == 0
