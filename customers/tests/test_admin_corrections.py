"""Who corrects a customer's names and contacts in the back office, and what the others are told."""

import datetime as dt

import pytest
import time_machine

from customers.models import Customer
from customers.tests.factories import CustomerFactory
from customers.tests.pages import ADD, JANE, change, change_page, errors
from tenants.identity import clean_phone
from tenants.models import AuditEvent
from tenants.scope import tenant_scope
from tenants.tests.factories import TenantFactory, UserFactory

WHO = "Names, contacts and tags are changed by outlet managers and administrators."


@pytest.fixture
def add(tenant):
    """Returns a function that adds Jane with a mistyped phone by the form, and returns her."""

    def make(browser):
        assert browser.post(ADD, JANE | {"phone": "0812 9999 999", "tags": ""}).status_code == 302
        return read(tenant)

    return make


def read(tenant):
    with tenant_scope(tenant):
        return Customer.objects.get()


def test_reception_corrects_what_it_has_just_typed_and_the_audit_trail_has_it(back_office, tenant, add):
    browser = back_office("staff")
    jane = add(browser)
    page = browser.get(change_page(jane)).content.decode()
    assert "You have just added this customer" in page
    assert change(browser, jane, phone="0812 3456 789", first_name="Janet").status_code == 302
    jane = read(tenant)
    assert (jane.phone, jane.first_name) == ("+628123456789", "Janet")
    with tenant_scope(tenant):
        event = AuditEvent.objects.filter(row_id=jane.pk).first()
    assert (event.actor_id, event.before["phone"]) == (browser.user.pk, "+628129999999")


def test_a_correction_obeys_the_rules_of_every_change(back_office, tenant, add):
    browser = back_office("staff")
    jane = add(browser)
    with tenant_scope(tenant):
        CustomerFactory(tenant=tenant, first_name="Jo", last_name=None, phone="+628123456789")
    answer = change(browser, jane, phone="0812 3456 789")
    assert "has this phone number." in str(answer.context["adminform"].form.errors["phone"])
    # Tags, birthday and address are not what is mistyped in a contact.
    change(browser, jane, tags="vip", address="Kemang")
    with tenant_scope(tenant):
        jane = Customer.objects.get(pk=jane.pk)
    assert ("vip" in jane.tags, jane.address) == (False, None)


@pytest.mark.parametrize(
    "reason", ["somebody else", "a day later", "an account", "a manager's entry", "a change of a manager's entry"]
)
def test_reception_may_not_change_other_customers_and_is_told_who_may(back_office, tenant, add, reason):
    browser = back_office("staff")
    jane = add(back_office("outlet_manager") if "manager's entry" in reason else browser)
    UserFactory(tenant=tenant, role="outlet_manager", first_name="Mira", last_name="Wati")
    UserFactory(tenant=tenant, role="outlet_manager", first_name="Gone", is_active=False)
    UserFactory(tenant=TenantFactory(), role="tenant_admin", first_name="Stranger")
    later = dt.timedelta(hours=25 if reason == "a day later" else 0)
    if reason == "a change of a manager's entry":
        assert change(browser, jane, notes="Prefers the window").status_code == 302
    if reason == "somebody else":
        browser = back_office("staff")
    if reason == "an account":
        with tenant_scope(tenant):
            jane.change({"password": "a good long password"})
    with time_machine.travel(dt.datetime.now(dt.UTC) + later):
        browser.force_login(browser.user)
        page = browser.get(change_page(jane)).content.decode()
        change(browser, jane, phone="0812 3456 789", first_name="Janet")
    assert WHO in page
    assert "Mira Wati" in page
    assert not {"Gone", "Stranger"} & {*page.replace(",", " ").replace(".", " ").split()}
    assert "You have just added" not in page
    # A number is a link, also where it can't be changed.
    assert page.count('<a href="tel:+628129999999">') == 2
    assert read(tenant).phone == "+628129999999"


def test_reception_is_told_five_who_may_change_managers_first(back_office, tenant, add):
    jane = add(back_office("staff"))
    for role, first_name in (
        *(("tenant_admin", name) for name in ("Adi", "Bela", "Citra")),
        *(("outlet_manager", name) for name in ("Zara", "Yani", "Xena")),
        ("staff", "Agus"),
    ):
        UserFactory(tenant=tenant, role=role, first_name=first_name, last_name="")
    page = back_office("staff").get(change_page(jane)).content.decode()
    assert f"{WHO} Ask Xena, Yani, Zara, Adi, Bela and others." in page


@pytest.mark.parametrize("role", ["outlet_manager", "tenant_admin"])
def test_who_may_change_everything_is_told_nothing(back_office, tenant, add, role):
    browser = back_office(role)
    page = browser.get(change_page(add(browser))).content.decode()
    assert WHO not in page
    assert 'type="tel"' in page


def test_the_api_lets_no_reception_update_a_customer(staff, tenant, back_office, add):
    jane = add(back_office("staff"))
    assert staff.patch(f"/api/v1/customers/{jane.pk}", {"phone": "0812 3456 789"}, format="json").status_code == 403


@pytest.mark.parametrize("typed", ["0812 3", "0812 34", "0812 345", "+1234567890", "+47 22334455667"])
def test_a_number_that_no_country_has_is_asked_about_once(back_office, in_scope, typed):
    CustomerFactory(tenant=in_scope, first_name="Jane", last_name="Doe")
    browser = back_office("staff")
    phone = clean_phone(typed)
    answer = browser.post(ADD, JANE | {"phone": typed})
    question = f"{phone} is no phone number that is known: a digit may be missing or wrong."
    # Two questions of one form are answered together.
    assert [name for name, [error] in errors(answer).items()] == ["phone", "first_name"]
    assert errors(answer)["phone"][0].startswith(question)
    confirmed = {"confirmed": answer.context["adminform"].form.asked}
    # The answer holds for that number, and for no other one.
    assert set(errors(browser.post(ADD, JANE | {"phone": "0811 11"} | confirmed))) == {"phone"}
    assert browser.post(ADD, JANE | {"phone": typed} | confirmed).status_code == 302
    jane = Customer.objects.get(email="jane@example.com")
    assert jane.phone == phone
    # Who saves the page again is not asked again.
    assert change(browser, jane, notes="Tea").status_code == 302
    assert "phone" in errors(change(browser, jane, phone="0812 99"))


def test_a_number_that_a_country_has_is_not_asked_about(back_office, in_scope):
    assert back_office("staff").post(ADD, JANE | {"phone": "+47 22 33 44 55"}).status_code == 302
