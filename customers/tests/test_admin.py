"""The admin's pages of customers."""

import threading

import pytest
from django.contrib.messages import get_messages
from django.db import connection, connections, transaction

from customers.models import Customer
from customers.preferences import PreferredService
from customers.tests.factories import CustomerFactory, DeletedCustomerFactory
from tenants.scope import EVERY_TENANT, tenant_scope
from tenants.tests.factories import OutletFactory, ServiceFactory, UserFactory

PAGE = "/admin/customers/customer/"
ADD = f"{PAGE}add/"

# What the form for a new customer sends when only that much is typed.
JANE = {
    "first_name": "Jane",
    "last_name": "Doe",
    "gender": "",
    "date_of_birth": "",
    "email": "jane@example.com",
    "phone": "0812 3456 789",
    "address": "",
    "tags": "VIP,  regular ,,vip",
    "language": "id",
    "preferred_outlet": "",
    "preferred_categories": "",
    "accessibility_needs": "",
    "notes": "",
    "accepts_email": "on",
    "accepts_sms": "on",
    "accepts_push": "on",
    "source": "",
}


def change_page(customer):
    return f"{PAGE}{customer.pk}/change/"


def form_of(browser, customer):
    """What the page's form sends when nothing is typed."""
    form = browser.get(change_page(customer)).context["adminform"].form
    body = {name: form[name].value() for name in form.fields}
    body |= {
        form[name].html_initial_name: form[name].initial for name in form.fields if form[name].field.show_hidden_initial
    }
    return {name: value for name, value in body.items() if value not in (None, False)}


def change(browser, customer, **changes):
    return browser.post(change_page(customer), form_of(browser, customer) | changes)


def errors(response):
    assert response.status_code == 200, response
    return dict(response.context["adminform"].form.errors)


def told(response):
    return [str(message) for message in get_messages(response.wsgi_request)]


def act(browser, action, *customers, query=""):
    return browser.post(PAGE + query, {"action": action, "_selected_action": [one.pk for one in customers]})


def names(browser, query=""):
    return [customer.full_name for customer in browser.get(PAGE + query).context["cl"].result_list]


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


@pytest.mark.parametrize(
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


def test_another_tenants_customer_is_no_duplicate(back_office, stranger, in_scope):
    CustomerFactory(tenant=stranger, email="jane@example.com", phone="+628123456789")
    assert back_office("staff").post(ADD, JANE).status_code == 302


def test_a_deleted_customer_does_not_block_and_is_named(back_office, tenant):
    deleted = DeletedCustomerFactory(tenant=tenant, first_name="Janet", email="jane@example.com")
    sentence = "who was deleted, has the same e-mail address: the same person? An administrator can restore them."
    said = told(back_office("staff").post(ADD, JANE))
    assert said[0] == f"{deleted}, {sentence}"
    customer = CustomerFactory(tenant=tenant)
    browser = back_office("tenant_admin")
    act(browser, "soft_delete", *Customer._base_manager.filter(is_deleted=False).exclude(pk=customer.pk))
    said = told(browser.post(ADD, JANE))
    assert f'<a href="{change_page(deleted)}">{deleted}</a>, {sentence}' in said


def test_a_super_admin_names_the_tenant(back_office, tenant, stranger):
    outlet, foreign = OutletFactory(tenant=tenant), OutletFactory(tenant=stranger)
    CustomerFactory(tenant=stranger, email="jane@example.com")
    browser = back_office("super_admin")
    assert set(errors(browser.post(ADD, JANE))) >= {"tenant"}
    body = JANE | {"tenant": tenant.pk}
    assert set(errors(browser.post(ADD, body | {"preferred_outlet": foreign.pk}))) == {"preferred_outlet"}
    assert browser.post(ADD, body | {"preferred_outlet": outlet.pk}).status_code == 302
    with tenant_scope(tenant):
        jane = Customer.objects.get()
    # Completed with the region of that tenant.
    assert (jane.phone, jane.preferred_outlet) == ("+628123456789", outlet)
    assert set(errors(browser.post(ADD, body))) == {"email", "phone"}
    assert change(browser, jane, tenant=stranger.pk, last_name="Roe").status_code == 302
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
    outlet, services = OutletFactory(tenant=in_scope), [ServiceFactory(tenant=in_scope) for _ in range(3)]
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


@pytest.mark.parametrize("field", ["preferred_outlet", "preferred_services", "preferred_staff_ids"])
@pytest.mark.parametrize("role", ["staff", "super_admin"])
def test_nothing_of_another_tenant_can_be_preferred(back_office, stranger, in_scope, field, role):
    jane = CustomerFactory(tenant=in_scope)
    make = {"preferred_outlet": OutletFactory, "preferred_services": ServiceFactory, "preferred_staff_ids": UserFactory}
    assert set(errors(change(back_office(role), jane, **{field: make[field](tenant=stranger).pk}))) == {field}


def test_two_changes_of_different_fields_both_survive(back_office, in_scope):
    jane = CustomerFactory(tenant=in_scope)
    browser = back_office("outlet_manager")
    body = form_of(browser, jane)
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


def test_another_tenants_customer_is_not_changed(back_office, stranger, tenant):
    foreign = CustomerFactory(tenant=stranger)
    assert back_office("tenant_admin").post(change_page(foreign), JANE).status_code == 302
    foreign.refresh_from_db()
    assert foreign.first_name == "Jane"
    assert foreign.email != "jane@example.com"


# --- deleting and restoring -----------------------------------------------------------------------------------------


def test_deleting_is_soft_and_the_page_says_so(back_office, in_scope):
    jane = CustomerFactory(tenant=in_scope)
    browser = back_office("tenant_admin")
    assert "Nothing is lost" in browser.get(f"{PAGE}{jane.pk}/delete/").content.decode()
    assert browser.post(f"{PAGE}{jane.pk}/delete/", {"post": "yes"}).status_code == 302
    jane.refresh_from_db()
    assert (jane.is_deleted, jane.is_active, jane.deleted_by) == (True, False, browser.user.pk)


@pytest.mark.parametrize("role", ["staff", "outlet_manager"])
@pytest.mark.parametrize("action", ["soft_delete", "restore"])
def test_reception_and_managers_neither_delete_nor_restore(back_office, in_scope, role, action):
    make = CustomerFactory if action == "soft_delete" else DeletedCustomerFactory
    jane, browser = make(tenant=in_scope), back_office(role)
    assert browser.post(f"{PAGE}{jane.pk}/delete/", {"post": "yes"}).status_code in {302, 403}
    act(browser, action, jane)
    assert Customer.objects.get().is_deleted is (action == "restore")


@pytest.mark.parametrize("role", ["staff", "outlet_manager"])
def test_they_do_not_see_the_deleted_either(back_office, tenant, role):
    deleted, browser = DeletedCustomerFactory(tenant=tenant), back_office(role)
    assert names(browser) == []
    assert browser.get(f"{PAGE}?deleted=yes").status_code == 400
    assert browser.get(change_page(deleted)).status_code == 302


def test_the_list_hides_the_deleted_unless_asked(back_office, tenant):
    CustomerFactory(tenant=tenant, first_name="Here", last_name=None)
    DeletedCustomerFactory(tenant=tenant, first_name="Gone", last_name=None)
    browser = back_office("tenant_admin")
    assert names(browser) == ["Here"]
    assert names(browser, "?deleted=yes") == ["Gone"]
    assert sorted(names(browser, "?deleted=all")) == ["Gone", "Here"]


def test_a_deleted_customer_is_for_reading(back_office, in_scope):
    service = ServiceFactory(tenant=in_scope, name="Creambath")
    deleted = DeletedCustomerFactory(tenant=in_scope, first_name="Gone")
    deleted.change({"preferred_services": [service.pk]})
    browser = back_office("tenant_admin")
    content = browser.get(change_page(deleted)).content.decode()
    assert "Creambath" in content
    assert 'name="_save"' not in content
    assert browser.post(change_page(deleted), JANE).status_code == 403
    assert browser.get(f"{PAGE}{deleted.pk}/delete/").status_code == 403


def test_the_selected_are_deleted_and_restored(back_office, stranger, in_scope):
    ours, theirs = [CustomerFactory(tenant=in_scope) for _ in range(3)], CustomerFactory(tenant=stranger)
    browser = back_office("tenant_admin")
    assert told(act(browser, "soft_delete", *ours[:2], theirs)) == ["Deleted: 2. The filter “Deleted” shows them."]
    assert set(Customer.objects.deleted()) == set(ours[:2])
    assert {one.deleted_by for one in Customer.objects.deleted()} == {browser.user.pk}
    theirs.refresh_from_db()
    assert theirs.is_deleted is False
    assert "Restored: 2." in told(act(browser, "restore", *ours, theirs, query="?deleted=yes"))
    assert not Customer.objects.deleted().exists()


def test_a_restore_names_who_could_not_be_restored_and_does_the_rest(back_office, in_scope):
    taken = DeletedCustomerFactory(tenant=in_scope, first_name="Taken", last_name=None, phone="+628123456789")
    free = DeletedCustomerFactory(tenant=in_scope)
    CustomerFactory(tenant=in_scope, phone="+628123456789")
    said = told(act(back_office("tenant_admin"), "restore", taken, free, query="?deleted=yes"))
    link = f'<a href="{change_page(taken)}">Taken</a>'
    assert said == [f"{link} was not restored. Another customer has this phone number.", "Restored: 1."]
    assert list(Customer.objects.deleted()) == [taken]


def test_djangos_own_bulk_deletion_is_gone(back_office, in_scope):
    jane, browser = CustomerFactory(tenant=in_scope), back_office("super_admin")
    assert "delete_selected" not in browser.get(PAGE).content.decode()
    act(browser, "delete_selected", jane)
    assert Customer.objects.get().is_deleted is False


# --- finding --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?q=josé", ["José Núñez"]),
        ("?q=NUNEZ+jos", ["José Núñez"]),
        ("?q=0812+3456", ["José Núñez"]),
        ("?q=%25", []),
        ("?q=" + "a" * 101, []),
        ("?tag=vip", ["José Núñez"]),
        ("?registered=yes", ["Astrid"]),
        ("?registered=no", ["José Núñez"]),
        ("?is_active__exact=0", ["Astrid"]),
        ("?email_verified__exact=1", ["Astrid"]),
    ],
)
def test_customers_are_found_as_through_the_api(back_office, tenant, stranger, query, found):
    CustomerFactory(tenant=tenant, first_name="José", last_name="Núñez", phone="+62812345678", tags=["vip"])
    CustomerFactory(
        tenant=tenant, first_name="Astrid", last_name=None, password="x", is_active=False, email_verified=True
    )
    CustomerFactory(tenant=stranger, first_name="José", tags=["vip"])
    assert names(back_office("staff"), query) == found


def test_an_overlong_search_says_so(back_office):
    response = back_office("staff").get(f"{PAGE}?q={'a' * 101}")
    assert "Search for at most 100 characters." in response.content.decode()


def test_the_filter_offers_the_tags_in_use_here(back_office, tenant, stranger):
    CustomerFactory(tenant=tenant, tags=["vip"])
    CustomerFactory(tenant=stranger, tags=["theirs"])
    content = back_office("staff").get(PAGE).content.decode()
    assert "?tag=vip" in content
    assert "theirs" not in content


def test_a_choice_tells_namesakes_apart(back_office, tenant):
    CustomerFactory(tenant=tenant, first_name="Siti", last_name=None, phone="+62811111111")
    names = {"app_label": "appointments", "model_name": "appointment", "field_name": "customer", "term": "sit"}
    texts = [row["text"] for row in back_office("staff").get("/admin/autocomplete/", names).json()["results"]]
    assert texts == ["Siti · +62811111111"]


# --- at the same moment ---------------------------------------------------------------------------------------------


def until_blocked():
    """Return once some connection waits for another's lock."""
    for _ in range(2000):
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
        threading.Event().wait(0.01)
    raise AssertionError("Nobody waits.")


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
    with tenant_scope(EVERY_TENANT):
        assert list(Customer.objects.all()) == [winner]
