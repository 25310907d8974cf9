"""The admin's form of a customer."""

import re
import threading
from html import unescape

import pytest
from django.db import connections, transaction

from circe.tests.cases import in_one_test
from customers.models import Customer
from customers.models.preferences import PreferredService
from customers.tests.factories import CustomerFactory, DeletedCustomerFactory
from tenants.scope import ALL_TENANTS, tenant_scope
from tenants.tests.factories import OutletFactory, ServiceFactory, UserFactory
from tenants.tests.forms import opened
from tenants.tests.locks import until_blocked

from .pages import ADD, JANE, PAGE, act, change, change_page, errors, shown_messages

# --- adding ---------------------------------------------------------------------------------------------------------


def test_reception_adds_a_customer(back_office, in_scope):
    assert back_office("staff").post(ADD, JANE).status_code == 302
    jane = Customer.objects.get()
    assert (jane.tenant, jane.full_name, jane.email, jane.phone) == (
        in_scope,
        "Jane Doe",
        "jane@example.com",
        "+628123456789",
    )
    assert jane.tags == ["staff-created", "walk-in", "vip", "regular"]
    assert (jane.language, jane.accepts_whatsapp, jane.marketing_consent, jane.is_active) == ("id", False, False, True)
    assert (jane.email_verified, jane.has_password, jane.loyalty_points, jane.gender) == (False, False, 0, None)


def test_the_form_of_a_new_customer_starts_with_the_defaults(back_office, tenant):
    form = back_office("staff").get(ADD).context["adminform"].form
    assert form["language"].value() == "id"
    assert (form["accepts_email"].value(), form["marketing_consent"].value()) == (True, False)


@pytest.mark.slow("a table of bad input, each sent by the form")
@in_one_test(
    ("changes", "field"),
    [
        ({"first_name": " "}, "first_name"),
        ({"email": "", "phone": ""}, "email"),
        ({"email": "no address"}, "email"),
        ({"email": "a\u200bb@example.com"}, "email"),
        ({"phone": "12"}, "phone"),
        ({"gender": "banana"}, "gender"),
        ({"date_of_birth": "1899-12-31"}, "date_of_birth"),
        ({"date_of_birth": "2999-01-01"}, "date_of_birth"),
        ({"tags": "v!p"}, "tags"),
        ({"tags": ",".join(f"t{n}" for n in range(49))}, "tags"),
        ({"tags": ",".join(f"t{n}" for n in range(51))}, "tags"),
        ({"tags": "a\0b"}, "tags"),
        ({"preferred_categories": "a" * 51}, "preferred_categories"),
        ({"preferred_outlet": "zzz"}, "preferred_outlet"),
        ({"preferred_outlet": "0" * 24}, "preferred_outlet"),
        ({"preferred_services": ["zzz"]}, "preferred_services"),
        ({"preferred_services": ["0" * 24]}, "preferred_services"),
        ({"language": "Bahasa Indonesia"}, "language"),
        ({"source": "The Web!"}, "source"),
        ({"notes": "a" * 2001}, "notes"),
    ],
)
def test_bad_input_is_an_error_of_its_field_and_nothing_is_stored(back_office, in_scope, changes, field):
    assert set(errors(back_office("staff").post(ADD, JANE | changes))) == {field}
    assert not Customer.objects.exists()


@pytest.mark.parametrize(
    ("field", "kept", "typed", "what"),
    [
        ("email", "JANE@example.com", " jane@EXAMPLE.com", "e-mail address"),
        ("phone", "+628123456789", "(0812) 3456-789", "phone number"),
    ],
)
def test_a_duplicate_is_an_error_that_leads_to_the_other_customer(back_office, tenant, field, kept, typed, what):
    other = CustomerFactory(tenant=tenant, first_name="<b>Jo</b>", last_name=None, **{field: kept})
    new = JANE | {"email": "new@example.com", "phone": "+4712345678"} | {field: typed}
    link = f'<a href="{change_page(other)}">&lt;b&gt;Jo&lt;/b&gt;</a>'
    response = back_office("staff").post(ADD, new)
    assert errors(response) == {field: [f"{link} has this {what}."]}
    assert link in response.content.decode()


def test_another_tenants_customer_is_no_duplicate(back_office, other_tenant, in_scope):
    CustomerFactory(tenant=other_tenant, email="jane@example.com", phone="+628123456789")
    assert back_office("staff").post(ADD, JANE).status_code == 302


def test_a_deleted_customer_does_not_block_and_is_named(back_office, tenant):
    deleted = DeletedCustomerFactory(tenant=tenant, first_name="Janet", email="jane@example.com")
    sentence = (
        "who was deleted, has the same e-mail address. If it is the same person, an administrator can delete this new one "
        "and restore them."
    )
    messages = shown_messages(back_office("staff").post(ADD, JANE))
    assert messages[0] == f"{deleted}, {sentence}"
    customer = CustomerFactory(tenant=tenant, first_name="Wayan")
    browser = back_office("tenant_admin")
    with tenant_scope(tenant):
        others = list(Customer.objects.filter(is_deleted=False).exclude(pk=customer.pk))
    act(browser, "soft_delete", *others, asked=1)
    messages = shown_messages(browser.post(ADD, JANE))
    assert f'<a href="{change_page(deleted)}">{deleted}</a>, {sentence}' in messages


def test_a_super_admin_names_the_tenant(back_office, tenant, other_tenant):
    outlet, foreign = OutletFactory(tenant=tenant), OutletFactory(tenant=other_tenant)
    CustomerFactory(tenant=other_tenant, email="jane@example.com")
    browser = back_office("super_admin")
    assert set(errors(browser.post(ADD, JANE))) >= {"tenant"}
    body = JANE | {"tenant": tenant.pk}
    assert set(errors(browser.post(ADD, body | {"preferred_outlet": foreign.pk}))) == {"preferred_outlet"}
    assert browser.post(ADD, body | {"preferred_outlet": outlet.pk}).status_code == 302
    with tenant_scope(tenant):
        jane = Customer.objects.select_related("preferred_outlet").get()
    # Completed with the region of that tenant.
    assert (jane.phone, jane.preferred_outlet) == ("+628123456789", outlet)
    assert set(errors(browser.post(ADD, body))) == {"email", "phone"}
    assert change(browser, jane, tenant=other_tenant.pk, last_name="Roe").status_code == 302
    jane.refresh_from_db()
    assert (jane.last_name, jane.tenant) == ("Roe", tenant)


# --- changing -------------------------------------------------------------------------------------------------------


def test_a_manager_changes_everything(back_office, in_scope):
    jane = CustomerFactory(tenant=in_scope, email_verified=True, tags=["vip"])
    body = {"first_name": "Janét", "email": "janet@example.com", "tags": "regular", "date_of_birth": "1990-05-01"}
    assert change(back_office("outlet_manager"), jane, **body).status_code == 302
    fresh = Customer.objects.get()
    assert (fresh.first_name, fresh.email, fresh.tags) == ("Janét", "janet@example.com", ["regular"])
    assert str(fresh.date_of_birth) == "1990-05-01"
    # A new e-mail is unverified again; the rest is as before.
    assert (fresh.email_verified, fresh.phone, fresh.last_name) == (False, jane.phone, jane.last_name)


def test_saving_without_a_change_changes_nothing(back_office, in_scope):
    jane = CustomerFactory(
        tenant=in_scope,
        email_verified=True,
        tags=["a", "b"],
        preferred_categories=["hair, colour", "nails"],
        notes="x\ny",
    )
    before = Customer.objects.values().get()
    assert change(back_office("tenant_admin"), jane).status_code == 302
    assert Customer.objects.values().get() == before


def test_reception_changes_preferences_and_nothing_else(back_office, in_scope):
    jane = CustomerFactory(tenant=in_scope, first_name="Jane", tags=["vip"])
    outlet, services = OutletFactory(tenant=in_scope), [ServiceFactory(tenant=in_scope, name=name) for name in "abc"]
    person = UserFactory(tenant=in_scope)
    response = change(
        back_office("staff"),
        jane,
        first_name="Hacked",
        email="hacked@example.com",
        tags="hacked",
        is_active="",
        marketing_consent="on",
        notes="Mornings",
        preferred_outlet=outlet.pk,
        preferred_services=[services[0].pk, services[2].pk],
        preferred_staff_ids=[person.pk],
        preferred_categories="hair, colour\r\n\r\nnails\r\n",
    )
    assert response.status_code == 302
    profile = Customer.objects.with_profile().get()
    assert (profile.first_name, profile.email, profile.tags, profile.is_active) == (
        "Jane",
        jane.email,
        ["staff-created", "walk-in", "vip"],
        True,
    )
    assert (profile.marketing_consent, profile.notes, profile.preferred_outlet) == (True, "Mornings", outlet)
    assert profile.preferred_services == [services[0].pk, services[2].pk]
    assert profile.preferred_staff_ids == [person.pk]
    assert profile.preferred_categories == ["hair, colour", "nails"]


def test_what_stays_preferred_keeps_its_place(back_office, in_scope):
    jane = CustomerFactory(tenant=in_scope)
    first, second, third = (ServiceFactory(tenant=in_scope, name=name) for name in "abc")
    jane.change({"preferred_services": [third.pk, first.pk]})
    change(back_office("staff"), jane, preferred_services=[first.pk, second.pk, third.pk])
    ids = PreferredService.objects.values_list("service_id", flat=True)
    assert list(ids) == [third.pk, first.pk, second.pk]


@pytest.mark.slow("sends every reference of a form")
@pytest.mark.parametrize("field", ["preferred_outlet", "preferred_services", "preferred_staff_ids"])
@pytest.mark.parametrize("role", ["staff", "super_admin"])
def test_nothing_of_another_tenant_can_be_preferred(back_office, other_tenant, in_scope, field, role):
    jane = CustomerFactory(tenant=in_scope)
    make = {"preferred_outlet": OutletFactory, "preferred_services": ServiceFactory, "preferred_staff_ids": UserFactory}
    assert set(errors(change(back_office(role), jane, **{field: make[field](tenant=other_tenant).pk}))) == {field}


def test_two_changes_of_different_fields_both_survive(back_office, in_scope):
    jane = CustomerFactory(tenant=in_scope)
    browser = back_office("outlet_manager")
    body = opened(browser, change_page(jane))
    Customer.objects.update(loyalty_points=150, email_verified=True)
    browser.post(change_page(jane), body | {"last_name": "Roe"})
    jane.refresh_from_db()
    assert (jane.last_name, jane.loyalty_points, jane.email_verified) == ("Roe", 150, True)


def test_the_account_is_shown_and_not_changed(back_office, in_scope):
    jane = CustomerFactory(tenant=in_scope, password="argon2$secret", source="website", loyalty_points=150)
    browser = back_office("super_admin")
    content = browser.get(change_page(jane)).content.decode()
    assert "argon2" not in content
    assert 'alt="True"' in content
    change(browser, jane, loyalty_points="9", source="x", password="x", email_verified="on", created_at="2001-01-01")
    fresh = Customer.objects.get()
    assert (fresh.loyalty_points, fresh.source, fresh.password, fresh.email_verified, fresh.created_at) == (
        150,
        "website",
        "argon2$secret",
        False,
        jane.created_at,
    )


def test_another_tenants_customer_is_not_changed(back_office, other_tenant, tenant):
    foreign = CustomerFactory(tenant=other_tenant)
    assert back_office("tenant_admin").post(change_page(foreign), JANE).status_code == 302
    foreign.refresh_from_db()
    assert foreign.first_name == "Jane"
    assert foreign.email != "jane@example.com"


# --- at the same moment ---------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_who_loses_a_race_for_an_e_mail_reads_so_in_the_form(back_office, tenant):
    browser, answers = back_office("staff"), []

    def post():
        answers.append(browser.post(ADD, JANE))
        connections.close_all()

    other = threading.Thread(target=post)
    with transaction.atomic():
        winner = CustomerFactory(tenant=tenant, email="jane@example.com")
        # The form has been found valid and its insert waits for ours.
        other.start()
        until_blocked()
    other.join()
    link = f'<a href="{change_page(winner)}">{winner}</a>'
    assert errors(answers[0]) == {"email": [f"{link} has this e-mail address."]}
    with tenant_scope(ALL_TENANTS):
        assert list(Customer.objects.all()) == [winner]


@pytest.mark.parametrize("role", ["staff", "super_admin"])
def test_customers_are_found_from_the_header_of_every_page(back_office, tenant, role):
    CustomerFactory(tenant=tenant, first_name="Wirawan")
    browser = back_office(role)
    for url in ("/admin/", "/admin/appointments/appointment/day/", "/admin/tenants/outlet/"):
        page = browser.get(url).content.decode()
        assert '<form role="search" action="/admin/customers/customer/" class="header-search">' in page
        assert '<label class="visually-hidden" for="header-search">Find a customer</label>' in page
    # The list has a search box of its own.
    found = browser.get("/admin/customers/customer/?q=wirawan").content.decode()
    assert ("header-search" in found, "Wirawan" in found) == (False, True)
    assert "header-search" not in browser.__class__().get("/admin/login/").content.decode()


@pytest.mark.parametrize(
    ("search", "fields"),
    [
        ("Wirwan", {"first_name": "Wirwan"}),
        ("Wirwan de  Vries", {"first_name": "Wirwan", "last_name": "de Vries"}),
        ("0812 3456-7801", {"phone": "0812 3456-7801"}),
        ("Wir <wir@example.com>", {"email": "wir@example.com"}),
        ("<b>&x=1", {"first_name": "<b>&x=1"}),
    ],
)
def test_a_search_that_finds_nobody_offers_to_add_them(back_office, in_scope, search, fields):
    browser = back_office("staff")
    page = browser.get(PAGE, {"q": search})
    [url] = re.findall(r'href="(/admin/customers/customer/add/[^"]+)">Add ', page.content.decode())
    form = browser.get(unescape(url)).context["adminform"].form
    assert {name: form[name].value() for name in fields} == fields


def test_a_search_that_finds_somebody_offers_nobody_to_add(back_office, tenant):
    CustomerFactory(tenant=tenant, first_name="Wirawan")
    assert ">Add Wirawan</a>" not in back_office("staff").get(PAGE, {"q": "Wirawan"}).content.decode()


def test_the_language_is_chosen_by_its_name_and_another_one_stays(back_office, in_scope):
    jane = CustomerFactory(tenant=in_scope, language="nn")
    browser = back_office("tenant_admin")
    url = f"{PAGE}{jane.pk}/change/"
    assert '<option value="nn" selected>Norwegian Nynorsk</option>' in browser.get(url).content.decode()
    for other in ("gsw-CH", "jv"):
        Customer.objects.filter(pk=jane.pk).update(language=other)
        assert f'<option value="{other}" selected>{other}</option>' in browser.get(url).content.decode()
    assert '<option value="gsw-CH"' not in browser.get(url).content.decode()
    page = browser.get(f"/admin/tenants/tenant/{jane.tenant_id}/change/").content.decode()
    assert '<option value="Asia/Jakarta" selected>Asia/Jakarta</option>' in page


# --- the same person, or another one --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kept", "typed", "is_asked"),
    [
        (("Dewi", "Lestari"), ("Dewi", "Lestary"), True),
        (("Dewi", "Lestari"), ("dewi", "LESTARI"), True),
        (("Dewi", "Lestari"), ("Dewi", "Kartika"), False),
        (("Sari", None), ("Sari", ""), True),
        (("Sari", None), ("Sara", ""), False),
    ],
)
def test_a_new_customer_with_the_name_of_another_is_asked_about(back_office, in_scope, kept, typed, is_asked):
    other = CustomerFactory(tenant=in_scope, first_name=kept[0], last_name=kept[1], phone="+6281234500001")
    browser, fields = back_office("staff"), JANE | {"first_name": typed[0], "last_name": typed[1]}
    answer = browser.post(ADD, fields)
    if is_asked:
        form = answer.context["adminform"].form
        assert "+6281234500001" in str(form.errors["first_name"])
        assert f'href="/admin/customers/customer/{other.pk}/change/"' in str(form.errors["first_name"])
        assert f'name="confirmed" value="{form.asked}"' in answer.content.decode()
        assert not Customer.objects.exclude(pk=other.pk).exists()
        answer = browser.post(ADD, fields | {"confirmed": form.asked})
    assert answer.status_code == 302
    assert Customer.objects.exclude(pk=other.pk).count() == 1


def test_each_name_of_another_script_is_asked_about_by_itself(back_office, in_scope):
    for name in ("王芳", "李娜"):
        CustomerFactory(tenant=in_scope, first_name=name, last_name=None)
    browser, confirmed = back_office("staff"), ""
    for name in ("王芳", "李娜"):
        fields = JANE | {"first_name": name, "last_name": "", "confirmed": confirmed}
        answer = browser.post(ADD, fields)
        assert answer.status_code == 200
        confirmed = answer.context["adminform"].form.asked
    assert browser.post(ADD, fields | {"confirmed": confirmed}).status_code == 302


def test_nobody_is_asked_about_customers_of_another_business_or_deleted_ones(back_office, in_scope, other_tenant):
    CustomerFactory(tenant=other_tenant, first_name="Dewi", last_name="Lestari")
    DeletedCustomerFactory(tenant=in_scope, first_name="Dewi", last_name="Lestari")
    fields = JANE | {"first_name": "Dewi", "last_name": "Lestari"}
    assert back_office("staff").post(ADD, fields).status_code == 302
